// Package ssh is the SSH server of the box: operators at a terminal, single commands with an exit status, scripts, and
// SFTP for the file area. It forwards no ports, no agent and no X11, takes no environment, and gives no shell of the
// operating system.
//
// The protocol is golang.org/x/crypto/ssh, sessions are those of github.com/gliderlabs/ssh. Who may log in, and what a
// session is, the rest of the box says: see Accounts and Shell.
package ssh

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"mbox/modules"
)

// Account is what a login gives.
type Account struct {
	Name  string
	Level int // privilege, 0 to 15
	// Stamp differs once the secret or the level of the account has been changed: logins under another one end.
	Stamp string
	// MustChange says that the secret must be changed first, which needs a person at a terminal.
	MustChange bool
}

// Accounts decides who may log in, and keeps count of who tries.
type Accounts interface {
	// Authenticate checks a password. It takes as long for a name that nobody has. The error is for the log.
	Authenticate(ctx context.Context, name, secret, from string) (Account, error)
	// Admit is for a login that a key has proved.
	Admit(name, from string) (Account, error)
	// Failed counts a login that had no key of the account and tried no password.
	Failed(name, from, reason string)
	// Current is the account as it is now, if it may log in.
	Current(name string) (Account, bool)
}

// Shell gives sessions to those who have logged in.
type Shell interface {
	// Terminal begins a person's terminal that is shown on out.
	Terminal(out io.Writer, size Size) Terminal
	// Interact serves the person until they leave, the terminal hangs up, or ctx ends.
	Interact(ctx context.Context, actor modules.Actor, terminal Terminal) error
	// Run runs lines up to the first that is not done; false if there is one. If out has a method Hangup, it calls that when
	// the session is ended from elsewhere; so does RunAll.
	Run(ctx context.Context, actor modules.Actor, out io.Writer, lines string) bool
	// RunAll runs the lines of in; false if one was not done.
	RunAll(ctx context.Context, actor modules.Actor, in io.Reader, out io.Writer) bool
}

// Terminal is a person's terminal as its carrier sees it.
type Terminal interface {
	Feed(typed []byte) // may wait
	Resize(size Size)
	Hangup()
	OnHangup(tell func()) // calls tell at Hangup, whoever hangs up
}

// Size is that of a terminal in character cells; zero is unknown.
type Size struct{ Width, Height int }

// State keeps the host key.
type State interface {
	Get(key string) (value []byte, found bool, err error)
	Put(key string, value []byte) error
}

// Deps is what the module needs of the rest of the box.
type Deps struct {
	Accounts Accounts
	Shell    Shell
	State    State
	Banner   func() string // shown before a login; nil or empty: none
	Files    FileArea
	Port     uint16 // to listen on, unless a line says otherwise
	Log      *slog.Logger
}

// Module is the SSH server. Its methods may be called from many goroutines.
type Module struct {
	deps     Deps
	log      *slog.Logger
	settings atomic.Pointer[settings]
	host     atomic.Pointer[hostKey]
	hashing  chan struct{} // held while a password is checked

	mu        sync.Mutex      // guards what follows
	life      context.Context // of Run; nil before
	closed    bool            // Run is ending
	listeners map[netip.AddrPort]net.Listener
	conns     map[*conn]struct{}
	sessions  int                // session channels of all connections
	number    int                // of the last connection
	turned    throttle           // connections
	refused   map[bool]*throttle // logins, by whether an account has the name
	serving   sync.WaitGroup     // accept loops and connections
}

var (
	_ modules.Configured = (*Module)(nil)
	_ modules.Guard      = (*Module)(nil)
	_ modules.Reader     = (*Module)(nil)
	_ modules.Runner     = (*Module)(nil)
)

// New makes the server; nothing listens before it is configured, and nobody is served before Run.
func New(deps Deps) *Module {
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	m := &Module{
		deps: deps, log: deps.Log, hashing: make(chan struct{}, hashers()),
		listeners: map[netip.AddrPort]net.Listener{}, conns: map[*conn]struct{}{},
		refused: map[bool]*throttle{false: {}, true: {}},
	}
	m.settings.Store(defaults())
	return m
}

// Name is "ssh".
func (*Module) Name() string { return "ssh" }

// Grammar is `ip ssh ...`, and the commands about keys and connections.
func (m *Module) Grammar() modules.Grammar {
	return modules.Grammar{Statements: append(settingStatements(), chainStatements()...), Commands: m.commands()}
}

// Reads has the engine apply this module also when a line about accounts has changed.
func (*Module) Reads() []string { return []string{"system"} }

// Check refuses keys that prove nothing, and too many listeners.
func (m *Module) Check(candidate *modules.Tree) error {
	_, err := m.parse(candidate)
	return err
}

// Apply makes sure of the host key, opens and closes listeners, and ends the connections of whoever may not log in any
// more. The connection that the change came from, whose context this is, goes on if all that changed is its own secret.
func (m *Module) Apply(ctx context.Context, tree *modules.Tree) error {
	next, err := m.parse(tree)
	if err != nil {
		return err
	}
	if err := m.needHostKey(); err != nil {
		return err
	}
	if err := m.listen(next.listen); err != nil {
		return modules.ListenError(err, "ip ssh listen ADDRESS port PORT")
	}
	m.settings.Store(next)
	m.review(originOf(ctx))
	return nil
}

// errStopping refuses a change that comes too late.
var errStopping = errors.New("the box is stopping")

// Run serves until ctx ends, and returns when every connection has ended.
func (m *Module) Run(ctx context.Context) error {
	m.mu.Lock()
	m.life = ctx
	for _, l := range m.listeners {
		m.accept(ctx, l)
	}
	m.mu.Unlock()
	<-ctx.Done()
	m.mu.Lock()
	m.closed = true
	for addr, l := range m.listeners {
		_ = l.Close()
		delete(m.listeners, addr)
	}
	m.mu.Unlock()
	m.serving.Wait()
	return nil
}
