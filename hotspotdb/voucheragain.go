package hotspotdb

import (
	"cmp"
	"errors"
	"slices"

	"mbox/proto/hotspotpb"
)

// A device that was granted a use whose answer it never got may be granted another one by another box that cannot hear the
// first. Both records stay, and are one use: the device goes on with the one that ends last, on every box.

// distinct lists the uses that count: of those that one device had at the same time, the one with which it goes on.
func distinct(uses []tied[useRef]) []tied[useRef] {
	list := slices.DeleteFunc(slices.Clone(uses), func(one tied[useRef]) bool { return one.ref.again })
	slices.SortFunc(list, func(a, b tied[useRef]) int {
		return cmp.Or(cmp.Compare(a.ref.mac, b.ref.mac), cmp.Compare(a.ref.at, b.ref.at), cmp.Compare(a.id, b.id))
	})
	out := list[:0]
	for _, one := range list {
		if last := len(out) - 1; last < 0 || !sameUse(out[last].ref, one.ref) {
			out = append(out, one)
		} else if outlasts(one, out[last]) > 0 {
			out[last] = one
		}
	}
	return out
}

// sameUse says whether a use began while the same device had the earlier one. Of unknown devices, nobody can tell.
func sameUse(earlier, later useRef) bool {
	return earlier.mac != 0 && earlier.mac == later.mac && (earlier.expires == 0 || later.at < earlier.expires)
}

// outlasts orders uses by their end, then by their beginning; on all boxes alike.
func outlasts(a, b tied[useRef]) int {
	never := func(u useRef) int {
		if u.expires == 0 {
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(never(a.ref), never(b.ref)), cmp.Compare(a.ref.expires, b.ref.expires),
		cmp.Compare(a.ref.at, b.ref.at), cmp.Compare(a.id, b.id))
}

// eraseAgain erases what the device of a use had at the same time, and says which uses that were: who is erased is erased with
// all of them, and they go on counting as one.
func (tx *Tx) eraseAgain(id uint64) (erased []uint64, err error) {
	u, err := readUse(tx, id)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	uses := tx.usesOf(u.Batch, u.Code)
	i := slices.IndexFunc(uses, func(one tied[useRef]) bool { return one.id == id })
	for _, one := range uses {
		if i < 0 || one.id == id || !sameUse(uses[i].ref, one.ref) && !sameUse(one.ref, uses[i].ref) {
			continue
		}
		if err := tx.putErasedUse(one.id, &hotspotpb.ErasedUse{Code: u.Code, Batch: u.Batch, Again: true}); err != nil {
			return nil, err
		}
		erased = append(erased, one.id)
	}
	return erased, nil
}
