package feed

import (
	"context"
	"sync"
	"time"
)

const (
	// manyFeeds is from how many feeds on they move in step.
	manyFeeds = 32
	// stepPerFeed is how long a step lasts for each feed. Sending a batch costs the primary about 40 us a follower, so that
	// under a constant rate of changes more than half of one core is left for everything else. 1,000 feeds: 100 ms.
	stepPerFeed = 100 * time.Microsecond
)

// pulse tells the feeds of one box up to where they may read. Few feeds follow the durable watermark as it moves. Many
// feeds move in steps, the same for all of them: a step is one batch that they share, and one wake-up and one frame for
// each, however many changes it holds; without it each of a thousand feeds would wake for each change and cut a batch of
// its own.
type pulse struct {
	mu    sync.Mutex // guards what follows
	feeds int
	seq   uint64        // the watermark at the last step
	moved chan struct{} // closed, and replaced, at each step; nil while there are few feeds
	stop  context.CancelFunc
	done  chan struct{} // closed when the goroutine that steps has ended
}

// watermark is the durable end of a database.
type watermark interface {
	Durable() uint64
	Moved() <-chan struct{} // closed at the next move
	Wait(ctx context.Context, after uint64) (uint64, error)
}

// join counts a feed of the box's database until leave is called.
func (p *pulse) join(db watermark) (leave func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.feeds++
	if p.feeds == manyFeeds {
		before := p.done
		ctx, stop := context.WithCancel(context.Background())
		p.seq, p.moved, p.stop, p.done = db.Durable(), make(chan struct{}), stop, make(chan struct{})
		go p.run(ctx, db, before, p.done)
	}
	return p.leave
}

func (p *pulse) leave() {
	p.mu.Lock()
	p.feeds--
	if p.feeds == manyFeeds-1 {
		p.stop()
		close(p.moved) // from now on the feeds look at the database
		p.moved = nil
	}
	last, done := p.feeds == 0, p.done
	p.mu.Unlock()
	if last && done != nil {
		<-done
	}
}

// run steps until ctx ends, once the goroutine before it has ended.
func (p *pulse) run(ctx context.Context, db watermark, before, done chan struct{}) {
	defer close(done)
	if before != nil {
		<-before
	}
	for seq := uint64(0); ; {
		next, err := db.Wait(ctx, seq)
		if err != nil {
			return // the links end by themselves, or there are few of them now
		}
		seq = next
		pause := time.NewTimer(p.step(ctx, seq))
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
		pause.Stop()
	}
}

// step lets the feeds read up to seq, and says how long this step lasts.
func (p *pulse) step(ctx context.Context, seq uint64) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if ctx.Err() == nil && seq > p.seq {
		p.seq = seq
		close(p.moved)
		p.moved = make(chan struct{})
	}
	return time.Duration(p.feeds) * stepPerFeed
}

// next returns up to where a feed may read, a channel that is closed when that grows, and whether it grows in steps.
func (p *pulse) next(db watermark) (seq uint64, moved <-chan struct{}, steps bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.moved != nil {
		return p.seq, p.moved, true
	}
	moved = db.Moved() // before the watermark, so that no move is missed
	return db.Durable(), moved, false
}
