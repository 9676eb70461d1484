package hotspotdb

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"mbox/proto/hotspotpb"
)

// Conflict is a pair of versions of which only one could win. Passwords are cut out of both.
type Conflict struct {
	Number   uint64 // names it on this box, for as long as it is listed
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

// maxConflicts is how long the conflict list may become, and maxConflictBytes how large. Then the oldest go.
const (
	maxConflicts     = 10_000
	maxConflictBytes = 16 << 20
)

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

// Conflict finds a conflict by its number.
func (db *DB) Conflict(number uint64) (Conflict, error) {
	if err := db.gate.enter(); err != nil {
		return Conflict{}, err
	}
	defer db.gate.leave()
	return db.conflict(number)
}

func (db *DB) conflict(number uint64) (Conflict, error) {
	key := conflictKey(number)
	value, closer, err := db.engn.Get(key)
	if isNotFound(err) {
		return Conflict{}, fmt.Errorf("conflict %d: %w", number, ErrNotFound)
	}
	if err != nil {
		return Conflict{}, fmt.Errorf("read conflict %d: %w", number, err)
	}
	defer closer.Close()
	return parseConflict(key, append([]byte{}, value...))
}

// addConflict lists the loser, once: the same version may arrive again from every peer. A list that is full loses its oldest.
func (tx *Tx) addConflict(ds Dataset, winner, loser []byte, reason string, result *Result) error {
	db := tx.db
	c := Conflict{Dataset: ds, Detected: tx.now, Reason: reason}
	var err error
	if c.Loser, err = DecodeChange(loser); err != nil {
		return fmt.Errorf("%w: losing version: %v", ErrDamaged, err)
	}
	if c.Winner, err = DecodeChange(winner); err != nil {
		return fmt.Errorf("%w: winning version: %v", ErrDamaged, err)
	}
	entry := db.listed(&c)
	if _, listed := db.conflicts[entry.mark]; listed {
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
	entry.number, entry.bytes = db.conflictNum, len(value)
	if err := tx.batch.Set(conflictKey(entry.number), value, nil); err != nil {
		return err
	}
	tx.listConflict(entry)
	result.Conflicts++
	return tx.boundConflicts()
}

func (db *DB) loadConflict(key, value []byte) error {
	c, err := parseConflict(key, value)
	if err != nil {
		return err
	}
	db.conflictNum = max(db.conflictNum, c.Number)
	entry := db.listed(&c)
	entry.bytes = len(value)
	db.enlist(&entry)
	db.setConflicts(append(db.conflictList, entry))
	return nil
}

func parseConflict(key, value []byte) (Conflict, error) {
	var pb hotspotpb.Conflict
	if err := proto.Unmarshal(value, &pb); err != nil || len(key) != 9 || pb.Reason == "" {
		return Conflict{}, fmt.Errorf("%w: conflict %x: %v", ErrDamaged, key, err)
	}
	c := Conflict{Number: binary.BigEndian.Uint64(key[1:]), Detected: time.UnixMicro(pb.DetectedUs), Reason: pb.Reason}
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

// forgetConflicts takes entries off the list, by their numbers, because nothing of them may be kept.
func (tx *Tx) forgetConflicts(numbers []uint64) error {
	_, err := tx.dropConflicts(func(c *listedConflict) bool { return slices.Contains(numbers, c.number) })
	return err
}
