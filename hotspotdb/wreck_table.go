package hotspotdb

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"

	"github.com/cockroachdb/pebble/v2/sstable"
)

// span is a part of a table's keys, from lo to before hi.
type span struct{ lo, hi []byte }

// spans are all keys of a store, records by dataset.
func spans() []span {
	var all []span
	for _, tag := range []byte{tagAside, tagConflict, tagMeta, tagPosition} {
		all = append(all, span{[]byte{tag}, []byte{tag + 1}})
	}
	for _, ds := range Datasets() {
		all = append(all, span{recordKey(ds, 0), append(recordKey(ds, math.MaxUint64), 0)})
	}
	return all
}

// maxHoles bounds how many parts of one table are searched for blocks that can be read between ones that cannot.
const maxHoles = 4096

// table reads what is left of a table. A block that cannot be read is passed by from both sides; what is between the first
// and the last of them is searched by halves.
func (w *wreck) table(name string, take func(item) error) (err error) {
	file, err := w.fs.Open(w.fs.PathJoin(w.dir, name))
	if err != nil {
		return err
	}
	readable, err := sstable.NewSimpleReadable(file)
	if err != nil {
		return errors.Join(err, file.Close())
	}
	ctx := context.Background()
	r, err := sstable.NewReader(ctx, readable, w.tables)
	if err != nil {
		return errors.Join(err, readable.Close())
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	read := uint64(0)
	counted := func(i item) error { read++; return take(i) }
	todo := spans()
	var broke error
	for n := 0; len(todo) > 0 && n < maxHoles; n++ {
		rest, err := w.span(r, todo[0], counted)
		todo = todo[1:]
		if err == nil {
			continue
		}
		if errors.As(err, new(errTaken)) {
			return err
		}
		broke = err
		todo = append(todo, rest.halves()...)
	}
	if broke == nil {
		return nil
	}
	if properties, err := r.ReadPropertiesBlock(ctx, nil); err == nil && properties.NumEntries > read {
		w.report.Unreadable += int(properties.NumEntries - read)
	}
	return broke
}

// span reads forward to the first block that is broken and backward to the last. The rest is what lies between.
func (w *wreck) span(r *sstable.Reader, s span, take func(item) error) (rest span, err error) {
	iter, err := r.NewIter(sstable.NoTransforms, s.lo, s.hi, sstable.TableBlobContext{})
	if err != nil {
		return span{}, err
	}
	defer func() { err = errors.Join(err, iter.Close()) }()
	rest = s
	for kv := iter.SeekGE(s.lo, 0); kv != nil; kv = iter.Next() {
		value, _, err := kv.Value(nil)
		if err != nil {
			return rest, err
		}
		rest.lo = append(bytes.Clone(kv.K.UserKey), 0)
		if kind := kv.Kind(); isSet(kind) || isDeletion(kind) {
			if err := take(item{kv.K.UserKey, value, isDeletion(kind)}); err != nil {
				return rest, err
			}
		}
	}
	broke := iter.Error()
	if broke == nil {
		return rest, nil
	}
	back, err := r.NewIter(sstable.NoTransforms, rest.lo, s.hi, sstable.TableBlobContext{})
	if err != nil {
		return span{}, err
	}
	defer func() { err = errors.Join(err, back.Close()) }()
	for kv := back.SeekLT(s.hi, 0); kv != nil; kv = back.Prev() {
		value, _, err := kv.Value(nil)
		if err != nil {
			break
		}
		rest.hi = bytes.Clone(kv.K.UserKey)
		if kind := kv.Kind(); isSet(kind) || isDeletion(kind) {
			if err := take(item{kv.K.UserKey, value, isDeletion(kind)}); err != nil {
				return rest, err
			}
		}
	}
	return rest, broke
}

// halves cuts a span of records in two; it is none if there is nothing in it, or if it is not of records.
func (s span) halves() []span {
	if len(s.lo) < recordKeyLen || s.lo[0] != tagRecord || bytes.Compare(s.lo, s.hi) >= 0 {
		return nil
	}
	lo, hi := binary.BigEndian.Uint64(s.lo[2:]), uint64(math.MaxUint64)
	if len(s.hi) >= recordKeyLen && s.hi[1] == s.lo[1] {
		hi = binary.BigEndian.Uint64(s.hi[2:])
	}
	if hi-lo < 2 || lo > hi {
		return nil
	}
	middle := recordKey(Dataset(s.lo[1]), lo+(hi-lo)/2)
	return []span{{s.lo, middle}, {middle, s.hi}}
}
