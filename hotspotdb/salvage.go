package hotspotdb

import (
	"bytes"
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"mbox/proto/hotspotpb"
)

// Salvaged says what was read back of a damaged database.
type Salvaged struct {
	Records    int      // current versions of records that could be read, tombstones too,
	Stored     int      // of them, those that this database did not have
	Unreadable int      // at most so many of those that are known to have been there cannot be read; they may be out of date
	Missing    uint64   // confirmed changes that come after everything that could be read
	Uncounted  bool     // more may be gone: in some file it is not known how much there was
	Broken     []string // what is wrong with which file
}

// Salvage merges into this database what can be read of another one, which is damaged and not open, in dir. Entries keep
// their sources, so that what came from a peer is not taken for a change made here. Positions are left behind: the
// feeds of peers begin anew, and bring what is missing. Doing it again changes nothing.
func (db *DB) Salvage(ctx context.Context, dir string) (Salvaged, error) {
	w, err := db.openWreck(ctx, dir)
	if err == nil {
		err = db.salvage(ctx, w)
	}
	if err != nil {
		return w.report, fmt.Errorf("read back %s: %w", dir, err)
	}
	w.report.Unreadable = max(w.report.Unreadable, w.absent())
	confirmed, err := readMark(w.fs, dir, w.id)
	if err == nil && confirmed > w.highest {
		w.report.Missing = confirmed - w.highest
	}
	return w.report, nil
}

// find is something that was read back, in memory of its own.
type find struct {
	tag   byte
	ds    Dataset
	seq   uint64
	value []byte // as it is on disk
}

// salvageChunk bounds how much one transaction merges, so that writers need not wait for long.
const salvageChunk = 1000

func (db *DB) salvage(ctx context.Context, w *wreck) error {
	var chunk []find
	err := w.finds(ctx, 0, func(f find) (err error) {
		if chunk = append(chunk, f); len(chunk) == salvageChunk {
			err = db.mergeFinds(ctx, chunk, &w.report)
			chunk = chunk[:0]
		}
		return err
	})
	if err == nil {
		err = db.mergeFinds(ctx, chunk, &w.report)
	}
	if err != nil {
		return err
	}
	return db.Flush(ctx)
}

// finds calls take with everything that lies behind a sequence and is worth merging.
func (w *wreck) finds(ctx context.Context, after uint64, take func(find) error) error {
	return w.live(ctx, func(key, value []byte) error {
		f := find{tag: key[0], value: bytes.Clone(value)}
		switch key[0] {
		case tagRecord:
			var err error
			f.ds, f.seq, err = parseRecordKey(key)
			if err == nil && f.seq <= w.tally.last {
				w.seen[f.seq/64] |= 1 << (f.seq % 64)
			}
			if err != nil || f.seq <= after {
				return nil // if it cannot be read it is of a dataset that this version does not know
			}
		case tagAside, tagConflict:
		default:
			return nil
		}
		return take(f)
	})
}

// mergeFinds merges in one transaction. What turns out not to be what it should be is counted and left.
func (db *DB) mergeFinds(ctx context.Context, chunk []find, report *Salvaged) error {
	if len(chunk) == 0 {
		return nil
	}
	var result Result
	read, unreadable := 0, 0
	err := db.do(ctx, &job{run: func(tx *Tx) error {
		for _, f := range chunk {
			known, err := tx.mergeFind(f, &result)
			switch {
			case err != nil:
				return err
			case !known:
				unreadable++
			case f.tag == tagRecord:
				read++
			}
		}
		return nil
	}})
	if err != nil {
		return err
	}
	report.Records += read
	report.Unreadable += unreadable
	report.Stored += result.Stored + result.SetAside
	return nil
}

// mergeFind is false if the bytes are not what they should be.
func (tx *Tx) mergeFind(f find, result *Result) (known bool, err error) {
	var (
		source Source
		raw    []byte
	)
	switch f.tag {
	case tagConflict:
		return tx.mergeConflict(f.value, result)
	case tagAside:
		if f.ds, _, source, raw, err = parseAside(asideKey(0, 0), f.value); err != nil {
			return false, nil // counted by the caller
		}
	default:
		if source, _, raw, err = parseHeader(f.value); err != nil {
			return false, nil // as above
		}
	}
	var in incoming
	if in.admit(tx.db.index, &tx.db.hasher, f.ds, raw) != nil {
		return false, nil
	}
	return true, tx.merge(&in, source, result)
}

func (tx *Tx) mergeConflict(value []byte, result *Result) (known bool, err error) {
	var pb hotspotpb.Conflict
	if proto.Unmarshal(value, &pb) != nil || pb.Reason == "" {
		return false, nil
	}
	ds, err := ParseDataset(pb.Dataset)
	if err != nil {
		return false, nil // counted by the caller
	}
	if _, err := DecodeChange(pb.Winner); err != nil {
		return false, nil // as above
	}
	if _, err := DecodeChange(pb.Loser); err != nil {
		return false, nil // as above
	}
	return true, tx.addConflict(ds, pb.Winner, pb.Loser, pb.Reason, result)
}
