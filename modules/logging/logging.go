// Package logging is the log of the box: a slog.Handler through which every message of the program passes, to the console, to
// a buffer in memory, to terminals that follow it, and to log hosts as RFC 5424; and the switches of debugging.
//
// A message may begin with %FACILITY-SEVERITY-MNEMONIC: as Cisco writes them, which then is its severity; any other is given
// a code from its module and level. The attribute `module`, or a message that begins "sync: ", says whose it is.
package logging

import (
	"context"
	"crypto/x509"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"mbox/modules"
)

// Deps is what the module needs of the rest of the box. Only Hub is needed to log.
type Deps struct {
	Hub *Hub // nil: one of its own, of which nobody hears
	// Dial connects to host:port over udp or tcp, from source if that is valid; names are those of the box.
	Dial       func(ctx context.Context, source netip.Addr, network, address string) (net.Conn, error)
	Hostname   func() string
	Location   func() *time.Location // zone in which times are shown; nil: UTC
	Synced     func() bool           // the clock is known to be right; nil: it is not
	Facilities func() []string       // what can be debugged: the names of the modules
	Private    []string              // modules whose messages may name guests in their attributes
	Roots      *x509.CertPool        // who may vouch for a log host; nil: those of the system
	Now        func() time.Time      // nil: time.Now
}

// Module is the configuration of the log and the senders to log hosts.
type Module struct {
	deps    Deps
	log     *slog.Logger
	process string
	applied atomic.Pointer[settings]
	writers sync.WaitGroup // of terminals

	mu     sync.Mutex // guards what follows
	hosts  []*host
	start  func(*host) // while Run runs
	closed bool        // Run has ended
}

var (
	_ modules.Configured = (*Module)(nil)
	_ modules.Runner     = (*Module)(nil)
)

// New makes the module; until configuration is applied the hub keeps what it was set to.
func New(deps Deps) *Module {
	if deps.Hub == nil {
		deps.Hub = NewHub(Options{})
	}
	if deps.Dial == nil {
		deps.Dial = func(ctx context.Context, source netip.Addr, network, address string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		}
	}
	if deps.Hostname == nil {
		deps.Hostname = func() string { return "" }
	}
	if deps.Location == nil {
		deps.Location = func() *time.Location { return time.UTC }
	}
	if deps.Synced == nil {
		deps.Synced = func() bool { return false }
	}
	if deps.Facilities == nil {
		deps.Facilities = func() []string { return nil }
	}
	if deps.Now == nil {
		deps.Now = time.Now
	}
	m := &Module{deps: deps, process: strconv.Itoa(os.Getpid())}
	m.log = slog.New(deps.Hub.Handler()).With(moduleKey, m.Name())
	m.applied.Store(defaults())
	return m
}

// Name is "logging".
func (*Module) Name() string { return "logging" }

// Check refuses what cannot be sent to.
func (*Module) Check(candidate *modules.Tree) error {
	_, err := read(candidate)
	return err
}

// Apply sets the levels and bounds, ends the senders to hosts that are gone, and begins those to new ones.
func (m *Module) Apply(_ context.Context, tree *modules.Tree) error {
	next, err := read(tree)
	if err != nil {
		return err
	}
	m.applied.Store(next)
	m.deps.Hub.Register(m.deps.Facilities()...)
	m.deps.Hub.configure(next.thresholds)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sendTo(next.hosts)
	return nil
}

// sendTo is called with mu held.
func (m *Module) sendTo(configs []hostConfig) {
	present := map[hostConfig]*host{}
	for _, h := range m.hosts {
		present[h.config] = h
	}
	var hosts []*host
	var levels []int
	for _, c := range configs {
		level := c.level
		c.level = 0 // another level is no reason for another connection
		h := present[c]
		if h == nil {
			h = newHost(c, m.deps.Now)
			if m.start != nil {
				m.start(h)
			}
		}
		delete(present, c)
		hosts, levels = append(hosts, h), append(levels, level)
	}
	for _, gone := range present {
		gone.stop()
	}
	m.hosts = hosts
	m.deps.Hub.attach(hosts, levels)
}

// Run sends to the log hosts until ctx ends; what waits then is sent if that is quick.
func (m *Module) Run(ctx context.Context) error {
	var running sync.WaitGroup
	running.Go(func() { m.watchDebug(ctx) })
	m.mu.Lock()
	m.start = func(h *host) {
		sending, stop := context.WithCancel(ctx)
		h.stop = stop
		running.Go(func() { defer stop(); m.send(sending, h) })
	}
	for _, h := range m.hosts {
		m.start(h)
	}
	m.mu.Unlock()

	<-ctx.Done()
	m.mu.Lock()
	m.start, m.closed = nil, true
	m.mu.Unlock()
	m.deps.Hub.attach(nil, nil)
	m.deps.Hub.endMonitors()
	m.writers.Wait()
	running.Wait()
	return ctx.Err()
}

// Relocate makes times on the console follow the zone of the box.
func (m *Module) Relocate() { m.deps.Hub.location.Store(m.deps.Location()) }

// stamped is a message as terminals and `show logging` print it.
func (m *Module) stamped(e *Entry) string { return string(stamp(e, m.deps.Location())) }

// timeFormat is the time of the box's zone, to the millisecond.
const timeFormat = "2006-01-02 15:04:05.000"

func stamp(e *Entry, zone *time.Location) []byte {
	b := make([]byte, 0, 128+len(e.Message))
	b = e.Time.In(zone).AppendFormat(b, timeFormat)
	return e.appendLine(append(b, ' '))
}
