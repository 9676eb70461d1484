package hotspotdb

import (
	"encoding/binary"
	"fmt"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"mbox/proto/hotspotpb"
)

// Conflict is a pair of versions of which only one could win. Passwords are cut out of both.
type Conflict struct {
	Dataset  Dataset
	Winner   Change
	Loser    Change
	Detected time.Time
	Reason   string
}

// Why something is on the conflict list.
const (
	conflictEdit  = "edited on two boxes at the same time"
	conflictClaim = "two accounts took the same username"
)

// maxConflicts is how long the conflict list may become. Then the oldest go.
const maxConflicts = 10_000

const fieldPassword = protowire.Number(1) // of hotspotpb.Self

// ConflictCount is the length of the conflict list.
func (db *DB) ConflictCount() int { return int(db.conflictCount.Load()) }

// Conflicts calls fn with every conflict, the oldest first, until it returns false.
func (db *DB) Conflicts(fn func(Conflict) bool) error {
	if err := db.gate.enter(); err != nil {
		return err
	}
	defer db.gate.leave()
	more := true
	return scanPrefix(db.engn, []byte{tagConflict}, func(key, value []byte) error {
		if !more {
			return nil
		}
		c, err := parseConflict(key, value)
		if err == nil {
			more = fn(c)
		}
		return err
	})
}

// addConflict lists the loser, once: the same version may arrive again from every peer. A list that is full loses its oldest.
func (tx *Tx) addConflict(ds Dataset, winner, loser []byte, reason string, result *Result) error {
	var lost Change
	if err := lost.decode(loser); err != nil {
		return fmt.Errorf("%w: losing version: %v", ErrDamaged, err)
	}
	db := tx.db
	mark := db.fingerprint(ds, &lost, reason)
	if _, listed := db.conflicts[mark]; listed {
		return nil
	}
	value, err := proto.Marshal(&hotspotpb.Conflict{
		Dataset: ds.String(), Winner: withoutPassword(winner), Loser: withoutPassword(loser),
		DetectedUs: tx.now.UnixMicro(), Reason: reason,
	})
	if err != nil {
		return fmt.Errorf("encode conflict: %w", err)
	}
	db.conflictNum++
	if err := tx.batch.Set(conflictKey(db.conflictNum), value, nil); err != nil {
		return err
	}
	before := db.conflictList
	db.listConflict(listedConflict{db.conflictNum, mark})
	tx.g.undo = append(tx.g.undo, func() {
		delete(db.conflicts, mark)
		db.setConflicts(before)
	})
	result.Conflicts++
	return tx.dropConflicts()
}

// listedConflict is what memory keeps of a conflict.
type listedConflict struct {
	number uint64 // its key
	mark   u128
}

func (db *DB) listConflict(c listedConflict) {
	db.conflicts[c.mark] = struct{}{}
	db.setConflicts(append(db.conflictList, c))
}

func (db *DB) setConflicts(list []listedConflict) {
	db.conflictList = list
	db.conflictCount.Store(int64(len(list)))
}

// dropConflicts takes the oldest conflicts off a list that has become too long.
func (tx *Tx) dropConflicts() error {
	db := tx.db
	for len(db.conflictList) > maxConflicts {
		oldest := db.conflictList[0]
		if err := tx.batch.Delete(conflictKey(oldest.number), nil); err != nil {
			return err
		}
		before := db.conflictList
		delete(db.conflicts, oldest.mark)
		db.setConflicts(before[1:])
		tx.g.undo = append(tx.g.undo, func() {
			db.conflicts[oldest.mark] = struct{}{}
			db.setConflicts(before)
		})
	}
	return nil
}

// fingerprint identifies a lost version. It does not depend on the digest key, which may change.
func (db *DB) fingerprint(ds Dataset, lost *Change, reason string) u128 {
	h := newHasher([16]byte{})
	h.buf = append(h.buf, byte(ds), reason[0])
	h.buf = binary.BigEndian.AppendUint64(h.buf, lost.Stamp.Clock)
	h.buf = append(h.buf, lost.Stamp.Origin[:]...)
	h.buf = append(h.buf, lost.Key...)
	mark := h.key(h.buf)
	return u128{mark.a, mark.b}
}

func (db *DB) loadConflict(key, value []byte) error {
	c, err := parseConflict(key, value)
	if err != nil {
		return err
	}
	number := binary.BigEndian.Uint64(key[1:])
	db.conflictNum = max(db.conflictNum, number)
	db.listConflict(listedConflict{number, db.fingerprint(c.Dataset, &c.Loser, c.Reason)})
	return nil
}

func parseConflict(key, value []byte) (Conflict, error) {
	var pb hotspotpb.Conflict
	if err := proto.Unmarshal(value, &pb); err != nil || len(key) != 9 || pb.Reason == "" {
		return Conflict{}, fmt.Errorf("%w: conflict %x: %v", ErrDamaged, key, err)
	}
	c := Conflict{Detected: time.UnixMicro(pb.DetectedUs), Reason: pb.Reason}
	var err error
	if c.Dataset, err = ParseDataset(pb.Dataset); err != nil {
		return c, fmt.Errorf("%w: conflict %x: %v", ErrDamaged, key, err)
	}
	if c.Winner, err = DecodeChange(pb.Winner); err != nil {
		return c, fmt.Errorf("%w: conflict %x: %v", ErrDamaged, key, err)
	}
	if c.Loser, err = DecodeChange(pb.Loser); err != nil {
		return c, fmt.Errorf("%w: conflict %x: %v", ErrDamaged, key, err)
	}
	return c, nil
}

// withoutPassword cuts the password out of a version of a Self; everything else, unknown fields too, stays.
func withoutPassword(raw []byte) []byte {
	var c Change
	if c.decode(raw) != nil || c.Key[0] != KindSelf {
		return raw
	}
	return replaceBody(raw, withoutField(c.Body, fieldPassword))
}
