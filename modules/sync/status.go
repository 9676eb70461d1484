package sync

import (
	"cmp"
	"encoding/hex"
	"slices"
	"time"

	"mbox/hotspotdb"
	"mbox/modules/sync/feed"
)

// States of a peer.
const (
	stateInSync     = "in-sync"
	stateCatchingUp = "catching-up"
	stateSkewed     = "skewed"
	stateStale      = "stale"
	stateDiverged   = "diverged"
)

// States of the box as a whole, beside those of its peers.
const (
	stateOff     = "off"     // not configured, or not possible
	stateWaiting = "waiting" // followers are allowed, none is connected
)

// worstLast orders the states of peers; the state of the box is the last of them that some peer is in.
var worstLast = []string{
	stateInSync, stateCatchingUp, stateConnect, stateStandby, stateSkewed, stateRefused, stateStale, stateDiverged,
}

// Roles of a peer.
const (
	roleUpstream   = "upstream"
	roleDownstream = "downstream"
)

// Status is `show mbox sync status`.
type Status struct {
	Box         string                       `json:"box"`
	Hostname    string                       `json:"hostname"`
	Time        time.Time                    `json:"time"`
	State       string                       `json:"state"`
	Ready       bool                         `json:"ready"`
	ReadyReason string                       `json:"ready_reason"`
	Paused      *time.Time                   `json:"paused_at"`
	Peers       []PeerStatus                 `json:"peers"`
	Absent      []AbsentPeer                 `json:"absent"` // followers that are not connected
	Digests     map[hotspotdb.Dataset]string `json:"digests"`
	SetAside    int                          `json:"set_aside"`
	Conflicts   int                          `json:"conflicts"`
	Database    string                       `json:"database"`
	Refused     []RefusedPeer                `json:"refused"`
	DiskFull    *time.Time                   `json:"disk_full_at"`     // when a peer's changes could last not be stored for that
	Crowded     bool                         `json:"disk_nearly_full"` // nothing is taken from followers
	Notice      string                       `json:"notice"`
	Acknowledge *AcknowledgeStatus           `json:"acknowledge"`
	ReadOnly    string                       `json:"off_because,omitempty"`
	withDetail  bool
}

// PeerStatus is one peer in one role.
type PeerStatus struct {
	Name          string          `json:"name"`
	Box           *string         `json:"box"`
	Address       *string         `json:"address"`
	Role          string          `json:"role"`
	State         string          `json:"state"`
	StateSince    *time.Time      `json:"state_since"`
	Standby       bool            `json:"standby"` // a primary that is not followed because another one is
	Percent       *int            `json:"percent"`
	EtaSeconds    *float64        `json:"eta_seconds"`
	Code          *string         `json:"code"` // why there is no connection, for programs
	Reason        *string         `json:"reason"`
	Advice        *string         `json:"advice"` // what to do about it
	BehindChanges *uint64         `json:"behind_changes"`
	BehindSeconds *float64        `json:"behind_seconds"`
	VerifiedAt    *time.Time      `json:"verified_at"`
	LocalChanges  uint64          `json:"local_changes"`
	Lost          uint64          `json:"lost"` // records that the primary of the two lacks, although the follower had them from it or its like
	Rehomed       uint64          `json:"forgotten_by_peer"`
	ClockSeconds  *float64        `json:"clock_ahead_seconds"` // the peer's clock minus ours
	ReceivedBytes int64           `json:"received_bytes"`
	SentBytes     int64           `json:"sent_bytes"`
	Rates         *Rates          `json:"rates"`
	Since         time.Time       `json:"since"`
	Datasets      []DatasetStatus `json:"datasets"`

	key    string // names the peer for as long as the box runs
	link   *feed.Link
	report *feed.Report // of link
}

// DatasetStatus is one dataset in one direction.
type DatasetStatus struct {
	Dataset       hotspotdb.Dataset `json:"dataset"`
	Direction     string            `json:"direction"` // receive or send
	BehindChanges uint64            `json:"behind_changes"`
	BehindSeconds float64           `json:"behind_seconds"`
	VerifiedAt    *time.Time        `json:"verified_at"`
	LocalChanges  uint64            `json:"local_changes"`
	Unexplained   uint64            `json:"unexplained"`

	start, pos, head uint64
	provable         bool // digests are compared in this direction
	started          bool
}

// Status takes a snapshot.
func (m *Module) Status() Status {
	s := m.summary()
	if m.deps.DB == nil {
		return s
	}
	view := m.deps.DB.View()
	defer view.Close()
	for _, ds := range hotspotdb.Datasets() {
		total := view.Total(ds)
		s.Digests[ds] = hex.EncodeToString(total[:])
	}
	return s
}

// summary is the status without digests.
func (m *Module) summary() Status {
	now := m.deps.Now().UTC()
	s := Status{
		Box: m.deps.Identity.BoxID(), Hostname: m.deps.Hostname(), Time: now, State: stateOff, Peers: []PeerStatus{}, Absent: []AbsentPeer{},
		Refused: []RefusedPeer{}, Digests: map[hotspotdb.Dataset]string{}, Notice: m.notice(),
	}
	s.Ready, s.ReadyReason = m.Ready()
	if m.deps.DB == nil {
		s.ReadOnly = "the box runs in rescue, or has no hotspot database"
		return s
	}
	s.Database, s.SetAside, s.Conflicts = m.deps.DB.ID().String(), m.deps.DB.SetAsideCount(), m.deps.DB.ConflictCount()
	s.Crowded = m.tight.Load()
	s.DiskFull = m.watch.diskFull(time.Now())
	s.Acknowledge = m.acknowledgement()
	s.Absent = m.absent(now)
	m.mu.Lock()
	defer m.mu.Unlock()
	s.Peers = m.allPeers(now)
	s.Refused = append(s.Refused, m.refused...)
	s.Paused = when(m.paused())
	switch {
	case s.Paused != nil:
		s.State = stateStandby
	case len(s.Peers) > 0:
		s.State = overall(s.Peers)
	case len(m.config.allows) > 0:
		s.State = stateWaiting
	}
	return s
}

// notice is what is to be known of the database.
func (m *Module) notice() string {
	if m.deps.Notice == nil {
		return ""
	}
	return m.deps.Notice()
}

// allPeers is called with m.mu held.
func (m *Module) allPeers(now time.Time) []PeerStatus {
	out := []PeerStatus{}
	for _, u := range m.upstreams {
		out = append(out, m.upstreamStatus(u, now))
	}
	var down []PeerStatus
	for d := range m.downstream {
		down = append(down, m.downstreamStatus(d, now))
	}
	slices.SortFunc(down, func(a, b PeerStatus) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(*a.Address, *b.Address))
	})
	out = append(out, down...)
	for i := range out {
		out[i].StateSince = when(m.watch.since(out[i].key, out[i].State))
	}
	return out
}

// overall is the worst state of all peers; a primary in reserve has nothing to say.
func overall(peers []PeerStatus) string {
	worst := 0
	for _, p := range peers {
		if !p.Standby {
			worst = max(worst, slices.Index(worstLast, p.State))
		}
	}
	return worstLast[worst]
}

func (m *Module) upstreamStatus(u *upstream, now time.Time) PeerStatus {
	p := PeerStatus{
		Name: u.cfg.Name, Role: roleUpstream, State: u.state, Since: u.since.UTC(), Datasets: []DatasetStatus{},
		key: upstreamKey(u.cfg.Name),
	}
	if u.link == nil {
		p.unconnected(u)
		return p
	}
	address := u.session.Address.String()
	p.Box, p.Address = &u.session.BoxID, &address
	m.linkStatus(&p, u.link, true, now)
	return p
}

func (m *Module) downstreamStatus(d *downstream, now time.Time) PeerStatus {
	address := d.session.Address.String()
	p := PeerStatus{
		Name: d.session.Hostname, Role: roleDownstream, Since: d.since.UTC(), Box: &d.session.BoxID, Address: &address,
		Datasets: []DatasetStatus{}, key: downstreamKey(d.session.BoxID),
	}
	m.linkStatus(&p, d.link, false, now)
	return p
}

func upstreamKey(name string) string    { return roleUpstream + "/" + name }
func downstreamKey(boxID string) string { return roleDownstream + "/" + boxID }

// linkStatus fills in what a connected link knows.
func (m *Module) linkStatus(p *PeerStatus, link *feed.Link, following bool, now time.Time) {
	r := link.Report()
	seen := m.watch.note(link, p, r, time.Now())
	p.link, p.report, p.Rates = link, &r, seen.rates()
	p.describe(r, sight{
		now: now, following: following, own: m.watch.heads(), seen: seen, aside: m.deps.DB.SetAsideCount(), hostname: m.deps.Hostname(),
		entries: func(ds hotspotdb.Dataset) uint64 {
			c := m.deps.DB.Counts(ds)
			return uint64(c.Live + c.Tombstones)
		},
	})
}

func behind(head, pos uint64) uint64 { return head - min(pos, head) }

func when(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
