package sync

import (
	"container/heap"
	"math/rand/v2"
	"slices"
	"testing"

	"mbox/hotspotdb"
	"mbox/modules/sync/peer"
)

// TestTallyAgreesWithCounting: what is reached after boxes have gone on, begun anew, come and left, is what counting all of
// them says, and exactly those who wait for it are woken.
func TestTallyAgreesWithCounting(t *testing.T) {
	const ds, boxes, steps = hotspotdb.Users, 12, 4000
	for required := 1; required <= maxRequired; required++ {
		random := rand.New(rand.NewPCG(uint64(required), 7))
		tl := &tally{dataset: ds}
		all := map[string]*ballot{}
		highest := uint64(0)
		var waiting []*waiter
		for range steps {
			name := string(rune('a' + random.IntN(boxes)))
			b := all[name]
			switch action := random.IntN(20); {
			case b == nil:
				all[name] = &ballot{counts: random.IntN(5) > 0, voters: []*voter{{}}}
			case action == 0:
				delete(all, name)
				tl.recount(required, all)
			case action == 1:
				b.voters[0].stored[ds].Store(b.seq[ds] / 2)
				tl.update(b, required, all)
			default:
				b.voters[0].stored[ds].Add(uint64(random.IntN(100)))
				tl.update(b, required, all)
			}
			if got, want := tl.reached(required), counted(all, ds, required); got != want {
				t.Fatalf("%d boxes have reached %d, counted %d", required, got, want)
			}
			w := &waiter{seq: tl.reached(required) + uint64(random.IntN(300)), done: make(chan struct{})}
			heap.Push(&tl.waiting, w)
			waiting = append(waiting, w)
			tl.wake(required)
			highest = max(highest, tl.reached(required))
			if i := random.IntN(len(waiting)); random.IntN(4) == 0 && !woken(waiting[i]) {
				tl.waiting.remove(waiting[i])
				waiting = slices.Delete(waiting, i, i+1)
			}
			waiting = slices.DeleteFunc(waiting, func(w *waiter) bool {
				if woken(w) != (w.seq <= tl.reached(required)) {
					t.Fatalf("who waits for %d was woken: %v; %d is reached", w.seq, woken(w), tl.reached(required))
				}
				return woken(w)
			})
			if len(waiting) != len(tl.waiting) {
				t.Fatalf("%d wait, %d are in the heap", len(waiting), len(tl.waiting))
			}
		}
		if highest == 0 {
			t.Errorf("%d boxes never reached anything", required)
		}
	}
}

func counted(all map[string]*ballot, ds hotspotdb.Dataset, required int) uint64 {
	var list []uint64
	for _, b := range all {
		if b.counts {
			list = append(list, b.voters[0].stored[ds].Load())
		}
	}
	slices.Sort(list)
	slices.Reverse(list)
	if len(list) < required {
		return 0
	}
	return list[required-1]
}

func woken(w *waiter) bool {
	select {
	case <-w.done:
		return true
	default:
		return false
	}
}

func BenchmarkStoredNobodyAsks(b *testing.B) { benchmarkStored(b, nil) }

func BenchmarkStoredOfThousand(b *testing.B) { benchmarkStored(b, &acknowledge{Required: 2}) }

// benchmarkStored is one acknowledgement of one of 1,000 followers, each of which has stored one change more than before.
func benchmarkStored(b *testing.B, a *acknowledge) {
	q := newQuorum(nil, nil, nil)
	q.asked.Store(a)
	var stored []func(hotspotdb.Dataset, uint64)
	for range 1000 {
		v := &voter{}
		ballot := &ballot{counts: true, voters: []*voter{v}}
		q.boxes[string(rune(len(stored)))] = ballot
		stored = append(stored, func(ds hotspotdb.Dataset, seq uint64) { q.stored(v, ballot, ds, seq) })
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		stored[i%1000](hotspotdb.Users, uint64(1+i/1000))
	}
}

// TestTwoConnectionsAreOneBox: a box that is connected twice confirms once, and what it has stored is not forgotten when one of
// its connections ends.
func TestTwoConnectionsAreOneBox(t *testing.T) {
	q := newQuorum(nil, nil, nil)
	q.asked.Store(&acknowledge{Required: 2})
	first, second, other := &peer.Session{BoxID: "a"}, &peer.Session{BoxID: "a"}, &peer.Session{BoxID: "b"}
	reached := func() uint64 { return q.tallies[hotspotdb.Users].reached(2) }
	q.join(first)(hotspotdb.Users, 7)
	q.join(second)(hotspotdb.Users, 9)
	if reached() != 0 {
		t.Fatalf("one box has confirmed %d twice", reached())
	}
	q.join(other)(hotspotdb.Users, 8)
	if reached() != 8 {
		t.Errorf("two boxes have reached %d", reached())
	}
	q.asked.Store(nil) // leaving is not to ask the database now
	q.leave(first)
	q.asked.Store(&acknowledge{Required: 2})
	q.recount()
	if reached() != 8 {
		t.Errorf("after one of two connections ended: %d", reached())
	}
}
