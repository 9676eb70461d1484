package web

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
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

// arrivals are connections by address: those from which nothing useful came yet, or those that are open.
type arrivals struct {
	most, each int // how many there may be, and from one address

	mu   sync.Mutex // guards what follows
	from map[net.Conn]netip.Addr
	of   map[netip.Addr][]net.Conn // the oldest first
}

// connChanged is called by the HTTP server. Connections of other protocols are counted until they are known as such.
func (m *Module) connChanged(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		for _, a := range []*arrivals{&m.arrivals, &m.crowd} {
			yields := a.arrived(conn)
			if yields != nil {
				m.left(yields)
				_ = yields.Close()
			}
			if yields == conn {
				return
			}
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

// sourceOf is whom a connection stands for: an address, or in IPv6 the /64 that one host can fill.
func sourceOf(conn net.Conn) netip.Addr {
	tcp, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	source := tcp.AddrPort().Addr().Unmap()
	if source.Is6() {
		prefix, _ := source.Prefix(64)
		source = prefix.Addr()
	}
	return source
}

// arrived takes a connection, and says which one has to go for it: nil, itself because its address has as many as it may have,
// or, if there are too many in all, the oldest one of the address that has most. So many addresses that fill the box
// together keep out nobody who has fewer connections than they.
func (a *arrivals) arrived(conn net.Conn) (yields net.Conn) {
	source := sourceOf(conn)
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.of[source]) >= a.each {
		return conn
	}
	if len(a.from) >= a.most {
		most := source
		for other, list := range a.of {
			if len(list) > len(a.of[most]) {
				most = other
			}
		}
		if most == source {
			return conn
		}
		yields = a.of[most][0]
		a.remove(yields)
	}
	if a.from == nil {
		a.from, a.of = map[net.Conn]netip.Addr{}, map[netip.Addr][]net.Conn{}
	}
	a.from[conn] = source
	a.of[source] = append(a.of[source], conn)
	return yields
}

// settled forgets a connection that has shown what it wants, or is closed.
func (a *arrivals) settled(conn net.Conn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.remove(conn)
}

// remove needs mu.
func (a *arrivals) remove(conn net.Conn) {
	source, ok := a.from[conn]
	if !ok {
		return
	}
	delete(a.from, conn)
	list := a.of[source]
	if list = slices.DeleteFunc(list, func(c net.Conn) bool { return c == conn }); len(list) > 0 {
		a.of[source] = list
	} else {
		delete(a.of, source)
	}
}
