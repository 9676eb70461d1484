package hosts

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"

	"mbox/modules"
)

// LookupAddr returns a name of an address: a local one if there is one, else what the configured name servers say, or the
// system's resolver if there are none. Whoever owns an address chooses that name; it is a name by ParseName and no more.
// The error is a *net.DNSError if nobody knows one.
func (m *Module) LookupAddr(ctx context.Context, addr netip.Addr) (string, error) {
	t := m.table.Load()
	addr = addr.Unmap().WithZone("")
	names := t.names()
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if slices.Contains(names[name], addr) {
			return name, nil
		}
	}
	list, err := m.askNames(ctx, t.servers, addr)
	if err != nil {
		return "", fmt.Errorf("look up the name of %s: %w", addr, err)
	}
	for _, name := range list {
		if clean, err := ParseName(name); err == nil {
			return clean, nil
		}
	}
	return "", fmt.Errorf("look up the name of %s: %w", addr, &net.DNSError{Err: "no usable name", Name: addr.String(), IsNotFound: true})
}

// askNames tries the servers until one answers, also if it answers that there is no name.
func (m *Module) askNames(ctx context.Context, servers []netip.Addr, addr netip.Addr) ([]string, error) {
	if len(servers) == 0 {
		return net.DefaultResolver.LookupAddr(ctx, addr.String())
	}
	var failed error
	for _, server := range servers {
		names, err := m.askServerName(ctx, server, addr)
		var dns *net.DNSError
		if err == nil || errors.As(err, &dns) && dns.IsNotFound || ctx.Err() != nil {
			return names, err
		}
		failed = errors.Join(failed, fmt.Errorf("name server %s: %w", server, err))
	}
	return nil, failed
}

func (m *Module) askServerName(ctx context.Context, server, addr netip.Addr) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, serverTimeout)
	defer cancel()
	names, err := m.resolver(server).LookupAddr(ctx, addr.String())
	if len(names) > 0 {
		err = nil // beside them there were some that no host can have
	}
	return names, unnamed(err)
}

// unnamed takes the server's address out of an error: package net names that of the system, which was not asked.
func unnamed(err error) error {
	var dns *net.DNSError
	if errors.As(err, &dns) {
		dns.Server = ""
	}
	return err
}

// Names are the configured names with the prefix, some of them, for `?`.
func (m *Module) Names(prefix string) []modules.Candidate { return nameType{module: m}.List(prefix) }

// resolver asks one server.
func (m *Module) resolver(server netip.Addr) *net.Resolver {
	address := netip.AddrPortFrom(server, m.dnsPort).String()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}}
}
