package modules

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"mbox/configstore"
)

// Store keeps startup-config.
type Store interface {
	Startup() (text string, found bool, err error)
	SaveStartup(text, author, comment string) (revision int, err error)
	EraseStartup() error
}

// Journal is a Store that also keeps the config log and the change that waits to be confirmed; *configstore.Store is one.
// Without it the log is in memory, and nothing can be confirmed later.
type Journal interface {
	Write(configstore.Batch) (revision int, err error)
	Pending() (configstore.Revert, bool, error)
	Log() ([]configstore.LogEntry, error)
}

// Engine holds the running configuration and changes it: every module that a change is about checks the candidate before
// any applies it, and if one fails to apply, the old tree is applied again in reverse order.
type Engine struct {
	store    Store
	journal  Journal // nil: the store is none
	log      *slog.Logger
	clock    Clock
	announce func(text string)

	modules []Module // set by Register, before anything else runs
	reads   []map[string]bool
	book    *Book

	running atomic.Pointer[Tree]

	changing sync.Mutex // held while a tree is checked, applied or saved; guards halted
	halted   bool

	mu       sync.Mutex // guards the fields below
	saved    string     // Tree.saved of what the store holds
	degraded map[string]degradation
	lock     *Lock
	revert   *countdown // the change that waits to be confirmed
	lapsed   string     // what a start of the box took back
	entries  logQueue

	candidates candidates
}

// NewEngine returns an engine without modules; Register comes next, then Boot.
func NewEngine(store Store, log *slog.Logger) *Engine {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	e := &Engine{store: store, log: log, clock: realClock{}, announce: func(string) {}, degraded: map[string]degradation{}}
	e.journal, _ = store.(Journal)
	e.candidates.named = map[string]*candidate{}
	e.running.Store(&Tree{})
	return e
}

// UseClock replaces the clock, before Boot.
func (e *Engine) UseClock(c Clock) { e.clock = c }

// OnAnnounce has what every operator must hear told, before Boot. announce does not wait for them.
func (e *Engine) OnAnnounce(announce func(text string)) { e.announce = announce }

// Register compiles the grammar of the modules and fixes the order in which they apply. It is called once.
func (e *Engine) Register(mods ...Module) error {
	if e.book != nil {
		return errors.New("modules are registered already")
	}
	book, err := NewBook(mods...)
	if err != nil {
		return err
	}
	e.modules, e.book = mods, book
	for _, mod := range mods {
		e.reads = append(e.reads, reads(mod))
	}
	return nil
}

// Book is the grammar of the registered modules.
func (e *Engine) Book() *Book { return e.book }

// Running is the configuration in force; it must not be changed.
func (e *Engine) Running() *Tree { return e.running.Load() }

// Options of a change.
type Options struct {
	Force bool          // also if it cuts the session it comes from, or overwrites what others changed meanwhile
	Timer time.Duration // not 0: it is taken back after that time unless it is confirmed; 1 to MaxTimer minutes
	What  string        // the command, for the config log, if it is more than single lines

	takesBack bool // it is the return from a change that was not confirmed
}

// Commit makes one change: all of it or nothing. The error of change, of a module's Check or of a module's Apply comes
// back; after a failed Apply it also tells how the return to the old tree went. Commits run one after the other. Once
// the first module applies, the end of ctx no longer stops the rest.
//
// Many lines cost little more than one if one change sets them all: each Commit checks and applies once. A block that is
// refused as a whole can then be given line by line, to find which is to blame.
func (e *Engine) Commit(ctx context.Context, actor Actor, change func(candidate *Tree) error) error {
	return e.Change(ctx, actor, Options{}, change)
}

// Change is Commit with options. A change that would cut the actor's own session is a *CutError, unless it is forced or
// will be taken back by itself.
func (e *Engine) Change(ctx context.Context, actor Actor, o Options, change func(candidate *Tree) error) error {
	e.changing.Lock()
	defer e.changing.Unlock()
	return e.change(ctx, actor, o, change)
}

// change is Change for those that hold e.changing.
func (e *Engine) change(ctx context.Context, actor Actor, o Options, change func(candidate *Tree) error) error {
	if err := e.MayChange(actor); err != nil {
		return err
	}
	if err := e.mayArm(o.Timer); err != nil {
		return err
	}
	old := e.Running()
	candidate := old.Clone()
	if err := change(candidate); err != nil {
		return err
	}
	t := &transaction{engine: e, old: old, candidate: candidate, touched: touched(old, candidate)}
	if err := t.check(); err != nil {
		return err
	}
	if !o.Force && o.Timer == 0 && e.armed() == nil {
		if err := t.guard(actor); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("commit by %s: %w", actor.Name, err)
	}
	if err := t.apply(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	if err := e.keep(actor, o, old, candidate); err != nil {
		return fmt.Errorf("keep what to go back to: %w", errors.Join(err, t.rollBack(context.WithoutCancel(ctx), t.fit)))
	}
	e.publish(candidate)
	return nil
}

// keep makes durable what must be: what to go back to, and what was changed, in one transaction. Otherwise only the log
// is written, a moment later.
func (e *Engine) keep(actor Actor, o Options, old, candidate *Tree) error {
	entries := e.describe(actor, o.What, Compare(old, candidate))
	waits := e.armed()
	switch {
	case o.Timer > 0:
		return e.arm(actor, o.Timer, old, candidate, entries)
	case waits != nil && !o.takesBack:
		return e.follow(waits, candidate, entries)
	}
	e.record(entries)
	return nil
}

// publish hands a tree out.
func (e *Engine) publish(tree *Tree) {
	tree.freeze()
	e.running.Store(tree)
}

// transaction takes the box from one tree to another.
type transaction struct {
	engine         *Engine
	old, candidate *Tree
	touched        map[string]bool // modules whose lines differ
	fit            []share         // modules to apply, in order
}

// share is the part of one module in a transaction: what it is shown.
type share struct {
	mod            configured
	old, candidate *Tree
	own            bool // lines that it reads differ
}

// configured is a Module that is also Configured.
type configured interface {
	Module
	Configured
}

// concerned returns the modules that read a line that differs, and those that failed before and may do better now.
func (t *transaction) concerned() []share {
	var out []share
	for i, mod := range t.engine.modules {
		c, ok := mod.(configured)
		if !ok {
			continue
		}
		names, own := t.engine.reads[i], false
		for name := range names {
			own = own || t.touched[name]
		}
		if own || t.engine.failed(mod) {
			out = append(out, share{c, t.old.view(names), t.candidate.view(names), own})
		}
	}
	return out
}

// check asks every module before anything is touched.
func (t *transaction) check() error {
	for _, s := range t.concerned() {
		if err := s.mod.Check(s.candidate); err == nil {
			t.fit = append(t.fit, s)
		} else if !t.excused(s) {
			return err
		}
	}
	return nil
}

// excused says whether a module may fail without stopping a change: it failed before, and the change is not about it.
// Otherwise one broken module would hold up the whole box.
func (t *transaction) excused(s share) bool { return !s.own && t.engine.failed(s.mod) }

// apply takes every module to the candidate, or as many as were touched back to old.
func (t *transaction) apply(ctx context.Context) error {
	for i, s := range t.fit {
		err := s.mod.Apply(ctx, s.candidate)
		switch {
		case err == nil:
			t.engine.healed(s.mod)
		case !t.excused(s):
			return &ApplyError{Module: s.mod.Name(), Err: err, Rollback: t.rollBack(ctx, t.fit[:i+1])}
		}
	}
	return nil
}

// rollBack applies the old tree in reverse order, to all modules even if some fail; those are degraded.
func (t *transaction) rollBack(ctx context.Context, touched []share) error {
	var failed []error
	for _, s := range slices.Backward(touched) {
		if err := s.mod.Apply(ctx, s.old); err != nil {
			err = fmt.Errorf("roll back %s: %w", s.mod.Name(), err)
			t.engine.degrade(s.mod.Name(), degradation{err: err})
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}
