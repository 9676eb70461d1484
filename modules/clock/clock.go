// Package clock is the time of the box: its zone, its setting by hand, and its keeping by NTP (RFC 5905) from several
// servers of which a majority must agree.
package clock

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"mbox/modules"
)

// Setter changes the clock of the machine; a host.Host is one.
type Setter interface {
	SetTime(ctx context.Context, t time.Time) error
	SlewTime(ctx context.Context, by, interval time.Duration) error
}

// Deps is what the module needs of the rest of the box.
type Deps struct {
	Host Setter
	// Dial opens a socket to host:port over udp, from source if that is valid; names are those of the box.
	Dial  func(ctx context.Context, source netip.Addr, network, address string) (net.Conn, error)
	Built time.Time        // when the software was built: it cannot be earlier; zero: not known
	Now   func() time.Time // nil: time.Now
	Log   *slog.Logger     // nil: discard
}

// Module keeps the time. Its methods may be called from many goroutines.
type Module struct {
	deps    Deps
	applied atomic.Pointer[settings]
	changed chan struct{} // the servers are others than before
	pace    pace
	query   func(ctx context.Context, c serverConfig) (sample, error)

	mu        sync.Mutex // guards what follows
	client    client
	observers []func()
	byHand    time.Time // when somebody last set the clock; zero: nobody has
}

var (
	_ modules.Configured = (*Module)(nil)
	_ modules.Runner     = (*Module)(nil)
)

// New makes the module; the zone is UTC until a line says otherwise.
func New(deps Deps) *Module {
	if deps.Now == nil {
		deps.Now = time.Now
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	if deps.Dial == nil {
		deps.Dial = func(ctx context.Context, _ netip.Addr, network, address string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		}
	}
	m := &Module{deps: deps, changed: make(chan struct{}, 1), pace: standardPace}
	m.query = m.ask
	m.applied.Store(&settings{zone: time.UTC})
	return m
}

// Name is "clock".
func (*Module) Name() string { return "clock" }

// Check refuses zones that nobody knows.
func (*Module) Check(candidate *modules.Tree) error {
	_, err := read(candidate)
	return err
}

// Apply swaps the zone and tells NTP of its servers.
func (m *Module) Apply(_ context.Context, tree *modules.Tree) error {
	next, err := read(tree)
	if err != nil {
		return err
	}
	m.applied.Store(next)
	m.mu.Lock()
	m.client.use(next.servers)
	observers := m.observers
	m.mu.Unlock()
	select {
	case m.changed <- struct{}{}:
	default:
	}
	for _, changed := range observers {
		changed()
	}
	return nil
}

// OnChange calls changed after each applied configuration, for as long as the module lives. It must be quick.
func (m *Module) OnChange(changed func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.observers = append(m.observers[:len(m.observers):len(m.observers)], changed)
}

// Now is the time on the box's wall: of the machine's clock, in the zone of the box.
func (m *Module) Now() time.Time { return m.deps.Now().In(m.Location()) }

// Location is the zone of the box.
func (m *Module) Location() *time.Location { return m.applied.Load().zone }

// Synced says whether NTP keeps the clock at this moment.
func (m *Module) Synced() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.client.synced
}

// settings is the applied configuration; it is never changed.
type settings struct {
	zone       *time.Location
	servers    []serverConfig
	largeSteps bool
}

// serverConfig is one line `ntp server`.
type serverConfig struct {
	Name    string
	Port    int
	Version int
	Source  netip.Addr
	Prefer  bool
}

// read takes the settings out of a tree; the error names each line that it refuses.
func read(tree *modules.Tree) (*settings, error) {
	s := &settings{zone: time.UTC, largeSteps: len(tree.All(syntaxLargeStep)) > 0}
	var refused []error
	if n, ok := tree.One(syntaxTimezone); ok {
		zone, err := zoneOf(n.Values)
		if err != nil {
			refused = append(refused, modules.Refuse(n, err))
		} else {
			s.zone = zone
		}
	}
	for _, n := range tree.All(syntaxServer) {
		if len(s.servers) == MaxServers {
			refused = append(refused, modules.Refuse(n, modules.Errorf("more than %d NTP servers", MaxServers)))
			continue
		}
		c := serverConfig{
			Name: modules.Get[string](n.Values, "SERVER"), Port: defaultPort, Version: defaultVersion,
			Source: modules.Get[netip.Addr](n.Values, "SOURCE"), Prefer: n.Values.Has("prefer"),
		}
		if n.Values.Has("PORT") {
			c.Port = modules.Get[int](n.Values, "PORT")
		}
		if n.Values.Has("VERSION") {
			c.Version = modules.Get[int](n.Values, "VERSION")
		}
		s.servers = append(s.servers, c)
	}
	return s, errors.Join(refused...)
}
