// Package hosts holds the names that the box itself knows and the name servers that it asks for all others. Whatever the
// box dials, it dials through this package, so a name of the configuration means the same everywhere.
package hosts

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"mbox/modules"
)

// Bounds of the configuration.
const (
	MaxNames     = 10_000
	MaxAddresses = 64 // of one name
	MaxServers   = 16
)

const (
	hostSyntax   = "ip host NAME ADDR"
	serverSyntax = "ip name-server ADDR..."
)

// Module is local names and the resolver. Its methods may be called from many goroutines.
type Module struct {
	table   atomic.Pointer[table]
	dnsPort uint16
}

var _ modules.Configured = (*Module)(nil)

// table is the applied configuration; it is never changed.
type table struct {
	// names maps a name in lower case to its addresses in the order of running-config. It is made at the first lookup: a
	// pasted block of thousands of lines applies after each.
	names   func() map[string][]netip.Addr
	servers []netip.Addr // as typed, each once
}

// New makes the module; until configuration is applied it knows no name and asks the system's resolver.
func New() *Module {
	m := &Module{dnsPort: 53}
	m.table.Store(&table{names: func() map[string][]netip.Addr { return nil }})
	return m
}

// Name is "hosts".
func (*Module) Name() string { return "hosts" }

// Grammar has the lines of local names and name servers.
func (m *Module) Grammar() modules.Grammar {
	return modules.Grammar{
		Statements: []modules.Statement{{
			Syntax: hostSyntax,
			Help:   "Give a name an address, for this box's own connections",
			Words: map[string]string{
				"ip":   "Internet protocol",
				"host": "Give a name an address, for this box's own connections",
			},
			Args: map[string]modules.Type{
				"NAME": nameType{modules.Word("Name of the host", ParseName), m},
				"ADDR": modules.Address("Address; repeat the line to give a name several"),
			},
			Key: []string{"NAME", "ADDR"},
		}, {
			Syntax: serverSyntax,
			Help:   "Name servers that this box asks, in this order",
			Words:  map[string]string{"name-server": "Name servers that this box asks, in this order"},
			Args:   map[string]modules.Type{"ADDR": modules.Known(modules.Address("Address of a name server"), m.serversNow)},
			Key:    []string{"ADDR"},
			Order:  modules.AsTyped,
		}},
		Commands: []modules.Command{{
			Syntax: "show hosts [NAME]",
			Help:   "Names that this box knows, and its name servers",
			Args:   map[string]modules.Type{"NAME": nameType{modules.Word("Only this name", ParseName), m}},
			Level:  1,
			Run:    m.showHosts,
			Result: hostsView{},
		}},
	}
}

// Check refuses addresses that nothing can be sent to, and too many of anything.
func (*Module) Check(candidate *modules.Tree) error {
	_, err := build(candidate)
	return err
}

// Apply swaps the table: lookups that began before it end with the old one.
func (m *Module) Apply(_ context.Context, tree *modules.Tree) error {
	t, err := build(tree)
	if err != nil {
		return err
	}
	m.table.Store(t)
	return nil
}

// build makes the table of a tree. The error names each line that it refuses.
func build(tree *modules.Tree) (*table, error) {
	hosts, t := tree.All(hostSyntax), &table{}
	refused := checkHosts(hosts)
	t.names = sync.OnceValue(func() map[string][]netip.Addr { return index(hosts) })
	for _, node := range tree.All(serverSyntax) {
		for _, addr := range modules.List[netip.Addr](node.Values, "ADDR") {
			if err := t.addServer(addr); err != nil {
				refused = append(refused, modules.Refuse(node, err))
				break
			}
		}
	}
	return t, errors.Join(refused...)
}

// checkHosts relies on the order of the tree: the lines of one name stand together.
func checkHosts(hosts []*modules.Node) (refused []error) {
	names, addrs, last := 0, 0, ""
	for _, node := range hosts {
		name, addr := host(node)
		if name != last {
			names, addrs, last = names+1, 0, name
		}
		addrs++
		err := checkAddress(addr)
		switch {
		case err != nil:
		case names > MaxNames:
			err = modules.Errorf("more than %d names", MaxNames)
		case addrs > MaxAddresses:
			err = modules.Errorf("more than %d addresses for %s", MaxAddresses, name)
		}
		if err != nil {
			refused = append(refused, modules.Refuse(node, err))
		}
	}
	return refused
}

func host(node *modules.Node) (string, netip.Addr) {
	return modules.Get[string](node.Values, "NAME"), modules.Get[netip.Addr](node.Values, "ADDR")
}

func index(hosts []*modules.Node) map[string][]netip.Addr {
	names := map[string][]netip.Addr{}
	for _, node := range hosts {
		name, addr := host(node)
		names[name] = append(names[name], addr)
	}
	return names
}

func (t *table) addServer(addr netip.Addr) error {
	if err := checkAddress(addr); err != nil {
		return err
	}
	if slices.Contains(t.servers, addr) {
		return nil
	}
	if len(t.servers) == MaxServers {
		return modules.Errorf("more than %d name servers", MaxServers)
	}
	t.servers = append(t.servers, addr)
	return nil
}

func checkAddress(addr netip.Addr) error {
	if addr.IsUnspecified() || addr.IsMulticast() || addr == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return &modules.Error{
			Message: fmt.Sprintf("%s is not the address of a host", addr),
			Hint:    "Give an address that the box can connect to.",
		}
	}
	return nil
}

// ParseName checks a host name (RFC 1123 section 2.1, with underscores tolerated) and returns it in lower case and
// without a trailing dot.
func ParseName(s string) (string, error) {
	if n := len(s); n > 0 && s[n-1] == '.' {
		s = s[:n-1]
	}
	if s == "" || len(s) > 253 {
		return "", errors.New("expected a name of 1 to 253 characters such as box2.example.com")
	}
	out := []byte(s)
	label, digits := 0, true // of the label so far: its length, and whether it has digits only
	for i, c := range out {
		switch {
		case c == '.':
			if label == 0 || out[i-1] == '-' {
				return "", errLabel
			}
			label, digits = 0, true
			continue
		case c >= 'A' && c <= 'Z':
			out[i] = c + 'a' - 'A'
			digits = false
		case c >= 'a' && c <= 'z', c == '_', c == '-' && label > 0:
			digits = false
		case c >= '0' && c <= '9':
		default:
			return "", errLabel
		}
		if label++; label > 63 {
			return "", errLabel
		}
	}
	if label == 0 || out[len(out)-1] == '-' {
		return "", errLabel
	}
	if digits { // RFC 1123: otherwise 10.0.0.300 would be a name
		return "", errors.New("expected a name; its last part cannot be a number")
	}
	return string(out), nil
}

var errLabel = errors.New("expected a name of letters, digits and hyphens such as box2.example.com " +
	"(1 to 63 characters between dots, no hyphen at either end)")
