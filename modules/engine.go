package modules

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
)

// Store keeps startup-config.
type Store interface {
	Startup() (text string, found bool, err error)
	SaveStartup(text, author, comment string) (revision int, err error)
	EraseStartup() error
}

// Engine holds the running configuration and changes it: every module checks a candidate before any applies it, and
// if one fails to apply, the old tree is applied again in reverse order.
type Engine struct {
	store Store
	log   *slog.Logger

	modules []Module // set by Register, before anything else runs
	book    *Book

	running atomic.Pointer[Tree]

	changing sync.Mutex // held while a tree is checked, applied or saved

	mu       sync.Mutex // guards the fields below
	saved    string     // Tree.saved of what the store holds
	degraded map[string]degradation
}

// degradation is why a module does not do its work. A successful Apply heals only what a failed one broke.
type degradation struct {
	err    error
	runner bool
}

// NewEngine returns an engine without modules; Register comes next, then Boot.
func NewEngine(store Store, log *slog.Logger) *Engine {
	e := &Engine{store: store, log: log, degraded: map[string]degradation{}}
	e.running.Store(&Tree{})
	return e
}

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
	return nil
}

// Book is the grammar of the registered modules.
func (e *Engine) Book() *Book { return e.book }

// Running is the configuration in force; it must not be changed.
func (e *Engine) Running() *Tree { return e.running.Load() }

// Degraded says which modules do not do their work, and why.
func (e *Engine) Degraded() map[string]error {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := make(map[string]error, len(e.degraded))
	for name, d := range e.degraded {
		out[name] = d.err
	}
	return out
}

func (e *Engine) degrade(module string, d degradation) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.degraded[module] = d
}

// healed forgets a failure to apply; a Runner that ended stays ended.
func (e *Engine) healed(mod Module) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.degraded[mod.Name()].runner {
		delete(e.degraded, mod.Name())
	}
}

// excused says whether a module may fail without stopping a change: it failed before, and the change is not its own.
// Otherwise one broken module would hold up the whole box.
func (e *Engine) excused(mod Module, old, candidate *Tree) bool {
	e.mu.Lock()
	d, degraded := e.degraded[mod.Name()]
	e.mu.Unlock()
	return degraded && !d.runner && old.section(mod.Name()) == candidate.section(mod.Name())
}

// Commit makes one change: all of it or nothing. The error of change, of a module's Check or of a module's Apply comes
// back; after a failed Apply it also tells how the return to the old tree went. Commits run one after the other. Once
// the first module applies, the end of ctx no longer stops the rest.
func (e *Engine) Commit(ctx context.Context, actor Actor, change func(candidate *Tree) error) error {
	e.changing.Lock()
	defer e.changing.Unlock()
	old := e.Running()
	candidate := old.Clone()
	if err := change(candidate); err != nil {
		return err
	}
	fit, err := e.check(old, candidate)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("commit by %s: %w", actor.Name, err)
	}
	if err := e.apply(context.WithoutCancel(ctx), fit, old, candidate); err != nil {
		return err
	}
	e.running.Store(candidate)
	return nil
}

// configured is a Module that is also Configured.
type configured interface {
	Module
	Configured
}

// check returns the modules to apply, in order.
func (e *Engine) check(old, candidate *Tree) ([]configured, error) {
	var fit []configured
	for _, mod := range e.modules {
		c, ok := mod.(configured)
		if !ok {
			continue
		}
		if err := c.Check(candidate); err == nil {
			fit = append(fit, c)
		} else if !e.excused(mod, old, candidate) {
			return nil, err
		}
	}
	return fit, nil
}

// apply takes every module to the candidate, or as many as were touched back to old.
func (e *Engine) apply(ctx context.Context, mods []configured, old, candidate *Tree) error {
	for i, mod := range mods {
		err := mod.Apply(ctx, candidate)
		switch {
		case err == nil:
			e.healed(mod)
		case !e.excused(mod, old, candidate):
			return &ApplyError{Module: mod.Name(), Err: err, Rollback: e.rollBack(ctx, old, mods[:i+1])}
		}
	}
	return nil
}

// rollBack applies the old tree in reverse order, to all modules even if some fail; those are degraded.
func (e *Engine) rollBack(ctx context.Context, old *Tree, touched []configured) error {
	var failed []error
	for _, mod := range slices.Backward(touched) {
		if err := mod.Apply(ctx, old); err != nil {
			err = fmt.Errorf("roll back %s: %w", mod.Name(), err)
			e.degrade(mod.Name(), degradation{err: err})
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// ApplyError tells both results of a change that could not be applied.
type ApplyError struct {
	Module   string // that failed
	Err      error
	Rollback error // nil: the configuration is as before
}

func (e *ApplyError) Error() string {
	if e.Rollback == nil {
		return fmt.Sprintf("apply %s: %v; the configuration is as before", e.Module, e.Err)
	}
	return fmt.Sprintf("apply %s: %v; going back failed too: %v", e.Module, e.Err, e.Rollback)
}

func (e *ApplyError) Unwrap() []error {
	if e.Rollback == nil {
		return []error{e.Err}
	}
	return []error{e.Err, e.Rollback}
}
