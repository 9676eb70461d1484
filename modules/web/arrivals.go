package web

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
)

const (
	// maxArrivals bounds connections that have not finished their TLS handshake or sent a request, maxArrivalsEach those of
	// one address: silence costs whoever is silent, and nobody else.
	maxArrivals     = 2048
	maxArrivalsEach = 64
	// maxOpen bounds connections of HTTP that are open, idle ones too, maxOpenEach those of one address.
	maxOpen     = 2048
	maxOpenEach = 128
)

// arrivals counts connections by address: those from which nothing useful came yet, or those that are open.
type arrivals struct {
	most, each int // how many there may be, and from one address

	mu     sync.Mutex // guards what follows
	from   map[net.Conn]netip.Addr
	counts map[netip.Addr]int
}

// connChanged is called by the HTTP server. Connections of other protocols are counted until they are known as such.
func (m *Module) connChanged(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		if !m.arrivals.arrived(conn) || !m.crowd.arrived(conn) {
			_ = conn.Close()
		}
	case http.StateClosed, http.StateHijacked:
		m.left(conn)
	default:
		m.arrivals.settled(conn)
	}
}

// left forgets a connection of HTTP.
func (m *Module) left(conn net.Conn) {
	m.arrivals.settled(conn)
	m.crowd.settled(conn)
}

func (a *arrivals) arrived(conn net.Conn) bool {
	var source netip.Addr
	if tcp, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		source = tcp.AddrPort().Addr().Unmap()
	}
	if source.Is6() {
		prefix, _ := source.Prefix(64) // which one host can fill
		source = prefix.Addr()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.from) >= a.most || a.counts[source] >= a.each {
		return false
	}
	if a.from == nil {
		a.from, a.counts = map[net.Conn]netip.Addr{}, map[netip.Addr]int{}
	}
	a.from[conn] = source
	a.counts[source]++
	return true
}

// settled forgets a connection that has shown what it wants, or is closed.
func (a *arrivals) settled(conn net.Conn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	source, ok := a.from[conn]
	if !ok {
		return
	}
	delete(a.from, conn)
	if a.counts[source]--; a.counts[source] == 0 {
		delete(a.counts, source)
	}
}
