// Package boxtest runs whole boxes in one process, without their shells, for tests of sync and for benchmarks. It wires them
// like the command does.
package boxtest

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	stdsync "sync"
	"sync/atomic"
	"time"

	"mbox/configstore"
	"mbox/credential"
	"mbox/hotspotdb"
	"mbox/hotspotdb/dbtest"
	"mbox/modules"
	"mbox/modules/sync"
	"mbox/modules/web"
)

// Password of the account `mboxadmin` on every box.
const Password = "securemboxpass"

// T is what of *testing.T is needed here; a benchmark program has its own.
type T interface {
	Helper()
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Log(args ...any)
	Logf(format string, args ...any)
	Failed() bool
	Cleanup(func())
	TempDir() string
}

// lan gives each box of a test an address of its own on loopback, and one port for all of them.
type LAN struct {
	t    T
	port int
	last byte
}

func NewLAN(t T) *LAN {
	t.Helper()
	// Below the ports that the system gives to outgoing connections, which start from the boxes' addresses too.
	const first, count, tries = 20_000, 10_000, 100
	for range tries {
		port := first + rand.IntN(count)
		if l, err := net.Listen("tcp", fmt.Sprintf("0.0.0.0:%d", port)); err == nil {
			_ = l.Close()
			return &LAN{t: t, port: port, last: 1}
		}
	}
	t.Fatal("no free port found")
	return nil
}

// box is a whole box in this process, without its shell.
type Box struct {
	t     T
	lan   *LAN
	Name  string
	Addr  netip.Addr
	Dir   string
	Store *configstore.Store
	Ahead atomic.Int64 // of this box's clock, in nanoseconds
	Built time.Time
	// Retention of tombstones, if not the usual one; running time then goes with Ahead.
	Retention time.Duration
	Disk      *dbtest.Disk           // if set, the hotspot database lives there instead of in Dir
	Free      func() (uint64, error) // if set, what is free for it, in octets
	Log       *Logbook
	Partition atomic.Int32 // sync.Partition: what becomes of vouchers while boxes are apart

	mu       stdsync.Mutex // guards accounts
	accounts map[string]sync.Account

	DB     *hotspotdb.DB
	engine *modules.Engine
	Sync   *sync.Module
	stop   context.CancelFunc
	done   chan error
	lines  []string // typed so far, for a restart
}

// Box starts a box with a folder of its own.
func (l *LAN) Box(name string) *Box { return l.BoxOn(name, nil) }

// Neighbour starts one more box in the same network.
func (b *Box) Neighbour(name string) *Box { return b.lan.Box(name) }

// BoxOn starts a box whose hotspot database lives on a disk in memory.
func (l *LAN) BoxOn(name string, disk *dbtest.Disk) *Box {
	l.t.Helper()
	l.last++
	b := &Box{
		t: l.t, lan: l, Name: name, Addr: netip.AddrFrom4([4]byte{127, 0, 0, l.last}), Dir: filepath.Join(l.t.TempDir(), name),
		Store: configstore.OpenMemory("test"), accounts: map[string]sync.Account{}, Log: &Logbook{}, Disk: disk,
	}
	b.Account("mboxadmin", "", Password)
	b.lines = []string{fmt.Sprintf("mbox sync listen %s port %d", b.Addr, l.port)}
	b.Start()
	l.t.Cleanup(func() {
		if b.stop != nil {
			b.Shutdown()
		}
	})
	return b
}

func (b *Box) Account(name, role, secret string) {
	b.t.Helper()
	v, err := credential.Make(secret)
	if err != nil {
		b.t.Fatal(err)
	}
	b.mu.Lock()
	b.accounts[name] = sync.Account{Role: role, Verifier: v.String()}
	b.mu.Unlock()
	if b.Sync != nil {
		b.Sync.AccountsChanged()
	}
}

func (b *Box) RemoveAccount(name string) {
	b.mu.Lock()
	delete(b.accounts, name)
	b.mu.Unlock()
	b.Sync.AccountsChanged()
}

type ring struct{ *configstore.Keyring }

func (r ring) Domain() sync.Domain { return sync.Domain(r.Keyring.Domain()) }
func (r ring) Keys() (out []sync.DomainKey) {
	for _, k := range r.Keyring.Keys() {
		out = append(out, sync.DomainKey(k))
	}
	return out
}
func keys(list []sync.DomainKey) (out []configstore.DomainKey) {
	for _, k := range list {
		out = append(out, configstore.DomainKey(k))
	}
	return out
}
func (r ring) Merge(list []sync.DomainKey) error { return r.Keyring.Merge(keys(list)) }
func (r ring) Adopt(d sync.Domain, list []sync.DomainKey) error {
	return r.Keyring.Adopt(configstore.Domain(d), keys(list))
}

func (b *Box) open() *hotspotdb.DB {
	b.t.Helper()
	options := hotspotdb.Options{
		Dir: b.Dir, DigestKey: b.Store.Keyring().Domain().DigestKey, Sealer: b.Store.Keyring(), Now: b.Now,
		Built: b.Built, Log: slog.New(slog.DiscardHandler),
	}
	if b.Retention > 0 {
		opened := time.Now()
		options.Retention = b.Retention
		options.Elapsed = func() time.Duration { return time.Since(opened) + time.Duration(b.Ahead.Load()) }
	}
	options.FreeSpace = b.Free
	if b.Disk != nil {
		b.Disk.Use(&options)
	}
	db, err := hotspotdb.Open(options)
	if err != nil {
		b.t.Fatalf("open the database of %s: %v", b.Name, err)
	}
	return db
}

func (b *Box) Start() {
	b.t.Helper()
	b.DB = b.open()
	log := slog.New(slog.NewTextHandler(b.Log, nil))
	id := b.Store.Identity()
	listener := web.New(id.Certificate, log)
	b.Sync = sync.New(sync.Deps{
		DB: b.DB, Identity: id, Keyring: ring{b.Store.Keyring()},
		Pins: b.Store.State("pins"), Peers: b.Store.State("peers"), Memory: b.Store.State("memory"),
		Events: b.Store.State("events"),
		Account: func(name string) (sync.Account, bool) {
			b.mu.Lock()
			defer b.mu.Unlock()
			a, ok := b.accounts[name]
			return a, ok
		},
		Dial: func(ctx context.Context, source netip.Addr, address string) (net.Conn, error) {
			d := net.Dialer{}
			if source.IsValid() {
				d.LocalAddr = &net.TCPAddr{IP: source.AsSlice()}
			}
			return d.DialContext(ctx, "tcp", address)
		},
		Listener: listener, Hostname: func() string { return b.Name }, Software: "test", DefaultPort: uint16(b.lan.port), Log: log,
		Partition: func() sync.Partition { return sync.Partition(b.Partition.Load()) },
	})
	b.engine = modules.NewEngine(b.Store, log)
	if err := b.engine.Register(listener, b.Sync); err != nil {
		b.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	b.stop, b.done = stop, make(chan error, 1)
	go func() { b.done <- b.engine.Run(ctx) }()
	lines := b.lines
	b.lines = nil
	b.Must(lines...)
}

// shutdown stops the box in good order.
func (b *Box) Shutdown() {
	b.t.Helper()
	b.stop()
	if err := <-b.done; err != nil {
		b.t.Errorf("%s: run: %v", b.Name, err)
	}
	if err := b.DB.Close(); err != nil {
		b.t.Errorf("%s: close the database: %v", b.Name, err)
	}
	b.stop = nil
}

// Typed runs one configuration line as the shell does.
func (b *Box) Typed(line string) error {
	m, err := b.engine.Book().ParseStatement(nil, line)
	if err != nil {
		return err
	}
	if m.Statement.Normalize != nil && !m.Negated {
		if m.Values, err = m.Statement.Normalize(m.Values); err != nil {
			return err
		}
	}
	return b.engine.Commit(context.Background(), modules.Actor{Name: "test", Level: 15}, func(t *modules.Tree) error {
		if m.Negated {
			return t.Remove(nil, m)
		}
		_, err := t.Set(nil, m)
		return err
	})
}

func (b *Box) Must(lines ...string) {
	b.t.Helper()
	for _, line := range lines {
		if err := b.Typed(line); err != nil {
			b.t.Fatalf("%s: %s: %v", b.Name, line, err)
		}
		b.lines = append(b.lines, line)
	}
}

// follow configures this box to follow another, and the other to allow it.
func (b *Box) Follow(primary *Box, options, allowOptions string) {
	b.t.Helper()
	primary.Must(strings.TrimSpace(fmt.Sprintf("mbox sync allow %s %s", b.Addr, allowOptions)))
	b.Must(b.FollowLine(primary, options))
}

func (b *Box) FollowLine(primary *Box, options string) string {
	return strings.TrimSpace(fmt.Sprintf("mbox sync primary %s port %d username mboxadmin password %s %s", primary.Addr, b.lan.port, Password, options))
}

// add makes accounts prefix0 ... prefix(n-1).
func (b *Box) Add(prefix string, n int) {
	b.t.Helper()
	const chunk = 1000
	for at := 0; at < n; at += chunk {
		err := b.DB.Update(context.Background(), func(tx *hotspotdb.Tx) error {
			for i := at; i < min(at+chunk, n); i++ {
				if _, err := tx.AddAccount(hotspotdb.Account{Username: fmt.Sprintf("%s%d", prefix, i)}, "guestpass", "test"); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.t.Fatalf("%s: add accounts: %v", b.Name, err)
		}
	}
}

func (b *Box) Users() int { return b.DB.Statistics().Users }

func (b *Box) Digest(datasets ...hotspotdb.Dataset) string {
	view := b.DB.View()
	defer view.Close()
	var out strings.Builder
	for _, ds := range datasets {
		fmt.Fprintf(&out, "%s=%x ", ds, view.Total(ds))
	}
	return out.String()
}

// status returns how this box sees the other.
func (b *Box) Status(role string) sync.PeerStatus {
	for _, p := range b.Sync.Status().Peers {
		if p.Role == role {
			return p
		}
	}
	return sync.PeerStatus{State: "none"}
}

func Text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// eventually waits until ok, which is looked at each time something may have changed; the limit only ends a broken run.
func Eventually(t interface {
	Helper()
	Fatalf(format string, args ...any)
}, what string, ok func() bool) {
	t.Helper()
	limit := time.After(60 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-limit:
			t.Fatalf("it never happened: %s", what)
		case <-tick.C:
		}
	}
}

func (b *Box) WaitState(role, state string) {
	b.t.Helper()
	defer func() {
		if b.t.Failed() {
			s := b.Status(role)
			b.t.Logf("%s sees %s: %s %q %+v", b.Name, role, s.State, Text(s.Reason), s.Datasets)
			b.t.Log(b.Log.String())
		}
	}()
	Eventually(b.t, fmt.Sprintf("%s: %s is %s", b.Name, role, state), func() bool { return b.Status(role).State == state })
}

// inSync waits until both boxes hold the same and say so.
func InSync(primary, follower *Box, datasets ...hotspotdb.Dataset) {
	primary.t.Helper()
	if len(datasets) == 0 {
		datasets = hotspotdb.Datasets()
	}
	defer func() {
		if primary.t.Failed() {
			primary.t.Logf("%s: %s\n%s: %s", primary.Name, primary.Digest(datasets...), follower.Name, follower.Digest(datasets...))
			primary.t.Logf("%+v", follower.Status("upstream"))
			primary.t.Log(primary.Log.String(), follower.Log.String())
		}
	}()
	Eventually(primary.t, "equal digests", func() bool { return primary.Digest(datasets...) == follower.Digest(datasets...) })
	follower.WaitState("upstream", "in-sync")
	primary.WaitState("downstream", "in-sync")
}

// logbook keeps what a box logs.
type Logbook struct {
	mu   stdsync.Mutex
	text strings.Builder
}

func (l *Logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *Logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Now is the time by the clock of the box's hotspot database.
func (b *Box) Now() time.Time { return time.Now().Add(time.Duration(b.Ahead.Load())) }

// ListenAddr is where followers connect.
func (b *Box) ListenAddr() string { return netip.AddrPortFrom(b.Addr, uint16(b.lan.port)).String() }

// Exec runs one command as the shell does.
func (b *Box) Exec(line string) (modules.View, error) {
	const level = 15
	m, err := b.engine.Book().ParseCommand(level, line)
	if err != nil {
		return nil, err
	}
	return m.Command.Run(context.Background(), modules.Call{Values: m.Values, Actor: modules.Actor{Name: "test", Level: level}, Line: m.Line})
}

// Crash cuts the power: connections break, and what the database had not synced is gone, but for a percentage of blocks.
// The box starts again at once.
func (b *Box) Crash(unsyncedPercent int, seed uint64) {
	b.t.Helper()
	after := b.Disk.Crash(unsyncedPercent, seed)
	b.Shutdown()
	b.Disk = after
	b.Start()
}
