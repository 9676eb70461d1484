// Package aaa is the RADIUS server of the box: authentication (RFC 2865) and accounting (RFC 2866) for access points,
// gateways and portals, proxying of realms to other servers, and requests to a NAS to end or change a session (RFC 5176).
//
// It owns the packets and who may send them. Who may log in is decided in package policy; what a session used is counted in
// package acct. docs/aaa.md is the operator's view.
package aaa

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"mbox/hotspotdb"
	"mbox/modules"
	"mbox/modules/aaa/acct"
	"mbox/modules/aaa/policy"
)

// Policy decides who may log in, and leaves a record of the attempt. It may wait: for the database, or another box.
type Policy interface {
	Login(ctx context.Context, login policy.Login) (policy.Decision, error)
	// Judge says whether a session may go on, and what it may use.
	Judge(ctx context.Context, s hotspotdb.Segment) (policy.Verdict, error)
}

// Accounting keeps what a NAS reports. It returns once that is durable; until then the NAS gets no answer and reports
// again. While Run runs it ends sessions that may not go on.
type Accounting interface {
	Handle(ctx context.Context, request acct.Request) error
	SetInterim(interval time.Duration)
	Run(ctx context.Context) error
}

// Sealer encrypts secrets for the configuration; only this box can open them again.
type Sealer interface {
	Seal6(plain []byte, label string) (string, error)
	Open6(text, label string) ([]byte, error)
}

// Deps is what the module needs of the rest of the box.
type Deps struct {
	Policy     Policy // nil: there is no database, and nothing listens
	Accounting Accounting
	Sessions   func(ctx context.Context, username string) ([]hotspotdb.Segment, error) // that go on, served by this box
	Sealer     Sealer
	Lookup     func(ctx context.Context, host string) ([]netip.Addr, error)
	Log        *slog.Logger
	Now        func() time.Time // in the zone of the box; nil: time.Now
}

const (
	// Workers at most. Authentication waits for others only for vouchers of another box; accounting always waits for the
	// disk, which takes many at once as easily as one.
	authWorkers = 64
	acctWorkers = 256
	// sweepInterval is how often memory of what is over is given back.
	sweepInterval = 10 * time.Second
)

// Module is the room.
type Module struct {
	deps      Deps
	log       *slog.Logger
	ctx       context.Context // ends when the box stops
	cancel    context.CancelFunc
	queues    [kinds]*queue
	watchman  *watchman
	bound     answerBound
	clients   atomic.Pointer[clients]
	realms    atomic.Pointer[realms]
	settings  atomic.Pointer[config]
	journal   journal
	strangers strangers
	occasions occasions
	latency   *latency
	histogram prometheus.Collector // what latency observes
	patience  patience
	boxTag    [8]byte       // begins the Proxy-State of this box: a loop brings it back
	toNAS     chan struct{} // holds one for each request to a NAS that waits for its answer
	commanded [outcomes]atomic.Uint64

	mu       sync.Mutex // guards what follows
	sockets  map[endpoint]*socket
	readers  sync.WaitGroup
	stopping bool
}

// New makes the module. Nothing listens before it is configured.
func New(deps Deps) *Module {
	if deps.Now == nil {
		deps.Now = time.Now
	}
	m := &Module{deps: deps, patience: defaultPatience, log: deps.Log, sockets: map[endpoint]*socket{}, toNAS: make(chan struct{}, maxToNAS)}
	m.latency, m.histogram = newLatency()
	m.ctx, m.cancel = context.WithCancel(context.Background())
	m.queues[authentication] = newQueue(authentication, authWorkers, m.serve)
	m.queues[accounting] = newQueue(accounting, acctWorkers, m.serve)
	m.queues[authentication].inline = true
	m.watchman = newWatchman(m, m.queues[authentication])
	m.clients.Store(&clients{})
	m.realms.Store(&realms{})
	m.settings.Store(&config{authPort: defaultAuthPort, acctPort: defaultAcctPort, interim: defaultInterim})
	randomize(m.boxTag[:])
	return m
}

// Name is "aaa".
func (m *Module) Name() string { return "aaa" }

// Check refuses what could not be applied; it opens nothing.
func (m *Module) Check(candidate *modules.Tree) error {
	_, err := m.parse(candidate)
	return err
}

// Apply makes sockets, clients and realms match the tree. What did not change goes on undisturbed.
func (m *Module) Apply(_ context.Context, tree *modules.Tree) error {
	next, err := m.parse(tree)
	if err != nil || m.deps.Policy == nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stopping {
		return nil
	}
	defer m.readAll()
	if err := m.listen(next.endpoints()); err != nil {
		return modules.ListenError(err, syntaxServer+", then listen ADDRESS, auth-port PORT or acct-port PORT")
	}
	m.clients.Store(newClients(next.clients, m.clients.Load(), &m.bound))
	m.realms.Store(m.newRealms(next, m.realms.Load()))
	m.settings.Store(next)
	m.deps.Accounting.SetInterim(next.interim)
	return nil
}

// listen opens and closes sockets. If one cannot be opened, what was open before stays as it was.
func (m *Module) listen(want []endpoint) error {
	keep := map[endpoint]bool{}
	for _, e := range want {
		keep[e] = true
	}
	// An unspecified address and another cannot be open together: what is to go closes first, and comes back on failure.
	var closed, opened []endpoint
	for e := range m.sockets {
		if !keep[e] {
			m.shut(e)
			closed = append(closed, e)
		}
	}
	for _, e := range want {
		if m.sockets[e] != nil {
			continue
		}
		if err := m.start(e); err != nil {
			for _, e := range opened {
				m.shut(e)
			}
			for _, e := range closed {
				if err := m.start(e); err != nil {
					m.log.Error("radius: a port could not be opened again", "address", e.addr, "error", err)
				}
			}
			return err
		}
		opened = append(opened, e)
	}
	return nil
}

func (m *Module) start(e endpoint) error {
	s, err := open(e)
	if errors.Is(err, unix.EAFNOSUPPORT) && e.addr.Addr() == netip.IPv6Unspecified() {
		m.log.Info("radius: this machine has no IPv6", "for", e.kind.String())
		return nil
	}
	if err != nil {
		return err
	}
	m.sockets[e] = s
	m.log.Info("radius: listening", "address", s.conn.LocalAddr().String(), "for", e.kind.String())
	return nil
}

// readAll has every open socket read. It comes last, when clients are known: else the first packets would be of strangers.
func (m *Module) readAll() {
	for _, s := range m.sockets {
		if !s.reading {
			s.reading = true
			m.readers.Go(func() { m.receive(s) })
		}
	}
}

func (m *Module) shut(e endpoint) {
	if err := m.sockets[e].conn.Close(); err != nil {
		m.log.Error("radius: a port could not be closed", "address", e.addr, "error", err)
	}
	delete(m.sockets, e)
}

// Run ends what must end, gives back memory from time to time, and when ctx ends closes the sockets and waits for what is
// being served.
func (m *Module) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	if m.deps.Policy != nil {
		group.Go(func() error { return m.deps.Accounting.Run(ctx) })
	}
	group.Go(func() error { return m.watchman.run(ctx) })
	group.Go(func() error {
		tick := time.NewTicker(sweepInterval)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				m.stop()
				return nil
			case <-tick.C:
				m.sweep(time.Now())
			}
		}
	})
	return group.Wait()
}

func (m *Module) stop() {
	m.mu.Lock()
	m.stopping = true
	for e := range m.sockets {
		m.shut(e)
	}
	m.mu.Unlock()
	m.cancel()
	for _, q := range m.queues { // of which those who read may be workers
		q.close()
	}
	m.readers.Wait()
	m.realms.Load().close()
}

func (m *Module) sweep(now time.Time) {
	for _, c := range m.clients.Load().list {
		c.answers.sweep(now)
	}
	m.strangers.sweep(now)
}
