package sync

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"mbox/hotspotdb"
	"mbox/modules/sync/feed"
)

// States of a peer, from best to worst.
const (
	stateInSync     = "in-sync"
	stateCatchingUp = "catching-up"
	stateSkewed     = "skewed"
	stateDiverged   = "diverged"
	stateOff        = "off"
)

// Roles of a peer.
const (
	roleUpstream   = "upstream"
	roleDownstream = "downstream"
)

const (
	// lateBy is how far behind a peer may be for a moment and still count as in sync.
	lateBy = 2 * time.Second
	// proofAge is how old the proof may be that every bucket is equal.
	proofAge = 5 * time.Minute
	// skewLimit is how far a peer's clock may be ahead before its changes are set aside.
	skewLimit = 60 * time.Second
)

// Status is `show mbox sync status`.
type Status struct {
	Box        string                       `json:"box"`
	Hostname   string                       `json:"hostname"`
	Time       time.Time                    `json:"time"`
	State      string                       `json:"state"`
	Peers      []PeerStatus                 `json:"peers"`
	Digests    map[hotspotdb.Dataset]string `json:"digests"`
	SetAside   int                          `json:"set_aside"`
	Conflicts  int                          `json:"conflicts"`
	Database   string                       `json:"database"`
	Refused    []RefusedPeer                `json:"refused"`
	ReadOnly   string                       `json:"off_because,omitempty"`
	withDetail bool
}

// PeerStatus is one peer in one role.
type PeerStatus struct {
	Name          string          `json:"name"`
	Box           *string         `json:"box"`
	Address       *string         `json:"address"`
	Role          string          `json:"role"`
	State         string          `json:"state"`
	Percent       *int            `json:"percent"`
	EtaSeconds    *float64        `json:"eta_seconds"`
	Reason        *string         `json:"reason"`
	BehindChanges *uint64         `json:"behind_changes"`
	BehindSeconds *float64        `json:"behind_seconds"`
	VerifiedAt    *time.Time      `json:"verified_at"`
	LocalChanges  uint64          `json:"local_changes"`
	Rehomed       uint64          `json:"forgotten_by_peer"`
	ReceivedBytes int64           `json:"received_bytes"`
	SentBytes     int64           `json:"sent_bytes"`
	Since         time.Time       `json:"since"`
	Datasets      []DatasetStatus `json:"datasets"`
}

// DatasetStatus is one dataset in one direction.
type DatasetStatus struct {
	Dataset       hotspotdb.Dataset `json:"dataset"`
	Direction     string            `json:"direction"` // receive or send
	BehindChanges uint64            `json:"behind_changes"`
	VerifiedAt    *time.Time        `json:"verified_at"`
	LocalChanges  uint64            `json:"local_changes"`
	Unexplained   uint64            `json:"unexplained"`

	atHead    time.Time
	start     uint64
	pos, head uint64
	provable  bool // digests are compared in this direction
	started   bool
}

// Status takes a snapshot.
func (m *Module) Status() Status {
	now := m.deps.Now().UTC()
	s := Status{
		Box: m.deps.Identity.BoxID(), Hostname: m.deps.Hostname(), Time: now, State: stateOff, Peers: []PeerStatus{},
		Refused: []RefusedPeer{}, Digests: map[hotspotdb.Dataset]string{},
	}
	if m.deps.DB == nil {
		s.ReadOnly = "the box runs in rescue"
		return s
	}
	s.Database, s.SetAside, s.Conflicts = m.deps.DB.ID().String(), m.deps.DB.SetAsideCount(), m.deps.DB.ConflictCount()
	view := m.deps.DB.View()
	for _, ds := range hotspotdb.Datasets() {
		total := view.Total(ds)
		s.Digests[ds] = hex.EncodeToString(total[:])
	}
	view.Close()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, u := range m.upstreams {
		s.Peers = append(s.Peers, m.upstreamStatus(u, now))
	}
	var down []PeerStatus
	for d := range m.downstream {
		down = append(down, m.downstreamStatus(d, now))
	}
	slices.SortFunc(down, func(a, b PeerStatus) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(*a.Address, *b.Address))
	})
	s.Peers = append(s.Peers, down...)
	s.Refused = append(s.Refused, m.refused...)
	s.State = overall(s.Peers, len(m.config.allows) > 0)
	return s
}

// overall is the worst state of all peers.
func overall(peers []PeerStatus, allows bool) string {
	if len(peers) == 0 {
		if allows {
			return "waiting"
		}
		return stateOff
	}
	order := []string{stateStandby, stateInSync, stateCatchingUp, stateConnect, stateSkewed, stateRefused, stateDiverged}
	worst := 0
	for _, p := range peers {
		worst = max(worst, slices.Index(order, p.State))
	}
	return order[worst]
}

func (m *Module) upstreamStatus(u *upstream, now time.Time) PeerStatus {
	p := PeerStatus{Name: u.cfg.Name, Role: roleUpstream, State: u.state, Since: u.since.UTC(), Datasets: []DatasetStatus{}}
	if u.reason != "" {
		p.Reason = &u.reason
	}
	if u.link == nil {
		return p
	}
	address := u.session.Address.String()
	p.Box, p.Address = &u.session.BoxID, &address
	m.linkStatus(&p, u.link.Report(), true, now)
	return p
}

func (m *Module) downstreamStatus(d *downstream, now time.Time) PeerStatus {
	address := d.session.Address.String()
	p := PeerStatus{
		Name: d.session.Hostname, Role: roleDownstream, Since: d.since.UTC(), Box: &d.session.BoxID, Address: &address,
		Datasets: []DatasetStatus{},
	}
	m.linkStatus(&p, d.link.Report(), false, now)
	return p
}

// linkStatus fills in what a connected link knows. Digests are compared where a dataset flows down.
func (m *Module) linkStatus(p *PeerStatus, r feed.Report, following bool, now time.Time) {
	p.ReceivedBytes, p.SentBytes = r.Received, r.Sent
	for _, ds := range hotspotdb.Datasets() {
		if in, ok := r.Incoming[ds]; ok {
			p.Rehomed += in.Rehomed
			p.Datasets = append(p.Datasets, DatasetStatus{
				Dataset: ds, Direction: "receive", BehindChanges: behind(in.Head, in.Position), VerifiedAt: when(in.Verified),
				LocalChanges: in.LocalChanges, Unexplained: in.Unexplained,
				atHead: in.AtHead, start: in.Start, pos: in.Position, head: in.Head, provable: following, started: in.Started(),
			})
		}
		if out, ok := r.Outgoing[ds]; ok {
			p.Datasets = append(p.Datasets, DatasetStatus{
				Dataset: ds, Direction: "send", BehindChanges: behind(out.Head, out.Stored), VerifiedAt: when(out.Verified),
				LocalChanges: out.LocalChanges, Unexplained: out.Unexplained,
				atHead: out.AtHead, start: out.Start, pos: out.Stored, head: out.Head, provable: !following, started: true,
			})
		}
	}
	p.judge(r, m.deps.DB.SetAsideCount(), now)
}

func (p *PeerStatus) judge(r feed.Report, aside int, now time.Time) {
	var changes, done, all uint64
	var late time.Duration
	unproved, unexplained := 0, uint64(0)
	p.State = stateInSync
	for _, d := range p.Datasets {
		changes += d.BehindChanges
		done += d.pos - min(d.start, d.pos)
		all += d.head - min(d.start, d.head)
		unexplained += d.Unexplained
		p.LocalChanges += d.LocalChanges
		if d.BehindChanges > 0 || !d.started {
			behind := lateBy // it has never been at the head
			if !d.atHead.IsZero() {
				behind = now.Sub(d.atHead)
			} else {
				behind = max(behind, now.Sub(r.Since))
			}
			late = max(late, behind)
		}
		if !d.provable {
			continue
		}
		if d.VerifiedAt == nil || now.Sub(*d.VerifiedAt) > proofAge {
			unproved++
		} else if p.VerifiedAt == nil || d.VerifiedAt.Before(*p.VerifiedAt) {
			p.VerifiedAt = d.VerifiedAt
		}
	}
	seconds := late.Seconds()
	p.BehindChanges, p.BehindSeconds = &changes, &seconds
	switch {
	case len(p.Datasets) == 0:
		p.set(stateCatchingUp, "no dataset flows; see `datasets` on both sides, or another connection to the same box carries them")
		if time.Since(r.Since) < lateBy {
			p.set(stateCatchingUp, "just connected")
		}
	case unexplained > 0:
		p.set(stateDiverged, fmt.Sprintf("%d records differ without a reason; see the log", unexplained))
	case late >= lateBy:
		p.progress(done, all, now.Sub(r.Since))
	case aside > 0 || r.PeerSetAside > 0 || r.ClockOff > skewLimit || r.ClockOff < -skewLimit:
		p.set(stateSkewed, fmt.Sprintf("the clocks differ by %v; %d changes wait here and %d there; correct the clocks",
			r.ClockOff.Abs().Round(time.Second), aside, r.PeerSetAside))
	case unproved > 0:
		p.set(stateCatchingUp, "comparing digests")
	}
}

func (p *PeerStatus) set(state, text string) { p.State, p.Reason = state, &text }

func (p *PeerStatus) progress(done, all uint64, since time.Duration) {
	p.State = stateCatchingUp
	if all == 0 {
		return
	}
	percent := int(min(done, all) * 100 / all)
	p.Percent = &percent
	if done > 0 && done < all {
		eta := since.Seconds() / float64(done) * float64(all-done)
		p.EtaSeconds = &eta
	}
}

func behind(head, pos uint64) uint64 { return head - min(pos, head) }

func when(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
