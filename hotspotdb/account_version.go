package hotspotdb

import (
	"errors"
	"fmt"
)

// AccountVersion names the version of an account that is stored here: no two versions of an account have the same.
type AccountVersion struct{ Access, Self Stamp }

// AccountVersion is the present version of an account. ErrNotFound if there is no such account.
func (db *DB) AccountVersion(id uint64) (AccountVersion, error) { return accountVersion(db, id) }

// AccountVersion is the version of an account that this transaction sees: what it changes is still that version.
func (tx *Tx) AccountVersion(id uint64) (AccountVersion, error) { return accountVersion(tx, id) }

func accountVersion(r reader, id uint64) (v AccountVersion, err error) {
	for _, part := range []struct {
		key   []byte
		stamp *Stamp
		must  bool
	}{{AccessKey(id), &v.Access, true}, {SelfKey(id), &v.Self, false}} {
		raw, err := r.raw(Users, part.key)
		var c Change
		if err == nil {
			err = c.decode(raw)
		}
		if err == nil && c.Deleted && part.must {
			err = ErrNotFound
		}
		if errors.Is(err, ErrNotFound) && !part.must {
			continue
		}
		if err != nil {
			return v, fmt.Errorf("version of account %d: %w", id, err)
		}
		*part.stamp = c.Stamp
	}
	return v, nil
}

// AccountByID finds an account by its id.
func (tx *Tx) AccountByID(id uint64) (Account, error) {
	p, err := readParts(tx, id, false)
	if err == nil {
		p.nameTaken, err = nameTaken(tx, id, p.access.Username)
	}
	if err != nil {
		return Account{}, fmt.Errorf("account %d: %w", id, err)
	}
	return p.account(), nil
}
