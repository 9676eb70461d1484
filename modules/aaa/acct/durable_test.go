package acct

import (
	"context"
	"errors"
	"testing"
	"time"

	"mbox/hotspotdb"
	"mbox/hotspotdb/dbtest"
)

// A report is answered once a power cut cannot take it back, and so is one that repeats it.
func TestAnsweredWhenItIsDurable(t *testing.T) {
	disk := dbtest.NewDisk()
	var o hotspotdb.Options
	disk.Use(&o)
	db, err := hotspotdb.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	a := New(Options{DB: db})
	if err := a.Handle(t.Context(), at(Start, "1", 0, 0, 0)); err != nil {
		t.Fatal(err)
	}
	before := db.Head(hotspotdb.Sessions)
	release := disk.HoldSyncs()
	first := make(chan error, 1)
	go func() { first <- a.Handle(context.Background(), at(InterimUpdate, "1", 60, 100, 10)) }()
	for db.Head(hotspotdb.Sessions) == before { // applied, and held up by the disk
		select {
		case err := <-first:
			t.Fatalf("answered before it was durable: %v", err)
		default:
		}
	}
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	if err := a.Handle(ctx, at(InterimUpdate, "1", 60, 100, 10)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the one that repeats it was answered before it was durable: %v", err)
	}
	release()
	if err := errors.Join(<-first, a.Handle(t.Context(), at(InterimUpdate, "1", 60, 100, 10))); err != nil {
		t.Error(err)
	}
	survivor := disk.Crash(0, 1)
	survivor.Use(&o)
	again, err := hotspotdb.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if s := again.ActiveOf(7); len(s) != 1 || s[0].InputOctets() != 100 {
		t.Errorf("after a power cut: %+v", s)
	}
}
