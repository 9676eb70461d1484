package sync_test

import (
	"errors"
	"math"
	"testing"

	"mbox/boxtest"
	"mbox/hotspotdb"
	"mbox/modules/sync/peer"
	"mbox/proto/syncpb"
)

// A write waits for a follower to have stored it. One that claims to have stored what it was not sent yet, or what was never
// there, or the same of another database, confirms nothing.
func TestNobodyConfirmsWhatHeWasNotSent(t *testing.T) {
	primary := boxtest.NewLAN(t).Box("primary")
	primary.Must("mbox sync allow 127.9.0.0/16", "mbox sync acknowledge 1 timeout 300 block")
	session := newStranger(t, primary, "127.9.0.1").inside(peer.Credentials{
		Account: "mboxadmin", Password: boxtest.Password, Want: []string{"users", "profiles"}}, welcomeWith())
	if err := session.Send(subscribeTo("users", "profiles")); err != nil {
		t.Fatal(err)
	}
	waitFor(t, session, func(f *syncpb.Frame) bool { return f.GetFeedStart().GetDataset() == "users" })
	history := primary.DB.History()
	id, incarnation := primary.DB.ID(), history[len(history)-1].ID
	write := func(name string) error {
		return primary.DB.Update(t.Context(), func(tx *hotspotdb.Tx) error {
			_, err := tx.AddAccount(hotspotdb.Account{Username: name}, "guestpass", "test")
			return err
		})
	}
	claim := func(database []byte, incarnation, seq uint64) *syncpb.Frame {
		now := uint64(recordedAt.UnixMicro()) * 2 // not behind anybody's clock
		return &syncpb.Frame{Kind: &syncpb.Frame_Stored{Stored: &syncpb.Stored{ClockUs: now, Positions: []*syncpb.Position{
			{Dataset: "users", Database: database, Incarnation: incarnation, Seq: seq}}}}}
	}
	for name, frame := range map[string]*syncpb.Frame{
		"everything there will ever be": claim(id[:], incarnation, math.MaxUint64),
		"a little more than there is":   claim(id[:], incarnation, primary.DB.Head(hotspotdb.Users)+1000),
		"of another database":           claim(make([]byte, 16), incarnation, primary.DB.Head(hotspotdb.Users)+2),
		"of an unknown incarnation":     claim(id[:], 42, primary.DB.Head(hotspotdb.Users)+2),
	} {
		if err := session.Send(frame); err != nil {
			t.Fatal(err)
		}
		if err := write(name); !errors.Is(err, hotspotdb.ErrUnconfirmed) {
			t.Errorf("claiming %s: the write was confirmed (%v)", name, err)
		}
	}
	// Who answers what he was sent does confirm it.
	done := make(chan error, 1)
	go func() { done <- write("last") }()
	for {
		select {
		case err := <-done:
			if err != nil {
				t.Fatalf("an honest answer: %v", err)
			}
			return
		default:
		}
		if b := waitFor(t, session, func(f *syncpb.Frame) bool { return true }).GetBatch(); b != nil {
			f := claim(id[:], b.Incarnation, b.Last)
			f.GetStored().Positions[0].Dataset = b.Dataset
			if err := session.Send(f); err != nil {
				t.Fatal(err)
			}
		}
	}
}
