package sync

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"mbox/hotspotdb"
)

// A box that comes back must not serve guests before it knows what happened while it was away: it is ready once it has caught
// up with its peers, or has waited for them in vain for a bounded time. Once ready, it stays ready for as long as it runs.

// waitInVain is how long a box waits for peers that do not come, in all.
const waitInVain = time.Minute

// settling is how long a new connection may take until it is clear that no dataset flows to us over it.
const settling = 5 * time.Second

const starting = "the box is starting"

// readiness is how far a box is that has come back.
type readiness struct {
	ready  bool
	why    string
	alone  time.Duration // without a connection to those it waits for
	looked time.Time
}

// awaited is a peer, or several of which one suffices, whose data this box waits for.
type awaited struct {
	name      string
	connected bool
	caughtUp  bool
}

// Ready says whether this box may serve (take the virtual address of a pair), and why or why not. It is not, after its start,
// until it has caught up once with a primary that it follows, and with each single address that it takes accounts from, or
// has been without them for a minute.
func (m *Module) Ready() (ready bool, why string) {
	if m.deps.DB == nil {
		return false, "the box runs in rescue, or has no hotspot database"
	}
	m.watch.mu.Lock()
	defer m.watch.mu.Unlock()
	return m.watch.ready.ready, m.watch.ready.why
}

func (m *Module) judgeReady(seen []PeerStatus, partners []string, now time.Time) {
	m.watch.mu.Lock()
	was := m.watch.ready.ready
	m.watch.ready.step(waitFor(seen, partners), now)
	is := m.watch.ready
	m.watch.mu.Unlock()
	if is.ready && !was {
		m.record(evReady, "", "this box is ready to serve", is.why)
	}
}

// waitFor lists what the box waits for: one of its primaries, and each partner.
func waitFor(seen []PeerStatus, partners []string) []awaited {
	var out []awaited
	var primary awaited
	var names []string
	for _, p := range seen {
		if p.Role != roleUpstream {
			continue
		}
		names = append(names, p.Name)
		primary.connected = primary.connected || p.link != nil
		primary.caughtUp = primary.caughtUp || p.caughtUp()
	}
	if len(names) > 0 {
		primary.name = strings.Join(names, " or ")
		out = append(out, primary)
	}
	for _, address := range partners {
		w := awaited{name: address}
		for _, p := range seen {
			if p.Address != nil && *p.Address == address && p.Role == roleDownstream {
				w.connected, w.caughtUp = true, w.caughtUp || p.caughtUp()
			}
		}
		out = append(out, w)
	}
	return out
}

// caughtUp says whether everything that flows to us from the peer has arrived.
func (p PeerStatus) caughtUp() bool {
	if p.link == nil || p.State == stateStale {
		return false
	}
	receives := false
	for _, d := range p.Datasets {
		if d.Direction != "receive" {
			continue
		}
		receives = true
		if !d.started || d.BehindSeconds >= lateBy.Seconds() {
			return false
		}
	}
	return receives || time.Since(p.report.Since) > settling
}

// partners are the other boxes of pairs that dial us: single addresses from which accounts are taken.
func (c *config) partners() []string {
	var out []string
	for _, a := range c.allows {
		if a.prefix.IsSingleIP() && slices.Contains(a.accept, hotspotdb.Users.String()) {
			out = append(out, a.prefix.Addr().String())
		}
	}
	return out
}

// step is one look at those the box waits for.
func (r *readiness) step(list []awaited, now time.Time) {
	if r.ready {
		return
	}
	since := r.looked
	r.looked = now
	if len(list) == 0 {
		if !since.IsZero() { // looked at twice, because the configuration may be just coming in
			r.ready, r.why = true, "there is no peer to wait for"
		}
		return
	}
	list = slices.DeleteFunc(list, func(a awaited) bool { return a.caughtUp })
	if len(list) == 0 {
		r.ready, r.why = true, "caught up with its peers"
		return
	}
	if i := slices.IndexFunc(list, func(a awaited) bool { return a.connected }); i >= 0 {
		r.why = "catching up with " + list[i].name
		return
	}
	if !since.IsZero() {
		r.alone += now.Sub(since)
	}
	if r.alone >= waitInVain {
		r.ready, r.why = true, fmt.Sprintf("waited %v in vain for %s", waitInVain, list[0].name)
		return
	}
	r.why = fmt.Sprintf("waiting for %s, at most %v longer", list[0].name, (waitInVain - r.alone).Round(time.Second))
}
