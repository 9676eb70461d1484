package hotspotdb

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// reader is how records are looked up: by the database as they are now, by a transaction with what it has staged.
type reader interface {
	raw(ds Dataset, key []byte) ([]byte, error) // the change, a tombstone too; ErrNotFound
	candidates(username []byte) []uint64        // accounts that may claim a name, in any order
}

// holder is a live account that claims a username.
type holder struct {
	id      uint64
	claimed int64 // microseconds
	raw     []byte
}

// before orders holders: the earlier claim keeps the name.
func (h holder) before(o holder) bool {
	return h.claimed < o.claimed || h.claimed == o.claimed && h.id < o.id
}

const fieldClaimed = 2 // of hotspotpb.Access

// holdersOf lists the live accounts that claim a username, the one that keeps it first, and the candidates that do not.
func holdersOf(r reader, username []byte) (found []holder, stale []uint64, err error) {
	for _, id := range r.candidates(username) {
		if slices.ContainsFunc(found, func(h holder) bool { return h.id == id }) || slices.Contains(stale, id) {
			continue
		}
		h, err := holderOf(r, id, username)
		switch {
		case err == nil:
			found = append(found, h)
		case errors.Is(err, ErrNotFound):
			stale = append(stale, id)
		default:
			return nil, nil, fmt.Errorf("look for account %s: %w", username, err)
		}
	}
	slices.SortFunc(found, func(a, b holder) int {
		if a.before(b) {
			return -1
		}
		return 1
	})
	return found, stale, nil
}

// holderOf verifies that an account claims a username; ErrNotFound if it does not.
func holderOf(r reader, id uint64, username []byte) (holder, error) {
	raw, err := r.raw(Users, AccessKey(id))
	if err != nil {
		return holder{}, err
	}
	var c Change
	if err := c.decode(raw); err != nil {
		return holder{}, err
	}
	if c.Deleted || !bytes.Equal(lastBytes(c.Body, fieldUsername), username) {
		return holder{}, ErrNotFound
	}
	return holder{id, int64(lastVarint(c.Body, fieldClaimed)), raw}, nil
}

// resolve finds an account by the name it is known as: the plain name belongs to the earliest claim, NAME~id to the others.
func resolve(r reader, username string) (id uint64, taken bool, err error) {
	holders, _, err := holdersOf(r, []byte(username))
	if err != nil {
		return 0, false, err
	}
	if len(holders) > 0 {
		return holders[0].id, false, nil
	}
	name, id, ok := splitKnownAs(username)
	if !ok {
		return 0, false, fmt.Errorf("account %s: %w", username, ErrNotFound)
	}
	if _, err := holderOf(r, id, []byte(name)); err != nil {
		return 0, false, fmt.Errorf("account %s: %w", username, err)
	}
	taken, err = nameTaken(r, id, name)
	return id, taken, err
}

// nameTaken says whether another account keeps the name that this one claims.
func nameTaken(r reader, id uint64, username string) (bool, error) {
	if len(r.candidates([]byte(username))) < 2 {
		return false, nil
	}
	holders, _, err := holdersOf(r, []byte(username))
	if err != nil || len(holders) == 0 {
		return false, err
	}
	return holders[0].id != id, nil
}

// knownAs is what an account is called whose username another account claimed before.
func knownAs(username string, id uint64) string { return username + "~" + strconv.FormatUint(id, 36) }

// splitKnownAs takes NAME~id apart.
func splitKnownAs(username string) (name string, id uint64, ok bool) {
	i := strings.LastIndexByte(username, '~')
	if i < 0 {
		return "", 0, false
	}
	id, err := strconv.ParseUint(username[i+1:], 36, 64)
	return username[:i], id, err == nil && id != 0
}

func (tx *Tx) candidates(username []byte) []uint64 {
	hash := tx.db.index.claims.hash(username)
	ids := tx.db.index.claims.candidates(hash)
	for i, ok := tx.g.claims[hash]; ok && i >= 0; i = tx.g.ops[i].prevClaim {
		ids = append(ids, tx.g.ops[i].id)
	}
	return ids
}

func (db *DB) candidates(username []byte) []uint64 {
	db.mu.RLock()
	defer db.mu.RUnlock()
	return db.index.claims.candidates(db.index.claims.hash(username))
}

// holders is holdersOf, and has the stale claims forgotten when the group is applied.
func (tx *Tx) holders(username []byte) ([]holder, error) {
	found, stale, err := holdersOf(tx, username)
	for _, id := range stale {
		tx.g.stale = append(tx.g.stale, staleClaim{tx.db.index.claims.hash(username), id})
	}
	return found, err
}

// detectClaim lists a conflict when an incoming account claims a name that another account has.
func (tx *Tx) detectClaim(in *incoming, result *Result) error {
	if _, staged := tx.g.claims[in.traits.claim]; !staged {
		if first, known := tx.db.index.claims.first[in.traits.claim]; !known ||
			first == in.traits.id && len(tx.db.index.claims.more[in.traits.claim]) == 0 {
			return nil
		}
	}
	username := lastBytes(in.Body, fieldUsername)
	others, err := tx.holders(username)
	if err != nil {
		return err
	}
	us := holder{in.traits.id, int64(lastVarint(in.Body, fieldClaimed)), in.raw}
	for _, other := range others {
		if other.id == us.id {
			continue
		}
		winner, loser := us, other
		if other.before(us) {
			winner, loser = other, us
		}
		if err := tx.addConflict(Users, winner.raw, loser.raw, conflictClaim, result); err != nil {
			return err
		}
	}
	return nil
}
