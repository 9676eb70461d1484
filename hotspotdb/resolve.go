package hotspotdb

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"mbox/proto/hotspotpb"
)

// ResolveConflict decides a conflict for all boxes: the version in force stays, or the one that was lost is restored, as a new
// edit by the given person. Either way it is written as a version that includes both, so that the same conflict goes from the
// lists of the other boxes when they get it. A password stays as it is, because conflicts do not hold one. What is restored
// of two accounts that took one username is the name: the error wraps ErrExists if another account has it. Keeping such a
// name only takes this box's entry away.
func (db *DB) ResolveConflict(ctx context.Context, number uint64, restore bool, by string) error {
	err := db.Update(ctx, func(tx *Tx) error {
		c, err := db.conflict(number)
		if err != nil {
			return err
		}
		switch {
		case c.Reason != conflictClaim:
			err = tx.resolveEdit(&c, restore, by)
		case restore:
			err = tx.restoreName(&c, by)
		}
		if err != nil {
			return err
		}
		_, err = tx.dropConflicts(func(l *listedConflict) bool { return l.number == number })
		return err
	})
	if err != nil {
		return fmt.Errorf("resolve conflict %d: %w", number, err)
	}
	return nil
}

// ClearConflicts empties the conflict list of this box, and says how many there were. Nothing else changes.
func (db *DB) ClearConflicts(ctx context.Context) (int, error) {
	n := 0
	err := db.UpdateHere(ctx, func(tx *Tx) (err error) {
		n, err = tx.dropConflicts(func(*listedConflict) bool { return true })
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("clear the conflict list: %w", err)
	}
	return n, nil
}

// resolveEdit writes the version that includes both sides.
func (tx *Tx) resolveEdit(c *Conflict, restore bool, by string) error {
	key := c.Loser.Key
	now, err := tx.Get(c.Dataset, key)
	switch {
	case errors.Is(err, ErrNotFound): // its tombstone is purged: nothing is in force
		now = Change{Key: key, Deleted: true}
	case err != nil:
		return err
	}
	if !restore {
		if now.Version.Covers(c.Winner.Version) && now.Version.Covers(c.Loser.Version) {
			return nil
		}
		return tx.write(c.Dataset, key, now.Body, now.Deleted, c.Winner.Version, c.Loser.Version)
	}
	if c.Loser.Deleted {
		if err := tx.deleteSelf(key); err != nil {
			return err
		}
		if err := tx.write(c.Dataset, key, nil, true, c.Winner.Version, c.Loser.Version); err != nil {
			return err
		}
		return tx.recordRestored(by, key, &now)
	}
	body, err := tx.restored(&c.Loser, &now, by)
	if err != nil {
		return err
	}
	if err := tx.write(c.Dataset, key, body, false, c.Winner.Version, c.Loser.Version); err != nil {
		return err
	}
	return tx.recordRestored(by, key, &Change{Key: key, Body: body})
}

// recordRestored writes the audit entry of a version that was restored; shown is the one that has a name.
func (tx *Tx) recordRestored(by string, key []byte, shown *Change) error {
	object, name, account := "user", "", uint64(0)
	switch key[0] {
	case KindAccess:
		account, name = keyID(key), string(lastBytes(shown.Body, fieldUsername))
	case KindSelf:
		account = keyID(key)
		if p, err := readParts(tx, account, false); err == nil {
			name = p.access.Username
		}
	case KindProfile:
		object, name = "profile", string(key[1:])
	case KindBatch:
		object, name = "batch", string(key[1:])
	}
	return tx.record(by, object, name, account, "restored", noFields)
}

// deleteSelf deletes what a guest has written of an account whose deletion is restored.
func (tx *Tx) deleteSelf(key []byte) error {
	if key[0] != KindAccess {
		return nil
	}
	self := SelfKey(keyID(key))
	switch c, err := tx.Get(Users, self); {
	case errors.Is(err, ErrNotFound):
		return nil
	case err != nil:
		return err
	case c.Deleted:
		return nil
	}
	return tx.Delete(Users, self)
}

// restored is the body of a lost version as a new edit.
func (tx *Tx) restored(lost, now *Change, by string) ([]byte, error) {
	var m proto.Message
	var err error
	switch lost.Key[0] {
	case KindAccess:
		m, err = tx.restoredAccess(lost, now, by)
	case KindSelf:
		self, current := &hotspotpb.Self{}, &hotspotpb.Self{}
		if err = unmarshal(lost, self); err == nil {
			err = currently(now, current)
		}
		self.Password, self.PasswordUs = current.Password, current.PasswordUs
		self.UpdatedUs, self.UpdatedBy = tx.now.UnixMicro(), by
		m = self
	case KindProfile:
		profile := &hotspotpb.Profile{}
		err = unmarshal(lost, profile)
		profile.UpdatedUs, profile.UpdatedBy = tx.now.UnixMicro(), by
		m = profile
	case KindBatch:
		batch := &hotspotpb.VoucherBatch{}
		err = unmarshal(lost, batch)
		batch.UpdatedUs, batch.UpdatedBy = tx.now.UnixMicro(), by
		m = batch
	default:
		return nil, fmt.Errorf("%w: records of kind %q have no conflicts", ErrInvalid, lost.Key[0])
	}
	if err != nil {
		return nil, err
	}
	return proto.Marshal(m)
}

// currently decodes a version in force; nothing if it is a deletion.
func currently(now *Change, m proto.Message) error {
	if now.Deleted {
		return nil
	}
	return unmarshal(now, m)
}

// restoredAccess takes the account's name along. One that it no longer has is claimed anew.
func (tx *Tx) restoredAccess(lost, now *Change, by string) (proto.Message, error) {
	access, current := &hotspotpb.Access{}, &hotspotpb.Access{}
	if err := unmarshal(lost, access); err != nil {
		return nil, err
	}
	if err := currently(now, current); err != nil {
		return nil, err
	}
	access.UpdatedUs, access.UpdatedBy = tx.now.UnixMicro(), by
	if access.Username == current.Username {
		access.ClaimedUs = current.ClaimedUs
		return access, nil
	}
	if err := tx.nameFree(access.Username, keyID(lost.Key)); err != nil {
		return nil, err
	}
	access.ClaimedUs = tx.now.UnixMicro()
	return access, nil
}

// restoreName gives an account the username that another one kept, if it is free by now.
func (tx *Tx) restoreName(c *Conflict, by string) error {
	id, name := keyID(c.Loser.Key), string(lastBytes(c.Loser.Body, fieldUsername))
	p, err := readParts(tx, id, false)
	if err != nil {
		return fmt.Errorf("account %s: %w", knownAs(name, id), err)
	}
	if err := tx.nameFree(name, id); err != nil {
		return err
	}
	if p.access.Username == name {
		return nil // the other account has given it up
	}
	before := p.access.Username
	if err := tx.rename(p, name); err != nil {
		return err
	}
	p.access.UpdatedUs, p.access.UpdatedBy = tx.now.UnixMicro(), by
	if err := tx.putMessage(Users, AccessKey(id), p.access); err != nil {
		return fmt.Errorf("account %s: %w", name, err)
	}
	return tx.record(by, "user", name, id, "renamed", func() []AuditField { return appendTexts(nil, "username", before, name) })
}
