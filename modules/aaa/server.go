package aaa

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"layeh.com/radius"
)

const (
	// deadAfter is how long a server may leave requests without any answer before others are preferred, and deadTime how
	// long they are.
	deadAfter = 6 * time.Second
	deadTime  = 30 * time.Second
	// forwardTime is how long an answer is waited for; the client has given up by then.
	forwardTime = answerWindow
	// maxOutlets bounds the ports towards a server; each has 256 requests in flight.
	maxOutlets = 16
	// maxWaitingEach is how many of them are of one client at most, so that one that floods leaves room for others.
	maxWaitingEach = maxOutlets * 256 * 3 / 4
)

// serverKey is what makes a server another one.
type serverKey struct {
	serverLine
	source netip.Addr
}

// server is one line `realm` at work: somebody else's RADIUS server.
type server struct {
	serverKey
	*keys
	log   *slog.Logger
	paths [kinds]*path

	sent, repeated, answered, expired, forged atomic.Uint64

	mu      sync.Mutex // guards what follows
	waiting time.Time  // when the first request was sent that got no answer since; zero: none
	dead    time.Time  // when it was found dead; zero: it is not
}

func (m *Module) newServer(key serverKey) *server {
	s := &server{serverKey: key, keys: newKeys(key.key), log: m.log}
	s.paths[authentication] = &path{server: s, waiting: map[string]int{}, to: netip.AddrPortFrom(key.addr, key.authPort), strict: !key.lenient}
	s.paths[accounting] = &path{server: s, waiting: map[string]int{}, to: netip.AddrPortFrom(key.addr, key.acctPort)}
	return s
}

func (s *server) close() {
	for _, p := range s.paths {
		p.close()
	}
}

// alive says whether the server is worth asking.
func (s *server) alive(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dead.IsZero() || now.Sub(s.dead) >= deadTime
}

// asked notes that a request was sent, and judges the silence since the one that first got no answer.
func (s *server) asked(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting.IsZero() {
		s.waiting = now
		return
	}
	if now.Sub(s.waiting) >= deadAfter && (s.dead.IsZero() || now.Sub(s.dead) >= deadTime) {
		s.dead = now
		s.log.Warn("%RADIUS-4-DEAD: a server of a realm does not answer", "realm", s.realm, "server", s.addr.String(), "since", now.Sub(s.waiting).Round(time.Second).String())
	}
}

// refused notes that nobody listens there.
func (s *server) refused(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dead.IsZero() || now.Sub(s.dead) >= deadTime {
		s.dead = now
		s.log.Warn("%RADIUS-4-DEAD: nobody listens at a server of a realm", "realm", s.realm, "server", s.addr.String())
	}
}

// heard notes an answer.
func (s *server) heard() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.dead.IsZero() {
		s.log.Info("%RADIUS-5-ALIVE: a server of a realm answers again", "realm", s.realm, "server", s.addr.String())
	}
	s.waiting, s.dead = time.Time{}, time.Time{}
}

// path is the way to one port of a server.
type path struct {
	server *server
	to     netip.AddrPort
	strict bool // answers must have a Message-Authenticator

	mu      sync.Mutex // guards what follows
	outlets []*outlet
	waiting map[string]int // requests, by client
	closed  bool
	readers sync.WaitGroup
}

// outlet is a port of ours, with the requests that wait for answers to it.
type outlet struct {
	conn    *net.UDPConn
	pending [256]*pending // guarded by path.mu
	free    int           // guarded by path.mu
	next    byte          // guarded by path.mu: the id that was not used for longest
}

// pending is a request that waits for its answer.
type pending struct {
	path          *path
	outlet        *outlet
	client        string
	id            byte
	authenticator [authenticatorSize]byte
	raw           []byte
	timer         *time.Timer
	done          func(*radius.Packet) // gets the answer; nil: there was none in time
}

var errNoRoom = errors.New("too many requests wait for the server of the realm")

// send gives p an identifier, sends it, and has done called exactly once, unless it returns an error.
func (p *path) send(packet *radius.Packet, client string, done func(*radius.Packet)) (*pending, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting[client] >= maxWaitingEach {
		return nil, errNoRoom
	}
	o, err := p.room()
	if err != nil {
		return nil, err
	}
	for o.pending[o.next] != nil {
		o.next++
	}
	w := &pending{path: p, outlet: o, client: client, id: o.next, done: done}
	o.next++
	packet.Identifier = w.id
	if w.raw, err = p.server.encodeRequest(packet); err != nil {
		return nil, fmt.Errorf("encode the request: %w", err)
	}
	copy(w.authenticator[:], w.raw[authenticatorAt:headerSize])
	o.pending[w.id] = w
	o.free--
	p.waiting[client]++
	w.timer = time.AfterFunc(forwardTime, w.expire)
	p.server.sent.Add(1)
	w.write()
	return w, nil
}

// room finds a port with a free identifier. The caller holds mu.
func (p *path) room() (*outlet, error) {
	if p.closed {
		return nil, net.ErrClosed
	}
	for _, o := range p.outlets {
		if o.free > 0 {
			return o, nil
		}
	}
	if len(p.outlets) >= maxOutlets {
		return nil, errNoRoom
	}
	conn, err := dial(p.server.source, p.to)
	if err != nil {
		return nil, err
	}
	o := &outlet{conn: conn, free: len(outlet{}.pending)}
	p.outlets = append(p.outlets, o)
	p.readers.Go(func() { p.receive(o) })
	return o, nil
}

// dial opens a port that only hears the other side.
func dial(source netip.Addr, to netip.AddrPort) (*net.UDPConn, error) {
	var from *net.UDPAddr
	if source.IsValid() {
		from = net.UDPAddrFromAddrPort(netip.AddrPortFrom(source, 0))
	}
	conn, err := net.DialUDP("udp", from, net.UDPAddrFromAddrPort(to))
	if err != nil {
		return nil, fmt.Errorf("reach %s: %w", to, err)
	}
	return conn, nil
}

func (w *pending) write() {
	w.path.server.asked(time.Now())
	if _, err := w.outlet.conn.Write(w.raw); errors.Is(err, syscall.ECONNREFUSED) {
		w.path.server.refused(time.Now())
	}
}

// again sends the same packet once more, as its client did; false if it waits no longer.
func (w *pending) again() bool {
	p := w.path
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.outlet.pending[w.id] != w {
		return false
	}
	p.server.repeated.Add(1)
	w.write()
	return true
}

// take ends the waiting; false if it had ended.
func (w *pending) take() bool {
	p := w.path
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.outlet.pending[w.id] != w {
		return false
	}
	w.outlet.pending[w.id] = nil
	w.outlet.free++
	if p.waiting[w.client]--; p.waiting[w.client] == 0 {
		delete(p.waiting, w.client)
	}
	w.timer.Stop()
	return true
}

func (w *pending) expire() {
	if w.take() {
		w.path.server.expired.Add(1)
		w.done(nil)
	}
}

// receive reads the answers that come to one port.
func (p *path) receive(o *outlet) {
	buf := make([]byte, radius.MaxPacketLength)
	for {
		n, err := o.conn.Read(buf)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case errors.Is(err, syscall.ECONNREFUSED):
			p.server.refused(time.Now())
			continue
		case err != nil:
			continue
		}
		if raw, ok := shape(buf[:n]); ok {
			p.answer(o, raw)
		}
	}
}

// answer gives an answer to whoever waits for it, if it is authentic.
func (p *path) answer(o *outlet, raw []byte) {
	p.mu.Lock()
	w := o.pending[raw[1]]
	p.mu.Unlock()
	if w == nil {
		return
	}
	if !p.server.answers(raw, w.authenticator[:], p.strict) {
		p.server.forged.Add(1)
		return
	}
	packet, err := radius.Parse(raw, p.server.secret)
	if err != nil || !w.take() {
		return
	}
	packet.Authenticator = w.authenticator // by which what is encrypted in it can be read
	p.server.heard()
	p.server.answered.Add(1)
	w.done(packet)
}

// close ends all waiting without an answer.
func (p *path) close() {
	p.mu.Lock()
	p.closed = true
	var waiting []*pending
	for _, o := range p.outlets {
		for _, w := range o.pending {
			if w != nil {
				waiting = append(waiting, w)
			}
		}
		_ = o.conn.Close() // it only reads and writes datagrams: nothing can be lost
	}
	p.mu.Unlock()
	p.readers.Wait()
	for _, w := range waiting {
		if w.take() {
			w.done(nil)
		}
	}
}

// inFlight is how many requests wait.
func (p *path) inFlight() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, o := range p.outlets {
		n += len(o.pending) - o.free
	}
	return n
}
