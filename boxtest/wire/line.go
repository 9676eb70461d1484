package wire

import (
	"context"
	"math"
	"math/rand/v2"
	"sync"
	"time"
)

// segment is what TCP puts into a packet on most links, in bytes.
const segment = 1400

// bottleneck is where the packets of all connections in one direction leave one after the other.
type bottleneck struct {
	mu   sync.Mutex // guards free
	free time.Time  // when the last packet will have left
}

// pass returns when n bytes that are there now will have left at rate bits per second.
func (b *bottleneck) pass(n int, rate int64) time.Time {
	now := time.Now()
	if rate <= 0 {
		return now
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.free.Before(now) {
		b.free = now
	}
	b.free = b.free.Add(time.Duration(float64(n) * 8 / float64(rate) * float64(time.Second)))
	return b.free
}

// chunk is how many bytes are read at once: single segments where it matters, more where that would only cost time.
func (l Link) chunk() int {
	if l.Rate <= 0 && l.Loss <= 0 {
		return maxChunk
	}
	if l.Rate <= 0 {
		return segment
	}
	const smooth = 1000 // chunks per second that nobody can tell from single segments
	return int(min(max(l.Rate/8/smooth, segment), maxChunk))
}

const maxChunk = 32 << 10

// lost draws whether a chunk of n bytes loses a segment.
func (l Link) lost(n int) bool {
	return l.Loss > 0 && rand.Float64() >= math.Pow(1-l.Loss, math.Ceil(float64(n)/segment))
}

// inFlight is how many bytes may be behind the bottleneck and not delivered yet: what the delay holds, and a window.
func (l Link) inFlight() int {
	const window, unlimited = 64 << 10, 4 << 20
	if l.Rate <= 0 {
		return unlimited
	}
	return min(window+int(float64(l.Rate)/8*l.Delay.Seconds()), 64<<20)
}

func (l Link) queue() int {
	const usual = 64 << 10
	if l.Queue > 0 {
		return l.Queue
	}
	return usual
}

// piece is bytes on their way; without any it is the sender's end of the stream.
type piece struct {
	data []byte
	due  time.Time // when it arrives
}

// fifo is a queue of pieces with one writer and one reader, bounded in bytes.
type fifo struct {
	mu    sync.Mutex // guards the rest
	items []piece
	bytes int
	moved chan struct{} // closed, and replaced, at each change
}

func newFifo() *fifo { return &fifo{moved: make(chan struct{})} }

func (f *fifo) wake() {
	close(f.moved)
	f.moved = make(chan struct{})
}

// put waits for room; limit is asked anew each time because the link may change. One piece always fits.
func (f *fifo) put(ctx context.Context, p piece, limit func() int) bool {
	for {
		most := limit()
		f.mu.Lock()
		if f.bytes == 0 || f.bytes+len(p.data) <= most {
			f.items = append(f.items, p)
			f.bytes += len(p.data)
			f.wake()
			f.mu.Unlock()
			return ctx.Err() == nil
		}
		moved := f.moved
		f.mu.Unlock()
		select {
		case <-moved:
		case <-ctx.Done():
			return false
		}
	}
}

// first waits for a piece and leaves it where it is: it takes room until drop.
func (f *fifo) first(ctx context.Context) (piece, bool) {
	for {
		f.mu.Lock()
		if len(f.items) > 0 {
			defer f.mu.Unlock()
			return f.items[0], ctx.Err() == nil
		}
		moved := f.moved
		f.mu.Unlock()
		select {
		case <-moved:
		case <-ctx.Done():
			return piece{}, false
		}
	}
}

// drop removes the first piece and says whether another waits behind it.
func (f *fifo) drop() (more bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.bytes -= len(f.items[0].data)
	f.items[0] = piece{}
	f.items = f.items[1:]
	f.wake()
	return len(f.items) > 0
}

// waiting says whether more than the first piece is there.
func (f *fifo) waiting() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.items) > 1
}
