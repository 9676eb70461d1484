package feed

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"mbox/hotspotdb"
	"mbox/proto/syncpb"
)

// What a box sends up, and proves, is its own and what others below it have sent: neither what came from above, nor what the
// receiver itself has sent when it was a follower.
func TestFromBelow(t *testing.T) {
	remote, other := hotspotdb.DatabaseID{1}, hotspotdb.DatabaseID{2}
	s := newSender(nil, nil, NewCache(), remote)
	for name, c := range map[string]struct {
		source hotspotdb.Source
		want   bool
	}{
		"made here":                     {hotspotdb.Source{Kind: hotspotdb.Local}, true},
		"from another follower":         {hotspotdb.Source{Kind: hotspotdb.Below, Database: other}, true},
		"from the receiver":             {hotspotdb.Source{Kind: hotspotdb.Below, Database: remote}, false},
		"from above":                    {hotspotdb.Source{Kind: hotspotdb.Above, Database: other}, false},
		"from the receiver, from above": {hotspotdb.Source{Kind: hotspotdb.Above, Database: remote}, false},
	} {
		if got := s.fromBelow(c.source); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// One dataset that a peer has missed deletions of stops all: a peer that did not stop by itself would go on with the others.
func TestStaleDatasetStopsTheLink(t *testing.T) {
	var away time.Duration
	opened := time.Now()
	db := openOn(t, hotspotdb.Options{
		Dir: t.TempDir(), Retention: 48 * time.Hour, Now: func() time.Time { return time.Now().Add(away) },
		Elapsed: func() time.Duration { return time.Since(opened) + away },
	})
	put(t, db, "p", 2)
	err := db.Update(t.Context(), func(tx *hotspotdb.Tx) error { return tx.DeleteProfile("p0", "test") })
	if err != nil {
		t.Fatal(err)
	}
	for range 4 {
		away += 24 * time.Hour
		if _, err := db.Purge(t.Context(), hotspotdb.PurgeOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if db.Floor(hotspotdb.Profiles) < 2 {
		t.Fatal("the deletion is still there")
	}
	history, id := db.History(), db.ID()
	s := newSender(db, &written{}, NewCache(), hotspotdb.DatabaseID{1})
	s.grant[hotspotdb.Profiles], s.grant[hotspotdb.Users] = true, true
	err = s.subscribe(&syncpb.Subscribe{Positions: []*syncpb.Position{
		{Dataset: "users"}, {Dataset: "profiles", Incarnation: history[len(history)-1].ID, Seq: 1, Database: id[:]},
	}})
	if err != nil || !s.halt.Load() {
		t.Errorf("%v; the link goes on", err)
	}
}

// A peer sends what it was asked for, and nothing else.
func TestUnaskedFeedIsRefused(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	r := newReceiver(openDB(t), &written{}, &written{}, newCodec(), nil, hotspotdb.DatabaseID{1}, "peer", hotspotdb.Above, log)
	r.with(hotspotdb.Users, func(*Incoming) {})
	if err := r.handle(t.Context(), &syncpb.FeedStart{Dataset: "users"}); err != nil {
		t.Fatal(err)
	}
	for _, frame := range []any{&syncpb.FeedStart{Dataset: "sessions"}, &syncpb.Batch{Dataset: "sessions"}, &syncpb.Digest{Dataset: "sessions"}} {
		if err := r.handle(t.Context(), frame); err == nil || !strings.Contains(err.Error(), "not asked for") {
			t.Errorf("%T of a dataset that was not asked for: %v", frame, err)
		}
	}
}
