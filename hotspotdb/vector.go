package hotspotdb

import "slices"

// Version counts the edits of one writer. A writer is one incarnation of a database.
type Version struct {
	Actor   uint64
	Counter uint64
}

// Vector is a version vector: which edits of which writers a version of a record includes. Its entries are in the order
// of the last edit, the newest last.
type Vector []Version

// vectorLimit is how many writers a vector keeps. What is dropped are the writers that have not edited for longest; that
// can only report a conflict where there was none, because the last writer of every version is always kept.
const vectorLimit = 16

// Covers says whether a version with vector v includes every edit of one with vector o.
func (v Vector) Covers(o Vector) bool {
	for _, version := range o {
		if v.counter(version.Actor) < version.Counter {
			return false
		}
	}
	return true
}

func (v Vector) counter(actor uint64) uint64 {
	var counter uint64
	for _, version := range v {
		if version.Actor == actor {
			counter = max(counter, version.Counter)
		}
	}
	return counter
}

// with returns a vector that covers both.
func (v Vector) with(o Vector) Vector {
	both := slices.Clone(v)
	for _, version := range o {
		switch i := slices.IndexFunc(both, func(b Version) bool { return b.Actor == version.Actor }); {
		case i < 0:
			both = append(both, version)
		default:
			both[i].Counter = max(both[i].Counter, version.Counter)
		}
	}
	return both
}

// edited returns the vector after one more edit of actor.
func (v Vector) edited(actor uint64) Vector {
	next := make(Vector, 0, len(v)+1)
	for _, version := range v {
		if version.Actor != actor {
			next = append(next, version)
		}
	}
	next = append(next, Version{actor, v.counter(actor) + 1})
	return next[max(0, len(next)-vectorLimit):]
}
