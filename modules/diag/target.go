package diag

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"mbox/modules"
)

// target is where a test goes, and from where.
type target struct {
	host   string     // as typed
	addr   netip.Addr // with a zone if it is link-local
	source netip.Addr // the zero Addr: as the routes choose
}

// String is the target for people: "name (address)".
func (t target) String() string {
	if t.host == t.addr.String() {
		return t.host
	}
	return fmt.Sprintf("%s (%s)", t.host, t.addr)
}

// target finds the address of HOST and that of SOURCE, of one family.
func (m *Module) target(ctx context.Context, v modules.Values) (target, error) {
	t := target{host: modules.Get[string](v, "HOST")}
	source, zone, err := m.sources(ctx, modules.Get[string](v, "SOURCE"))
	if err != nil {
		return t, err
	}
	addrs, err := m.lookup(ctx, t.host)
	if err != nil {
		return t, err
	}
	family := "IPv4 or IPv6"
	switch {
	case v.Has("ip"):
		addrs, family = slices.DeleteFunc(addrs, netip.Addr.Is6), "IPv4"
	case v.Has("ipv6"):
		addrs, family = slices.DeleteFunc(addrs, netip.Addr.Is4), "IPv6"
	}
	if len(addrs) == 0 {
		return t, modules.Errorf("%s has no %s address", t.host, family)
	}
	for _, addr := range addrs {
		for _, from := range source {
			if addr.Is4() == from.Is4() && (addr.Is4() || addr.IsLinkLocalUnicast() == from.IsLinkLocalUnicast()) {
				t.source = from
				break
			}
		}
		if t.addr = addr; len(source) == 0 || t.source.IsValid() {
			break
		}
	}
	if len(source) > 0 && !t.source.IsValid() {
		return t, modules.Errorf("%s is not of the same kind of address as %s", v["SOURCE"], t.addr)
	}
	if t.addr.IsLinkLocalUnicast() && t.addr.Zone() == "" {
		t.addr = t.addr.WithZone(zone)
	}
	return t, checkTarget(t.addr)
}

// checkTarget refuses what many would answer to, or nobody could.
func checkTarget(addr netip.Addr) error {
	switch {
	case addr.IsUnspecified(), addr.IsMulticast(), addr == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return &modules.Error{Message: fmt.Sprintf("%s is not the address of one host", addr), Hint: "Give an address that one host answers on."}
	case addr.Is6() && addr.IsLinkLocalUnicast() && addr.Zone() == "":
		return &modules.Error{Message: fmt.Sprintf("%s is on every link", addr), Hint: "Say on which: add source INTERFACE."}
	}
	return nil
}

func (m *Module) lookup(ctx context.Context, name string) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(name); err == nil {
		return []netip.Addr{addr.Unmap()}, nil
	}
	addrs, err := m.deps.Resolver.LookupNetIP(ctx, name)
	var unknown *net.DNSError
	switch {
	case err == nil:
		return slices.Clone(addrs), nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.As(err, &unknown) && unknown.IsNotFound:
		return nil, &modules.Error{Message: "Unrecognized host or address: " + name, Hint: "`show hosts` lists the names that this box knows itself, and the servers that it asks."}
	}
	return nil, &modules.Error{
		Message: fmt.Sprintf("No name server says what address %s has: %v", name, err),
		Hint:    "Check `ip name-server`, or give the address.",
	}
}

// sources are the addresses that SOURCE may stand for, and the interface that it names.
func (m *Module) sources(ctx context.Context, source string) (addrs []netip.Addr, zone string, err error) {
	if source == "" {
		return nil, "", nil
	}
	if addr, err := netip.ParseAddr(source); err == nil {
		return []netip.Addr{addr.Unmap()}, addr.Zone(), nil
	}
	links, err := m.deps.Interfaces(ctx)
	if err != nil {
		return nil, "", fmt.Errorf("list the interfaces: %w", err)
	}
	for _, link := range links {
		if link.Name != source {
			continue
		}
		for _, prefix := range link.Addresses {
			addr := prefix.Addr()
			if addr.Is6() && addr.IsLinkLocalUnicast() {
				addr = addr.WithZone(link.Name)
			}
			addrs = append(addrs, addr)
		}
		if len(addrs) == 0 {
			return nil, "", modules.Errorf("The interface %s has no address", source)
		}
		return addrs, link.Name, nil
	}
	return nil, "", &modules.Error{Message: "There is no interface " + source, Hint: "`show ip interface brief` lists them."}
}

// maxListed bounds what `?` shows.
const maxListed = 20

// hostType is a name or an address; `?` shows the names that this box knows.
type hostType struct {
	names func(string) []modules.Candidate
}

var errHost = errors.New("expected a name such as box2.example.com, or an address such as 10.0.0.1 or 2001:db8::1")

func (hostType) Parse(text string) (any, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		return addr.Unmap().String(), nil
	}
	odd := func(r rune) bool {
		return r != '.' && r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}
	if text == "" || len(text) > 253 || text[0] == '-' || strings.ContainsFunc(text, odd) || !strings.ContainsFunc(text, letter) {
		return nil, errHost
	}
	return text, nil
}

func letter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }

func (hostType) Render(v any) string { return v.(string) }
func (hostType) Form() string        { return "WORD" }
func (hostType) Help() string        { return "Name or address of the host" }
func (hostType) Secret() bool        { return false }

func (t hostType) List(prefix string) []modules.Candidate {
	if t.names == nil {
		return nil
	}
	return t.names(prefix)
}

// sourceType is an address of this box, or an interface; `?` shows them.
type sourceType struct{ module *Module }

var errSource = errors.New("expected an address of this box, or an interface such as eth0")

func (sourceType) Parse(text string) (any, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		if addr.IsUnspecified() || addr.IsMulticast() {
			return nil, errSource
		}
		return addr.Unmap().String(), nil
	}
	odd := func(r rune) bool { return r <= ' ' || r > '~' || r == '/' || r == '%' }
	if text == "" || len(text) > 15 || strings.ContainsFunc(text, odd) { // IFNAMSIZ
		return nil, errSource
	}
	return text, nil
}

func (sourceType) Render(v any) string { return v.(string) }
func (sourceType) Form() string        { return "A.B.C.D|X:X::X|WORD" }
func (sourceType) Help() string        { return "Address of this box, or interface, that it comes from" }
func (sourceType) Secret() bool        { return false }

func (t sourceType) List(prefix string) (out []modules.Candidate) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	links, err := t.module.deps.Interfaces(ctx)
	if err != nil {
		return nil // a hint, no more
	}
	for _, link := range links {
		if !strings.HasPrefix(link.Name, prefix) || len(out) == maxListed {
			continue
		}
		help := "no address"
		if len(link.Addresses) > 0 {
			help = link.Addresses[0].String()
		}
		out = append(out, modules.Candidate{Text: link.Name, Help: help})
	}
	return out
}
