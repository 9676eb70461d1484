package sync

import (
	"context"
	"fmt"
	"slices"
	"strings"
	stdsync "sync"
	"time"

	"mbox/modules/sync/feed"
)

const (
	// watchEvery is how often the primaries are looked at.
	watchEvery = 500 * time.Millisecond
	// watchAtOnce is how many followers are looked at each second: more of them are looked at less often.
	watchAtOnce = 1024
	// fullFor is how long the status speaks of a full disk after it was the last time.
	fullFor = time.Minute
	// settles is how long a peer must be catching up before that is worth an entry in the log.
	settles = 5 * time.Second
)

// watcher remembers what the status of one moment cannot tell: rates, since when, and what became of links that have ended.
type watcher struct {
	mu        stdsync.Mutex // guards what follows
	own       trail
	links     map[*feed.Link]*linkWatch
	peers     map[string]*course // by key
	ended     map[string]totals  // of links that have ended, by role
	full      time.Time          // when a peer's changes could last not be stored for lack of space
	aside     int                // changes set aside, at the last look
	conflicts int
	counted   bool   // conflicts has been set
	notice    string // the last one
	ready     readiness

	refusals    refusals
	connections map[string]uint64 // made, by role
}

func newWatcher() *watcher {
	return &watcher{
		links: map[*feed.Link]*linkWatch{}, peers: map[string]*course{}, ended: map[string]totals{},
		refusals: refusals{}, connections: map[string]uint64{}, ready: readiness{why: starting},
	}
}

// linkWatch is what was seen of one link.
type linkWatch struct {
	glance
	role, peer string
	told       totals // what the log knows of
}

// course is how the state of one peer has gone.
type course struct {
	state  string
	since  time.Time
	logged string // the last state that was recorded
}

// totals count what a link has done.
type totals struct {
	received, sent    int64  // bytes
	taken, given      uint64 // changes received and sent
	repaired, rehomed uint64 // records that had gone missing here; that the peer has forgotten
}

func totalsOf(r feed.Report) totals {
	t := totals{received: r.Received, sent: r.Sent}
	for _, in := range r.Incoming {
		t.taken += in.Changes
		t.repaired += in.Repaired
		t.rehomed += in.Rehomed
	}
	for _, out := range r.Outgoing {
		t.given += out.Changes
	}
	return t
}

func (t totals) plus(o totals) totals {
	return totals{
		t.received + o.received, t.sent + o.sent, t.taken + o.taken, t.given + o.given,
		t.repaired + o.repaired, t.rehomed + o.rehomed,
	}
}

// note samples a link and returns what was seen of it.
func (w *watcher) note(link *feed.Link, p *PeerStatus, r feed.Report, now time.Time) glance {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := w.links[link]
	if l == nil {
		l = &linkWatch{role: p.Role, peer: p.Name}
		w.links[link] = l
	}
	l.add(r, now)
	return l.glance
}

func (w *watcher) heads() trail {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.own
}

// since says since when a peer is in a state; zero if it was not seen in it.
func (w *watcher) since(key, state string) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c := w.peers[key]; c != nil && c.state == state {
		return c.since
	}
	return time.Time{}
}

// diskFull is when changes of a peer could last not be stored for lack of space; nil if that is some time ago.
func (w *watcher) diskFull(now time.Time) *time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.full.IsZero() || now.Sub(w.full) > fullFor {
		return nil
	}
	return when(w.full)
}

// observe looks at all peers again and again until ctx ends, and records what has changed.
func (m *Module) observe(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	var followers time.Time // when they are due
	for {
		now := time.Now()
		all := !now.Before(followers)
		if all {
			followers = now.Add(m.followersEvery())
		}
		m.look(now, all)
		m.events.save(now)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// followersEvery is how long the followers are left alone, so that looking at thousands costs no more than at some.
func (m *Module) followersEvery() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return time.Second * time.Duration(1+len(m.downstream)/watchAtOnce)
}

// look is one look at the primaries, and at all followers.
func (m *Module) look(now time.Time, all bool) {
	own := m.watch.heads().mark(m.deps.DB, now)
	m.watch.mu.Lock()
	m.watch.own = own
	m.watch.mu.Unlock()

	m.mu.Lock()
	clock := m.deps.Now().UTC()
	live := map[*feed.Link]bool{}
	var seen []PeerStatus
	for _, u := range m.upstreams {
		live[u.link] = true
		seen = append(seen, m.upstreamStatus(u, clock))
	}
	for d := range m.downstream {
		live[d.link] = true
		if all {
			seen = append(seen, m.downstreamStatus(d, clock))
		}
	}
	partners := m.config.partners()
	m.mu.Unlock()

	for _, p := range seen {
		m.lookAt(p, now)
	}
	m.forgetLinks(live)
	m.lookAtStore()
	if all {
		m.lookAtNotice()
		m.judgeReady(seen, partners, now)
	}
}

// lookAt records what has changed with a peer since the last look.
func (m *Module) lookAt(p PeerStatus, now time.Time) {
	if p.link != nil {
		m.tellGrowth(p.link, totalsOf(*p.report))
	}
	m.watch.mu.Lock()
	c := m.watch.peers[p.key]
	if c == nil {
		c = &course{}
		m.watch.peers[p.key] = c
	}
	if c.state != p.State {
		c.state, c.since = p.State, now
	}
	ripe := c.logged != p.State && (p.State != stateCatchingUp || now.Sub(c.since) >= settles)
	if ripe {
		c.logged = p.State
	}
	m.watch.mu.Unlock()
	if k, worth := stateEvents[p.State]; worth && ripe && p.link != nil {
		m.record(k, p.Name, p.said(), orNothing(p.Reason))
	}
}

// said is the state of a peer as the log words it.
func (p PeerStatus) said() string {
	switch p.State {
	case stateInSync:
		return "in sync: at the head, and every bucket verified"
	case stateCatchingUp:
		return "catching up, " + p.behindText() + " behind"
	case stateStale:
		return "stale: nothing flows"
	case stateDiverged:
		return "the boxes hold different records"
	}
	return p.State
}

// tellGrowth records what a link has found since it was last looked at.
func (m *Module) tellGrowth(link *feed.Link, now totals) {
	m.watch.mu.Lock()
	l := m.watch.links[link]
	if l == nil {
		m.watch.mu.Unlock()
		return
	}
	before := l.told
	l.told = now
	m.watch.mu.Unlock()
	if n := grown(before.repaired, now.repaired); n > 0 {
		m.record(evRepaired, l.peer, fmt.Sprintf("%.0f records had gone missing here and were fetched again", n), "the disk or memory of one box may be failing")
	}
	if n := grown(before.rehomed, now.rehomed); n > 0 {
		m.record(evForgotten, l.peer, fmt.Sprintf("it has forgotten %.0f changes that it had sent; they are kept here", n), "restored from a backup, or power was cut")
	}
}

// forgetLinks drops the links that have ended, after a last look.
func (m *Module) forgetLinks(live map[*feed.Link]bool) {
	m.watch.mu.Lock()
	var ended []*feed.Link
	for link := range m.watch.links {
		if !live[link] {
			ended = append(ended, link)
		}
	}
	m.watch.mu.Unlock()
	for _, link := range ended {
		t := totalsOf(link.Report())
		m.tellGrowth(link, t)
		m.watch.mu.Lock()
		role := m.watch.links[link].role
		m.watch.ended[role] = m.watch.ended[role].plus(t)
		delete(m.watch.links, link)
		m.watch.mu.Unlock()
	}
	m.watch.prune()
}

// prune bounds what is remembered of peers by forgetting, when there are too many, those that are in no special state.
func (w *watcher) prune() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for key, c := range w.peers {
		if len(w.peers) <= 2*maxFollowers {
			return
		}
		if c.state != stateStale && c.state != stateDiverged {
			delete(w.peers, key)
		}
	}
}

// lookAtStore records what merging has put aside.
func (m *Module) lookAtStore() {
	aside, conflicts := m.deps.DB.SetAsideCount(), m.deps.DB.ConflictCount()
	m.watch.mu.Lock()
	if !m.watch.counted { // what was there at the start is no news
		m.watch.counted, m.watch.conflicts = true, conflicts
	}
	moreAside, moreConflicts := aside-m.watch.aside, conflicts-m.watch.conflicts
	m.watch.aside, m.watch.conflicts = aside, conflicts
	m.watch.mu.Unlock()
	if moreAside > 0 {
		m.record(evSetAside, "", fmt.Sprintf("%d changes wait until the clock of this box reaches their stamps", moreAside), "the clock of some box is wrong")
	}
	if moreConflicts > 0 {
		m.record(evConflict, "", fmt.Sprintf("%d records were changed on two boxes at once; see show mbox sync conflicts", moreConflicts), "")
	}
}

// lookAtNotice records what is new to be known of the database.
func (m *Module) lookAtNotice() {
	now := m.notice()
	m.watch.mu.Lock()
	before := m.watch.notice
	m.watch.notice = now
	m.watch.mu.Unlock()
	known := strings.Split(before, "\n")
	for line := range strings.Lines(now) {
		if line = strings.TrimSuffix(line, "\n"); !slices.Contains(known, line) {
			m.record(evDamaged, "", line, "")
		}
	}
}

func orNothing(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
