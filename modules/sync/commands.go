package sync

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"mbox/hotspotdb"
	"mbox/modules"
	"mbox/modules/sync/peer"
)

const levelWrite = 15

func (m *Module) commands(name modules.Type) []modules.Command {
	return []modules.Command{
		{
			Syntax: "show mbox sync status [detail]", Help: "Who is in step with whom", Words: words, Level: 1,
			Run: func(_ context.Context, call modules.Call) (modules.View, error) {
				s := m.Status()
				s.withDetail = call.Values.Has("detail")
				return s, nil
			},
		},
		{
			Syntax: "show mbox sync peers", Help: "All boxes that were ever connected", Words: words, Level: 1,
			Run: func(context.Context, modules.Call) (modules.View, error) { return m.knownPeers() },
		},
		{
			Syntax: "show mbox sync conflicts", Help: "Records that were changed on two boxes at once", Words: words, Level: levelWrite,
			Run: func(context.Context, modules.Call) (modules.View, error) { return m.conflicts() },
		},
		{
			Syntax: "test mbox sync NAME", Help: "Connect to a primary and say what happens", Words: words, Level: levelWrite,
			Args: map[string]modules.Type{"NAME": name}, Run: m.test,
		},
		{
			Syntax: "clear mbox sync pin NAME", Help: "Forget the key of a primary that was replaced", Words: words, Level: levelWrite,
			Args: map[string]modules.Type{"NAME": name}, Run: m.clearPin,
		},
		{
			Syntax: "clear mbox sync peer PEER", Help: "Forget a box that was replaced or given a new key", Words: words, Level: levelWrite,
			Args: map[string]modules.Type{"PEER": modules.Word("Host name or key of the box, as `show mbox sync peers` prints them", nil)},
			Run:  m.clearPeer,
		},
	}
}

// Text prints the status: two lines a peer, then what is to be known or done.
func (s Status) Text(w io.Writer, width int) error {
	p := &page{w: w, width: width}
	p.line("Box %s (sha256:%s)", s.Hostname, s.boxText())
	p.line("State: %s", s.State)
	switch {
	case s.ReadOnly != "":
		p.line("Sync is off: %s.", s.ReadOnly)
	case len(s.Peers) == 0 && s.State == stateOff:
		p.line("Sync is not configured. To be followed: mbox sync allow ADDRESS. To follow: mbox sync primary NAME username USER password PASSWORD")
	case len(s.Peers) == 0:
		p.line("No follower is connected.")
	}
	for _, peer := range s.Peers {
		p.line("")
		p.line("%s  %s  %s", peer.Name, peer.Role, orDash(peer.Address))
		p.line("  %s", peer.sentence(s.Time))
		s.notes(p, peer)
		if s.withDetail {
			s.detail(p, peer)
		}
	}
	s.tail(p)
	return p.err
}

// boxText is the whole key where it is needed: `mbox sync fingerprint` takes it from the detail.
func (s Status) boxText() string {
	const short = 16
	if s.withDetail {
		return s.Box
	}
	return s.Box[:min(short, len(s.Box))] + "..."
}

func (p PeerStatus) sentence(now time.Time) string {
	parts := []string{p.stateText()}
	if p.BehindChanges != nil {
		parts = append(parts, p.behindText()+" behind", "verified "+ago(p.VerifiedAt, now))
	}
	return strings.Join(append(parts, "since "+ago(&p.Since, now)), ", ")
}

func (s Status) notes(w *page, p PeerStatus) {
	if p.Reason != nil {
		w.line("  %s", *p.Reason)
	}
	if p.Rehomed > 0 {
		w.line("  It has forgotten %d records that it had sent (restored from a backup?). They are kept here, and go back to it where `send` here and `accept` there name their dataset.", p.Rehomed)
	}
	switch {
	case p.LocalChanges > 0 && p.Role == roleUpstream:
		w.line("  %d records here are not the same there: they were changed here, or came from another box. What was changed here goes there where `send` here and `accept` there name its dataset.", p.LocalChanges)
	case p.LocalChanges > 0:
		w.line("  %d records there are not the same here: they were changed there, or came from another box. To take what was changed there, name its dataset behind `accept` here and `send` there.", p.LocalChanges)
	}
}

func (s Status) detail(w *page, p PeerStatus) {
	if p.Box != nil {
		w.line("  box sha256:%s", *p.Box)
		w.line("  received %s, sent %s on this connection", bytesText(p.ReceivedBytes), bytesText(p.SentBytes))
	}
	if len(p.Datasets) == 0 {
		return
	}
	w.line("  %-9s %-9s %8s  %-12s %s", "DATASET", "DIRECTION", "BEHIND", "VERIFIED", "DIFFERENT")
	for _, d := range p.Datasets {
		proof := "stored only" // upwards there is nothing to compare sums with
		if d.provable {
			proof = ago(d.VerifiedAt, s.Time)
		}
		w.line("  %-9s %-9s %8d  %-12s %d", d.Dataset, d.Direction, d.BehindChanges, proof, d.LocalChanges+d.Unexplained)
	}
}

func (s Status) tail(w *page) {
	if len(s.Refused)+s.SetAside+s.Conflicts > 0 {
		w.line("")
	}
	for _, r := range s.Refused {
		w.line("%s was refused %s: %s", r.Address, ago(&r.Time, s.Time), r.Reason)
	}
	if s.SetAside > 0 {
		w.line("%d changes are set aside until this box's clock reaches their stamps.", s.SetAside)
	}
	if s.Conflicts > 0 {
		w.line("%d conflicts are listed: show mbox sync conflicts", s.Conflicts)
	}
	if !s.withDetail || s.ReadOnly != "" {
		return
	}
	w.line("")
	w.line("Digests (equal on two boxes that hold the same)")
	for _, ds := range hotspotdb.Datasets() {
		w.line("  %-9s %s", ds, s.Digests[ds])
	}
}

// page prints lines folded between words; what a line begins with is repeated.
type page struct {
	w     io.Writer
	width int // 0: do not fold
	err   error
}

func (p *page) line(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	indent := text[:len(text)-len(strings.TrimLeft(text, " "))]
	for p.width > len(indent)+1 && len(text) > p.width {
		cut := strings.LastIndexByte(text[:p.width+1], ' ')
		if cut <= len(indent) {
			break // a word that is longer than the line
		}
		p.print(text[:cut])
		text = indent + strings.TrimLeft(text[cut:], " ")
	}
	p.print(text)
}

func (p *page) print(text string) {
	if p.err == nil {
		_, p.err = fmt.Fprintln(p.w, text)
	}
}

func (p PeerStatus) stateText() string {
	if p.Percent == nil {
		return p.State
	}
	text := fmt.Sprintf("%s %d%%", p.State, *p.Percent)
	if p.EtaSeconds != nil {
		text += fmt.Sprintf(" (%s left)", round(time.Duration(*p.EtaSeconds*float64(time.Second))))
	}
	return text
}

func (p PeerStatus) behindText() string {
	switch {
	case p.BehindChanges == nil:
		return "-"
	case *p.BehindChanges == 0:
		return "0 changes"
	}
	return fmt.Sprintf("%d changes and %s", *p.BehindChanges, round(time.Duration(*p.BehindSeconds*float64(time.Second))))
}

func orDash(s *string) string {
	if s == nil {
		return "-"
	}
	return *s
}

func ago(t *time.Time, now time.Time) string {
	if t == nil {
		return "never"
	}
	return round(now.Sub(*t)) + " ago"
}

func round(d time.Duration) string {
	switch {
	case d < time.Second:
		return "0s"
	case d < 24*time.Hour:
		return d.Round(time.Second).String()
	}
	return fmt.Sprintf("%dd%dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}

func bytesText(n int64) string {
	switch {
	case n >= 10<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 10<<10:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}

// test connects as the follower would, proves both sides, and leaves.
func (m *Module) test(ctx context.Context, call modules.Call) (modules.View, error) {
	name := modules.Get[string](call.Values, "NAME")
	m.mu.Lock()
	var u *upstream
	for _, other := range m.upstreams {
		if other.cfg.Name == name {
			u = &upstream{cfg: other.cfg, pins: other.pins, probe: true}
		}
	}
	m.mu.Unlock()
	if u == nil {
		return nil, &modules.Error{Message: fmt.Sprintf("%s is not configured", name), Hint: fmt.Sprintf("Type: mbox sync primary %s username USER password PASSWORD", name)}
	}
	began := time.Now()
	session, err := m.connect(ctx, u)
	if err != nil {
		return nil, modules.Errorf("%s: %s", name, reason(err))
	}
	defer session.Part("test", "only a test")
	return TestResult{
		Name: name, Address: session.Address.String(), Box: session.BoxID, Hostname: session.Hostname,
		Milliseconds: float64(time.Since(began).Microseconds()) / 1000,
	}, nil
}

// TestResult is `test mbox sync`.
type TestResult struct {
	Name         string  `json:"name"`
	Address      string  `json:"address"`
	Box          string  `json:"box"`
	Hostname     string  `json:"hostname"`
	Milliseconds float64 `json:"milliseconds"`
}

// Text prints the result.
func (r TestResult) Text(w io.Writer, _ int) error {
	_, err := fmt.Fprintf(w, "%s at %s is %s (sha256:%s); both sides proved the password in %.1f ms\n", r.Name, r.Address, r.Hostname, r.Box, r.Milliseconds)
	return err
}

func (m *Module) clearPin(_ context.Context, call modules.Call) (modules.View, error) {
	name := modules.Get[string](call.Values, "NAME")
	pins, err := m.pins.Forget(name)
	if err != nil {
		return nil, fmt.Errorf("forget the pins of %s: %w", name, err)
	}
	if len(pins) == 0 {
		return nil, modules.Errorf("No key is pinned under %s", name)
	}
	// The box behind the name may be the same one with a new key and its old database.
	for _, pin := range pins {
		if _, err := m.forgetPeer(pin.BoxID); err != nil {
			return nil, err
		}
	}
	m.deps.Log.Info("sync: the pinned key was forgotten", "primary", name, "actor", call.Actor.Name)
	return modules.Text(fmt.Sprintf("The pinned key of %s is forgotten; the next key that proves the password is pinned.\n", name)), nil
}

func (m *Module) clearPeer(_ context.Context, call modules.Call) (modules.View, error) {
	name := strings.TrimPrefix(modules.Get[string](call.Values, "PEER"), "sha256:")
	n, err := m.forgetPeer(name)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, modules.Errorf("No box %s is known; `show mbox sync peers` lists them", name)
	}
	m.deps.Log.Info("sync: a box was forgotten", "peer", name, "actor", call.Actor.Name)
	return modules.Text(fmt.Sprintf("Box %s is forgotten; it is known again when it has proved the password.\n", name)), nil
}

// KnownPeer is a box that was connected once.
type KnownPeer struct {
	Box      string    `json:"box"`
	Hostname string    `json:"hostname"`
	Role     string    `json:"role"`
	Address  string    `json:"address"`
	Account  string    `json:"account"`
	Software string    `json:"software"`
	Database string    `json:"database"`
	LastSeen time.Time `json:"last_seen"`
}

// KnownPeers is `show mbox sync peers`.
type KnownPeers []KnownPeer

// Text prints a line for each peer.
func (k KnownPeers) Text(w io.Writer, _ int) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "HOSTNAME\tROLE\tADDRESS\tACCOUNT\tLAST CONNECTED\tBOX")
	for _, p := range k {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\tsha256:%s\n", p.Hostname, p.Role, p.Address, p.Account, p.LastSeen.Format(time.DateTime), p.Box)
	}
	return t.Flush()
}

func (m *Module) remember(s *peer.Session, role string) {
	p := KnownPeer{
		Box: s.BoxID, Hostname: s.Hostname, Role: role, Address: s.Address.String(), Account: s.Grant.Account, Software: s.Software,
		Database: s.Database.String(), LastSeen: m.deps.Now().UTC(),
	}
	raw, err := json.Marshal(p)
	if err == nil {
		err = m.deps.Peers.Put(role+"/"+s.BoxID, raw)
	}
	if err != nil {
		m.deps.Log.Warn("sync: a peer could not be remembered", "peer", s.Hostname, "error", err)
	}
}

func (m *Module) knownPeers() (modules.View, error) {
	all, err := m.deps.Peers.All()
	if err != nil {
		return nil, fmt.Errorf("read the known peers: %w", err)
	}
	list := KnownPeers{}
	for key, raw := range all {
		if strings.HasPrefix(key, ownerPrefix) {
			continue
		}
		var p KnownPeer
		if err := json.Unmarshal(raw, &p); err != nil {
			return nil, fmt.Errorf("read the known peer %s: %w", key, err)
		}
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b KnownPeer) int { return strings.Compare(a.Hostname+a.Role+a.Box, b.Hostname+b.Role+b.Box) })
	return list, nil
}
