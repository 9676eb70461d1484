package sync

import (
	"fmt"
	"time"

	"mbox/hotspotdb"
	"mbox/modules/sync/feed"
)

const (
	// lateBy is how far behind a peer may be for a moment and still count as in sync.
	lateBy = 2 * time.Second
	// proofAge is how old the proof may be that every bucket is equal.
	proofAge = 5 * time.Minute
	// skewLimit is how far a peer's clock may be ahead before its changes are set aside.
	skewLimit = 60 * time.Second
)

// sight is what is known beside the report of a link when a peer is judged.
type sight struct {
	now       time.Time
	following bool   // the peer is a primary of ours
	own       trail  // how our own heads have grown
	seen      glance // what was seen of this link lately
	aside     int    // changes that are set aside here
	entries   func(hotspotdb.Dataset) uint64
	hostname  string // of this box
}

// describe fills in what the report of a link says, and judges it.
func (p *PeerStatus) describe(r feed.Report, s sight) {
	p.ReceivedBytes, p.SentBytes = r.Received, r.Sent
	ahead := r.ClockOff.Seconds()
	p.ClockSeconds = &ahead
	for _, ds := range hotspotdb.Datasets() {
		if in, ok := r.Incoming[ds]; ok {
			p.Rehomed += in.Rehomed
			p.Lost += in.Lost
			p.Datasets = append(p.Datasets, DatasetStatus{
				Dataset: ds, Direction: "receive", BehindChanges: behind(in.Head, in.Position), VerifiedAt: when(in.Verified),
				BehindSeconds: lagIn(ds, in, s, r.Since).Seconds(), LocalChanges: in.LocalChanges, Unexplained: in.Unexplained,
				start: in.Start, pos: in.Position, head: in.Head, provable: s.following || in.Provable, started: in.Begun,
			})
		}
		if out, ok := r.Outgoing[ds]; ok {
			p.Lost += out.Lost
			p.Datasets = append(p.Datasets, DatasetStatus{
				Dataset: ds, Direction: "send", BehindChanges: min(behind(out.Head, out.Stored), s.entries(ds)), VerifiedAt: when(out.Verified),
				BehindSeconds: lagOut(ds, out, s, r.Since).Seconds(), LocalChanges: out.LocalChanges, Unexplained: out.Unexplained,
				start: out.Start, pos: out.Stored, head: out.Head, provable: out.Provable, started: true,
			})
		}
	}
	p.judge(r, s)
}

// balance is what the datasets of a link add up to.
type balance struct {
	changes, done, all, unexplained uint64
	late                            float64 // seconds
	unproved                        int
}

func (p *PeerStatus) balance(now time.Time) balance {
	var t balance
	for _, d := range p.Datasets {
		t.changes += d.BehindChanges
		t.done += d.pos - min(d.start, d.pos)
		t.all += d.head - min(d.start, d.head)
		t.unexplained += d.Unexplained
		t.late = max(t.late, d.BehindSeconds)
		p.LocalChanges += d.LocalChanges
		if !d.provable {
			continue
		}
		if d.VerifiedAt == nil || now.Sub(*d.VerifiedAt) > proofAge {
			t.unproved++
		} else if p.VerifiedAt == nil || d.VerifiedAt.Before(*p.VerifiedAt) {
			p.VerifiedAt = d.VerifiedAt
		}
	}
	return t
}

// judge finds the one word for a connected peer, the worst first, and what to do about it.
func (p *PeerStatus) judge(r feed.Report, s sight) {
	t := p.balance(s.now)
	p.BehindChanges, p.BehindSeconds = &t.changes, &t.late
	work := underWay(r)
	switch {
	case stale(r):
		p.judgeStale(r)
	case t.unexplained > 0 && work == "":
		p.set(stateDiverged, fmt.Sprintf("%d records differ without a reason", t.unexplained),
			"Each box keeps its own. See `show mbox sync log`; to take those of the primary: "+p.resyncLine())
	case p.Lost > 0 && work == "" && t.late < lateBy.Seconds():
		p.judgeLost(s.hostname)
	case len(p.Datasets) == 0 && s.now.Sub(r.Since) < lateBy:
		p.set(stateCatchingUp, "just connected", "")
	case len(p.Datasets) == 0 && r.Elsewhere > 0:
		p.set(stateInSync, "nothing to do: the other connection to the same box carries its datasets", "")
	case len(p.Datasets) == 0:
		p.set(stateCatchingUp, "no dataset flows", "Compare `datasets` on both sides.")
	case t.late >= lateBy.Seconds():
		p.progress(t, work)
	case work != "":
		p.set(stateCatchingUp, work, "")
	case s.aside > 0 || r.PeerSetAside > 0 || r.ClockOff > skewLimit || r.ClockOff < -skewLimit:
		p.set(stateSkewed, fmt.Sprintf("the clocks differ by %v; %d changes wait here and %d there",
			r.ClockOff.Abs().Round(time.Second), s.aside, r.PeerSetAside), "Correct the clock that is wrong; the changes then merge by themselves.")
	case t.unproved > 0:
		p.set(stateCatchingUp, "comparing digests", "")
	default:
		p.State = stateInSync
	}
}

func (p *PeerStatus) set(state, reason, advice string) {
	p.State, p.Reason, p.Advice = state, &reason, nil
	if advice != "" {
		p.Advice = &advice
	}
}

// judgeLost: a primary that was wiped or replaced lacks what its followers had from it. Nothing is deleted for that.
func (p *PeerStatus) judgeLost(hostname string) {
	if p.Role == roleUpstream {
		p.set(stateDiverged, fmt.Sprintf("the primary lacks %d records that this box had from it or from another primary (was it wiped or replaced?); they are kept here", p.Lost),
			"On the primary, type: mbox sync recover from "+hostname)
		return
	}
	p.set(stateDiverged, fmt.Sprintf("this box lacks %d records that the follower had from it or from another primary (was this box wiped or replaced?)", p.Lost),
		"Type here: mbox sync recover from "+p.Name)
}

func stale(r feed.Report) bool {
	for _, in := range r.Incoming {
		if in.Stale {
			return true
		}
	}
	for _, out := range r.Outgoing {
		if out.Stale {
			return true
		}
	}
	return false
}

// judgeStale says which of the two boxes has missed deletions; either way the follower is seeded anew.
func (p *PeerStatus) judgeStale(r feed.Report) {
	who := p.Name + " was away for longer than this box keeps deletions"
	for _, in := range r.Incoming {
		if in.Stale {
			who = "this box was away for longer than " + p.Name + " keeps deletions"
		}
	}
	p.set(stateStale, who+"; nothing flows, in either direction", p.resyncLine())
}

// resyncLine is what makes a follower compare everything anew.
func (p *PeerStatus) resyncLine() string {
	if p.Role == roleUpstream {
		return fmt.Sprintf("Type: clear mbox sync %s resync", p.Name)
	}
	return fmt.Sprintf("Type on %s: clear mbox sync PRIMARY resync", p.Name)
}

// underWay names a transfer that is more than catching up.
func underWay(r feed.Report) string {
	for _, in := range r.Incoming {
		switch {
		case in.Recovering:
			return "this box takes back what it had lost"
		case in.Reseeding:
			return "this box is being seeded anew: everything is compared, what differs is fetched"
		}
	}
	for _, out := range r.Outgoing {
		if out.Returning {
			return "the peer takes back what it had lost"
		}
	}
	return ""
}

// progress says how far a peer is that catches up.
func (p *PeerStatus) progress(t balance, work string) {
	p.State = stateCatchingUp
	if work != "" {
		p.Reason = &work
	}
	if t.all == 0 {
		return
	}
	percent := int(float64(min(t.done, t.all)) * 100 / float64(t.all))
	p.Percent = &percent
	if p.Rates == nil || t.done >= t.all {
		return
	}
	if speed := p.Rates.progress; speed > 0 {
		eta := float64(t.all-t.done) / speed
		p.EtaSeconds = &eta
	}
}
