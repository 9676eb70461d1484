// Package system is what every box has: its name, its operators' accounts, its banner, its clock, and the commands that
// save, erase, back up and restore the configuration and restart the box.
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
	Erase(ctx context.Context, actor modules.Actor) error
	Dirty() bool
}

// Archive is what was saved.
type Archive interface {
	Startup() (text string, found bool, err error)
	Revisions() ([]Revision, error) // oldest first
}

// Revision is one saved configuration.
type Revision struct {
	Number  int       `json:"number"`
	Time    time.Time `json:"time"`
	Author  string    `json:"author"`
	Comment string    `json:"comment"`
	SHA256  string    `json:"sha256"` // of the text, hexadecimal
	Size    int       `json:"size"`   // of the text, bytes
}

// Box is the program around the modules.
type Box interface {
	Describe() Description
	Reload() // ends everything and starts again; returns at once
	// ClearDamaged removes the damaged databases that are kept, and says which there were.
	ClearDamaged() ([]string, error)
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
	Archive Archive
	Box     Box
	Backups Backups
	Host    host.Host
	Now     func() time.Time // nil: time.Now
	Log     *slog.Logger     // nil: discard
}

// Module is hostname, accounts, banner and the box's own commands. Its methods may be called from many goroutines.
type Module struct {
	deps    Deps
	applied atomic.Pointer[settings]
	named   atomic.Bool // the machine's name was set by us

	mu        sync.Mutex // guards observers
	observers []func()
}

var _ modules.Configured = (*Module)(nil)

// New makes the module with the defaults of an empty configuration.
func New(deps Deps) *Module {
	if deps.Now == nil {
		deps.Now = time.Now
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	m := &Module{deps: deps}
	m.applied.Store(&settings{hostname: DefaultHostname, accounts: map[string]Account{}})
	return m
}

// Name is "system".
func (*Module) Name() string { return "system" }

// Grammar has the statements of settings.go and accounts.go, and all commands.
func (m *Module) Grammar() modules.Grammar {
	return modules.Grammar{
		Statements: []modules.Statement{hostnameStatement(), enableStatement(), usernameStatement(), bannerStatement()},
		Commands: slices.Concat(
			m.showCommands(), m.configCommands(), m.reloadCommands(), m.backupCommands(), m.supportCommands(),
		),
	}
}

// Check refuses what no box can be.
func (*Module) Check(candidate *modules.Tree) error {
	_, err := read(candidate)
	return err
}

// Apply swaps the settings, names the machine, and tells those who asked by OnChange.
func (m *Module) Apply(ctx context.Context, tree *modules.Tree) error {
	next, err := read(tree)
	if err != nil {
		return err
	}
	if err := m.nameMachine(ctx, next.hostname, len(tree.All(hostnameSyntax)) > 0); err != nil {
		return err
	}
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

// Banner is the message of the day, without a line end; empty if there is none.
func (m *Module) Banner() string { return m.applied.Load().banner }

// EnableVerifier is the verifier (package credential) of the secret that `enable` asks for, if there is one.
func (m *Module) EnableVerifier() (string, bool) {
	verifier := m.applied.Load().enable
	return verifier, verifier != ""
}

// Account is an operator's account by its exact name.
func (m *Module) Account(name string) (Account, bool) {
	account, known := m.applied.Load().accounts[name]
	return account, known
}
