package sync

import (
	"time"

	"mbox/hotspotdb"
	"mbox/modules/sync/feed"
)

// How late a peer is, is the age of the oldest change that it does not hold. Sequences carry no time, so the box remembers
// when each head stood where: a peer that holds everything up to N is as late as it is long ago that the head passed N. That
// holds for a peer that never reaches the head because writing never pauses.

// numDatasets is the length of an array with a place for each dataset.
const numDatasets = int(hotspotdb.Audit) + 1

// headMark is where the heads stood at a time.
type headMark struct {
	at    time.Time
	heads [numDatasets]uint64
}

// trail is marks of the last seconds, the oldest first.
type trail []headMark

// passed returns when the head of a dataset still was at seq or before it; known is false if that is too long ago.
func (t trail) passed(ds hotspotdb.Dataset, seq uint64) (at time.Time, known bool) {
	for i := len(t) - 1; i >= 0; i-- {
		if t[i].heads[ds] <= seq {
			return t[i].at, true
		}
	}
	return time.Time{}, false
}

// lagOut is how late a peer is with a dataset that we send. Besides the trail there is when the oldest batch that it has not
// confirmed was sent: what is only under way, with nothing left to send, is no more than a round trip late.
func lagOut(ds hotspotdb.Dataset, out feed.Outgoing, s sight, since time.Time) time.Duration {
	if out.Stored >= out.Head {
		return 0
	}
	whole := s.age(ds, out.Stored, out.AtHead, since)
	_, recent := s.own.passed(ds, out.Stored)
	firstTime := out.AtHead.IsZero() && !recent // what is under way is old, however lately it was sent
	if firstTime || out.Stored < out.Sent && out.Oldest.IsZero() {
		return whole
	}
	late := time.Duration(0)
	if !out.Oldest.IsZero() {
		late = s.now.Sub(out.Oldest)
	}
	if out.Sent < out.Head {
		late = max(late, s.age(ds, out.Sent, out.AtHead, since))
	}
	return max(0, min(late, whole))
}

// age is how long ago our head passed seq. If that is further back than the trail, it is at least as old as the time at which
// the peer last held everything, and never young.
func (s sight) age(ds hotspotdb.Dataset, seq uint64, atHead, since time.Time) time.Duration {
	if at, known := s.own.passed(ds, seq); known {
		return s.now.Sub(at)
	}
	if atHead.IsZero() {
		atHead = since
	}
	return max(lateBy, s.now.Sub(atHead))
}

// lagIn is how late we are with a dataset that we receive.
func lagIn(ds hotspotdb.Dataset, in feed.Incoming, s sight, since time.Time) time.Duration {
	if !in.Begun {
		return max(lateBy, s.now.Sub(since))
	}
	if in.Position >= in.Head {
		return 0
	}
	late := max(lateBy, s.now.Sub(since))
	if !in.AtHead.IsZero() {
		late = s.now.Sub(in.AtHead)
	}
	if at, known := s.seen.marks.passed(ds, in.Position); known {
		late = min(late, s.now.Sub(at))
	}
	return max(0, late)
}
