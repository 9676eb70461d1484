package policy

import (
	"context"

	"mbox/hotspotdb"
	"mbox/modules"
)

const (
	hotspotSyntax = "security hotspot NAME"
	stickySyntax  = "client-sticky {start | last} DAYS"
)

var _ modules.Configured = (*Policy)(nil)

// Name is "policy".
func (*Policy) Name() string { return "policy" }

// Grammar has the lines of a hotspot that are about who gets in.
func (p *Policy) Grammar() modules.Grammar {
	return modules.Grammar{Statements: []modules.Statement{{
		Syntax: hotspotSyntax,
		Help:   "Settings of one hotspot",
		Words:  map[string]string{"security": "Who may use the network", "hotspot": "Settings of one hotspot"},
		Args:   map[string]modules.Type{"NAME": modules.Word("The hotspot's name, which its access points send as NAS-Identifier", checkHotspot)},
		Key:    []string{"NAME"},
		Mode:   "hotspot-NAME",
	}, {
		In:     hotspotSyntax,
		Syntax: stickySyntax,
		Help:   "Let a guest's device in without the portal for some days",
		Words: map[string]string{
			"start": "The days count from the first login",
			"last":  "The days count from the last logout",
		},
		Args: map[string]modules.Type{"DAYS": modules.Int(1, 3660, "Days")},
	}}}
}

// checkHotspot lets pass what fits into NAS-Identifier (RFC 2865 section 5.32) and into the key of a binding.
func checkHotspot(name string) (string, error) {
	return name, hotspotdb.CheckHotspot(name)
}

// Check accepts whatever the grammar does.
func (*Policy) Check(*modules.Tree) error { return nil }

// Apply swaps the settings. Devices that are bound stay so, with the days they were given.
func (p *Policy) Apply(_ context.Context, tree *modules.Tree) error {
	rules := map[string]stickyRule{}
	for _, hotspot := range tree.All(hotspotSyntax) {
		for _, node := range hotspot.All(stickySyntax) {
			rule := stickyRule{mode: hotspotdb.StickyStart, days: uint32(modules.Get[int](node.Values, "DAYS"))}
			if node.Values.Has("last") {
				rule.mode = hotspotdb.StickyLast
			}
			rules[modules.Get[string](hotspot.Values, "NAME")] = rule
		}
	}
	p.sticky.Store(&rules)
	return nil
}
