package feed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"mbox/hotspotdb"
	"mbox/proto/syncpb"
)

const (
	// proofEvery is how long a bucket must stay different, by the same amount, before it is compared record by record.
	proofEvery = time.Second
	// patience is how long a total may differ, by another amount each time, before all buckets are looked at.
	patience = time.Minute
	// maxHave bounds the records of one bucket that are compared; a bucket of a sound database has some thousands.
	maxHave = 65_536
	// comparesAtOnce bounds how many buckets are under way at a time.
	comparesAtOnce = 16
)

// proof is how far the digests of one dataset are explained. Two boxes that change all the time differ in what is under
// way; only a difference that stays the same is worth a closer look.
type proof struct {
	asked    bool   // a BucketsQuery is under way
	again    bool   // ask once more at the next tick
	head     uint64 // of the dataset here when it was last proved or asked about
	compares int    // under way

	difference hotspotdb.Sum // of the whole dataset at the last look
	later      bool          // ask for the total once more

	suspects map[int]*suspect
}

// suspect is a bucket that differs. Its difference (ours minus theirs) stays the same while both sides store the same
// further changes, so an explanation once found holds as long as the difference does.
type suspect struct {
	difference hotspotdb.Sum
	since      time.Time
	ripe       bool // it has stayed long enough
	asked      bool
	explained  bool
	count
}

// count says what the records of a difference are.
type count struct {
	local       uint64 // changed here, or received from somebody else
	lost        uint64 // received from above, but from another database: what is there now was wiped or replaced
	unexplained uint64
}

func (c *count) add(o count) {
	c.local += o.local
	c.lost += o.lost
	c.unexplained += o.unexplained
}

// digest compares the whole dataset first: sixteen bytes that nearly always agree, or differ by what is explained already.
func (r *receiver) digest(f *syncpb.Digest) error {
	ds, err := r.known(f.Dataset)
	if err != nil {
		return err
	}
	if len(f.Total) != len(hotspotdb.Sum{}) {
		return fmt.Errorf("a digest of %d bytes", len(f.Total))
	}
	if f.Upwards != r.upwards() {
		return nil // an older peer does not know that there is something to compare upwards
	}
	view := r.db.View(r.options(ds)...)
	total, err := r.total(view, ds)
	comparable := bytes.Equal(f.DigestKey, view.DigestKeyID())
	view.Close()
	if err != nil {
		return err
	}
	difference := hotspotdb.SubSum(total, hotspotdb.Sum(f.Total))
	r.with(ds, func(in *Incoming) { in.Provable = true })
	if !comparable { // before both have one digest key
		r.with(ds, func(in *Incoming) { in.proof.later = true })
		return nil
	}
	var explained, patient bool
	var known count
	r.with(ds, func(in *Incoming) {
		explained, known = in.proof.explains(difference)
		patient = difference != in.proof.difference && time.Since(in.Verified) < patience
		in.proof.difference, in.proof.later = difference, !explained && patient
	})
	switch {
	case explained:
		return r.proved(ds, view.Seq, f.Seq, known)
	case patient:
		return nil // something is under way, most likely: ask for sixteen bytes again before asking for all buckets
	}
	return r.query(ds)
}

// explains says whether the buckets that were looked at make up the whole difference.
func (p *proof) explains(difference hotspotdb.Sum) (ok bool, known count) {
	var sum hotspotdb.Sum
	ok = true
	for _, s := range p.suspects {
		sum = hotspotdb.AddSum(sum, s.difference)
		ok = ok && s.explained
		known.add(s.count)
	}
	return ok && sum == difference, known
}

func (r *receiver) query(ds hotspotdb.Dataset) error {
	ask := false
	r.with(ds, func(in *Incoming) {
		ask = !in.proof.asked
		in.proof.asked, in.proof.again = true, false
	})
	if !ask {
		return nil
	}
	return r.conn.Send(frameOf(&syncpb.BucketsQuery{Dataset: ds.String()}))
}

// askAgain looks once more at datasets with buckets that are not explained yet, and asks for the total of those that
// were changed here since they were last proved: the sender does not know of those changes.
func (r *receiver) askAgain() error {
	for _, ds := range r.datasets() {
		again, total := false, false
		head := r.db.Head(ds)
		r.with(ds, func(in *Incoming) {
			if !in.Provable {
				return
			}
			again = in.proof.again
			changedHere := head > max(in.proof.head, in.applied)
			total = !again && in.stream && !in.first && (changedHere || in.proof.later)
			if total {
				in.proof.head, in.proof.later = head, false
			}
		})
		var err error
		switch {
		case again:
			err = r.query(ds)
		case total:
			err = r.conn.Send(frameOf(&syncpb.BucketsQuery{Dataset: ds.String(), Total: true}))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// buckets compares all buckets and picks those that have stayed different for a closer look.
func (r *receiver) buckets(f *syncpb.Buckets) error {
	ds, err := r.known(f.Dataset)
	if err != nil {
		return err
	}
	theirs, err := parseSums(f.Sums)
	if err != nil {
		return err
	}
	head := r.db.Head(ds)
	view := r.db.View(hotspotdb.WithSums(ds))
	ours, err := r.sumsOf(view, ds)
	key := view.DigestKeyID()
	view.Close()
	if err != nil {
		return err
	}
	if !bytes.Equal(f.DigestKey, key) {
		r.with(ds, func(in *Incoming) { in.proof.asked, in.proof.later = false, true })
		return nil
	}
	var known count
	open := 0
	r.with(ds, func(in *Incoming) {
		in.proof.asked = false
		known, open = in.proof.sift(ours, theirs, time.Now())
		in.proof.again = open > 0
	})
	if open > 0 {
		return r.compareNext(ds)
	}
	return r.proved(ds, head, f.Seq, known)
}

// compareNext keeps a few comparisons under way for as long as there are suspects that have stayed.
func (r *receiver) compareNext(ds hotspotdb.Dataset) error {
	var ask []int
	r.with(ds, func(in *Incoming) {
		p := &in.proof
		for b, s := range p.suspects {
			if p.compares >= comparesAtOnce {
				break
			}
			if s.ripe && !s.asked && !s.explained {
				s.asked = true
				p.compares++
				ask = append(ask, b)
			}
		}
	})
	for _, bucket := range ask {
		if err := r.compare(ds, bucket); err != nil {
			return err
		}
	}
	return nil
}

// sift updates the suspects and returns the sums over the explained ones, and how many are open.
func (p *proof) sift(ours, theirs []hotspotdb.Sum, now time.Time) (known count, open int) {
	for b := range ours {
		if ours[b] == theirs[b] {
			delete(p.suspects, b)
			continue
		}
		difference := hotspotdb.SubSum(ours[b], theirs[b])
		s := p.suspects[b]
		switch {
		case s == nil || s.difference != difference:
			p.suspects[b] = &suspect{difference: difference, since: now}
			open++
		case s.explained:
			known.add(s.count)
		default:
			open++
			s.ripe = s.ripe || now.Sub(s.since) >= proofEvery/2
		}
	}
	return known, open
}

func (r *receiver) compare(ds hotspotdb.Dataset, bucket int) error {
	ask := &syncpb.Compare{Dataset: ds.String(), Bucket: uint32(bucket)}
	view := r.db.View()
	defer view.Close()
	err := view.Bucket(ds, bucket, func(e hotspotdb.Entry) (bool, error) {
		digest, err := view.Digest(e)
		if err == nil && digest != (hotspotdb.Sum{}) {
			ask.Have = append(ask.Have, shortDigest(digest))
		}
		return true, err
	})
	if err != nil {
		return err
	}
	if len(ask.Have) > maxHave {
		r.log.Error("sync: a bucket is too large to be compared", "peer", r.name, "dataset", ds, "bucket", bucket, "records", len(ask.Have))
		r.with(ds, func(in *Incoming) { in.proof.giveUp(bucket) })
		return nil
	}
	return r.conn.Send(frameOf(ask))
}

// giveUp leaves a bucket unexplained.
func (p *proof) giveUp(bucket int) {
	p.compares = max(0, p.compares-1)
	if s := p.suspects[bucket]; s != nil {
		s.explained, s.count = true, count{unexplained: 1}
	}
}

// compared stores what we lacked and explains what only we hold: changes made here (or by boxes below, or received from
// somebody else) are ours to have; anything else is an alarm.
func (r *receiver) compared(ctx context.Context, f *syncpb.Compared) error {
	ds, err := r.known(f.Dataset)
	if err != nil || f.Bucket >= hotspotdb.Buckets {
		return err
	}
	changes, seqs, err := r.codec.unpack(f.Changes, f.Size)
	if err != nil {
		return err
	}
	extra := make(map[uint64]bool, len(f.Extra))
	for _, e := range f.Extra {
		extra[e] = true
	}
	reseeding := false
	r.with(ds, func(in *Incoming) { reseeding = in.Reseeding })
	gone := 0
	if reseeding {
		if gone, err = r.dropped(ctx, ds, int(f.Bucket), extra); err != nil {
			return err
		}
	}
	known, err := r.classify(ds, int(f.Bucket), extra)
	if err != nil {
		return err
	}
	if !r.upwards() {
		deleted, err := r.deletedHere(ds, changes)
		if err != nil {
			return err
		}
		known.local += deleted
	}
	if r.upwards() { // what was deleted here long ago is not missing
		before := len(changes)
		if changes, seqs, err = r.notForgotten(ds, changes, seqs); err != nil {
			return err
		}
		known.local += uint64(before - len(changes))
	}
	result, err := r.apply(ctx, hotspotdb.Batch{Dataset: ds, Changes: changes, Seqs: seqs})
	if err != nil {
		return err
	}
	if r.upwards() {
		known.local += uint64(result.Ignored + result.SetAside) // a newer version is here, from elsewhere
	}
	known.unexplained += uint64(result.Refused) // the peer holds what we cannot accept
	if result.Stored > 0 && !reseeding {
		r.with(ds, func(in *Incoming) { in.Repaired += uint64(result.Stored) })
	}
	if known.unexplained > 0 {
		r.log.Error("sync: the peer no longer holds records that it sent; they are kept here", "peer", r.name, "dataset", ds, "records", known.unexplained)
	}
	r.with(ds, func(in *Incoming) {
		in.proof.compares = max(0, in.proof.compares-1)
		s := in.proof.suspects[int(f.Bucket)]
		if s == nil {
			return
		}
		if result.Stored > 0 || gone > 0 {
			delete(in.proof.suspects, int(f.Bucket)) // it differs in another way now: look again
			return
		}
		s.explained, s.count = true, known
	})
	return r.compareNext(ds)
}

func (r *receiver) classify(ds hotspotdb.Dataset, bucket int, extra map[uint64]bool) (known count, err error) {
	view := r.db.View()
	defer view.Close()
	err = view.Bucket(ds, bucket, func(e hotspotdb.Entry) (bool, error) {
		digest, err := view.Digest(e)
		if err != nil || digest == (hotspotdb.Sum{}) || !extra[shortDigest(digest)] {
			return true, err
		}
		change, err := e.Decode()
		if err != nil {
			return false, err
		}
		switch aged := r.db.Expiring(change); { // not every box removes history in the same second
		case aged:
			known.local++
		case r.theirs(e.Source):
			known.unexplained++
		case e.Source.Kind == hotspotdb.Above:
			known.lost++
		default:
			known.local++
		}
		return true, nil
	})
	return known, err
}

// deletedHere counts the live records among the peer's that we have deleted since.
func (r *receiver) deletedHere(ds hotspotdb.Dataset, changes [][]byte) (n uint64, err error) {
	for _, raw := range changes {
		theirs, err := hotspotdb.DecodeChange(raw)
		if err != nil {
			return 0, err
		}
		ours, err := r.db.Get(ds, theirs.Key)
		if err == nil && !theirs.Deleted && ours.Deleted && ours.Stamp.Compare(theirs.Stamp) > 0 {
			n++
		}
	}
	return n, nil
}

// notForgotten leaves out what is not here and is so old that it may have been deleted here, and the deletion purged.
func (r *receiver) notForgotten(ds hotspotdb.Dataset, changes [][]byte, seqs []uint64) (kept [][]byte, at []uint64, err error) {
	for i, raw := range changes {
		theirs, err := hotspotdb.DecodeChange(raw)
		if err != nil {
			return nil, nil, err
		}
		if _, err := r.db.Get(ds, theirs.Key); errors.Is(err, hotspotdb.ErrNotFound) && r.db.Forgotten(ds, theirs) {
			continue
		}
		kept, at = append(kept, raw), append(at, seqs[i])
	}
	return kept, at, nil
}

// proved notes the result, which holds for the dataset as it was here at head, and tells the peer.
func (r *receiver) proved(ds hotspotdb.Dataset, head, seq uint64, known count) error {
	reseeded := false
	r.with(ds, func(in *Incoming) {
		in.LocalChanges, in.Lost, in.Unexplained = known.local, known.lost, known.unexplained
		in.proof.head = max(in.proof.head, head)
		if known.unexplained == 0 {
			in.Verified = time.Now()
		}
		reseeded = in.Reseeding && known.unexplained == 0
	})
	if reseeded {
		if err := r.reseeded(ds); err != nil {
			return err
		}
	}
	return r.conn.Send(frameOf(&syncpb.Verified{
		Dataset: ds.String(), Seq: seq, LocalChanges: known.local + known.lost, Lost: known.lost, Unexplained: known.unexplained,
	}))
}
