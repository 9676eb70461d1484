package hotspotdb

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// aside is a change whose stamp was too far ahead of this box's clock. At most one is kept for each record, the one with
// the greatest stamp: it would win over the others when their time comes.
type aside struct {
	clock  uint64
	origin DatabaseID
	number uint64
}

// maxAsides bounds the changes that are set aside.
const maxAsides = 10_000

func (a aside) stamp() Stamp { return Stamp{a.clock, a.origin} }

// SetAsideCount is how many changes wait for this box's clock.
func (db *DB) SetAsideCount() int { return int(db.asideCount.Load()) }

func (tx *Tx) setAside(in *incoming, source Source, result *Result) error {
	id := recordID{in.ds, in.hash}
	old, found := tx.db.asides[id]
	if found && in.Stamp.Compare(old.stamp()) <= 0 {
		result.Ignored++
		return nil
	}
	if !found && len(tx.db.asides) >= maxAsides {
		result.Refused++
		return nil
	}
	if found {
		if err := tx.batch.Delete(asideKey(old.clock, old.number), nil); err != nil {
			return err
		}
	}
	tx.db.asideNumber++
	next := aside{in.Stamp.Clock, in.Stamp.Origin, tx.db.asideNumber}
	value := make([]byte, 1+headerLen(source), 1+headerLen(source)+len(in.raw))
	value[0] = byte(in.ds)
	putHeader(value[1:], source, tx.wall)
	if err := tx.batch.Set(asideKey(next.clock, next.number), append(value, in.raw...), nil); err != nil {
		return err
	}
	tx.putAside(id, &next)
	result.SetAside++
	return nil
}

// putAside changes the committer's list, nil removes, and remembers how to take that back.
func (tx *Tx) putAside(id recordID, next *aside) {
	db := tx.db
	old, found := db.asides[id]
	set := func(a aside, keep bool) {
		if keep {
			db.asides[id] = a
		} else {
			delete(db.asides, id)
		}
		db.asideCount.Store(int64(len(db.asides)))
	}
	tx.g.undo = append(tx.g.undo, func() { set(old, found) })
	if next == nil {
		set(aside{}, false)
		return
	}
	set(*next, true)
	select {
	case db.asideWake <- struct{}{}:
	default:
	}
}

func parseAside(key, value []byte) (ds Dataset, number uint64, source Source, raw []byte, err error) {
	if len(key) != 17 || len(value) < 1 || !Dataset(value[0]).valid() {
		return 0, 0, source, nil, fmt.Errorf("%w: change set aside %x", ErrDamaged, key)
	}
	source, _, raw, err = parseHeader(value[1:])
	return Dataset(value[0]), binary.BigEndian.Uint64(key[9:]), source, raw, err
}

func (db *DB) loadAside(key, value []byte) error {
	ds, number, _, raw, err := parseAside(key, value)
	if err != nil {
		return err
	}
	var c Change
	if err := c.decode(raw); err != nil {
		return fmt.Errorf("%w: change set aside %x: %v", ErrDamaged, key, err)
	}
	db.asides[recordID{ds, db.hasher.key(c.Key)}] = aside{c.Stamp.Clock, c.Stamp.Origin, number}
	db.asideNumber = max(db.asideNumber, number)
	db.asideCount.Store(int64(len(db.asides)))
	return nil
}

// asideLoop merges what was set aside when the clock allows. While there is any it looks every second rather than
// once at the right moment, because the clock that it waits for may be stepped.
func (db *DB) asideLoop(ctx context.Context) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		var tick <-chan time.Time
		if db.asideCount.Load() > 0 {
			tick = ticker.C
		}
		select {
		case <-ctx.Done():
			return
		case <-db.asideWake:
			continue
		case <-tick:
		}
		if _, err := db.mergeDue(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, ErrClosed) {
			db.opts.Log.Error("cannot merge changes that were set aside", "err", err)
		}
	}
}

// dueChunk bounds how many changes one transaction takes back, so that writers need not wait for long.
const dueChunk = 1000

// mergeDue merges every change that is not ahead any more and returns how many there were. One that is not what it should
// be is dropped, because it would keep the others from their turn for ever.
func (db *DB) mergeDue(ctx context.Context) (int, error) {
	total := 0
	for {
		n := 0
		err := db.do(ctx, &job{run: func(tx *Tx) (err error) {
			n, err = tx.mergeDue(dueChunk)
			return err
		}, durable: true})
		if total += n; n < dueChunk || err != nil {
			return total, err
		}
	}
}

func (tx *Tx) mergeDue(limit int) (int, error) {
	list, err := tx.listDue(limit)
	if err != nil {
		return 0, err
	}
	var result Result
	for _, d := range list {
		if err := tx.batch.Delete(d.key, nil); err != nil {
			return 0, err
		}
		tx.takeBack(&d)
		if d.err == nil {
			d.err = tx.merge(d.incoming, d.source, &result)
		}
		switch {
		case errors.Is(d.err, ErrInvalid), errors.Is(d.err, ErrDamaged):
			tx.db.opts.Log.Error("drop a change that was set aside", "entry", fmt.Sprintf("%x", d.key), "err", d.err)
		case d.err != nil:
			return 0, d.err
		}
	}
	return len(list), nil
}

// due is a change whose time has come, or err says why it cannot be read.
type due struct {
	key      []byte
	number   uint64
	incoming *incoming
	source   Source
	err      error
}

// takeBack removes a due change from the committer's list.
func (tx *Tx) takeBack(d *due) {
	if d.err == nil {
		tx.putAside(recordID{d.incoming.ds, d.incoming.hash}, nil)
		return
	}
	for id, a := range tx.db.asides { // what cannot be read may not say of which record it is
		if a.number == d.number {
			tx.putAside(id, nil)
			return
		}
	}
}

func (tx *Tx) listDue(limit int) ([]due, error) {
	var list []due
	upper := asideKey(tx.horizon, math.MaxUint64)
	iter, err := tx.db.engn.NewIter(&pebble.IterOptions{LowerBound: []byte{tagAside}, UpperBound: append(upper, 0)})
	if err != nil {
		return nil, err
	}
	for ok := iter.First(); ok && len(list) < limit; ok = iter.Next() {
		d := due{key: append([]byte{}, iter.Key()...), incoming: new(incoming)}
		ds, number, source, raw, err := parseAside(iter.Key(), iter.Value())
		d.number, d.source, d.err = number, source, err
		if err == nil {
			d.err = d.incoming.admit(tx.db.index, &tx.db.hasher, ds, append([]byte{}, raw...))
		}
		if len(d.incoming.raw) > 0 && tx.db.asides[recordID{ds, d.incoming.hash}].number != number {
			continue // the group has replaced it already
		}
		list = append(list, d)
	}
	return list, iter.Close()
}
