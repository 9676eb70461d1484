// Package sync keeps the hotspot databases of several boxes in step: `mbox sync ...` on the command line, and behind it the
// connections to the boxes that this one follows and that follow it. How two boxes prove themselves is in auth, one
// connection in peer, what flows over it in feed; here configuration becomes desired state and state becomes status.
package sync

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"log/slog"
	"net"
	"net/netip"
	stdsync "sync"
	"sync/atomic"
	"time"

	"mbox/hotspotdb"
	"mbox/modules"
	"mbox/modules/sync/auth"
	"mbox/modules/sync/feed"
	"mbox/modules/sync/peer"
)

// Identity is the box's keys.
type Identity interface {
	BoxID() string
	Certificate() tls.Certificate
	SigningKey() ed25519.PrivateKey
	Seal6(plain []byte, label string) (string, error)
	Open6(text, label string) ([]byte, error)
}

// State keeps small things durably: pins, known peers, and histories of other databases.
type State interface {
	Get(key string) ([]byte, bool, error)
	Put(key string, value []byte) error
	Delete(key string) error
	All() (map[string][]byte, error)
}

// Account is what sync needs to know of an account of the box.
type Account struct {
	Role     string
	Verifier string // RFC 5803
}

// Listener opens addresses for the protocols that were bound to it.
type Listener interface {
	HandleALPN(protocol string, serve func(*tls.Conn))
	Listen(owner string, addrs []netip.AddrPort) error
}

// Deps is what the module needs of the rest of the box.
type Deps struct {
	DB          *hotspotdb.DB // nil in rescue: sync is off
	Identity    Identity
	Keyring     Keyring
	Pins        State
	Peers       State
	Memory      State
	Events      State         // keeps the log of sync over restarts; nil: it begins anew
	Notice      func() string // what the operator must know of the hotspot database, in lines; nil or empty: nothing
	Account     func(name string) (Account, bool)
	Dial        func(ctx context.Context, source netip.Addr, address string) (net.Conn, error)
	Listener    Listener
	Hostname    func() string
	Software    string
	DefaultPort uint16 // of the HTTPS listener: 443, or 8443 for an ordinary user
	Now         func() time.Time
	Log         *slog.Logger

	// Partition says what becomes of vouchers while boxes are out of contact; nil: OwnerOnly.
	Partition func() Partition
}

// Module is the sync of one box.
type Module struct {
	deps   Deps
	pins   auth.Pins
	server *peer.Server
	cache  *feed.Cache
	claims *feed.Claims
	domain *domain
	watch  *watcher
	events *journal
	quorum *quorum     // nil without a database
	tight  atomic.Bool // the disk is nearly full: nothing is taken from followers

	ctx    context.Context // of all connections; ended by Run
	cancel context.CancelCauseFunc
	tasks  stdsync.WaitGroup

	claiming   chan struct{} // holds one thing for each claim of a peer that is being answered
	visitors   visitors      // who claims
	claimMeter *claimMeter

	knownMu stdsync.Mutex // one change at a time of what is remembered of a peer

	followersMu   stdsync.Mutex // guards what follows
	followersAt   time.Time
	followersThen []KnownPeer // that take vouchers, as of followersAt

	mu         stdsync.Mutex // guards what follows
	config     *config
	stopping   bool
	pausedAt   time.Time              // zero: sync is not paused
	departures map[string]departure   // of followers, by box id
	twins      map[string][]time.Time // when a live connection was replaced from another address, by box id
	waiting    map[netip.Addr]int     // connections that have not proved themselves, by source
	downstream map[*downstream]bool   // connected
	refused    []RefusedPeer          // the last ones, the newest at the end
	upstreams  []*upstream            // as configured
	follower   context.CancelCauseFunc
	followed   chan struct{} // closed when the follower's goroutine has ended
}

// New makes the module. Nothing listens or dials before it is configured.
func New(deps Deps) *Module {
	if deps.Now == nil {
		deps.Now = time.Now
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	m := &Module{
		watch: newWatcher(), events: newJournal(deps.Events, deps.Log, deps.Now),
		deps: deps, pins: auth.Pins{Store: deps.Pins}, cache: feed.NewCache(), claims: &feed.Claims{},
		ctx: ctx, cancel: cancel, config: &config{}, downstream: map[*downstream]bool{}, waiting: map[netip.Addr]int{}, departures: map[string]departure{}, twins: map[string][]time.Time{},
		claiming: make(chan struct{}, claimsAtOnce), claimMeter: newClaimMeter(),
	}
	if deps.DB == nil {
		return m
	}
	if memory, err := newRemembered(deps.Memory, maxHistories); err != nil {
		deps.Log.Error("sync: histories are kept without a bound", "error", err)
	} else {
		m.deps.Memory = memory
	}
	m.readPaused()
	deps.DB.SetKeep(m.unsent)
	m.quorum = newQuorum(deps.DB, m.recordConfirmations, ctx.Done())
	m.domain = newDomain(m.deps)
	m.server = &peer.Server{
		Gate:    gate{m},
		Tokens:  auth.Tokens{Key: deps.Identity.SigningKey(), Issuer: deps.Identity.BoxID(), Now: deps.Now},
		Lockout: &auth.Lockout{Now: deps.Now}, Decoy: auth.NewDecoy(), Self: m.self,
	}
	deps.Listener.HandleALPN(peer.ALPN, m.serve)
	return m
}

func (m *Module) self() peer.Self {
	return peer.Self{
		BoxID: m.deps.Identity.BoxID(), Database: m.deps.DB.ID(), Hostname: m.deps.Hostname(), Software: m.deps.Software,
	}
}

// Name is "sync".
func (m *Module) Name() string { return "sync" }

// Check refuses what could not be applied; it opens nothing.
func (m *Module) Check(candidate *modules.Tree) error {
	_, err := m.parse(candidate)
	return err
}

// Apply makes listeners, connected followers and the followed primary match the tree. Connections that the new lines no
// longer allow end at once.
func (m *Module) Apply(_ context.Context, tree *modules.Tree) error {
	next, err := m.parse(tree)
	if err != nil {
		return err
	}
	if m.deps.DB == nil {
		return nil
	}
	if err := m.deps.Listener.Listen(m.Name(), next.addresses()); err != nil {
		return modules.ListenError(err, "mbox sync listen ADDRESS port PORT")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stopping {
		return nil
	}
	m.server.Lockout.Reset()
	m.applyAcknowledge(next.acknowledge)
	old := m.config
	m.config = next
	m.review()
	if !next.samePrimaries(old) {
		m.refollow(next)
	}
	return nil
}

// AccountsChanged makes the module look again at who is connected: an account may be gone or have a new password.
func (m *Module) AccountsChanged() {
	if m.server == nil {
		return
	}
	m.server.Lockout.Reset()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.review()
}

// Run waits for the end of the box and takes leave of the peers.
func (m *Module) Run(ctx context.Context) error {
	var watching stdsync.WaitGroup
	if m.deps.DB != nil {
		watching.Go(func() { m.observe(ctx) })
		watching.Go(func() { m.watchRoom(ctx) })
	}
	<-ctx.Done()
	m.mu.Lock()
	m.stopping = true
	if m.follower != nil {
		m.follower(errStopping)
	}
	m.mu.Unlock()
	m.cancel(errStopping)
	m.tasks.Wait()
	watching.Wait()
	m.events.flush()
	return nil
}

var errStopping = auth.Refuse(auth.CodeStopping, "the box is stopping")
