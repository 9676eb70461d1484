package hotspotdb

import (
	"context"
	"sync"
)

// durableState is what is known to be on disk once a group is synced.
type durableState struct {
	seq       uint64
	heads     [Audit + 1]uint64
	positions []positionOp
}

type positionOp struct {
	id       positionID
	position Position
}

// durability is the durable watermark and those who wait for it.
type durability struct {
	mu        sync.Mutex // guards the rest
	seq       uint64
	heads     [Audit + 1]uint64
	positions map[positionID]Position
	moved     chan struct{} // closed, and replaced, when seq grows or err is set
	err       error
}

func (d *durability) init() {
	d.positions = map[positionID]Position{}
	d.moved = make(chan struct{})
}

func (d *durability) advance(s durableState) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, op := range s.positions {
		d.positions[op.id] = op.position
	}
	d.heads = s.heads
	if s.seq > d.seq {
		d.seq = s.seq
		close(d.moved)
		d.moved = make(chan struct{})
	}
}

// end wakes everybody with an error.
func (d *durability) end(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err == nil {
		d.err = err
		close(d.moved)
		d.moved = make(chan struct{})
	}
}

func (d *durability) wait(ctx context.Context, after uint64) (uint64, error) {
	for {
		d.mu.Lock()
		seq, err, moved := d.seq, d.err, d.moved
		d.mu.Unlock()
		if seq > after || err != nil {
			return seq, err
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return seq, ctx.Err()
		}
	}
}

// Durable is the watermark: every change up to this sequence survives a power cut.
func (db *DB) Durable() uint64 {
	db.durable.mu.Lock()
	defer db.durable.mu.Unlock()
	return db.durable.seq
}

// DurableHead is the highest durable sequence of a dataset; 0 if there is none. It is the position that a feed of this
// dataset has reached when it has sent everything.
func (db *DB) DurableHead(ds Dataset) uint64 {
	db.durable.mu.Lock()
	defer db.durable.mu.Unlock()
	return db.durable.heads[ds]
}

// Wait returns the watermark as soon as it is greater than after. It ends early with the context's error, with ErrClosed,
// or with the error that ended all writing.
func (db *DB) Wait(ctx context.Context, after uint64) (uint64, error) {
	return db.durable.wait(ctx, after)
}

// Moved is closed as soon as the watermark moves on from where it is now, or when writing has ended. Take it first and
// look at Durable then, and nothing is missed.
func (db *DB) Moved() <-chan struct{} {
	db.durable.mu.Lock()
	defer db.durable.mu.Unlock()
	return db.durable.moved
}
