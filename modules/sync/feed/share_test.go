package feed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"mbox/hotspotdb"
	"mbox/hotspotdb/dbtest"
	"mbox/proto/syncpb"
)

// written keeps the frames that a sender writes.
type written struct{ frames []*syncpb.Frame }

func (w *written) Send(f *syncpb.Frame) error { w.frames = append(w.frames, f); return nil }

// digests are the datasets whose digests were stated since the last call.
func (w *written) digests() (datasets []string) {
	for _, f := range w.frames {
		if d := f.GetDigest(); d != nil {
			datasets = append(datasets, d.Dataset)
		}
	}
	w.frames = nil
	slices.Sort(datasets)
	return datasets
}

// batches are the contents of the batches that were sent.
func (w *written) batches() (packed [][]byte) {
	for _, f := range w.frames {
		if b := f.GetBatch(); b != nil && len(b.Changes) > 0 {
			packed = append(packed, b.Changes)
		}
	}
	return packed
}

func openDB(t *testing.T) *hotspotdb.DB { return openOn(t, hotspotdb.Options{Dir: t.TempDir()}) }

func openOn(t *testing.T, o hotspotdb.Options) *hotspotdb.DB {
	t.Helper()
	o.Log = slog.New(slog.DiscardHandler)
	db, err := hotspotdb.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// put writes profiles and waits until they are durable.
func put(t *testing.T, db *hotspotdb.DB, prefix string, n int) {
	t.Helper()
	err := db.Update(context.Background(), func(tx *hotspotdb.Tx) error {
		for i := range n {
			if err := tx.PutProfile(hotspotdb.Profile{Name: fmt.Sprintf("%s%d", prefix, i)}, "test"); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// sending is a sender whose peer starts with two datasets from the beginning.
func sending(t *testing.T, db *hotspotdb.DB, cache *Cache, peer byte) (*sender, *written) {
	t.Helper()
	w := &written{}
	s := newSender(db, w, cache, hotspotdb.DatabaseID{peer})
	ask := &syncpb.Subscribe{}
	for _, ds := range []hotspotdb.Dataset{hotspotdb.Profiles, hotspotdb.Users} {
		s.grant[ds] = true
		ask.Positions = append(ask.Positions, &syncpb.Position{Dataset: ds.String()})
	}
	if err := s.subscribe(ask); err != nil {
		t.Fatal(err)
	}
	return s, w
}

func drain(t *testing.T, s *sender) {
	t.Helper()
	for busy := true; busy; {
		var err error
		if busy, err = s.step(context.Background(), s.db.Durable()); err != nil {
			t.Fatal(err)
		}
	}
}

// Digests are stated of what has changed, and of everything once in a while: on a narrow link they cost more than a change.
func TestDigestsOfWhatChanged(t *testing.T) {
	db := openDB(t)
	put(t, db, "first", 1)
	s, w := sending(t, db, NewCache(), 1)
	state := func(when string, want ...string) {
		t.Helper()
		drain(t, s)
		if err := s.stateDigests(context.Background()); err != nil {
			t.Fatal(err)
		}
		if got := w.digests(); !slices.Equal(got, want) {
			t.Errorf("%s: digests of %v, not of %v", when, got, want)
		}
	}
	state("at first", "profiles", "users")
	put(t, db, "second", 1)
	state("after a change", "profiles")
	state("without a change")
	s.statedAll = time.Now().Add(-digestQuiet)
	state("a minute later", "profiles", "users")
}

// What is sent in front of a digest is shared between peers like everything else.
func TestBatchesBeforeDigestsAreShared(t *testing.T) {
	db, cache := openDB(t), NewCache()
	var sent [][][]byte
	put(t, db, "p", 100)
	for peer := range byte(2) {
		s, w := sending(t, db, cache, peer+1)
		if err := s.stateDigests(context.Background()); err != nil { // sends first
			t.Fatal(err)
		}
		sent = append(sent, w.batches())
	}
	if len(sent[0]) != 1 || len(sent[1]) != 1 || &sent[0][0][0] != &sent[1][0][0] {
		t.Errorf("%d and %d batches, which are not one and the same", len(sent[0]), len(sent[1]))
	}
}

// Nothing is stated while there is something to send: a digest would have to push all of it out first, beyond the window.
func TestNoDigestsBeforeTheBulk(t *testing.T) {
	db := openDB(t)
	put(t, db, "p", 1)
	s, w := sending(t, db, NewCache(), 1)
	if err := s.maybeState(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := w.digests(); len(got) > 0 {
		t.Errorf("digests of %v before the records", got)
	}
	drain(t, s)
	if err := s.maybeState(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := w.digests(); len(got) != 2 {
		t.Errorf("digests of %v once everything was sent", got)
	}
}

// Rule 3: what a digest is stated of is sent before it, and nothing is sent before it is durable; so the digest waits for the disk.
func TestDigestWaitsForTheDisk(t *testing.T) {
	disk, o := dbtest.NewDisk(), hotspotdb.Options{Dir: "db"}
	disk.Use(&o)
	db := openOn(t, o)
	put(t, db, "before", 1)
	s, w := sending(t, db, NewCache(), 1)
	drain(t, s)
	w.frames = nil

	release := disk.HoldSyncs()
	var pending sync.WaitGroup
	pending.Go(func() { put(t, db, "pending", 1) })
	defer pending.Wait()
	defer release()
	for db.Head(hotspotdb.Profiles) <= db.Durable() {
		time.Sleep(time.Millisecond) // an applied change has no event: only a durable one has
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // whoever waits for the disk gives up at once
	if err := s.sendDigest(ctx, hotspotdb.Profiles); !errors.Is(err, context.Canceled) || len(w.frames) > 0 {
		t.Errorf("%v; sent before the change was durable: %v", err, w.frames)
	}
}

// A peer that a writer waits for gets each change at once; the others get it with the next step, in a batch that is theirs.
func TestAwaitedPeerDoesNotWaitForTheStep(t *testing.T) {
	db, cache := openDB(t), NewCache()
	for range manyFeeds {
		defer cache.pulse.join(db)()
	}
	const manyMore = 1_000_000 // a step of minutes
	grow := func(n int) { cache.pulse.mu.Lock(); defer cache.pulse.mu.Unlock(); cache.pulse.feeds += n }
	grow(manyMore)
	defer grow(-manyMore)
	common, _ := sending(t, db, cache, 1)
	awaited, w := sending(t, db, cache, 2)
	awaited.prompt = func() bool { return true }

	put(t, db, "first", 1)
	for seq, moved := common.readable(); seq < db.Durable(); seq, moved = common.readable() {
		<-moved
	}
	put(t, db, "second", 1)
	if seq, _ := common.readable(); seq >= db.Durable() {
		t.Fatal("a peer that nobody waits for is not in step")
	}
	seq, _ := awaited.readable()
	if seq != db.Durable() {
		t.Errorf("it may read up to %d of %d", seq, db.Durable())
	}
	if _, err := awaited.step(context.Background(), seq); err != nil {
		t.Fatal(err)
	}
	if len(w.batches()) != 1 || cache.get(cacheKey{hotspotdb.Profiles, 0}) != nil {
		t.Errorf("%d batches were sent, or they are shared with those that move in steps", len(w.batches()))
	}
}
