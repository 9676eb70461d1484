package diag

import (
	"fmt"
	"io"
	"strings"
)

// Text is what IOS prints. What was shown while it ran is not shown again.
func (v *traceView) Text(w io.Writer, _ int) error {
	var b strings.Builder
	if !v.shown {
		b.WriteString(v.heading(false))
		for _, hop := range v.Hops {
			b.WriteString(hop.text())
		}
	}
	b.WriteString(v.notes())
	_, err := io.WriteString(w, b.String())
	return err
}

func (v *traceView) heading(interactive bool) string {
	text := fmt.Sprintf("Tracing the route to %s\n", v.target)
	if interactive {
		text = "Type Ctrl-C to abort.\n" + text
	}
	return text
}

// text is a line for each router that answers at that distance.
func (h traceHop) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%3d", h.TTL)
	last := ""
	for _, p := range h.Probes {
		if p.Address == nil {
			b.WriteString(p.silence())
			continue
		}
		who := p.Address.String()
		if p.Name != nil && *p.Name != who {
			who = fmt.Sprintf("%s (%s)", *p.Name, who)
		}
		if who != last {
			if last != "" {
				b.WriteString("\n   ")
			}
			b.WriteString(" " + who)
			last = who
		}
		fmt.Fprintf(&b, " %d msec", whole(*p.RTT))
		if p.Sign != nil {
			b.WriteString(" " + *p.Sign)
		}
	}
	return b.String() + "\n"
}

func (p traceProbe) silence() string {
	if p.Sign != nil {
		return " " + *p.Sign
	}
	return " *"
}

// notes explain the signs, each once, and an end before the host.
func (v *traceView) notes() string {
	var b strings.Builder
	said := map[string]bool{}
	for _, hop := range v.Hops {
		for _, p := range hop.Probes {
			if p.Sign != nil && !said[*p.Sign] {
				said[*p.Sign] = true
				fmt.Fprintf(&b, "%s: %s\n", *p.Sign, *p.Note)
			}
		}
	}
	if !v.Reached && !v.Interrupted && b.Len() == 0 {
		fmt.Fprintf(&b, "%s did not answer within %d hops.\n", v.Address, v.MaxTTL)
	}
	return b.String()
}
