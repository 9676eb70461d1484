package ssh

import (
	"net/netip"
	"time"
)

const (
	// maxArrivals bounds connections that have not logged in, maxArrivalsEach those of one network.
	maxArrivals     = 256
	maxArrivalsEach = 128
	// maxChannels bounds the sessions of one connection, as OpenSSH's MaxSessions.
	maxChannels = 10
)

// enter takes a connection in until leave. Where there is no more room the network that holds most of it loses its oldest
// connection, so that silence costs whoever is silent and not the operator who comes next. It says whether there is room.
func (m *Module) enter(c *conn) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false
	}
	total, counts, oldest := 0, map[netip.Addr]int{}, map[netip.Addr]*conn{}
	for other := range m.conns {
		if other.stage != arriving {
			continue
		}
		total++
		counts[other.network]++
		if first := oldest[other.network]; first == nil || other.number < first.number {
			oldest[other.network] = other
		}
	}
	if counts[c.network] >= maxArrivalsEach {
		return false
	}
	if total >= maxArrivals {
		greedy := c.network
		for network, n := range counts {
			if n > counts[greedy] {
				greedy = network
			}
		}
		if greedy == c.network {
			return false
		}
		oldest[greedy].stage = leaving
		oldest[greedy].end(errCrowded)
	}
	m.number++
	c.number = m.number
	m.conns[c] = struct{}{}
	return true
}

// leave forgets a connection.
func (m *Module) leave(c *conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.conns, c)
}

// networkOf is what one host can fill with addresses: an IPv4 address, or an IPv6 /64.
func networkOf(source netip.Addr) netip.Addr {
	if source.Is6() {
		prefix, _ := source.Prefix(64)
		return prefix.Addr()
	}
	return source
}

// throttle keeps whoever is refused from filling the log: so many lines a second, with what was left out before them.
type throttle struct {
	second time.Time // when the present one began
	said   int       // in it
	silent int       // left out since the last line
}

// speaks says whether there may be a line now, of so many a second, and how many were left out before it.
func (t *throttle) speaks(now time.Time, most int) (silent int, ok bool) {
	if now.Sub(t.second) >= time.Second {
		t.second, t.said = now, 0
	}
	if t.said >= most {
		t.silent++
		return 0, false
	}
	t.said++
	silent, t.silent = t.silent, 0
	return silent, true
}

func (m *Module) turnAway(source netip.Addr, reason string) {
	m.mu.Lock()
	silent, ok := m.turned.speaks(time.Now(), 1)
	m.mu.Unlock()
	if ok {
		m.log.Warn("%SSH-4-REFUSED: connection refused", "from", source, "reason", reason, "also", silent)
	}
}
