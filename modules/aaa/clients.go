package aaa

import (
	"net/netip"
	"slices"
	"sync/atomic"
)

// kind is what a port is for.
type kind uint8

const (
	authentication kind = iota
	accounting
	kinds // how many there are
)

func (k kind) String() string { return [...]string{"authentication", "accounting"}[k] }

// client is one line `client` at work. It lasts as long as its line does.
type client struct {
	clientLine
	*keys
	counters *counters // outlive a change of the line
	answers  *answers
	lanes    [kinds]lane
	asks     atomic.Pointer[netip.Addr] // the address of this box that it asked last, by which it knows the box
}

// note remembers which address the client asks.
func (c *client) note(asked netip.Addr) {
	if before := c.asks.Load(); before == nil || *before != asked {
		now := asked // on the heap only here
		c.asks.Store(&now)
	}
}

func newClient(line clientLine, counted *counters, all *answerBound) *client {
	if counted == nil {
		counted = &counters{}
	}
	return &client{clientLine: line, keys: newKeys(line.key), counters: counted, answers: newAnswers(all)}
}

// nas is what sessions call the NAS behind an address: the name of its client, or its own address if several share the
// line.
func (c *client) nas(from netip.Addr) string {
	if c.prefix.IsSingleIP() {
		return c.name
	}
	return from.String()
}

// clients finds who may ask.
type clients struct {
	list     []*client // as the lines are sorted
	byPrefix map[netip.Prefix]*client
	bits     [2][]int // lengths of the prefixes that there are, the longest first: of IPv4, of IPv6
}

// newClients keeps what did not change of those before.
func newClients(lines []clientLine, before *clients, bound *answerBound) *clients {
	c := &clients{byPrefix: map[netip.Prefix]*client{}}
	for _, line := range lines {
		old := before.byPrefix[line.prefix]
		next := old
		switch {
		case old == nil:
			next = newClient(line, nil, bound)
		case old.clientLine != line:
			next = newClient(line, old.counters, bound)
		}
		c.list = append(c.list, next)
		c.byPrefix[line.prefix] = next
		family := familyOf(line.prefix.Addr())
		if bits := line.prefix.Bits(); !slices.Contains(c.bits[family], bits) {
			c.bits[family] = append(c.bits[family], bits)
		}
	}
	for _, old := range before.list {
		if c.byPrefix[old.prefix] != old {
			old.answers.close()
		}
	}
	for family := range c.bits {
		slices.SortFunc(c.bits[family], func(a, b int) int { return b - a })
	}
	return c
}

func familyOf(a netip.Addr) int {
	if a.Is4() {
		return 0
	}
	return 1
}

// find returns the client with the longest prefix that holds the address, or nil. What it costs does not grow with the
// number of lines.
func (c *clients) find(addr netip.Addr) *client {
	for _, bits := range c.bits[familyOf(addr)] {
		if p, err := addr.Prefix(bits); err == nil {
			if found := c.byPrefix[p]; found != nil {
				return found
			}
		}
	}
	return nil
}

// byNAS finds the client that sessions call so, and the address of the NAS.
func (c *clients) byNAS(nas string) (*client, netip.Addr, bool) {
	for _, one := range c.list {
		if one.name == nas && one.prefix.IsSingleIP() {
			return one, one.prefix.Addr(), true
		}
	}
	addr, err := netip.ParseAddr(nas)
	if err != nil {
		return nil, addr, false
	}
	one := c.find(addr.Unmap())
	return one, addr.Unmap(), one != nil
}
