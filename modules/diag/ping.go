package diag

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"

	"mbox/modules"
)

// Bounds and defaults of ping, as IOS has them but for repeat, which IOS does not bound.
const (
	defaultSize    = 100 // bytes of the packet, IP header included
	minSize        = header4 + echoHeader + cookie
	minSize6       = header6 + echoHeader + cookie
	maxSize        = 18024
	defaultRepeat  = 5
	maxRepeat      = 10_000
	defaultTimeout = 2 // seconds
	maxTimeout     = 60
	pingGap        = 10 * time.Millisecond // between probes, at least: nobody floods with this box
)

func (m *Module) pingCommand() modules.Command {
	return modules.Command{
		Syntax: "ping [ip | ipv6] HOST [source SOURCE] [repeat N] [size BYTES] [timeout SECONDS] [df]",
		Help:   "Ask a host whether it can be reached",
		Words: map[string]string{
			"ping": "Ask a host whether it can be reached", "ip": "Over IPv4", "ipv6": "Over IPv6", "source": "Where it comes from",
			"repeat": "How often", "size": "Length of the packet", "timeout": "How long to wait for each answer",
			"df": "Do not fragment: find the longest packet that passes",
		},
		Args: map[string]modules.Type{
			"HOST": hostType{m.deps.Names}, "SOURCE": sourceType{m},
			"N":       modules.Int(1, maxRepeat, fmt.Sprintf("Packets; %d without", defaultRepeat)),
			"BYTES":   modules.Int(minSize, maxSize, fmt.Sprintf("Bytes with the IP header; %d without, at least %d over IPv6", defaultSize, minSize6)),
			"SECONDS": modules.Int(1, maxTimeout, fmt.Sprintf("Seconds; %d without", defaultTimeout)),
		},
		Level: 1, Run: m.ping, Result: pingView{},
	}
}

// pingView is the result of `ping`.
type pingView struct {
	Host           string      `json:"host"`
	Address        netip.Addr  `json:"address"`
	Source         *netip.Addr `json:"source"` // that the packets came from
	SizeBytes      int         `json:"size_bytes"`
	TimeoutSeconds int         `json:"timeout_seconds"`
	DF             bool        `json:"df"`
	Repeat         int         `json:"repeat"` // how many were to be sent
	Sent           int         `json:"sent"`
	Received       int         `json:"received"`
	SuccessPercent int         `json:"success_percent"`
	MinMS          *float64    `json:"min_ms"` // round trips; null without any
	AvgMS          *float64    `json:"avg_ms"`
	MaxMS          *float64    `json:"max_ms"`
	Rejected       int         `json:"rejected"` // answers that were not to what was sent
	Interrupted    bool        `json:"interrupted"`
	Probes         []pingProbe `json:"probes"`

	target target
	chosen bool // the operator typed the source
	shown  bool // all but the summary, while it ran
}

// pingProbe is one packet.
type pingProbe struct {
	Result string      `json:"result"` // reply, timeout, unreachable, too-big, ttl-exceeded, other
	RTT    *float64    `json:"rtt_ms"`
	From   *netip.Addr `json:"from"` // who answered
	Note   *string     `json:"note"` // what an error says

	mark byte
}

func (m *Module) ping(ctx context.Context, call modules.Call) (modules.View, error) {
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
	view := &pingView{
		Host: to.host, Address: to.addr, SizeBytes: number(v, "BYTES", defaultSize), TimeoutSeconds: number(v, "SECONDS", defaultTimeout),
		Repeat: number(v, "N", defaultRepeat), DF: v.Has("df"), Probes: []pingProbe{}, target: to, chosen: v.Has("SOURCE"), shown: !call.Piped,
	}
	if to.addr.Is6() && view.SizeBytes < minSize6 {
		return nil, modules.Errorf("A packet of IPv6 has at least %d bytes", minSize6)
	}
	s, err := openEcho(options{to: to, df: view.DF})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if from := s.source(); from.IsValid() {
		view.Source = &from
	}
	live := io.Discard
	if view.shown {
		live = call.Terminal
	}
	fmt.Fprint(live, view.heading(call.Terminal.Interactive()))
	if err := view.run(ctx, s, live); err != nil {
		return nil, err
	}
	return view, nil
}

// number is an option, or what holds without it.
func number(v modules.Values, label string, without int) int {
	if v.Has(label) {
		return modules.Get[int](v, label)
	}
	return without
}

// run sends the packets one after the other. The end of ctx is no error: it is Ctrl-C, and the summary follows.
func (v *pingView) run(ctx context.Context, s *socket, live io.Writer) error {
	length := v.SizeBytes - header4 - echoHeader
	if s.v6 {
		length = v.SizeBytes - header6 - echoHeader
	}
	pace := time.NewTicker(pingGap)
	defer pace.Stop()
	for seq := range v.Repeat {
		if seq > 0 {
			select {
			case <-ctx.Done():
			case <-pace.C:
			}
		}
		if v.Interrupted = ctx.Err() != nil; v.Interrupted {
			break
		}
		a, err := s.exchange(ctx, v.target.addr, seq+1, randomPayload(length), time.Duration(v.TimeoutSeconds)*time.Second)
		v.Rejected += a.rejected
		if v.Interrupted = ctx.Err() != nil; v.Interrupted {
			break
		}
		if err != nil {
			return err
		}
		v.note(a)
		fmt.Fprint(live, v.marks(seq))
	}
	v.sum()
	if v.Sent%marksPerLine != 0 {
		fmt.Fprintln(live)
	}
	return nil
}

// note keeps what became of a packet.
func (v *pingView) note(a answer) {
	p := pingProbe{Result: resultTimeout, mark: '.'}
	if a.from.IsValid() {
		p.From = &a.from
	}
	switch {
	case a.replied():
		p.Result, p.mark = resultReply, '!'
	case a.note != nil:
		m := a.note.meaning()
		p.Result, p.mark, p.Note = m.result, m.mark, &m.text
	}
	if a.replied() {
		ms := milliseconds(a.rtt)
		p.RTT = &ms
	}
	v.Probes = append(v.Probes, p)
}

// milliseconds are exact to the microsecond.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func (v *pingView) sum() {
	var trips []float64
	total := 0.0
	for _, p := range v.Probes {
		if p.RTT != nil {
			trips = append(trips, *p.RTT)
			total += *p.RTT
		}
	}
	v.Sent, v.Received = len(v.Probes), len(trips)
	if v.Received == 0 {
		return
	}
	v.SuccessPercent = 100 * v.Received / v.Sent
	least, most, mean := slices.Min(trips), slices.Max(trips), float64(int(total/float64(len(trips))*1000+0.5))/1000
	v.MinMS, v.MaxMS, v.AvgMS = &least, &most, &mean
}
