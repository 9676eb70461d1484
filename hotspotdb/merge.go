package hotspotdb

import (
	"bytes"
	"fmt"
)

// merge decides about one change from elsewhere and counts in result what became of it.
func (tx *Tx) merge(in *incoming, source Source, result *Result) error {
	if tx.erased(&in.Change) || isErasure(in.Key) && in.Deleted {
		return tx.refuse(in, source, result)
	}
	old, op, found := tx.find(in.ds, in.hash)
	order := 1
	if found {
		order = in.Stamp.Compare(tx.stamp(old))
		if order == 0 && in.contribution == old.contribution {
			result.Ignored++
			return nil
		}
	}
	if tx.db.expired(&in.Change) && !(found && isUsage(in.Key)) && !tx.lastUsage(in.Key) {
		return tx.mergeExpired(old, op, found && order > 0, in.ds, result)
	}
	if in.Stamp.Clock > tx.horizon && order > 0 {
		if in.Stamp.Clock-tx.wall > uint64(maxFuture.Microseconds()) {
			result.Refused++
			return nil
		}
		return tx.setAside(in, source, result)
	}
	if !found {
		return tx.accept(in, source, result)
	}
	if in.Key[0] == KindUsage {
		return tx.mergeUsage(in, source, old, op, result)
	}
	if order == 0 && old.contribution.less(in.contribution) {
		order = 1 // two versions with one stamp: see docs/adr/0003
	}
	if versioned(in.Key[0]) && in.Base != tx.stamp(old) {
		if err := tx.detectConflict(in, old, op, order > 0, result); err != nil {
			return err
		}
	}
	if order <= 0 {
		result.Ignored++
		return nil
	}
	return tx.accept(in, source, result)
}

// refuse does not take what is about somebody who was erased, but what is not about him.
func (tx *Tx) refuse(in *incoming, source Source, result *Result) error {
	if in.Key[0] == KindAudit && entryCount(in.Body) > 1 {
		return tx.mergeCut(&in.Change, source, result)
	}
	result.Ignored++
	return tx.countErased(&in.Change)
}

// accept stores a change that won.
func (tx *Tx) accept(in *incoming, source Source, result *Result) error {
	if in.traits.flags&flagAccess != 0 {
		if err := tx.detectClaim(in, result); err != nil {
			return err
		}
	}
	result.Stored++
	if in.traits.flags&flagErasure != 0 && in.ds == Vouchers {
		return tx.acceptErasedUse(in, source)
	}
	if err := tx.store(in, source); err != nil {
		return err
	}
	if in.traits.flags&flagErasure != 0 && in.ds == Users {
		return tx.removeAccount(in.traits.id)
	}
	return nil
}

// mergeExpired takes no history of before the horizon. An older version, of when the session went on, goes too.
func (tx *Tx) mergeExpired(old record, op int32, newer bool, ds Dataset, result *Result) error {
	result.Ignored++
	if !newer || old.flags&flagDeleted != 0 {
		return nil
	}
	return tx.removeFound(ds, old, op)
}

// detectConflict puts the loser on the conflict list if neither version includes the edits of the other.
func (tx *Tx) detectConflict(in *incoming, old record, op int32, wins bool, result *Result) error {
	stored, err := tx.load(in.ds, old, op)
	if err != nil {
		return err
	}
	theirs, err := decodeVector(in.raw)
	if err != nil {
		return err
	}
	current, err := DecodeChange(stored)
	if err != nil {
		return fmt.Errorf("%w: stored version of record %x: %v", ErrDamaged, in.Key, err)
	}
	if !bytes.Equal(current.Key, in.Key) {
		return fmt.Errorf("%w: record %x is indexed as %x", ErrDamaged, current.Key, in.Key)
	}
	if theirs.Covers(current.Version) && theirs.counts() || current.Version.Covers(theirs) && current.Version.counts() {
		return nil
	}
	if current.Deleted == in.Deleted && bytes.Equal(current.Body, in.Body) {
		return nil // they agree: nothing is lost
	}
	winner, loser := stored, in.raw
	if wins {
		winner, loser = in.raw, stored
	}
	return tx.addConflict(in.ds, winner, loser, conflictEdit, result)
}

// counts says whether the vector knows any writer. A version without one says nothing of what it includes.
func (v Vector) counts() bool { return len(v) > 0 }
