package hotspotdb

import (
	"context"
	"encoding/binary"
	"fmt"
)

// life is what the database keeps of entries that were removed for good, without a tombstone; see docs/adr/0007.
type life struct {
	touched bool // entries were removed
	floors  [Audit + 1]uint64
	tops    [Audit + 1]uint64
}

// Floor is the highest sequence of a tombstone that was purged from a dataset; 0 if none was. A feed that is read from a
// position before it lacks deletions. It never goes back, and is durable with the purge.
func (db *DB) Floor(ds Dataset) uint64 {
	db.mu.RLock()
	defer db.mu.RUnlock()
	return db.life.floors[ds]
}

// remove stages taking out what find found. The sequence stays given out for ever: a new one must not be mistaken for it.
func (tx *Tx) remove(ds Dataset, r record, t traits) error {
	if err := tx.batch.SingleDelete(recordKey(ds, r.seq), nil); err != nil {
		return err
	}
	tx.g.tally.take(r.seq)
	tx.g.stage(op{record: r, traits: t, ds: ds, part: removedPart})
	tx.g.life.touched = true
	tx.g.life.tops[ds] = max(tx.g.life.tops[ds], r.seq)
	return nil
}

// lifeKey is where the life of a dataset is kept: floor and top, 8 bytes each, big endian.
func lifeKey(ds Dataset) []byte { return metaKey("life " + ds.String()) }

// putLife writes what remove and purge changed.
func (tx *Tx) putLife() error {
	l := &tx.g.life
	if *l == tx.life {
		return nil
	}
	if !tx.life.touched { // an older version would give sequences out again, and not know the floor
		if err := tx.batch.Set(metaKey("format"), binary.BigEndian.AppendUint32(nil, formatVersion), nil); err != nil {
			return err
		}
	}
	for _, ds := range Datasets() {
		if l.floors[ds] == tx.life.floors[ds] && l.tops[ds] == tx.life.tops[ds] {
			continue
		}
		value := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, l.floors[ds]), l.tops[ds])
		if err := tx.batch.Set(lifeKey(ds), value, nil); err != nil {
			return err
		}
	}
	return nil
}

func (db *DB) readLife() error {
	for _, ds := range Datasets() {
		value, err := db.getMeta(string(lifeKey(ds)[1:]))
		if err != nil {
			return err
		}
		if value == nil {
			continue
		}
		if len(value) != 16 {
			return fmt.Errorf("%w: life of %s in %d bytes", ErrDamaged, ds, len(value))
		}
		db.life.touched = true
		db.life.floors[ds], db.life.tops[ds] = binary.BigEndian.Uint64(value), binary.BigEndian.Uint64(value[8:])
		db.index.datasets[ds].head = db.life.tops[ds]
	}
	return nil
}

// goner is an entry that is to be removed, unless a newer version replaces it in the meantime.
type goner struct {
	ds        Dataset
	seq       uint64
	hash      keyHash
	traits    traits
	tombstone bool // a purge: the floor rises
}

// removeChunk bounds how many entries one transaction removes, so that writers need not wait for long.
const removeChunk = 1000

// gatherer collects goners and removes them in chunks. Everything about them is looked up outside of the committer.
type gatherer struct {
	ctx     context.Context
	db      *DB
	index   *index // that the hashes and claims belong to
	hasher  hasher
	list    []goner
	folds   map[uint64]bool // accounts of which usage has expired
	removed int
}

func (db *DB) gatherer(ctx context.Context) *gatherer {
	db.mu.RLock()
	defer db.mu.RUnlock()
	return &gatherer{ctx: ctx, db: db, index: db.index, hasher: newHasher(db.index.digestKey), folds: map[uint64]bool{}}
}

// add takes an entry on the list.
func (g *gatherer) add(ds Dataset, seq uint64, c *Change, tombstone bool) error {
	g.list = append(g.list, goner{ds, seq, g.hasher.key(c.Key), g.index.traitsOf(c), tombstone})
	if len(g.list) < removeChunk {
		return nil
	}
	return g.flush()
}

// flush removes what is on the list and returns once that is durable.
func (g *gatherer) flush() error {
	if len(g.list) == 0 {
		return nil
	}
	n := 0
	err := g.db.UpdateHere(g.ctx, func(tx *Tx) (err error) {
		if tx.db.index != g.index {
			return errRekeyed
		}
		n, err = tx.removeAll(g.list)
		return err
	})
	if err != nil {
		return err
	}
	g.removed += n
	g.list = g.list[:0]
	return nil
}

// errRekeyed: the digest key was changed. What was not removed is left to the next time.
var errRekeyed = fmt.Errorf("the replication domain was changed in the meantime")

func (tx *Tx) removeAll(list []goner) (n int, err error) {
	for i := range list {
		o := &list[i]
		current, _, found := tx.find(o.ds, o.hash)
		if !found || current.seq != o.seq || o.traits.flags&flagErasure != 0 {
			continue // replaced, or never to be removed
		}
		if err := tx.remove(o.ds, current, o.traits); err != nil {
			return 0, err
		}
		if n++; o.tombstone {
			tx.g.life.floors[o.ds] = max(tx.g.life.floors[o.ds], o.seq)
		}
	}
	return n, nil
}

// Forget removes entries as if they had never been there: no tombstone, and no trace for those who follow this box. An
// entry that was replaced since it was listed stays, and so does an erasure. It returns how many it removed, also if it fails later.
func (db *DB) Forget(ctx context.Context, ds Dataset, list []uint64) (int, error) {
	if !ds.valid() {
		return 0, fmt.Errorf("forget entries of %s: %w dataset", ds, ErrInvalid)
	}
	g := db.gatherer(ctx)
	err := db.forget(g, ds, list)
	if err != nil {
		return g.removed, fmt.Errorf("forget entries of %s: %w", ds, err)
	}
	return g.removed, nil
}

func (db *DB) forget(g *gatherer, ds Dataset, list []uint64) error {
	for _, seq := range list {
		if err := g.ctx.Err(); err != nil {
			return err
		}
		c, _, err := db.changeAt(ds, seq)
		if isNotFound(err) {
			continue
		}
		if err == nil {
			err = g.add(ds, seq, &c, false)
		}
		if err != nil {
			return err
		}
	}
	return g.flush()
}

// changeAt reads an entry by its sequence. pebble.ErrNotFound if it is not there any more.
func (db *DB) changeAt(ds Dataset, seq uint64) (c Change, stored uint64, err error) {
	if err := db.gate.enter(); err != nil {
		return c, 0, err
	}
	defer db.gate.leave()
	value, closer, err := db.engn.Get(recordKey(ds, seq))
	if err != nil {
		return c, 0, fmt.Errorf("read %s entry %d: %w", ds, seq, err)
	}
	defer closer.Close()
	_, stored, raw, err := parseHeader(value)
	if err == nil {
		err = c.decode(append([]byte{}, raw...))
	}
	return c, stored, err
}
