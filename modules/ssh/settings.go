package ssh

import (
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"mbox/modules"
)

const (
	syntaxListen    = "ip ssh listen ADDR [port PORT]"
	syntaxAccess    = "ip ssh access-class PREFIX..."
	syntaxRetries   = "ip ssh authentication-retries COUNT"
	syntaxTimeout   = "ip ssh time-out SECONDS"
	syntaxKeepalive = "ip ssh keepalive SECONDS"
	syntaxLimit     = "ip ssh session-limit COUNT"
	syntaxVersion   = "ip ssh version VERSION"
)

// Defaults. The first three are those of IOS.
const (
	defaultRetries   = 3
	defaultTimeout   = 120 * time.Second
	defaultLimit     = 128
	defaultKeepalive = 30 * time.Second
)

// maxListeners bounds `ip ssh listen`.
const maxListeners = 32

var words = map[string]string{
	"ip":                     "Internet protocol",
	"ssh":                    "The SSH server: sessions and file transfer over the network",
	"listen":                 "Where SSH clients connect; without such a line nobody can",
	"port":                   "TCP port (default: 22; 2222 if the box is not run by root)",
	"access-class":           "Only these addresses may connect (default: all)",
	"authentication-retries": "Failed attempts before a connection is closed",
	"time-out":               "Time to log in before a connection is closed",
	"keepalive":              "How often a silent client is asked whether it is still there",
	"session-limit":          "Sessions that may be open at once",
	"version":                "Version of the SSH protocol",
	"pubkey-chain":           "Public keys that log in",
}

// settings is the applied configuration; it is never changed.
type settings struct {
	listen    []netip.AddrPort
	access    []netip.Prefix // empty: everybody
	retries   int
	timeout   time.Duration // to log in
	keepalive time.Duration
	limit     int               // sessions
	keys      map[string]keySet // by account
}

func defaults() *settings {
	return &settings{
		retries: defaultRetries, timeout: defaultTimeout, keepalive: defaultKeepalive, limit: defaultLimit,
		keys: map[string]keySet{},
	}
}

// admits says whether an address may connect.
func (s *settings) admits(source netip.Addr) bool {
	return len(s.access) == 0 || slices.ContainsFunc(s.access, func(p netip.Prefix) bool { return p.Contains(source.WithZone("")) })
}

func settingStatements() []modules.Statement {
	number := func(syntax, label, help string, lo, hi, otherwise int) modules.Statement {
		return modules.Statement{
			Syntax: syntax, Help: help, Words: words, Args: map[string]modules.Type{label: modules.Int(lo, hi, help)},
			Default: strings.TrimSuffix(syntax, label) + strconv.Itoa(otherwise),
		}
	}
	secs := func(d time.Duration) int { return int(d.Seconds()) }
	return []modules.Statement{
		{
			Syntax: syntaxListen, Help: "Where SSH clients connect; without such a line nobody can", Words: words, Key: []string{"ADDR"},
			Args: map[string]modules.Type{
				"ADDR": modules.Address("Own address; 0.0.0.0 for all of IPv4, :: for all of IPv6"), "PORT": modules.Int(1, 65535, "TCP port"),
			},
		}, {
			Syntax: syntaxAccess, Help: "Only these addresses may connect (default: all)", Words: words, Key: []string{"PREFIX"},
			Args: map[string]modules.Type{"PREFIX": modules.Prefix("Address or prefix that may connect")},
		},
		number(syntaxRetries, "COUNT", "Failed attempts before a connection is closed", 1, 5, defaultRetries),
		number(syntaxTimeout, "SECONDS", "Seconds to log in before a connection is closed", 1, 120, secs(defaultTimeout)),
		number(syntaxKeepalive, "SECONDS", "Seconds between two questions to a client; it is gone when it leaves three unanswered", 5, 3600, secs(defaultKeepalive)),
		number(syntaxLimit, "COUNT", "Sessions that may be open at once", 1, 1024, defaultLimit),
		number(syntaxVersion, "VERSION", "Version of the SSH protocol; there is no other than 2", 2, 2, 2),
	}
}

func (m *Module) parse(tree *modules.Tree) (*settings, error) {
	s := defaults()
	var refused []error
	for _, n := range tree.All(syntaxListen) {
		port := m.deps.Port
		if n.Values.Has("PORT") {
			port = uint16(modules.Get[int](n.Values, "PORT"))
		}
		if len(s.listen) == maxListeners {
			refused = append(refused, modules.Refuse(n, modules.Errorf("more than %d addresses to listen on", maxListeners)))
			continue
		}
		s.listen = append(s.listen, netip.AddrPortFrom(modules.Get[netip.Addr](n.Values, "ADDR"), port))
	}
	for _, n := range tree.All(syntaxAccess) {
		s.access = append(s.access, modules.List[netip.Prefix](n.Values, "PREFIX")...)
	}
	s.retries = numberOf(tree, syntaxRetries, "COUNT", s.retries)
	s.limit = numberOf(tree, syntaxLimit, "COUNT", s.limit)
	s.timeout = secondsOf(tree, syntaxTimeout, s.timeout)
	s.keepalive = secondsOf(tree, syntaxKeepalive, s.keepalive)
	for _, chain := range tree.All(syntaxChain) {
		for _, user := range chain.All(syntaxUser) {
			keys, err := keysOf(user)
			refused = append(refused, err)
			s.keys[modules.Get[string](user.Values, "NAME")] = keys
		}
	}
	return s, errors.Join(refused...)
}

func numberOf(tree *modules.Tree, syntax, label string, otherwise int) int {
	if n, ok := tree.One(syntax); ok {
		return modules.Get[int](n.Values, label)
	}
	return otherwise
}

func secondsOf(tree *modules.Tree, syntax string, otherwise time.Duration) time.Duration {
	return time.Duration(numberOf(tree, syntax, "SECONDS", int(otherwise.Seconds()))) * time.Second
}
