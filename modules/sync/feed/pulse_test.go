package feed

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// water is a watermark that a test moves.
type water struct {
	mu    sync.Mutex
	seq   uint64
	moved chan struct{}
}

func (w *water) Durable() uint64 { w.mu.Lock(); defer w.mu.Unlock(); return w.seq }

func (w *water) Moved() <-chan struct{} { w.mu.Lock(); defer w.mu.Unlock(); return w.moved }

func (w *water) Wait(ctx context.Context, after uint64) (uint64, error) {
	for {
		moved := w.Moved()
		if seq := w.Durable(); seq > after {
			return seq, nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

func (w *water) advance() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seq++
	close(w.moved)
	w.moved = make(chan struct{})
}

// cuts is up to where a feed reads, each time that it is woken, until ctx ends.
func cuts(ctx context.Context, p *pulse, w *water) (seen []uint64) {
	for {
		seq, moved, _ := p.next(w)
		seen = append(seen, seq)
		select {
		case <-moved:
		case <-ctx.Done():
			return seen
		}
	}
}

// run lets two of many feeds read while the watermark moves once a millisecond, and once more by itself after a rest, and
// returns what both read.
func run(t *testing.T, feeds, moves int) (first, second []uint64) {
	synctest.Test(t, func(t *testing.T) {
		w := &water{moved: make(chan struct{})}
		p := &pulse{}
		var leave []func()
		for range feeds {
			leave = append(leave, p.join(w))
		}
		ctx, stop := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() { first = cuts(ctx, p, w) })
		group.Go(func() { second = cuts(ctx, p, w) })
		for range moves {
			time.Sleep(time.Millisecond)
			w.advance()
		}
		rest := time.Duration(feeds) * stepPerFeed
		time.Sleep(rest)
		w.advance()
		time.Sleep(rest)
		synctest.Wait()
		stop()
		group.Wait()
		for _, l := range leave {
			l() // synctest finds a goroutine that stays
		}
	})
	return first, second
}

func TestFewFeedsFollowEachMove(t *testing.T) {
	const moves = 100
	first, _ := run(t, manyFeeds-1, moves)
	if len(first) != moves+2 {
		t.Errorf("%d reads for %d moves", len(first), moves+1)
	}
}

// A thousand feeds are woken ten times a second and not at each change, all read up to the same ends, and the last change
// is not left out.
func TestManyFeedsMoveInSteps(t *testing.T) {
	const feeds, moves = 1000, 1000
	first, second := run(t, feeds, moves)
	if most := 3 + moves*int(time.Millisecond)/int(feeds*stepPerFeed); len(first) > most {
		t.Errorf("%d reads for %d moves; at most %d were due", len(first), moves, most)
	}
	if !slices.Equal(first, second) {
		t.Errorf("two feeds cut differently: %v and %v", first, second)
	}
	if last := first[len(first)-1]; last != moves+1 {
		t.Errorf("the last read went up to %d of %d", last, moves+1)
	}
}

// Feeds that wait while others leave follow the watermark from then on.
func TestFeedsThatBecomeFewAreWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &water{moved: make(chan struct{})}
		p := &pulse{}
		stay := p.join(w)
		var others []func()
		for range manyFeeds {
			others = append(others, p.join(w))
		}
		synctest.Wait()
		_, moved, _ := p.next(w)
		for _, leave := range others {
			leave()
		}
		select {
		case <-moved:
		default:
			t.Error("a feed that waits for the next step is not told that there are no more steps")
		}
		w.advance()
		if seq, _, _ := p.next(w); seq != 1 {
			t.Errorf("reads up to %d of 1", seq)
		}
		stay()
	})
}
