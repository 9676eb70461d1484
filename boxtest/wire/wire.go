// Package wire is a bad link between two programs of one machine: a TCP relay whose delay, rate, losses and outages can be
// set while connections run over it. Each Wire has a listening address of its own.
//
// It shapes what an application sees of a link, not packets: bytes are late, slow, held back for a retransmission or
// missing for good, and the sender feels a full queue as on a real bottleneck.
package wire

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// T is what of *testing.T is needed here.
type T interface {
	Helper()
	Fatalf(format string, args ...any)
	Cleanup(func())
}

// Direction of travel over a wire.
type Direction int

const (
	Up   Direction = iota // from who dialed to the target
	Down                  // from the target to who dialed
)

// Link is the quality of one direction. The zero value is as good as loopback.
type Link struct {
	Delay time.Duration // one way
	Rate  int64         // bits per second, shared by all connections; 0: unlimited
	// Queue is how many bytes wait in front of the bottleneck before its sender has to; 0: 64 KiB.
	Queue int
	// Loss is the probability with which a segment of 1,400 bytes is lost. The connection then stands still for a round
	// trip, at least 200 ms if nothing followed that would have told the sender (RFC 6298, Linux's TCP_RTO_MIN).
	Loss float64
}

// Satellite is a geostationary link under rain.
func Satellite() Link { return Link{Delay: 300 * time.Millisecond, Rate: 1_000_000, Loss: 0.05} }

// Outage says what becomes of bytes in a direction that delivers none.
type Outage int

const (
	Flows    Outage = iota // no outage
	Holds                  // nothing is taken: the sender's buffers fill; it is all delivered after the outage
	Swallows               // all is taken and lost; connections that lost something are reset after the outage
)

const directions = 2

// A Wire relays connections to one target.
type Wire struct {
	listener *net.TCPListener
	target   string
	ctx      context.Context
	stop     context.CancelFunc
	work     sync.WaitGroup
	accepted atomic.Int64
	bytes    [directions]atomic.Int64
	lines    [directions]*bottleneck

	mu      sync.Mutex // guards the rest
	from    netip.Addr
	links   [directions]Link
	outage  [directions]Outage
	changed chan struct{} // closed, and replaced, when an outage begins or ends
	refuse  bool
	conns   map[*conn]struct{}
}

// New starts a wire to a TCP address. The target sees connections come from the address of who dialed the wire, if that is
// on loopback; see From. The wire ends with the test.
func New(t T, target string) *Wire {
	t.Helper()
	w, err := Listen(target)
	if err != nil {
		t.Fatalf("wire to %s: %v", target, err)
	}
	t.Cleanup(w.Close)
	return w
}

// socketBuffer is what a kernel may hold on the wire's sides of a connection, so that little hides there.
const socketBuffer = 64 << 10

// Listen is New without a test; the caller closes the wire.
func Listen(target string) (*Wire, error) {
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	if err := setBuffers(l); err != nil { // before connections come: they inherit it, and with it a small window
		return nil, errors.Join(err, l.Close())
	}
	ctx, stop := context.WithCancel(context.Background())
	w := &Wire{listener: l, target: target, ctx: ctx, stop: stop, changed: make(chan struct{}), conns: map[*conn]struct{}{}}
	for d := range w.lines {
		w.lines[d] = &bottleneck{}
	}
	w.work.Go(w.accept)
	return w, nil
}

// Close resets all connections and waits for the wire's goroutines.
func (w *Wire) Close() {
	w.stop()
	_ = w.listener.Close()
	w.Cut()
	w.work.Wait()
}

// Addr is where to dial.
func (w *Wire) Addr() netip.AddrPort { return w.listener.Addr().(*net.TCPAddr).AddrPort() }

// From makes the wire dial its target from an address, for a target that allows by address.
func (w *Wire) From(addr netip.Addr) *Wire {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.from = addr
	return w
}

// Set changes the quality of one direction, also for connections that are there; what is on its way keeps its time.
func (w *Wire) Set(d Direction, l Link) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.links[d] = l
}

// Shape changes the quality of both directions.
func (w *Wire) Shape(l Link) {
	w.Set(Up, l)
	w.Set(Down, l)
}

// Stall begins an outage of one direction, or ends it with Flows. No sign of life passes: no data, no close, no reset.
// While any direction is out new connections are not answered, as when a handshake gets lost.
func (w *Wire) Stall(d Direction, o Outage) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.outage[d] = o
	close(w.changed)
	w.changed = make(chan struct{})
	if w.outage == [directions]Outage{} {
		for c := range w.conns {
			c.resetSpoilt()
		}
	}
}

// Partition stalls both directions.
func (w *Wire) Partition(o Outage) {
	w.Stall(Up, o)
	w.Stall(Down, o)
}

// Heal ends all outages and answers new connections again.
func (w *Wire) Heal() {
	w.Partition(Flows)
	w.Refuse(false)
}

// Refuse resets new connections, or stops doing so. Those that are there stay.
func (w *Wire) Refuse(on bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refuse = on
}

// Cut resets every connection on both sides and returns how many there were.
func (w *Wire) Cut() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.conns {
		c.reset()
	}
	return len(w.conns)
}

// Flap takes the link down and up again, for ever, each for the time given, until stop is called; stop leaves it up.
func (w *Wire) Flap(up, down time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(w.ctx)
	done := make(chan struct{})
	w.work.Go(func() {
		defer close(done)
		defer w.Refuse(false)
		for sleep(ctx, up) {
			w.Refuse(true)
			w.Cut()
			if !sleep(ctx, down) {
				return
			}
			w.Refuse(false)
		}
	})
	return func() { cancel(); <-done }
}

// Bytes is how many bytes of payload the wire has delivered in one direction.
func (w *Wire) Bytes(d Direction) int64 { return w.bytes[d].Load() }

// Accepted is how many connections were dialed so far, refused ones included.
func (w *Wire) Accepted() int64 { return w.accepted.Load() }

// Open is how many connections there are.
func (w *Wire) Open() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.conns)
}

func (w *Wire) link(d Direction) Link {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.links[d]
}

func (w *Wire) state(d Direction) (Outage, <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.outage[d], w.changed
}

// flowing waits until a direction delivers. It is false if ctx ended first.
func (w *Wire) flowing(ctx context.Context, d Direction) bool {
	return w.wait(ctx, d, func(o Outage) bool { return o == Flows })
}

// taking waits until a direction takes bytes, whatever becomes of them. It is false if ctx ended first.
func (w *Wire) taking(ctx context.Context, d Direction) bool {
	return w.wait(ctx, d, func(o Outage) bool { return o != Holds })
}

func (w *Wire) wait(ctx context.Context, d Direction, ok func(Outage) bool) bool {
	for {
		outage, changed := w.state(d)
		if ok(outage) {
			return ctx.Err() == nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// sleep is false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
