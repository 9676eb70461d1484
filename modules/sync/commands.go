package sync

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"mbox/modules"
	"mbox/modules/sync/peer"
)

const levelWrite = 15

func (m *Module) commands(name modules.Type) []modules.Command {
	return []modules.Command{
		{
			Syntax: "show mbox sync status [detail]", Help: "Who is in step with whom", Words: words, Level: 1,
			Support: "show mbox sync status detail", Result: Status{},
			Run: func(_ context.Context, call modules.Call) (modules.View, error) {
				s := m.Status()
				s.withDetail = call.Values.Has("detail")
				return s, nil
			},
		},
		{
			Syntax: "show mbox sync peers", Help: "All boxes that were ever connected", Words: words, Level: 1,
			Support: "show mbox sync peers", Result: KnownPeers{},
			Run: func(context.Context, modules.Call) (modules.View, error) { return m.showPeers() },
		},
		{
			Syntax: "show mbox sync log [last N]", Help: "What has happened with peers, the newest last", Words: words, Level: 1,
			Args: map[string]modules.Type{"N": modules.Int(1, maxEvents, "How many entries")}, Run: m.showLog,
			Support: "show mbox sync log last 300", Result: Log{},
		},
		{
			Syntax: "test mbox sync NAME", Help: "Connect to a primary and say what happens", Words: words, Level: levelWrite,
			Args: map[string]modules.Type{"NAME": name}, Run: m.test, Result: TestResult{},
		},
		{
			Syntax: "clear mbox sync pin NAME", Help: "Forget the key of a primary that was replaced", Words: words, Level: levelWrite,
			Args: map[string]modules.Type{"NAME": name}, Run: m.clearPin,
		},
		{
			Syntax: "clear mbox sync peer PEER", Help: "Forget a box that was replaced or given a new key", Words: words, Level: levelWrite,
			Args: map[string]modules.Type{"PEER": modules.Known(modules.Word("Host name or key of the box, as `show mbox sync peers` prints them", nil), m.peerNames)},
			Run:  m.clearPeer,
		},
	}
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
		return nil, &modules.Error{Message: fmt.Sprintf("No primary %s is configured", name), Hint: fmt.Sprintf("Type: mbox sync primary %s username USER password PASSWORD", name)}
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
	m.record(evUnpinned, name, "its pinned key was forgotten", "typed by "+call.Actor.Name)
	m.mu.Lock()
	m.refollow(m.config) // at once
	m.mu.Unlock()
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
	m.record(evPeerForgotten, name, "the box was forgotten", "typed by "+call.Actor.Name)
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
	Changes  uint64    `json:"changes"`  // taken from it, ever; of followers
	Vouchers bool      `json:"vouchers"` // flowed over its last connection, in either direction
}

// KnownPeers is `show mbox sync peers`.
type KnownPeers []KnownPeer

// Text prints a block for each peer.
func (k KnownPeers) Text(w io.Writer, width int) error {
	page := &page{w: w, width: width}
	if len(k) == 0 {
		page.line("No box was ever connected.")
	}
	for _, p := range k {
		page.line("%s  %s  %s", p.Hostname, p.Role, p.Address)
		page.line("  account %s, last connected %s", p.Account, p.LastSeen.Format(time.DateTime))
		if p.Changes > 0 {
			page.line("  %d changes taken from it", p.Changes)
		}
		page.line("  box sha256:%s", p.Box)
	}
	return page.err
}

func (m *Module) remember(s *peer.Session, role string) {
	m.knownMu.Lock()
	defer m.knownMu.Unlock()
	p := KnownPeer{
		Box: s.BoxID, Hostname: s.Hostname, Role: role, Address: s.Address.String(), Account: s.Grant.Account, Software: s.Software,
		Database: s.Database.String(), LastSeen: m.deps.Now().UTC(), Vouchers: tookVouchers(s),
	}
	old := m.known(role, s.BoxID)
	before := old.LastSeen
	p.Changes, old.LastSeen = old.Changes, p.LastSeen
	if p == old && p.LastSeen.Sub(before) < time.Minute {
		return // a peer that comes and goes need not wear out the disk
	}
	m.keep(p)
}

// followersKnown are the followers that were ever connected. It takes no lock.
func (m *Module) followersKnown() ([]KnownPeer, error) {
	all, err := m.deps.Peers.All()
	if err != nil {
		return nil, fmt.Errorf("read the known peers: %w", err)
	}
	var out []KnownPeer
	for key, raw := range all {
		var p KnownPeer
		if strings.HasPrefix(key, roleDownstream+"/") && json.Unmarshal(raw, &p) == nil {
			out = append(out, p)
		}
	}
	return out, nil
}

func (m *Module) showPeers() (modules.View, error) {
	list, err := m.knownPeers()
	if err != nil {
		return nil, err
	}
	now := m.takenNow()
	for i := range list {
		if list[i].Role == roleDownstream {
			list[i].Changes += now[list[i].Box]
		}
	}
	return list, nil
}

// knownPeers are those that were ever connected, by name. It takes no lock.
func (m *Module) knownPeers() (KnownPeers, error) {
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
