package wire

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"
)

// conn is one relayed connection.
type conn struct {
	wire   *Wire
	ctx    context.Context
	cancel context.CancelFunc
	client *net.TCPConn
	server *net.TCPConn // nil until dialed
	mu     sync.Mutex   // guards server, lossy and dead
	lossy  bool         // an outage has swallowed bytes: it cannot go on
	dead   bool
}

func (w *Wire) accept() {
	for {
		c, err := w.listener.AcceptTCP()
		if err != nil {
			return
		}
		w.accepted.Add(1)
		ctx, cancel := context.WithCancel(w.ctx)
		relay := &conn{wire: w, ctx: ctx, cancel: cancel, client: c}
		w.mu.Lock()
		refuse := w.refuse
		w.conns[relay] = struct{}{}
		w.mu.Unlock()
		w.work.Go(func() {
			if !refuse {
				relay.run()
			}
			relay.reset()
			w.mu.Lock()
			delete(w.conns, relay)
			w.mu.Unlock()
		})
	}
}

// run relays until both directions have ended, or one broke and the other could be told.
func (c *conn) run() {
	if !c.dial() {
		return
	}
	var both sync.WaitGroup
	for _, way := range []*way{
		{conn: c, d: Up, src: c.client, dst: c.server}, {conn: c, d: Down, src: c.server, dst: c.client},
	} {
		both.Go(way.run)
	}
	both.Wait()
}

// dial reaches the target once both directions flow: a handshake needs both.
func (c *conn) dial() bool {
	if !c.wire.flowing(c.ctx, Up) || !c.wire.flowing(c.ctx, Down) || closedByPeer(c.client) {
		return false
	}
	dialer := net.Dialer{Control: func(_, _ string, raw syscall.RawConn) error { return errors.Join(control(raw), abortive(raw)) }}
	if from := c.source(); from != nil {
		dialer.LocalAddr = from
	}
	s, err := dialer.DialContext(c.ctx, "tcp", c.wire.target)
	if err != nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.server = s.(*net.TCPConn)
	if c.dead || c.server.SetLinger(-1) != nil {
		_ = c.server.Close()
		return false
	}
	return true
}

// abortive has a socket reset when it is closed: one that is given up while it is dialed must not look like one that ended in
// good order.
func abortive(raw syscall.RawConn) error {
	var failed error
	err := raw.Control(func(fd uintptr) {
		failed = syscall.SetsockoptLinger(int(fd), syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1})
	})
	return errors.Join(err, failed)
}

// source is the address to dial from; nil leaves the choice to the system.
func (c *conn) source() *net.TCPAddr {
	c.wire.mu.Lock()
	from := c.wire.from
	c.wire.mu.Unlock()
	if !from.IsValid() {
		from = c.client.RemoteAddr().(*net.TCPAddr).AddrPort().Addr()
	}
	return &net.TCPAddr{IP: from.AsSlice()}
}

// reset ends both sides at once. It may be called more than once.
func (c *conn) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cancel()
	if c.dead {
		return
	}
	c.dead = true
	for _, side := range []*net.TCPConn{c.client, c.server} {
		if side != nil {
			_ = side.SetLinger(0)
			_ = side.Close()
		}
	}
}

// spoil notes that bytes were swallowed.
func (c *conn) spoil() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lossy = true
}

func (c *conn) spoilt() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lossy
}

func (c *conn) resetSpoilt() {
	if c.spoilt() {
		c.reset()
	}
}

// way is one direction of a connection: what is read waits in front of the bottleneck, passes it, and travels.
type way struct {
	*conn
	d        Direction
	src, dst *net.TCPConn
	waiting  *fifo
	flying   *fifo
	lost     bool // some of it was swallowed; read's own
}

func (y *way) run() {
	y.waiting, y.flying = newFifo(), newFifo()
	var work sync.WaitGroup
	work.Go(y.pass)
	work.Go(y.deliver)
	y.read()
	work.Wait()
}

// read takes bytes from the sender as fast as the queue has room.
func (y *way) read() {
	for y.wire.taking(y.ctx, y.d) {
		link := y.wire.link(y.d)
		buf := make([]byte, link.chunk())
		n, err := y.src.Read(buf)
		if outage, _ := y.wire.state(y.d); outage == Swallows || y.lost {
			y.lost = true
			y.spoil()
			if outage == Flows { // it ended while this was read
				y.broken(y.d)
			}
			if err == nil {
				continue
			}
			n = 0
		}
		if n > 0 && !y.waiting.put(y.ctx, piece{data: buf[:n]}, func() int { return y.wire.link(y.d).queue() }) {
			return
		}
		switch {
		case errors.Is(err, io.EOF):
			y.waiting.put(y.ctx, piece{}, func() int { return y.wire.link(y.d).queue() })
			return
		case err != nil:
			y.broken(y.d)
			return
		}
	}
}

// pass lets pieces through the bottleneck, and makes the connection stand still where a segment is lost.
func (y *way) pass() {
	for {
		p, ok := y.waiting.first(y.ctx)
		if !ok {
			return
		}
		link := y.wire.link(y.d)
		leaves := y.wire.lines[y.d].pass(len(p.data), link.Rate)
		const tick = time.Millisecond // below it a timer costs more than it gives
		if ahead := time.Until(leaves); ahead > tick && !sleep(y.ctx, ahead) {
			return
		}
		if len(p.data) > 0 && link.lost(len(p.data)) && !sleep(y.ctx, y.retransmission(link)) {
			return
		}
		p.due = time.Now().Add(link.Delay)
		y.waiting.drop()
		if !y.flying.put(y.ctx, p, func() int { return y.wire.link(y.d).inFlight() }) || p.data == nil {
			return
		}
	}
}

// retransmission is how long a lost segment keeps the rest back.
func (y *way) retransmission(l Link) time.Duration {
	const leastTimeout = 200 * time.Millisecond
	trip := l.Delay + y.wire.link(1-y.d).Delay
	if y.waiting.waiting() {
		return trip // those behind it tell the sender
	}
	return max(trip*3/2, leastTimeout)
}

// deliver hands pieces to the receiver when they are due.
func (y *way) deliver() {
	for {
		p, ok := y.flying.first(y.ctx)
		if !ok || !sleep(y.ctx, time.Until(p.due)) || !y.wire.flowing(y.ctx, y.d) {
			return
		}
		if p.data == nil {
			_ = y.dst.CloseWrite()
			return
		}
		n, err := y.dst.Write(p.data)
		y.wire.bytes[y.d].Add(int64(n))
		if err != nil {
			y.broken(1 - y.d)
			return
		}
		y.flying.drop()
	}
}

// broken ends the connection once the news, travelling in direction d, can reach the other side.
func (y *way) broken(d Direction) {
	if y.wire.flowing(y.ctx, d) {
		y.reset()
	}
}
