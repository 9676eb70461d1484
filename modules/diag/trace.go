package diag

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"sync"
	"time"

	"mbox/modules"
)

// Bounds and defaults of traceroute, as IOS has them but for probe, which IOS bounds by 65535.
const (
	defaultHops         = 30
	maxHops             = 255
	defaultProbes       = 3
	maxProbes           = 10
	defaultTraceTimeout = 3 // seconds
	basePort            = 33434
	tracePayload        = 12          // bytes; with them a UDP packet of IPv4 has 40
	nameTime            = time.Second // for the name of a router
)

func (m *Module) traceCommand() modules.Command {
	return modules.Command{
		Syntax: "traceroute [ip | ipv6] HOST [source SOURCE] [ttl MIN MAX] [probe N] [timeout SECONDS] [port PORT] [icmp] [numeric]",
		Help:   "List the routers on the way to a host",
		Words: map[string]string{
			"traceroute": "List the routers on the way to a host", "ip": "Over IPv4", "ipv6": "Over IPv6", "source": "Where it comes from",
			"ttl": "From which hop to which", "probe": "How often each hop is asked", "timeout": "How long to wait for answers",
			"port": "Port of the first packet", "icmp": "With ICMP echo instead of UDP", "numeric": "Without the names of routers",
		},
		Args: map[string]modules.Type{
			"HOST": hostType{m.deps.Names}, "SOURCE": sourceType{m},
			"MIN":     modules.Int(1, maxHops, "The first hop; 1 without"),
			"MAX":     modules.Int(1, maxHops, fmt.Sprintf("The last hop; %d without", defaultHops)),
			"N":       modules.Int(1, maxProbes, fmt.Sprintf("Packets for each hop; %d without", defaultProbes)),
			"SECONDS": modules.Int(1, maxTimeout, fmt.Sprintf("Seconds; %d without", defaultTraceTimeout)),
			"PORT":    modules.Int(1, 65_535, fmt.Sprintf("UDP port, one more for each packet; %d without", basePort)),
		},
		Level: 1, Run: m.traceroute, Result: traceView{},
	}
}

// traceView is the result of `traceroute`.
type traceView struct {
	Host           string      `json:"host"`
	Address        netip.Addr  `json:"address"`
	Source         *netip.Addr `json:"source"`   // that was typed
	Protocol       string      `json:"protocol"` // udp, icmp
	MinTTL         int         `json:"min_ttl"`
	MaxTTL         int         `json:"max_ttl"`
	Probes         int         `json:"probes"` // for each hop
	TimeoutSeconds int         `json:"timeout_seconds"`
	Reached        bool        `json:"reached"`
	Interrupted    bool        `json:"interrupted"`
	Hops           []traceHop  `json:"hops"`

	target target
	shown  bool // while it ran
}

// traceHop is one distance from here.
type traceHop struct {
	TTL    int          `json:"ttl"`
	Probes []traceProbe `json:"probes"`
}

// traceProbe is one packet.
type traceProbe struct {
	Result  string      `json:"result"`  // as of ping; ttl-exceeded is a router that answers
	Address *netip.Addr `json:"address"` // of who answered
	Name    *string     `json:"name"`
	RTT     *float64    `json:"rtt_ms"`
	Sign    *string     `json:"sign"` // !H, !N, !X and such
	Note    *string     `json:"note"` // what it means

	final bool // it came to the host
}

func (m *Module) traceroute(ctx context.Context, call modules.Call) (modules.View, error) {
	leave, err := m.take(call.Actor)
	if err != nil {
		return nil, err
	}
	defer leave()
	v := call.Values
	to, err := m.target(ctx, v)
	if err != nil {
		return nil, err
	}
	view := &traceView{
		Host: to.host, Address: to.addr, Protocol: "udp", MinTTL: number(v, "MIN", 1), MaxTTL: number(v, "MAX", defaultHops),
		Probes: number(v, "N", defaultProbes), TimeoutSeconds: number(v, "SECONDS", defaultTraceTimeout), Hops: []traceHop{},
		target: to, shown: !call.Piped,
	}
	if view.MinTTL > view.MaxTTL {
		return nil, modules.Errorf("The first hop, %d, is behind the last, %d", view.MinTTL, view.MaxTTL)
	}
	if to.source.IsValid() {
		view.Source = &to.source
	}
	if v.Has("icmp") {
		view.Protocol = "icmp"
	}
	live := io.Discard
	if view.shown {
		live = call.Terminal
	}
	fmt.Fprint(live, view.heading(call.Terminal.Interactive()))
	names := &names{resolver: m.deps.Resolver, target: to, off: v.Has("numeric")}
	if err := view.run(ctx, number(v, "PORT", basePort), names, live); err != nil {
		return nil, err
	}
	return view, nil
}

// run asks one hop after the other. The end of ctx is no error: it is Ctrl-C.
func (v *traceView) run(ctx context.Context, port int, names *names, live io.Writer) error {
	for ttl := v.MinTTL; ttl <= v.MaxTTL && !v.Reached; ttl++ {
		hop, err := v.hop(ctx, ttl, port+(ttl-v.MinTTL)*v.Probes)
		if v.Interrupted = ctx.Err() != nil; v.Interrupted {
			return nil
		}
		if err != nil {
			return err
		}
		names.fill(ctx, hop.Probes)
		v.Hops = append(v.Hops, hop)
		fmt.Fprint(live, hop.text())
		refused := 0
		for _, p := range hop.Probes {
			v.Reached = v.Reached || p.final
			if p.Sign != nil {
				refused++
			}
		}
		if refused == len(hop.Probes) {
			return nil // nothing gets any further
		}
	}
	return nil
}

// hop sends the packets of one hop at once; each has a socket of its own, so that an answer is to one of them only.
func (v *traceView) hop(ctx context.Context, ttl, port int) (traceHop, error) {
	hop := traceHop{TTL: ttl, Probes: make([]traceProbe, v.Probes)}
	failed := make([]error, v.Probes)
	var group sync.WaitGroup
	for i := range hop.Probes {
		group.Go(func() {
			hop.Probes[i], failed[i] = v.probe(ctx, ttl, uint16((port+i-1)%65_535+1), i+1)
		})
	}
	group.Wait()
	for _, err := range failed {
		if err != nil {
			return hop, err
		}
	}
	return hop, nil
}

func (v *traceView) probe(ctx context.Context, ttl int, port uint16, seq int) (p traceProbe, err error) {
	open := openUDP
	if v.Protocol == "icmp" {
		open = openEcho
	}
	s, err := open(options{to: v.target, port: port, ttl: ttl})
	if err != nil {
		return p, err
	}
	defer s.Close()
	a, err := s.exchange(ctx, v.target.addr, seq, randomPayload(tracePayload), time.Duration(v.TimeoutSeconds)*time.Second)
	if err != nil {
		return p, err
	}
	p = traceProbe{Result: resultTimeout}
	if a.from.IsValid() {
		ms := milliseconds(a.rtt)
		p.Address, p.RTT = &a.from, &ms
	}
	switch m := a.note.meaning(); {
	case a.replied():
		p.Result, p.final = resultReply, true
	case m.final:
		p.Result, p.final = resultReply, true
	case a.note != nil:
		p.Result = m.result
		if m.sign != "" {
			p.Sign, p.Note = &m.sign, &m.text
		}
	}
	return p, nil
}

// names finds those of routers. Whoever owns an address chooses its name, so it is checked before it is shown.
type names struct {
	resolver Resolver
	target   target
	off      bool
	known    map[netip.Addr]*string
}

func (n *names) fill(ctx context.Context, probes []traceProbe) {
	if n.known == nil {
		n.known = map[netip.Addr]*string{}
	}
	for i := range probes {
		addr := probes[i].Address
		if addr == nil || n.off {
			continue
		}
		name, asked := n.known[*addr]
		if !asked {
			name = n.ask(ctx, *addr)
			n.known[*addr] = name
		}
		probes[i].Name = name
	}
}

func (n *names) ask(ctx context.Context, addr netip.Addr) *string {
	ctx, cancel := context.WithTimeout(ctx, nameTime)
	defer cancel()
	name, err := n.resolver.LookupAddr(ctx, addr)
	if _, bad := (hostType{}).Parse(name); err == nil && bad == nil {
		return &name
	}
	if addr == n.target.addr.WithZone("") && n.target.host != n.target.addr.String() {
		return &n.target.host
	}
	return nil
}
