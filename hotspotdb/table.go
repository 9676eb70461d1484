package hotspotdb

import "math/bits"

// table is a hash table of one bucket's records with linear probing. It grows by a quarter, so a million records waste
// little, and its hash being keyed nobody can make it degenerate.
type table struct {
	slots []record // an empty slot has seq 0
	used  int
}

func (t *table) slot(h keyHash) int {
	hi, _ := bits.Mul64(h.b, uint64(len(t.slots)))
	return int(hi)
}

// get returns the record or nil; the pointer is good until the next put.
func (t *table) get(h keyHash) *record {
	if t.used == 0 {
		return nil
	}
	for i := t.slot(h); ; i++ {
		if i == len(t.slots) {
			i = 0
		}
		switch r := &t.slots[i]; {
		case r.seq == 0:
			return nil
		case r.hash == h:
			return r
		}
	}
}

// add inserts a record that is not there yet.
func (t *table) add(r record) {
	if 5*(t.used+1) > 4*len(t.slots) {
		t.resize(max(4, len(t.slots)+len(t.slots)/4+1))
	}
	t.place(r)
	t.used++
}

func (t *table) resize(slots int) {
	old := t.slots
	t.slots = make([]record, slots)
	for i := range old {
		if old[i].seq != 0 {
			t.place(old[i])
		}
	}
}

func (t *table) place(r record) {
	i := t.slot(r.hash)
	for t.slots[i].seq != 0 {
		if i++; i == len(t.slots) {
			i = 0
		}
	}
	t.slots[i] = r
}

// remove takes out a record that is there. The records behind it that collided move up, so that no search ends early, and a
// table that has become much too large is made smaller.
func (t *table) remove(h keyHash) {
	hole := t.slot(h)
	for t.slots[hole].hash != h || t.slots[hole].seq == 0 {
		hole = t.next(hole)
	}
	for i := t.next(hole); t.slots[i].seq != 0; i = t.next(i) {
		// The record may move into the hole unless its home lies behind it, on the way around to i.
		if home := t.slot(t.slots[i].hash); t.distance(home, i) >= t.distance(hole, i) {
			t.slots[hole] = t.slots[i]
			hole = i
		}
	}
	t.slots[hole] = record{}
	if t.used--; t.used == 0 {
		t.slots = nil
	} else if 3*t.used < len(t.slots) {
		t.resize(max(4, t.used+t.used/2+1))
	}
}

func (t *table) next(i int) int {
	if i++; i == len(t.slots) {
		return 0
	}
	return i
}

// distance is how many steps a search that begins at a slot takes to another.
func (t *table) distance(from, to int) int {
	if to < from {
		to += len(t.slots)
	}
	return to - from
}
