package hotspotdb

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// listedConflict is what memory keeps of a conflict: enough to list the same one only once, and to see when it is settled.
type listedConflict struct {
	number        uint64 // its key
	bytes         int    // of its value
	mark          u128   // of the version that was lost
	loser, winner u128   // the records; they are two if accounts took one username
	lost, won     Vector // nil for a username
	username      []byte // nil for edits of one record
}

// listed is the part of a conflict that memory keeps.
func (db *DB) listed(c *Conflict) listedConflict {
	l := listedConflict{
		number: c.Number, mark: fingerprint(c), loser: recordMark(c.Dataset, c.Loser.Key), winner: recordMark(c.Dataset, c.Winner.Key),
	}
	if c.Reason == conflictClaim {
		l.username = slices.Clone(lastBytes(c.Loser.Body, fieldUsername))
	} else {
		l.lost, l.won = c.Loser.Version, c.Winner.Version
	}
	return l
}

// fingerprint identifies a lost version, or two accounts of one name. It does not depend on the digest key, which may change.
func fingerprint(c *Conflict) u128 {
	h := newHasher([16]byte{})
	h.buf = append(h.buf, byte(c.Dataset), c.Reason[0])
	if c.Reason == conflictClaim {
		h.buf = append(h.buf, c.Winner.Key...)
	} else {
		h.buf = binary.BigEndian.AppendUint64(h.buf, c.Loser.Stamp.Clock)
		h.buf = append(h.buf, c.Loser.Stamp.Origin[:]...)
	}
	h.buf = append(h.buf, c.Loser.Key...)
	mark := h.key(h.buf)
	return u128{mark.a, mark.b}
}

func recordMark(ds Dataset, key []byte) u128 {
	h := newHasher([16]byte{})
	h.buf = append(append(h.buf, byte(ds)), key...)
	mark := h.key(h.buf)
	return u128{mark.a, mark.b}
}

// enlist and delist keep what is found by a hash in step with the list.
func (db *DB) enlist(c *listedConflict) {
	db.conflicts[c.mark] = struct{}{}
	db.conflictsOn[c.loser]++
	db.conflictsOn[c.winner]++
	db.conflictBytes += c.bytes
}

func (db *DB) delist(c *listedConflict) {
	delete(db.conflicts, c.mark)
	for _, record := range []u128{c.loser, c.winner} {
		if db.conflictsOn[record]--; db.conflictsOn[record] == 0 {
			delete(db.conflictsOn, record)
		}
	}
	db.conflictBytes -= c.bytes
}

func (db *DB) setConflicts(list []listedConflict) {
	db.conflictList = list
	db.conflictCount.Store(int64(len(list)))
}

func (tx *Tx) listConflict(c listedConflict) {
	db := tx.db
	before := db.conflictList
	db.enlist(&c)
	db.setConflicts(append(before, c))
	tx.g.undo = append(tx.g.undo, func() {
		db.delist(&c)
		db.setConflicts(before)
	})
}

// boundConflicts takes the oldest conflicts off a list that has become too long or too large.
func (tx *Tx) boundConflicts() error {
	db := tx.db
	for len(db.conflictList) > maxConflicts || db.conflictBytes > maxConflictBytes {
		if err := tx.dropListed(db.conflictList[1:], db.conflictList[0]); err != nil {
			return err
		}
	}
	return nil
}

// dropConflicts takes the conflicts for which which returns true off the list, and says how many.
func (tx *Tx) dropConflicts(which func(*listedConflict) bool) (int, error) {
	var kept, gone []listedConflict
	for i := range tx.db.conflictList {
		if c := tx.db.conflictList[i]; which(&c) {
			gone = append(gone, c)
		} else {
			kept = append(kept, c)
		}
	}
	return len(gone), tx.dropListed(kept, gone...)
}

func (tx *Tx) dropListed(kept []listedConflict, gone ...listedConflict) error {
	db := tx.db
	if len(gone) == 0 {
		return nil
	}
	for i := range gone {
		if err := tx.batch.Delete(conflictKey(gone[i].number), nil); err != nil {
			return err
		}
	}
	before := db.conflictList
	for i := range gone {
		db.delist(&gone[i])
	}
	db.setConflicts(kept)
	tx.g.undo = append(tx.g.undo, func() {
		for i := range gone {
			db.enlist(&gone[i])
		}
		db.setConflicts(before)
	})
	return nil
}

// settle takes off the list what a version that is being stored settles, wherever it was made: one that includes the edits of both
// sides, or the end of one of two claims to a username. So a conflict that is resolved on one box is gone on all.
func (tx *Tx) settle(in *incoming) error {
	db := tx.db
	if len(db.conflictList) == 0 || !versioned(in.Key[0]) {
		return nil
	}
	on := recordMark(in.ds, in.Key)
	if db.conflictsOn[on] == 0 {
		return nil
	}
	vector, err := decodeVector(in.raw)
	if err != nil {
		return fmt.Errorf("%w: version of record %x: %v", ErrInvalid, in.Key, err)
	}
	_, err = tx.dropConflicts(func(c *listedConflict) bool { return c.settledBy(on, in, vector) })
	return err
}

func (c *listedConflict) settledBy(on u128, in *incoming, v Vector) bool {
	if c.username != nil {
		return (on == c.loser || on == c.winner) && (in.Deleted || string(lastBytes(in.Body, fieldUsername)) != string(c.username))
	}
	return on == c.loser && c.lost.counts() && c.won.counts() && v.Covers(c.lost) && v.Covers(c.won)
}

// writer is the actor of an edit made here. It is the present incarnation, unless a version of this record that this incarnation
// made is on the conflict list: its number in the vector is used up, and an edit of the winner under that number would look
// as if it included what was lost. Such edits get an actor of their own, and if a version of that one is listed as well, another one.
func (tx *Tx) writer(ds Dataset, key []byte, replaced Vector) uint64 {
	db := tx.db
	actor := db.actor()
	if len(db.conflictList) == 0 {
		return actor
	}
	on := recordMark(ds, key)
	if db.conflictsOn[on] == 0 {
		return actor
	}
	for i := range db.conflictList {
		c := &db.conflictList[i]
		if c.loser == on && c.lost.counter(actor) > replaced.counter(actor) { // an edit by the next actor can only be listed further down
			actor ^= c.mark.hi ^ c.mark.lo
		}
	}
	return actor
}
