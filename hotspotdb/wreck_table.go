package hotspotdb

import (
	"context"
	"encoding/binary"
	"errors"
	"math"

	"github.com/cockroachdb/pebble/v2/sstable"
)

// span is the part of a table's keys that begin with a prefix. Where in it a key lies is told by the 8 bytes behind.
type span struct{ prefix []byte }

func (s span) key(at uint64) []byte {
	return binary.BigEndian.AppendUint64(append([]byte{}, s.prefix...), at)
}

func (s span) at(key []byte) uint64 {
	var b [8]byte
	copy(b[:], key[min(len(key), len(s.prefix)):])
	return binary.BigEndian.Uint64(b[:])
}

func (s span) end() []byte {
	end := append([]byte{}, s.prefix...)
	end[len(end)-1]++
	return end
}

// spans are all keys of a store, records by dataset.
func spans() []span {
	var all []span
	for _, tag := range []byte{tagAside, tagConflict, tagMeta, tagPosition} {
		all = append(all, span{[]byte{tag}})
	}
	for _, ds := range Datasets() {
		all = append(all, span{[]byte{tagRecord, byte(ds)}})
	}
	return all
}

// table reads what is left of a table, but for the blocks that cannot be read. Where they begin and end says the index.
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
	count := func(i item) error { read++; return take(i) }
	var broke error
	for _, s := range spans() {
		for from, more := s.prefix, true; more; {
			last, err := readSpan(r, from, s.end(), count)
			switch {
			case err == nil:
				more = false
			case errors.As(err, new(errTaken)):
				return err
			default:
				broke = err
				from, more = s.nextBlock(r, last)
			}
		}
	}
	if broke == nil {
		return nil
	}
	properties, err := r.ReadPropertiesBlock(ctx, nil)
	if err != nil || properties.NumEntries < read {
		return broke
	}
	w.missed(int(properties.NumEntries - read))
	return counted{broke}
}

// readSpan takes keys from lo to before hi. If it fails, last is the last one that was taken, or lo.
func readSpan(r *sstable.Reader, lo, hi []byte, take func(item) error) (last []byte, err error) {
	last = append([]byte{}, lo...)
	iter, err := r.NewIter(sstable.NoTransforms, lo, hi, sstable.TableBlobContext{})
	if err != nil {
		return last, err
	}
	defer func() { err = errors.Join(err, iter.Close()) }()
	for kv := iter.SeekGE(lo, 0); kv != nil; kv = iter.Next() {
		value, _, err := kv.Value(nil)
		if err != nil {
			return last, err
		}
		if kind := kv.Kind(); isSet(kind) || isDeletion(kind) {
			if err := take(item{kv.K.UserKey, value, isDeletion(kind)}); err != nil {
				return last, err
			}
		}
		last = append(last[:0], kv.K.UserKey...)
	}
	return last, iter.Error()
}

// nextBlock finds the first place behind the block in which the key after last lies; false if there is none.
func (s span) nextBlock(r *sstable.Reader, last []byte) (from []byte, found bool) {
	first := s.at(last)
	if len(last) > len(s.prefix) && first < math.MaxUint64 {
		first++
	}
	size := func(to uint64) uint64 { // of the blocks from the first to the one that holds to
		n, err := r.EstimateDiskUsage(s.key(first), s.key(to), sstable.NoReadEnv)
		if err != nil {
			return 0 // the index is broken: there is no next
		}
		return n
	}
	one := size(first)
	if one == 0 || size(math.MaxUint64) <= one {
		return nil, false
	}
	lo, hi := first, uint64(math.MaxUint64) // hi lies behind the block, lo does not
	for hi-lo > 1 {
		if middle := lo + (hi-lo)/2; size(middle) > one {
			hi = middle
		} else {
			lo = middle
		}
	}
	return s.key(hi), true
}
