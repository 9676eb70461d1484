package hotspotdb

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// Tx is a transaction. It sees its own writes and is good until the function that got it returns.
type Tx struct {
	db    *DB
	g     *group
	batch *pebble.Batch
	now   time.Time
	wall  uint64 // now in microseconds
	kept  keptSegment
	// horizon is the greatest clock that a change from elsewhere may have.
	horizon uint64
	reads   [4]read // the last ones
	read    int     // how many there were
	author  *Author // see By
	bulk    *bulk   // see Bulk

	ops, undo, positions, stale, audit int // what the group held before
	next                               uint64
	life                               life
	tally                              tally
}

func (g *group) begin() *Tx {
	db := g.db
	tx := &Tx{db: db, g: g, batch: db.engn.NewBatch(), now: db.opts.Now()}
	tx.ops, tx.undo, tx.positions, tx.stale, tx.next = len(g.ops), len(g.undo), len(g.state.positions), len(g.stale), g.next
	tx.life, tx.tally, tx.audit = g.life, g.tally, len(g.audit)
	tx.wall = uint64(max(1, tx.now.UnixMicro()))
	tx.horizon = math.MaxUint64
	if !tx.now.Before(db.opts.Built) {
		tx.horizon = tx.wall + uint64(maxAhead.Microseconds())
	}
	g.parts = append(g.parts, tx.batch)
	return tx
}

func (tx *Tx) end() { tx.g.bytes += tx.batch.Len() }

func (tx *Tx) rollback() {
	g := tx.g
	g.truncate(tx.ops)
	g.rollback(tx.undo)
	g.state.positions = g.state.positions[:tx.positions]
	g.stale = g.stale[:tx.stale]
	if len(g.audit) > tx.audit {
		g.entries = g.entries[:g.audit[tx.audit].from]
		g.audit = g.audit[:tx.audit]
	}
	g.next = tx.next
	g.life, g.tally = tx.life, tx.tally
	g.parts = g.parts[:len(g.parts)-1]
	tx.batch.Close()
}

// find looks a record up: among what the group staged, then in the index. op is -1 if it is in the store.
func (tx *Tx) find(ds Dataset, h keyHash) (r record, op int32, found bool) {
	if i, ok := tx.g.latest[recordID{ds, h}]; ok {
		return tx.g.ops[i].record, i, !tx.g.ops[i].removed()
	}
	if p := tx.db.index.datasets[ds].get(h); p != nil {
		return *p, -1, true
	}
	return record{}, -1, false
}

// load reads the stored change of what find found. The bytes stay valid, and must not be changed.
func (tx *Tx) load(ds Dataset, r record, op int32) ([]byte, error) {
	if op >= 0 {
		o := &tx.g.ops[op]
		_, _, change, err := parseHeader(tx.g.parts[o.part].Repr()[o.offset : o.offset+o.length])
		return append([]byte{}, change...), err
	}
	for i := range tx.reads {
		if tx.reads[i].seq == r.seq {
			return tx.reads[i].change, nil
		}
	}
	value, closer, err := tx.db.engn.Get(recordKey(ds, r.seq))
	if err != nil {
		return nil, fmt.Errorf("read %s entry %d: %w", ds, r.seq, err)
	}
	defer closer.Close()
	_, _, change, err := parseHeader(value)
	if err != nil {
		return nil, err
	}
	change = append([]byte{}, change...)
	tx.reads[tx.read%len(tx.reads)] = read{r.seq, change}
	tx.read++
	return change, nil
}

// read is an entry that a transaction has read: an edit looks at the same version up to three times.
type read struct {
	seq    uint64
	change []byte
}

func (tx *Tx) stamp(r record) Stamp { return Stamp{r.clock, tx.db.origins.ids[r.origin]} }

// store stages a change at the end of the feed and takes the version that it replaces out.
func (tx *Tx) store(in *incoming, source Source) error {
	if err := tx.settle(in); err != nil {
		return err
	}
	g := tx.g
	var key [recordKeyLen]byte
	if old, _, found := tx.find(in.ds, in.hash); found {
		if err := tx.batch.SingleDelete(putRecordKey(key[:0], in.ds, old.seq), nil); err != nil {
			return err
		}
		g.tally.take(old.seq)
	}
	g.next++
	g.tally.add(g.next)
	n := headerLen(source)
	if in.traits.flags&flagErasure != 0 {
		g.stageErasure(in.ds, in.traits.id)
	}
	d := tx.batch.SetDeferred(recordKeyLen, n+len(in.raw))
	putRecordKey(d.Key[:0], in.ds, g.next)
	putHeader(d.Value, source, tx.wall)
	copy(d.Value[n:], in.raw)
	if err := d.Finish(); err != nil {
		return err
	}
	size := tx.batch.Len()
	if size > math.MaxUint32/2 {
		return fmt.Errorf("%w: a transaction of more than %d MiB", ErrInvalid, math.MaxUint32/2>>20)
	}
	g.stage(op{
		record: record{
			hash: in.hash, clock: in.Stamp.Clock, seq: g.next, contribution: in.contribution,
			origin: tx.db.origins.number(in.Stamp.Origin), flags: in.traits.flags,
		},
		traits: in.traits, ds: in.ds, source: source,
		part: int32(len(g.parts) - 1), offset: uint32(size - n - len(in.raw)), length: uint32(n + len(in.raw)),
	})
	return nil
}

// Get reads a record: a tombstone too. ErrNotFound if there never was one.
func (tx *Tx) Get(ds Dataset, key []byte) (Change, error) {
	raw, err := tx.raw(ds, key)
	if err != nil {
		return Change{}, err
	}
	return DecodeChange(raw)
}

func (tx *Tx) raw(ds Dataset, key []byte) ([]byte, error) {
	r, op, found := tx.find(ds, tx.db.hasher.key(key))
	if !found {
		return nil, ErrNotFound
	}
	return tx.load(ds, r, op)
}

// Put writes a record as made here.
func (tx *Tx) Put(ds Dataset, key, body []byte) error { return tx.write(ds, key, body, false) }

// Delete writes a tombstone as made here.
func (tx *Tx) Delete(ds Dataset, key []byte) error { return tx.write(ds, key, nil, true) }

// write makes a local change: its clock is the wall clock, or one more than the replaced version's if that is ahead. It includes
// the replaced version, and those of the given vectors.
func (tx *Tx) write(ds Dataset, key, body []byte, deleted bool, included ...Vector) error {
	if err := checkKey(ds, key); err != nil {
		return err
	}
	c := Change{Key: key, Stamp: Stamp{tx.wall, tx.db.id}, Deleted: deleted, Body: body}
	if r, op, found := tx.find(ds, tx.db.hasher.key(key)); found {
		c.Base = tx.stamp(r)
		c.Stamp.Clock = max(c.Stamp.Clock, r.clock+1)
		if versioned(key[0]) {
			var err error
			if c.Version, err = tx.vector(ds, r, op); err != nil {
				return err
			}
		}
	}
	if versioned(key[0]) {
		for _, v := range included {
			c.Version = c.Version.with(v)
		}
		c.Version = c.Version.edited(tx.writer(ds, key, c.Version))
	}
	var in incoming
	if err := in.admit(tx.db.index, &tx.db.hasher, ds, AppendChange(nil, &c)); err != nil { // what peers would refuse
		return err
	}
	if tx.erased(&in.Change) {
		return ErrErased
	}
	if isErasure(key) && deleted {
		return fmt.Errorf("%w deletion of an erasure", ErrInvalid)
	}
	return tx.store(&in, Source{})
}

// actor is the present incarnation. The history does not change while the database is open.
func (db *DB) actor() uint64 { return db.history[len(db.history)-1].ID }

// raw reads a record as it is now, durable or not. If it moves to the end of the feed in between, it is looked up again.
func (db *DB) raw(ds Dataset, key []byte) ([]byte, error) {
	return db.rawBy(ds, func(digestKey [16]byte) keyHash {
		h := newHasher(digestKey)
		return h.key(key)
	})
}

// rawBy is raw for the record with a hash, which depends on the digest key.
func (db *DB) rawBy(ds Dataset, hash func(digestKey [16]byte) keyHash) ([]byte, error) {
	if err := db.gate.enter(); err != nil {
		return nil, err
	}
	defer db.gate.leave()
	for {
		db.mu.RLock()
		var seq uint64
		if r := db.index.datasets[ds].get(hash(db.index.digestKey)); r != nil {
			seq = r.seq
		}
		db.mu.RUnlock()
		if seq == 0 {
			return nil, ErrNotFound
		}
		value, closer, err := db.engn.Get(recordKey(ds, seq))
		if errors.Is(err, pebble.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read %s entry %d: %w", ds, seq, err)
		}
		_, _, change, err := parseHeader(value)
		change = append([]byte{}, change...)
		return change, errors.Join(err, closer.Close())
	}
}

// Get reads a record: a tombstone too. ErrNotFound if there never was one.
func (db *DB) Get(ds Dataset, key []byte) (Change, error) {
	raw, err := db.raw(ds, key)
	if err != nil {
		return Change{}, err
	}
	return DecodeChange(raw)
}
