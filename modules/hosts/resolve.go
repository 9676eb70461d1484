package hosts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Limits for one server and one address, so that a dead one leaves time for the next.
const (
	serverTimeout  = 4 * time.Second
	addressTimeout = 10 * time.Second
)

// LookupNetIP returns the addresses of a name: an address stands for itself, a local name wins, then the configured name
// servers are asked in order, or the system's resolver if there are none. The error is a *net.DNSError if nobody knows
// the name.
func (m *Module) LookupNetIP(ctx context.Context, name string) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(name); err == nil {
		return []netip.Addr{addr.Unmap()}, nil
	}
	clean, err := ParseName(name)
	if err != nil {
		return nil, fmt.Errorf("look up %q: %w", name, err)
	}
	t := m.table.Load()
	if addrs, known := t.names()[clean]; known {
		return slices.Clone(addrs), nil
	}
	addrs, err := m.ask(ctx, t.servers, clean)
	if err != nil {
		return nil, fmt.Errorf("look up %s: %w", clean, err)
	}
	for i := range addrs {
		addrs[i] = addrs[i].Unmap()
	}
	return addrs, nil
}

// ask tries the servers until one answers, also if it answers that there is no such name.
func (m *Module) ask(ctx context.Context, servers []netip.Addr, name string) ([]netip.Addr, error) {
	if len(servers) == 0 {
		return net.DefaultResolver.LookupNetIP(ctx, "ip", name)
	}
	var failed error
	for _, server := range servers {
		addrs, err := m.askServer(ctx, server, name)
		var dns *net.DNSError
		if err == nil || errors.As(err, &dns) && dns.IsNotFound || ctx.Err() != nil {
			return addrs, err
		}
		failed = errors.Join(failed, fmt.Errorf("name server %s: %w", server, err))
	}
	return nil, failed
}

func (m *Module) askServer(ctx context.Context, server netip.Addr, name string) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, serverTimeout)
	defer cancel()
	addrs, err := m.resolver(server).LookupNetIP(ctx, "ip", name+".") // the dot: the system's search list does not belong to the box
	return addrs, unnamed(err)
}

// DialContext connects to host:port, trying each address of the host in order.
func (m *Module) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return m.Dialer(netip.Addr{}).DialContext(ctx, network, address)
}

// Dialer connects from one of this box's addresses.
type Dialer struct {
	module *Module
	source netip.Addr
}

// Dialer returns a dialer whose connections come from source, or from the address that the routes choose if source is the
// zero Addr.
func (m *Module) Dialer(source netip.Addr) *Dialer { return &Dialer{m, source.Unmap()} }

// DialContext connects to host:port over network (tcp, tcp4, tcp6, udp, udp4, udp6), trying each address of the host that
// fits the network and the source, in order. The error tells of each.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", address, err)
	}
	addrs, err := d.module.LookupNetIP(ctx, host)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", address, err)
	}
	addrs = slices.DeleteFunc(addrs, func(a netip.Addr) bool { return !d.fits(network, a) })
	if len(addrs) == 0 {
		return nil, fmt.Errorf("dial %s: no address of %s can be reached over %s%s", address, host, network, d.from())
	}
	var failed error
	for i, addr := range addrs {
		conn, err := d.dial(ctx, network, net.JoinHostPort(addr.String(), port), len(addrs)-i)
		if err == nil {
			return conn, nil
		}
		failed = errors.Join(failed, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, fmt.Errorf("dial %s: %w", address, failed)
}

// dial gives an address its share of the time that is left for it and those after it.
func (d *Dialer) dial(ctx context.Context, network, address string, left int) (net.Conn, error) {
	timeout := addressTimeout
	if deadline, ok := ctx.Deadline(); ok {
		timeout = min(timeout, time.Until(deadline)/time.Duration(left))
	}
	dialer := net.Dialer{Timeout: cmp.Or(timeout, 1), LocalAddr: d.local(network)} // 0 would be no limit
	return dialer.DialContext(ctx, network, address)
}

func (d *Dialer) local(network string) net.Addr {
	if !d.source.IsValid() {
		return nil
	}
	if strings.HasPrefix(network, "udp") {
		return net.UDPAddrFromAddrPort(netip.AddrPortFrom(d.source, 0))
	}
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(d.source, 0))
}

func (d *Dialer) fits(network string, a netip.Addr) bool {
	switch {
	case strings.HasSuffix(network, "4") && !a.Is4(), strings.HasSuffix(network, "6") && !a.Is6():
		return false
	}
	return !d.source.IsValid() || d.source.Is4() == a.Is4()
}

func (d *Dialer) from() string {
	if d.source.IsValid() {
		return " from " + d.source.String()
	}
	return ""
}
