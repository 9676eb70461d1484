// Package system is what every box has: its name, its operators' accounts, its banner, its clock, and the commands that
// back up and restore the box.
package system

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"mbox/host"
	"mbox/modules"
)

// Config is the configuration as a whole; *modules.Engine is one.
type Config interface {
	Book() *modules.Book
	Running() *modules.Tree
	Save(ctx context.Context, actor modules.Actor, comment string) (revision int, err error)
	Dirty() bool
}

// Box is the program around the modules.
type Box interface {
	Describe() Description
	Reload() // ends everything and starts again; returns at once
}

// Description says what runs here.
type Description struct {
	Version string    // of the software
	Commit  string    // it was built from; may be empty
	Built   time.Time // may be zero
	BoxID   string
	Started time.Time       // the box, not the machine
	Notice  string          // what the operator must know, such as that the box is in rescue; lines, may be empty
	Storage func() []Volume // parts of the data folder; may be nil
}

// Backups writes and reads whole boxes.
type Backups interface {
	// Backup writes configuration, keys and hotspot data, encrypted under the passphrase.
	Backup(ctx context.Context, w io.Writer, passphrase string) error
	// Stage verifies all of a backup and leaves it for the next start of the box to take; until then nothing changes.
	Stage(ctx context.Context, r io.Reader, passphrase string) error
}

// Deps is what the module needs of the rest of the box.
type Deps struct {
	Config  Config
	Box     Box
	Backups Backups
	Host    host.Host
	Book    func() *modules.Book // the grammar, whose commands have levels; nil: they keep them
	Commit  Commit               // for a password that must be changed
	Memory  Memory               // earlier secrets of accounts; nil: none are remembered
	Now     func() time.Time     // nil: time.Now
	Files   modules.Files        // whose names `?` shows; may be nil
	Log     *slog.Logger         // nil: discard
}

// Commit makes one change of the configuration; it is (*modules.Engine).Commit.
type Commit func(ctx context.Context, actor modules.Actor, change func(candidate *modules.Tree) error) error

// Module is hostname, accounts, banner and the box's own commands. Its methods may be called from many goroutines.
type Module struct {
	deps    Deps
	applied atomic.Pointer[settings]
	guard   *guard
	named   atomic.Bool // the machine's name was set by us

	mu        sync.Mutex // guards observers
	observers []func()
}

var _ interface {
	modules.Configured
	modules.Guard
} = (*Module)(nil)

// New makes the module with the defaults of an empty configuration.
func New(deps Deps) *Module {
	if deps.Now == nil {
		deps.Now = time.Now
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	m := &Module{deps: deps, guard: newGuard(deps.Now, deps.Log)}
	m.applied.Store(&settings{hostname: DefaultHostname})
	return m
}

// Name is "system".
func (*Module) Name() string { return "system" }

// Grammar has the statements of settings.go and accounts.go, and all commands.
func (m *Module) Grammar() modules.Grammar {
	return modules.Grammar{
		Statements: slices.Concat(
			[]modules.Statement{hostnameStatement(), policyStatement()}, m.enableStatements(),
			[]modules.Statement{m.usernameStatement(), m.levelStatement()}, loginStatements(), bannerStatements(),
		),
		Foreign: foreign,
		Commands: slices.Concat(
			m.showCommands(), m.backupCommands(), m.supportCommands(), m.loginCommands(),
		),
	}
}

// Check refuses what no box can be.
func (m *Module) Check(candidate *modules.Tree) error {
	_, err := m.read(candidate)
	return err
}

// Apply swaps the settings, names the machine, and tells those who asked by OnChange.
func (m *Module) Apply(ctx context.Context, tree *modules.Tree) error {
	next, err := m.read(tree)
	if err != nil {
		return err
	}
	if err := m.nameMachine(ctx, next.hostname, len(tree.All(hostnameSyntax)) > 0); err != nil {
		return err
	}
	m.remember(next)
	m.setLevels(next.levels)
	m.guard.configure(next.login)
	m.applied.Store(next)
	m.mu.Lock()
	observers := slices.Clone(m.observers)
	m.mu.Unlock()
	for _, changed := range observers {
		changed()
	}
	return nil
}

// nameMachine gives the operating system the name that was typed. A machine whose box has no name of its own keeps its name.
func (m *Module) nameMachine(ctx context.Context, name string, typed bool) error {
	if !typed && !m.named.Load() {
		return nil
	}
	present, err := m.deps.Host.Hostname(ctx)
	if err != nil {
		return fmt.Errorf("read the hostname: %w", err)
	}
	if present != name {
		err = m.deps.Host.SetHostname(ctx, name)
	}
	if errors.Is(err, fs.ErrPermission) { // a container may change its network but not its name
		m.deps.Log.Warn("the machine keeps its own name", "error", err)
		return nil
	}
	if err == nil {
		m.named.Store(true)
	}
	return err
}

// OnChange calls changed after each applied configuration, for as long as the module lives. It must be quick.
func (m *Module) OnChange(changed func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.observers = append(m.observers, changed)
}

// Hostname is the name of the box.
func (m *Module) Hostname() string { return m.applied.Load().hostname }

// Account is an operator's account by its exact name.
func (m *Module) Account(name string) (Account, bool) {
	account, known := m.applied.Load().accounts[name]
	return account, known
}
