package hotspotdb

import "slices"

// trace is what a record leaves in an index of its own kind, beside what memory keeps of every record.
type trace interface {
	put(x *index)    // the record was stored, also as a tombstone
	remove(x *index) // it is taken out without a tombstone
}

// related finds records by what they belong to. It is changed by the committer only, with db.mu held.
type related[K comparable, R any] struct {
	lists  map[K][]tied[R]
	owners map[uint64]K // by the record's id
}

// tied is one of the records, and what memory keeps of it.
type tied[R any] struct {
	id  uint64
	ref R
}

func newRelated[K comparable, R any]() related[K, R] {
	return related[K, R]{map[K][]tied[R]{}, map[uint64]K{}}
}

// put takes a record in, in place of what it was.
func (r *related[K, R]) put(id uint64, owner K, ref R) {
	r.drop(id)
	r.owners[id] = owner
	r.lists[owner] = append(r.lists[owner], tied[R]{id, ref})
}

func (r *related[K, R]) drop(id uint64) {
	owner, found := r.owners[id]
	if !found {
		return
	}
	delete(r.owners, id)
	if r.lists[owner] = without(r.lists[owner], id); len(r.lists[owner]) == 0 {
		delete(r.lists, owner)
	}
}

// get finds a record by its id.
func (r *related[K, R]) get(id uint64) (ref R, found bool) {
	owner, found := r.owners[id]
	if !found {
		return ref, false
	}
	list := r.lists[owner]
	i := slices.IndexFunc(list, func(one tied[R]) bool { return one.id == id })
	return list[i].ref, true
}

func without[R any](list []tied[R], id uint64) []tied[R] {
	return slices.DeleteFunc(list, func(one tied[R]) bool { return one.id == id })
}

// staged calls fn with the traces of what the group has staged, in their order.
func (tx *Tx) staged(fn func(t trace, removed bool)) {
	for _, i := range tx.g.traced {
		o := &tx.g.ops[i]
		fn(o.trace, o.removed())
	}
}

// newerTraits is traitsOf for the kinds that leave a trace, and for vouchers, which are counted.
func (x *index) newerTraits(c *Change) traits {
	var t traits
	if c.Deleted {
		t.flags = flagDeleted
	}
	switch kind := c.Key[0]; {
	case kind == KindVoucher:
		if !c.Deleted {
			t.flags = flagVoucher
		}
	case len(c.Key) != 9:
	case kind == KindErasureToo:
		t.id = keyID(c.Key)
		if !c.Deleted {
			t.flags = flagErasure
			t.trace = x.erasedUse(c)
		}
	case kind == KindUse:
		t.trace = x.useTrace(c)
	case kind == KindPurchase:
		t.trace = purchaseTraceOf(c)
	}
	return t
}
