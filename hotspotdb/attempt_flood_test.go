package hotspotdb_test

import (
	"sync/atomic"
	"testing"
	"time"

	"mbox/hotspotdb"
	"mbox/hotspotdb/dbtest"
)

// TestAttemptsNeverWait: a disk that hangs holds up nobody who records an attempt; what waits in memory is bounded, and what was too
// much is counted to the last one.
func TestAttemptsNeverWait(t *testing.T) {
	disk, ran := dbtest.NewDisk(), new(atomic.Int64)
	db := open(t, func(o *hotspotdb.Options) {
		disk.Use(o)
		o.Elapsed = func() time.Duration { return time.Duration(ran.Load()) }
	})
	release := disk.HoldSyncs()
	const seconds, each = 50, 400
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range seconds {
			for range each {
				db.RecordAttempt(hotspotdb.Attempt{Username: "anna", Accepted: true})
			}
			ran.Add(int64(time.Second))
		}
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Error("whoever records an attempt waits for the disk")
	}
	release()
	<-done
	list, err := db.Attempts(t.Context(), hotspotdb.AttemptFilter{})
	if err != nil {
		t.Fatal(err)
	}
	if uint64(len(list))+db.AttemptsDropped() != seconds*each || len(list) > seconds*200 || len(list) < 200 {
		t.Errorf("%d stored, %d dropped", len(list), db.AttemptsDropped())
	}
}
