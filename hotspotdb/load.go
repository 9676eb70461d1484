package hotspotdb

import (
	"encoding/binary"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// load builds index, positions, set-aside and conflict lists from the store. Every block is read, so that its checksum is
// verified.
func (db *DB) load() error {
	var err error
	db.index.sessions.loading = true
	if db.tally, err = db.loadRecords(db.engn, db.index, db.origins); err != nil {
		return err
	}
	db.index.sessions.loading = false
	for _, ds := range Datasets() {
		db.last = max(db.last, db.index.datasets[ds].head)
	}
	db.tally.last = db.last
	if err := db.checkTally(); err != nil {
		return err
	}
	for _, part := range []struct {
		tag  byte
		take func(key, value []byte) error
	}{
		{tagPosition, db.loadPosition},
		{tagAside, db.loadAside},
		{tagConflict, db.loadConflict},
	} {
		if err := scanPrefix(db.engn, []byte{part.tag}, part.take); err != nil {
			return err
		}
	}
	return nil
}

// loadRecords fills an index under its digest key, and counts.
func (db *DB) loadRecords(from pebble.Reader, x *index, origins *origins) (t tally, err error) {
	h := newHasher(x.digestKey)
	err = scanPrefix(from, []byte{tagRecord}, func(key, value []byte) error {
		ds, seq, err := parseRecordKey(key)
		if err != nil {
			return err
		}
		source, _, raw, err := parseHeader(value)
		if err != nil {
			return err
		}
		var c Change
		if err := c.decode(raw); err != nil {
			return fmt.Errorf("%w: %s entry %d: %v", ErrDamaged, ds, seq, err)
		}
		traits := x.traitsOf(&c)
		r := record{
			hash: h.key(c.Key), clock: c.Stamp.Clock, seq: seq, contribution: h.contribution(&c),
			origin: origins.number(c.Stamp.Origin), flags: traits.flags,
		}
		if x.datasets[ds].get(r.hash) != nil {
			return fmt.Errorf("%w: %s entry %d: its record is there twice", ErrDamaged, ds, seq)
		}
		x.put(ds, r, traits, source)
		t.add(seq)
		return nil
	})
	return t, err
}

// scanPrefix calls take with every key that begins with prefix; key and value are valid during the call.
func scanPrefix(from pebble.Reader, prefix []byte, take func(key, value []byte) error) error {
	upper := append([]byte{}, prefix...)
	upper[len(upper)-1]++
	iter, err := from.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: upper})
	if err != nil {
		return err
	}
	for ok := iter.First(); ok; ok = iter.Next() {
		value, err := iter.ValueAndErr()
		if err != nil {
			err = damaged(err)
		} else {
			err = take(iter.Key(), value)
		}
		if err != nil {
			iter.Close()
			return err
		}
	}
	if err := iter.Close(); err != nil {
		return damaged(err)
	}
	return nil
}

func (db *DB) loadPosition(key, value []byte) error {
	if len(key) != 18 || len(value) != 16 {
		return fmt.Errorf("%w: position %x of %d bytes", ErrDamaged, key, len(value))
	}
	id := positionID{DatabaseID(key[1:17]), Dataset(key[17])}
	db.positions[id] = Position{binary.BigEndian.Uint64(value), binary.BigEndian.Uint64(value[8:])}
	return nil
}
