package hotspotdb

import (
	"errors"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"mbox/proto/hotspotpb"
)

// TestPastSegmentsCountOnce however often they are stored, and also where another session's id is in the way.
func TestPastSegmentsCountOnce(t *testing.T) {
	clock := newFakeClock()
	o := memOptions(vfs.NewMem())
	o.Now = clock.Now
	db := mustOpen(t, o)
	stop := clock.Now().Add(-time.Hour)
	past := Segment{Username: "u", Account: 7, NAS: "10.0.0.1", AcctSessionID: "s1", Start: stop.Add(-time.Hour), Stop: stop, InputOctetsTo: 100, SessionTimeTo: 3600}
	add := func(s Segment) (added bool) {
		t.Helper()
		must(t, db.Update(t.Context(), func(tx *Tx) (err error) { added, err = tx.AddPastSegment(s); return err }))
		return added
	}
	other := past
	other.Account = 8
	must(t, db.Update(t.Context(), func(tx *Tx) error { // has the id that the hash of past gives
		other.ID, other.AcctSessionID, other.Origin = pastID(&past), "s0", db.ID()
		return tx.putSegment(&hotspotpb.Segment{}, &other)
	}))
	if !add(past) || add(past) {
		t.Error("a session is not stored once")
	}
	same := past
	same.Start = past.Start.Add(time.Minute) // an id that was used again
	if !add(same) {
		t.Error("another session is not stored")
	}
	used, err := db.Usage(7, stop.Add(-48*time.Hour), clock.Now())
	if want := (Usage{InputOctets: 200, SessionTime: 7200}); err != nil || used != want {
		t.Errorf("usage %+v %v", used, err)
	}
	if n := db.Statistics(); n.Sessions != 3 || n.SessionsActive != 0 {
		t.Errorf("%+v", n)
	}
	got, err := db.Segment(pastID(&past)%maxPastID + 1)
	if err != nil || got.AcctSessionID != "s1" || !got.Stop.Equal(stop) || !got.Updated.Equal(stop) || got.Origin != db.ID() {
		t.Errorf("stored %+v %v", got, err)
	}
	past.Stop = time.Time{}
	err = db.Update(t.Context(), func(tx *Tx) error { _, err := tx.AddPastSegment(past); return err })
	if !errors.Is(err, ErrInvalid) {
		t.Errorf("a session that goes on: %v", err)
	}
}
