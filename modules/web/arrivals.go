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
)

// arrivals counts connections from which nothing useful came yet.
type arrivals struct {
	mu     sync.Mutex // guards what follows
	from   map[net.Conn]netip.Addr
	counts map[netip.Addr]int
}

// changed is called by the HTTP server.
func (a *arrivals) changed(conn net.Conn, state http.ConnState) {
	if state != http.StateNew {
		a.settled(conn)
		return
	}
	if !a.arrived(conn) {
		_ = conn.Close()
	}
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
	if len(a.from) >= maxArrivals || a.counts[source] >= maxArrivalsEach {
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
