package sync

import (
	"time"

	"mbox/hotspotdb"
	"mbox/modules/sync/feed"
)

const (
	// glanceEvery is the least time between two samples of a link.
	glanceEvery = 400 * time.Millisecond
	// glanceKeep is how many samples of a link are kept: at two a second the last ten seconds.
	glanceKeep = 20
	// trailKeep is how many marks of our own heads are kept.
	trailKeep = 40
)

// Rates are what has flown over the last seconds.
type Rates struct {
	Seconds         float64 `json:"seconds"` // that they were taken over
	ReceivedBytes   float64 `json:"received_bytes_per_second"`
	SentBytes       float64 `json:"sent_bytes_per_second"`
	ReceivedChanges float64 `json:"received_changes_per_second"`
	SentChanges     float64 `json:"sent_changes_per_second"`

	progress float64 // in positions, which is what is left is counted in
}

// glance is what was seen of one link over the last seconds. Its lists are only ever appended to, so a copy may be read while
// the next sample is taken.
type glance struct {
	marks   trail // the peer's heads
	samples []sample
}

// sample is the counters of a link at a time.
type sample struct {
	at                  time.Time
	received, sent      int64  // bytes
	taken, given, moved uint64 // changes received and sent; positions in both directions
}

// add takes a sample, unless the last one is still fresh.
func (g *glance) add(r feed.Report, now time.Time) {
	if n := len(g.samples); n > 0 && now.Sub(g.samples[n-1].at) < glanceEvery {
		return
	}
	next, at := sample{at: now, received: r.Received, sent: r.Sent}, headMark{at: now}
	for ds, in := range r.Incoming {
		next.taken += in.Changes
		next.moved += in.Position - min(in.Start, in.Position)
		at.heads[ds] = in.Head
	}
	for _, out := range r.Outgoing {
		next.given += out.Changes
		next.moved += out.Stored - min(out.Start, out.Stored)
	}
	g.samples = last(append(g.samples, next), glanceKeep)
	if len(r.Incoming) > 0 {
		g.marks = last(append(g.marks, at), glanceKeep)
	}
}

func last[S ~[]E, E any](list S, n int) S { return list[max(0, len(list)-n):] }

// rates compares the newest sample with the oldest; nil if there is one only.
func (g glance) rates() *Rates {
	if len(g.samples) < 2 {
		return nil
	}
	a, b := g.samples[0], g.samples[len(g.samples)-1]
	seconds := b.at.Sub(a.at).Seconds()
	if seconds <= 0 {
		return nil
	}
	return &Rates{
		Seconds: seconds, ReceivedBytes: float64(b.received-a.received) / seconds, SentBytes: float64(b.sent-a.sent) / seconds,
		ReceivedChanges: grown(a.taken, b.taken) / seconds, SentChanges: grown(a.given, b.given) / seconds,
		progress: grown(a.moved, b.moved) / seconds,
	}
}

// grown is how much a counter has grown; one that began anew has grown from zero.
func grown(a, b uint64) float64 {
	if b < a {
		return float64(b)
	}
	return float64(b - a)
}

// mark notes where our own heads stand.
func (t trail) mark(db *hotspotdb.DB, now time.Time) trail {
	next := headMark{at: now}
	for _, ds := range hotspotdb.Datasets() {
		next.heads[ds] = db.Head(ds)
	}
	return last(append(t, next), trailKeep)
}
