package logging

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"
)

const (
	// maxQueue bounds the messages that wait for one log host.
	maxQueue = 1000
	// shortestWait and longestWait bound the time between two attempts to connect.
	shortestWait = time.Second
	longestWait  = time.Minute
	dialTimeout  = 15 * time.Second
	writeTimeout = 10 * time.Second
	// lastWords is how long what waits may take to be sent when the box stops.
	lastWords = time.Second
	// steady is how long a connection must last to count as one that works.
	steady = 10 * time.Second
)

// hostConfig is one line `logging host`.
type hostConfig struct {
	Name        string
	Transport   string
	Port        int
	Fingerprint string // SHA-256 of the certificate, hexadecimal; empty: the roots decide
	Source      netip.Addr

	level int
}

// States of a log host.
const (
	stateConnecting = "connecting"
	stateConnected  = "connected"
	stateSending    = "sending" // over UDP nobody answers
	stateFailed     = "failed"
)

// host is one log host and what waits for it.
type host struct {
	config hostConfig
	now    func() time.Time
	level  int // guarded by Hub.mu
	queue  chan *Entry
	stop   func() // guarded by Module.mu

	mu       sync.Mutex // guards what follows
	state    string
	reason   string
	since    time.Time
	sent     uint64
	dropped  uint64
	attempts uint64
	failing  bool // it was said that it cannot be sent to
}

func newHost(c hostConfig, now func() time.Time) *host {
	return &host{config: c, now: now, queue: make(chan *Entry, maxQueue), state: stateConnecting, since: now(), stop: func() {}}
}

// offer never waits: what does not fit is dropped and counted, the oldest first, because the newest says how the box is now.
func (h *host) offer(e *Entry) {
	for {
		select {
		case h.queue <- e:
			return
		default:
		}
		select {
		case <-h.queue:
			h.count(&h.dropped)
		default:
		}
	}
}

func (h *host) count(n *uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	*n++
}

// enter notes a state.
func (h *host) enter(state, reason string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reason = reason
	if h.state != state {
		h.state, h.since = state, h.now()
	}
}

// report says whether it is news that messages cannot be sent, or that they can.
func (h *host) report(failing bool) (news bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	news = h.failing != failing
	h.failing = failing
	return news
}

// send is the life of a log host: connect, send, and again after a while.
func (m *Module) send(ctx context.Context, h *host) {
	var held *Entry // taken off the queue and not sent yet
	wait := shortestWait
	for ctx.Err() == nil {
		h.count(&h.attempts)
		line, err := m.connect(ctx, h.config)
		if err == nil {
			began := m.deps.Now()
			m.connected(h)
			held, err = m.pump(ctx, h, line, held)
			line.close()
			if m.deps.Now().Sub(began) >= steady {
				wait = shortestWait
			}
		}
		if ctx.Err() != nil {
			return
		}
		m.down(h, err)
		pause := time.NewTimer(wait/2 + rand.N(wait/2+1))
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
		pause.Stop()
		wait = min(2*wait, longestWait)
	}
}

// connected notes a connection. That of UDP says nothing: see pump.
func (m *Module) connected(h *host) {
	if h.config.Transport == transportUDP {
		h.enter(stateSending, "")
		return
	}
	h.enter(stateConnected, "")
	m.up(h)
}

func (m *Module) up(h *host) {
	if h.report(false) {
		m.log.InfoContext(local(context.Background()), fmt.Sprintf("%%LOGGING-5-HOSTUP: messages reach log host %s again", h.config))
	}
}

func (m *Module) down(h *host, err error) {
	reason := clean(err.Error(), 300)
	h.enter(stateFailed, reason)
	if h.report(true) {
		m.log.WarnContext(local(context.Background()), fmt.Sprintf("%%LOGGING-4-HOSTDOWN: log host %s cannot be sent to: %s", h.config, reason))
	}
}

// pump sends messages over one connection until it fails or ctx ends. It returns what was taken and not sent. A datagram that
// nobody takes is reported, if at all, soon after it was sent: one that follows later shows that they are taken.
func (m *Module) pump(ctx context.Context, h *host, to *line, held *Entry) (left *Entry, err error) {
	var first time.Time
	for {
		if held == nil {
			select {
			case <-ctx.Done():
				m.drain(h, to)
				return nil, nil
			case err := <-to.gone:
				return nil, err
			case held = <-h.queue:
			}
		}
		if err := to.write(held, m.sender(to), m.deps.Now().Add(writeTimeout)); err != nil {
			return held, err
		}
		held = nil
		h.count(&h.sent)
		switch now := m.deps.Now(); {
		case first.IsZero():
			first = now
		case to.datagram && now.Sub(first) >= steady:
			m.up(h)
		}
	}
}

// drain sends what waits, as long as it is quick.
func (m *Module) drain(h *host, to *line) {
	until := m.deps.Now().Add(lastWords)
	for {
		select {
		case e := <-h.queue:
			if to.write(e, m.sender(to), until) != nil {
				return
			}
			h.count(&h.sent)
		default:
			return
		}
	}
}

// sender is what messages over a connection say of this box.
func (m *Module) sender(to *line) sender {
	s := m.applied.Load()
	from := sender{process: m.process, facility: s.facility, zone: m.deps.Location(), synced: m.deps.Synced()}
	switch s.origin {
	case originHostname:
		from.hostname = m.deps.Hostname()
	case originIP:
		from.hostname = to.address()
	default:
		from.hostname = s.originText
	}
	return from
}

func (c hostConfig) String() string {
	return fmt.Sprintf("%s (%s port %d)", c.Name, c.Transport, c.Port)
}
