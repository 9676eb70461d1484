package hotspotdb

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func sourceOf(n int) Source {
	s := Source{Kind: Below}
	binary.BigEndian.PutUint32(s.Database[:], uint32(n+1))
	return s
}

// TestSourcesAreNumbered: a number belongs to one source for as long as a record has it, beyond the limit they share one, and
// what nobody uses is given out again.
func TestSourcesAreNumbered(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := newSources()
		s.limit = 4
		held := map[int][]uint16{}
		for range rapid.IntRange(1, 200).Draw(rt, "steps") {
			n := rapid.IntRange(0, 6).Draw(rt, "source")
			if list := held[n]; len(list) > 0 && rapid.IntRange(0, 2).Draw(rt, "drop") > 0 {
				s.drop(list[0])
				held[n] = list[1:]
			} else {
				others := map[int]bool{}
				for other, list := range held {
					others[other] = slices.ContainsFunc(list, func(number uint16) bool { return number != s.limit })
				}
				maps.DeleteFunc(others, func(_ int, own bool) bool { return !own })
				number := s.take(sourceOf(n))
				if held[n] = append(held[n], number); number == s.limit && len(others) < int(s.limit)-1 {
					rt.Fatalf("source %d must share a number, and only %d have one of their own", n, len(others))
				}
			}
			owner, shared := map[uint16]int{0: -1}, 0
			for n, list := range held {
				for _, number := range list {
					if number == s.limit {
						shared++
						continue
					}
					if first, taken := owner[number]; taken && first != n || s.ids[number] != sourceOf(n) {
						rt.Fatalf("number %d is that of %d and of %d", number, first, n)
					}
					owner[number] = n
				}
			}
			if s.exact() != (shared == 0) || len(s.ids) > int(s.limit)+1 {
				rt.Fatalf("%d records share a number, exact %v, %d numbers", shared, s.exact(), len(s.ids))
			}
		}
	})
}

func applyFrom(t testing.TB, db *DB, n int, key string) {
	t.Helper()
	s := sourceOf(n)
	_, err := db.Apply(t.Context(), Batch{
		Dataset: Users, From: s.Database, Kind: s.Kind, Changes: [][]byte{change(key, uint64(n+1), dbID(9), "")}, Seqs: []uint64{5},
	})
	must(t, err)
}

// TestSourceTotalBeyondTheNumbers: with more sources than numbers the totals are still right.
func TestSourceTotalBeyondTheNumbers(t *testing.T) {
	db := openMem(t)
	db.index.sources.limit = 3
	put(t, db, "mine", "")
	for n := range 6 {
		applyFrom(t, db, n, fmt.Sprint("x", n))
	}
	check := func(want bool) {
		t.Helper()
		v := db.View(WithSources(Users))
		defer v.Close()
		if kept := v.sources[Users] != nil; kept != want {
			t.Errorf("kept %v with %d numbers", kept, len(db.index.sources.ids))
		}
		var all Sum
		for n := range 6 {
			got, err := v.SourceTotal(Users, func(s Source) bool { return s == sourceOf(n) })
			must(t, err)
			var want Sum
			if r := db.index.datasets[Users].get(db.hasher.key(fmt.Append(nil, "x", n))); r != nil {
				want = r.contribution.sum()
			}
			if got != want {
				t.Errorf("source %d: %x, want %x", n, got, want)
			}
			all = AddSum(all, got)
		}
		local, err := v.SourceTotal(Users, func(s Source) bool { return s.Kind == Local })
		if must(t, err); AddSum(all, local) != v.Total(Users) {
			t.Error("the sources do not add up to the total")
		}
	}
	check(false)
	for n := range 4 { // of those that share a number there are none left
		if _, err := db.Forget(t.Context(), Users, []uint64{uint64(n + 4)}); err != nil {
			t.Fatal(err)
		}
	}
	check(true)
}

// TestSourceTotalsProveAFeedUpwards: what a follower holds that did not come from above is what the primary has from it.
func TestSourceTotalsProveAFeedUpwards(t *testing.T) {
	primary, follower := openMem(t), openMem(t)
	put(t, primary, "p", "1")
	down := feedOf(t, primary, Users, 0)
	_, err := follower.Apply(t.Context(), down)
	must(t, err)
	applyFrom(t, primary, 3, "other")
	applyFrom(t, follower, 4, "below")
	put(t, follower, "f", "1")
	compare := func() bool {
		f, p := follower.View(WithSources(Users)), primary.View(WithSources(Users))
		defer f.Close()
		defer p.Close()
		ours, err := f.SourceTotal(Users, func(s Source) bool { return s.Kind != Above })
		must(t, err)
		theirs, err := p.SourceTotal(Users, func(s Source) bool { return s == Source{Kind: Below, Database: follower.ID()} })
		must(t, err)
		return ours == theirs
	}
	if compare() {
		t.Error("equal before anything was sent")
	}
	up := Batch{Dataset: Users, From: follower.ID(), Kind: Below}
	for i, raw := range feedOf(t, follower, Users, 0).Changes {
		c, err := DecodeChange(raw)
		if must(t, err); c.Stamp.Origin != primary.ID() {
			up.Changes, up.Seqs = append(up.Changes, raw), append(up.Seqs, uint64(i))
		}
	}
	_, err = primary.Apply(t.Context(), up)
	if must(t, err); !compare() {
		t.Error("the totals differ")
	}
}
