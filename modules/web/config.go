package web

import (
	"context"
	"net/netip"
	"slices"

	"mbox/modules"
)

const (
	syntaxMetricsAllow  = "web metrics allow PREFIX"
	syntaxMetricsListen = "web metrics listen ADDR [port PORT]"
)

var words = map[string]string{
	"web":     "What the HTTPS listener serves",
	"metrics": "Counters for Prometheus, at /metrics",
	"allow":   "Let a monitoring system at an address read them",
	"listen":  "Where it connects (default: every address)",
	"port":    "TCP port (default: that of HTTPS)",
}

// settings is who may read metrics, and where. Nothing is served and nothing listens before the first allow.
type settings struct {
	allow  []netip.Prefix
	listen []netip.AddrPort
}

// Grammar is `web metrics ...`.
func (m *Module) Grammar() modules.Grammar {
	return modules.Grammar{Statements: []modules.Statement{
		{
			Syntax: syntaxMetricsAllow, Help: "Let a monitoring system at an address read the metrics", Words: words, Key: []string{"PREFIX"},
			Args: map[string]modules.Type{"PREFIX": modules.Prefix("Address or prefix of the monitoring system")},
		},
		{
			Syntax: syntaxMetricsListen, Help: "Where metrics are served (default: every address)", Words: words, Key: []string{"ADDR"},
			Args: map[string]modules.Type{
				"ADDR": modules.Address("Own address; 0.0.0.0 or :: for all"), "PORT": modules.Int(1, 65535, "TCP port"),
			},
		},
	}}
}

func (m *Module) parse(tree *modules.Tree) *settings {
	s := &settings{}
	for _, n := range tree.All(syntaxMetricsAllow) {
		s.allow = append(s.allow, modules.Get[netip.Prefix](n.Values, "PREFIX"))
	}
	for _, n := range tree.All(syntaxMetricsListen) {
		port := m.defaultPort
		if n.Values.Has("PORT") {
			port = uint16(modules.Get[int](n.Values, "PORT"))
		}
		s.listen = append(s.listen, netip.AddrPortFrom(modules.Get[netip.Addr](n.Values, "ADDR"), port))
	}
	if len(s.listen) == 0 {
		s.listen = []netip.AddrPort{netip.AddrPortFrom(netip.IPv6Unspecified(), m.defaultPort)}
	}
	return s
}

// Check has nothing to refuse: what the grammar accepts can be applied, or the address cannot be opened.
func (m *Module) Check(*modules.Tree) error { return nil }

// Apply opens or closes the listener for metrics.
func (m *Module) Apply(_ context.Context, tree *modules.Tree) error {
	next := m.parse(tree)
	var addrs []netip.AddrPort
	if len(next.allow) > 0 && m.metrics != nil {
		addrs = next.listen
	}
	if err := m.Listen("metrics", addrs); err != nil {
		return modules.ListenError(err, "web metrics listen ADDRESS port PORT")
	}
	m.settings.Store(next)
	return nil
}

// permits says whether a reader at an address, connected to one of ours, may have the metrics.
func (s *settings) permits(from netip.Addr, to netip.AddrPort) bool {
	listens := slices.ContainsFunc(s.listen, func(l netip.AddrPort) bool {
		return l.Port() == to.Port() && (l.Addr().IsUnspecified() || l.Addr() == to.Addr())
	})
	return listens && slices.ContainsFunc(s.allow, func(p netip.Prefix) bool { return p.Contains(from) })
}
