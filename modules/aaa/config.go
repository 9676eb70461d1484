package aaa

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"mbox/modules"
)

// The ports of RFC 2865 section 3 and RFC 2866 section 3, and RFC 5176 section 2.1 for requests to a NAS.
const (
	defaultAuthPort = 1812
	defaultAcctPort = 1813
	defaultCoAPort  = 3799
)

// defaultInterim is how often a NAS is asked to report a session. A quota is overdrawn by no more than passes in this time.
// RFC 2869 section 5.16 allows no less than a minute.
const (
	defaultInterim = 60 * time.Second
	minInterim     = 60
	maxInterim     = 24 * 60 * 60
)

// config is the desired state.
type config struct {
	authPort, acctPort uint16
	listens            []netip.Addr // the zero list: every address
	interim            time.Duration
	clients            []clientLine
	realms             []serverLine // servers of one realm in the order in which they were typed
}

// clientLine is one line `client`. Lines that are equal are the same client.
type clientLine struct {
	prefix  netip.Prefix
	name    string
	key     string
	dialect string // type
	coaPort uint16
	lenient bool // requests without a Message-Authenticator are taken
}

// serverLine is one line `realm`.
type serverLine struct {
	realm              string // lower case
	addr               netip.Addr
	key                string
	authPort, acctPort uint16
	strip              bool
	lenient            bool // its answers need no Message-Authenticator
}

func (m *Module) parse(tree *modules.Tree) (*config, error) {
	c := &config{authPort: defaultAuthPort, acctPort: defaultAcctPort, interim: defaultInterim}
	root, found := tree.One(syntaxServer)
	if !found {
		return c, nil
	}
	typed := root
	for _, n := range root.All(syntaxAuthPort) {
		typed, c.authPort = n, uint16(modules.Get[int](n.Values, "PORT"))
	}
	for _, n := range root.All(syntaxAcctPort) {
		typed, c.acctPort = n, uint16(modules.Get[int](n.Values, "PORT"))
	}
	if c.acctPort == c.authPort {
		return nil, modules.Refuse(typed, &modules.Error{
			Message: "authentication and accounting need two ports",
			Hint:    fmt.Sprintf("They are auth-port %d and acct-port %d unless you say otherwise.", defaultAuthPort, defaultAcctPort),
		})
	}
	for _, n := range root.All(syntaxListen) {
		c.listens = append(c.listens, modules.Get[netip.Addr](n.Values, "ADDR"))
	}
	for _, n := range root.All(syntaxInterim) {
		c.interim = time.Duration(modules.Get[int](n.Values, "SECONDS")) * time.Second
	}
	if err := m.parseClients(c, root); err != nil {
		return nil, err
	}
	return c, m.parseRealms(c, root)
}

func (m *Module) parseClients(c *config, root *modules.Node) error {
	names := map[string]bool{}
	for _, n := range root.All(syntaxClient) {
		v := n.Values
		line := clientLine{
			prefix: modules.Get[netip.Prefix](v, "PREFIX"), name: modules.Get[string](v, "NASNAME"),
			dialect: modules.Get[string](v, "TYPE"), coaPort: portOf(v, "PORT", defaultCoAPort), lenient: v.Has("optional"),
		}
		if line.name == "" {
			line.name = modules.Prefix("").Render(line.prefix)
		}
		if addr, err := netip.ParseAddr(line.name); err == nil && !line.prefix.Contains(addr.Unmap()) {
			return modules.Refuse(n, modules.Errorf("the name %s is the address of somebody else", line.name))
		}
		if names[line.name] {
			return modules.Refuse(n, &modules.Error{
				Message: "another client is called " + line.name, Hint: "Sessions name their client: choose another name.",
			})
		}
		names[line.name] = true
		var err error
		if line.key, err = m.openKey(v, clientLabel(line.prefix)); err != nil {
			return modules.Refuse(n, err)
		}
		c.clients = append(c.clients, line)
	}
	return nil
}

func (m *Module) parseRealms(c *config, root *modules.Node) error {
	for _, n := range root.All(syntaxRealm) {
		v := n.Values
		line := serverLine{
			realm: modules.Get[string](v, "NAME"), addr: modules.Get[netip.Addr](v, "ADDR"), strip: v.Has("strip"), lenient: v.Has("optional"),
			authPort: portOf(v, "AUTHPORT", defaultAuthPort), acctPort: portOf(v, "ACCTPORT", defaultAcctPort),
		}
		var err error
		if line.key, err = m.openKey(v, realmLabel(line.realm, line.addr)); err != nil {
			return modules.Refuse(n, err)
		}
		c.realms = append(c.realms, line)
	}
	return nil
}

// openKey reads a shared secret that sealKey has encrypted.
func (m *Module) openKey(v modules.Values, label string) (string, error) {
	key, err := m.deps.Sealer.Open6(modules.Get[string](v, "SEALED"), label)
	if err != nil {
		return "", &modules.Error{
			Message: "its key was encrypted by another box and cannot be read here",
			Hint:    "Type the line again with the key itself: key SECRET",
		}
	}
	return string(key), nil
}

func portOf(v modules.Values, label string, otherwise uint16) uint16 {
	if v.Has(label) {
		return uint16(modules.Get[int](v, label))
	}
	return otherwise
}

func clientLabel(p netip.Prefix) string { return "security radius-server client " + p.String() }

func realmLabel(name string, addr netip.Addr) string {
	return fmt.Sprintf("security radius-server realm %s %s", name, addr)
}

// endpoint is where requests of one kind are taken.
type endpoint struct {
	addr netip.AddrPort
	kind kind
}

// endpoints is what to listen on: nothing before the first client. The unspecified addresses are two sockets, because one
// for both families would show IPv4 clients as IPv6.
func (c *config) endpoints() []endpoint {
	if len(c.clients) == 0 {
		return nil
	}
	addrs := c.listens
	if len(addrs) == 0 {
		addrs = []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()}
	}
	var out []endpoint
	for _, addr := range addrs {
		out = append(out, endpoint{netip.AddrPortFrom(addr, c.authPort), authentication}, endpoint{netip.AddrPortFrom(addr, c.acctPort), accounting})
	}
	return out
}

// source is the address that requests of this box come from, as the NAS knows it: that of `listen`, if it is one.
func (c *config) source(to netip.Addr) netip.Addr {
	own := slices.DeleteFunc(slices.Clone(c.listens), func(a netip.Addr) bool { return a.IsUnspecified() || a.Is4() != to.Is4() })
	if len(own) == 1 {
		return own[0]
	}
	return netip.Addr{}
}
