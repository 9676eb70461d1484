package hotspotdb

import (
	"testing"
	"time"
)

// TestSessionsOfADeadBox: what a box that died has left open is active until as much time has passed as a lost Stop takes, and then not;
// a session that was taken over counts once. When the box comes back, so do they.
func TestSessionsOfADeadBox(t *testing.T) {
	dead, b := newAgingBox(t), newAgingBox(t)
	b.SetSilence(3 * time.Minute)
	open := func(box *agingBox, name string, number uint32) (id uint64) {
		must(t, box.Update(t.Context(), func(tx *Tx) error {
			s, err := tx.OpenSegment(Segment{NAS: "10.0.0.5", AcctSessionID: name, MultiSessionID: name, Number: number, Username: "u", Updated: tx.now})
			id = s.ID
			return err
		}))
		return id
	}
	hear := func(box *agingBox, id uint64, seconds uint64) {
		must(t, box.Update(t.Context(), func(tx *Tx) error {
			return tx.UpdateSegment(id, func(s *Segment) error { s.SessionTimeTo, s.Updated = seconds, tx.now; return nil })
		}))
	}
	pass := func(d time.Duration) {
		for _, box := range []*agingBox{dead, b} {
			box.clock.Add(d)
			box.ran.Add(int64(d))
		}
	}
	expect := func(when string, active, unheard int) {
		t.Helper()
		if s := b.Statistics(); s.SessionsActive != active || s.SessionsUnheard != unheard {
			t.Errorf("%s: %d active, %d not heard of; expected %d and %d", when, s.SessionsActive, s.SessionsUnheard, active, unheard)
		}
	}
	one, two := open(dead, "S1", 1), open(dead, "S2", 1)
	exchange(t, dead.DB, b.DB, Sessions)
	own := open(b, "S3", 1)
	expect("at first", 3, 0)
	pass(2 * time.Minute) // the other box has died
	hear(b, own, 120)
	taken := open(b, "S1", 2)
	expect("taken over", 3, 0)
	pass(90 * time.Second)
	hear(b, own, 210)
	expect("after a while", 2, 1)
	pass(time.Hour)
	hear(b, own, 4000)
	hear(b, taken, 4000)
	expect("later", 2, 1)
	b.SetSilence(0)
	expect("without a limit", 3, 0)
	b.SetSilence(3 * time.Minute)
	b.reopen()
	b.SetSilence(3 * time.Minute)
	expect("who has just started has not listened", 3, 0)
	pass(time.Hour)
	hear(b, own, 8000)
	expect("has listened", 1, 2)
	hear(dead, one, 7600)
	hear(dead, two, 7600)
	exchange(t, dead.DB, b.DB, Sessions)
	expect("the box is back", 3, 0)
}
