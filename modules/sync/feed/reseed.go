package feed

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"mbox/hotspotdb"
)

// A box that was away for longer than its peer keeps deletions cannot learn of them any more: what it holds may have been
// deleted there long ago. It is stale, and nothing flows in either direction until it is seeded anew: everything is compared,
// what differs is fetched, and what it once had from the peer, or had given to it, and the peer no longer holds, is dropped.
// What it has never sent stays.

// halt is set while a link is stale.
type halt struct{ atomic.Bool }

// MarkReseed makes the next connection to a database seed these datasets anew. It is durable, and repeated until it is done.
func MarkReseed(m Memory, db hotspotdb.DatabaseID, datasets ...hotspotdb.Dataset) error {
	for _, ds := range datasets {
		if err := m.Put(reseedKey(db, ds), []byte{1}); err != nil {
			return fmt.Errorf("remember to fetch %s anew: %w", ds, err)
		}
	}
	return nil
}

func reseedKey(db hotspotdb.DatabaseID, ds hotspotdb.Dataset) string {
	return fmt.Sprintf("reseed/%s/%s", db, ds)
}

// marked says whether a dataset is to be fetched anew.
func (r *receiver) marked(ds hotspotdb.Dataset) (bool, error) {
	_, found, err := r.memory.Get(reseedKey(r.remote, ds))
	if err != nil {
		return false, fmt.Errorf("look up whether %s is to be fetched anew: %w", ds, err)
	}
	return found, nil
}

// startAnew tells the sender whether some dataset is marked. A mark on one that only we send has done its work with that.
func (r *receiver) startAnew(out *sender, receives, sends []hotspotdb.Dataset) error {
	for _, ds := range union(receives, sends) {
		reseed, err := r.marked(ds)
		if err == nil && reseed && !slices.Contains(receives, ds) {
			err = r.memory.Delete(reseedKey(r.remote, ds))
		}
		if err != nil {
			return err
		}
		out.reseeding = out.reseeding || reseed
	}
	return nil
}

// reseeded ends the reseeding of a dataset whose every difference is explained.
func (r *receiver) reseeded(ds hotspotdb.Dataset) error {
	if err := r.memory.Delete(reseedKey(r.remote, ds)); err != nil {
		return fmt.Errorf("note that %s was fetched anew: %w", ds, err)
	}
	var dropped uint64
	r.with(ds, func(in *Incoming) { in.Reseeding, dropped = false, in.Dropped })
	r.log.Info("sync: a dataset was fetched anew; what the peer had deleted meanwhile is dropped", "peer", r.name, "dataset", ds, "dropped", dropped)
	return nil
}

// dropped removes from a bucket what the peer no longer holds, though we have it from the peer or the peer had it from us.
func (r *receiver) dropped(ctx context.Context, ds hotspotdb.Dataset, bucket int, extra map[uint64]bool) (int, error) {
	held := r.heldUpTo(ds)
	var list []uint64
	view := r.db.View()
	defer view.Close()
	err := view.Bucket(ds, bucket, func(e hotspotdb.Entry) (bool, error) {
		digest, err := view.Digest(e)
		if err != nil || digest == (hotspotdb.Sum{}) || !extra[shortDigest(digest)] {
			return true, err
		}
		had, err := r.peerHad(e, held)
		if had {
			list = append(list, e.Seq)
		}
		return err == nil, err
	})
	if err != nil {
		return 0, err
	}
	n, err := r.db.Retire(ctx, ds, list)
	if err != nil {
		return n, fmt.Errorf("drop what %s has deleted long ago from %s: %w", r.name, ds, err)
	}
	r.with(ds, func(in *Incoming) { in.Dropped += uint64(n) })
	return n, nil
}

// peerHad says whether the peer has once held an entry: it came from there, or we sent it up and it was merged there. What came
// from another primary was never sent, and what is ahead of the peer's clock waits there or was refused.
func (r *receiver) peerHad(e hotspotdb.Entry, held uint64) (bool, error) {
	if r.theirs(e.Source) {
		return true, nil
	}
	if e.Seq > held || e.Source.Kind == hotspotdb.Above {
		return false, nil
	}
	change, err := e.Decode()
	r.mu.Lock()
	clock := time.Now().Add(r.clockOff)
	r.mu.Unlock()
	return err == nil && change.Stamp.Clock <= uint64(clock.UnixMicro()), err
}

// theirs says whether an entry came from this peer in this direction.
func (r *receiver) theirs(s hotspotdb.Source) bool { return s.Kind == r.kind && s.Database == r.remote }

// maybeRecovered looks whether a dataset that we have lost and asked back has arrived, up to where the peer stood when it
// began; after the last one the connection has done its work.
func (r *receiver) maybeRecovered(ctx context.Context, ds hotspotdb.Dataset) error {
	arrived, left := false, 0
	r.with(ds, func(in *Incoming) {
		arrived = in.Recovering && in.stream && in.Position >= in.until
	})
	if !arrived {
		return nil
	}
	pos := r.db.Position(r.remote, ds)
	if !r.accept[ds] { // a later `accept` must begin at the beginning: only what others made was returned
		pos = hotspotdb.Position{}
	}
	if err := r.db.SetPosition(ctx, r.remote, ds, pos); err != nil { // with it all of the dataset is durable
		return err
	}
	r.mu.Lock()
	r.state[ds].Recovering = false
	for _, in := range r.state {
		if in.Recovering {
			left++
		}
	}
	r.mu.Unlock()
	if left == 0 {
		r.done()
	}
	return nil
}

// originOf reads the database that made a change.
func originOf(e hotspotdb.Entry) (hotspotdb.DatabaseID, error) {
	change, err := e.Decode()
	return change.Stamp.Origin, err
}

// staleAt says whether a peer that stands at a position may have missed deletions that are not known here any more.
func (s *sender) staleAt(ds hotspotdb.Dataset, asked, from hotspotdb.Position) bool {
	return asked.Seq > 0 && from.Seq < s.db.Floor(ds)
}
