package sync

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"

	"mbox/hotspotdb"
	"mbox/modules"
	"mbox/modules/sync/auth"
)

// config is the desired state.
type config struct {
	allows       []allow // longest prefix first
	listens      []netip.AddrPort
	primaries    []primary
	fingerprints map[string][]string // box ids by the name that is dialed
	acknowledge  *acknowledge        // nil: a write is confirmed when it is durable here
}

// allow is one line `mbox sync allow`.
type allow struct {
	prefix   netip.Prefix
	datasets []string // that flow to the follower
	accept   []string // that are taken from it
}

// defaultPrimaryPort is dialed unless the line says otherwise: RFC 9110, section 4.2.2.
const defaultPrimaryPort = 443

// primary is one line `mbox sync primary`.
type primary struct {
	Name     string
	Port     uint16
	Account  string
	Sealed   string
	Source   netip.Addr
	Datasets []string
	Send     []string

	AutoResync bool // after too long an absence

	typedSource netip.Addr // as Source, but invalid if nobody typed it
}

func (m *Module) parse(tree *modules.Tree) (*config, error) {
	c := &config{fingerprints: map[string][]string{}}
	var err error
	if c.acknowledge, err = parseAcknowledge(tree); err != nil {
		return nil, err
	}
	for _, n := range tree.All(syntaxAllow) {
		a := allow{prefix: modules.Get[netip.Prefix](n.Values, "PREFIX"), accept: names(n.Values, "ACCEPTED")}
		a.datasets = names(n.Values, "DATASET")
		if !n.Values.Has("datasets") {
			a.datasets = allDatasets()
		}
		c.allows = append(c.allows, a)
	}
	slices.SortStableFunc(c.allows, func(a, b allow) int { return b.prefix.Bits() - a.prefix.Bits() })
	for _, n := range tree.All(syntaxListen) {
		c.listens = append(c.listens, netip.AddrPortFrom(modules.Get[netip.Addr](n.Values, "ADDR"), m.port(n.Values, m.deps.DefaultPort)))
	}
	if len(c.listens) == 0 {
		c.listens = []netip.AddrPort{netip.AddrPortFrom(netip.IPv6Unspecified(), m.deps.DefaultPort)}
	}
	for _, n := range tree.All(syntaxFingerprint) {
		name := modules.Get[string](n.Values, "NAME")
		c.fingerprints[name] = append(c.fingerprints[name], modules.Get[string](n.Values, "FINGERPRINT"))
	}
	for _, n := range tree.All(syntaxPrimary) {
		p, err := m.parsePrimary(n.Values, tree)
		if err != nil {
			return nil, &modules.StatementError{Line: n.Line(true), Err: err}
		}
		c.primaries = append(c.primaries, p)
	}
	return c, nil
}

func (m *Module) parsePrimary(v modules.Values, tree *modules.Tree) (primary, error) {
	p := primary{
		Name: modules.Get[string](v, "NAME"), Port: m.port(v, defaultPrimaryPort), Account: modules.Get[string](v, "USER"),
		Sealed: modules.Get[string](v, "SEALED"), Source: modules.Get[netip.Addr](v, "SOURCE"),
		Datasets: names(v, "DATASET"), Send: names(v, "SENT"), AutoResync: v.Has("auto-resync"),
	}
	p.typedSource = p.Source
	if !v.Has("datasets") {
		p.Datasets = allDatasets()
	}
	if _, err := m.deps.Identity.Open6(p.Sealed, sealLabel(p.Name)); err != nil {
		return p, &modules.Error{
			Message: "its password was encrypted by another box and cannot be read here",
			Hint:    fmt.Sprintf("Type the line again: mbox sync primary %s username %s password PASSWORD", p.Name, p.Account),
		}
	}
	if listens := tree.All(syntaxListen); !p.Source.IsValid() && len(listens) == 1 {
		if a := modules.Get[netip.Addr](listens[0].Values, "ADDR"); !a.IsUnspecified() {
			p.Source = a // the address that the primary allows is most likely the one that this box is known by
		}
	}
	return p, nil
}

// line is the statement as the operator would type it again, without the password.
func (p primary) line() string {
	text := fmt.Sprintf("mbox sync primary %s username %s password PASSWORD", p.Name, p.Account)
	if p.Port != defaultPrimaryPort {
		text += fmt.Sprintf(" port %d", p.Port)
	}
	if p.typedSource.IsValid() {
		text += " source " + p.typedSource.String()
	}
	if len(p.Datasets) < len(allDatasets()) {
		text += " datasets " + strings.Join(p.Datasets, " ")
	}
	switch {
	case len(p.Send) == len(allDatasets()):
		text += " send " + everything
	case len(p.Send) > 0:
		text += " send " + strings.Join(p.Send, " ")
	}
	if p.AutoResync {
		text += " auto-resync"
	}
	return text
}

func (m *Module) port(v modules.Values, otherwise uint16) uint16 {
	if v.Has("PORT") {
		return uint16(modules.Get[int](v, "PORT"))
	}
	return otherwise
}

// addresses is what to listen on: nothing before the first allow.
func (c *config) addresses() []netip.AddrPort {
	if len(c.allows) == 0 {
		return nil
	}
	return c.listens
}

func (c *config) samePrimaries(o *config) bool {
	return reflect.DeepEqual(c.primaries, o.primaries) && reflect.DeepEqual(c.fingerprints, o.fingerprints)
}

// permit finds the line that allows an address: the longest prefix wins.
func (c *config) permit(addr netip.Addr) (allow, error) {
	for _, a := range c.allows {
		if a.prefix.Contains(addr) {
			return a, nil
		}
	}
	return allow{}, auth.Refuse(auth.CodeAddress, "address %s is not allowed; on the primary type `mbox sync allow %s`", addr, addr)
}

// allowsText is permit for an address as it is remembered.
func (c *config) allowsText(addr string) bool {
	a, err := netip.ParseAddr(addr)
	if err != nil {
		return false
	}
	_, err = c.permit(a)
	return err == nil
}

// names expands a list of datasets; `all` names every one.
func names(v modules.Values, label string) []string {
	list := modules.List[string](v, label)
	if slices.Contains(list, everything) {
		return allDatasets()
	}
	slices.Sort(list)
	return slices.Compact(list)
}

const everything = "all"

func allDatasets() []string {
	var out []string
	for _, ds := range hotspotdb.Datasets() {
		out = append(out, ds.String())
	}
	slices.Sort(out)
	return out
}

func sealLabel(name string) string { return "mbox sync primary " + name }
