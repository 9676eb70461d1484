// Package swarm is many light followers in one process. Each holds a connection of its own, proves itself and speaks the
// protocol like a box, but of the records it keeps only positions and a sum: a thousand of them fit beside one primary.
package swarm

import (
	"context"
	"fmt"
	"hash/maphash"
	"net/netip"
	stdsync "sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"mbox/configstore"
	"mbox/hotspotdb"
	"mbox/modules/sync/peer"
)

// Config of a swarm.
type Config struct {
	Primary   string // address and port
	Account   string
	Password  string
	Followers int
	Source    func(i int) netip.Addr // the address that follower i dials from
	Datasets  []string
}

// Swarm is the followers together.
type Swarm struct {
	cfg       Config
	seed      maphash.Seed
	dec       *zstd.Decoder
	buffers   stdsync.Pool // of *[]byte: a batch after decompression
	followers []*follower
	cancel    context.CancelFunc
	tasks     stdsync.WaitGroup

	mu       stdsync.Mutex // guards what follows
	changed  chan struct{} // closed, and replaced, when a follower has moved
	counters Counters
}

// Counters add up what all followers saw since the start.
type Counters struct {
	Dials     int            // TCP connections begun
	ByToken   int            // connections that were proved by a token
	BySCRAM   int            // and by the password
	Ended     map[string]int // why attempts and connections ended
	Batches   int
	Changes   int
	Received  int64 // bytes of frames of connections that have ended
	Malformed int   // batches whose sequences do not grow, or that are not what they announce
}

// Arrival is a batch at one follower: everything up to Seq has arrived at At (nanoseconds since 1970).
type Arrival struct {
	Seq uint64
	At  int64
}

// maxBatch is what a batch may be after decompression, in bytes, as boxes have it.
const maxBatch = 2 << 20

// Start makes the followers, each with a key and a database id of its own, and lets all dial at once.
func Start(cfg Config) (*Swarm, error) {
	dec, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(maxBatch), zstd.WithDecoderConcurrency(0))
	if err != nil {
		return nil, fmt.Errorf("prepare to decompress batches: %w", err)
	}
	s := &Swarm{cfg: cfg, seed: maphash.MakeSeed(), dec: dec, changed: make(chan struct{})}
	s.buffers.New = func() any { return new([]byte) }
	s.counters.Ended = map[string]int{}
	for i := range cfg.Followers {
		s.followers = append(s.followers, newFollower(s, i))
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	for _, f := range s.followers {
		s.tasks.Go(func() { f.follow(ctx) })
	}
	for part := range beaters {
		s.tasks.Go(func() { s.beat(ctx, part) })
	}
	return s, nil
}

func newFollower(s *Swarm, i int) *follower {
	id := configstore.OpenMemory("swarm").Identity()
	f := &follower{swarm: s, certificate: id.Certificate(), source: s.cfg.Source(i), at: map[string]position{}}
	f.self = peer.Self{BoxID: id.BoxID(), Hostname: fmt.Sprintf("light%d", i), Software: "swarm"}
	f.self.Database = hotspotdb.DatabaseID([]byte(id.BoxID())[:len(hotspotdb.DatabaseID{})])
	return f
}

// Close ends all connections and waits for the followers.
func (s *Swarm) Close() {
	s.cancel()
	s.tasks.Wait()
	s.dec.Close()
}

// beaters is how many goroutines share the heartbeats, so that a follower whose primary does not read holds up few others.
const beaters = 8

// beat says something to the primary for each beaters-th follower every peer.HeartbeatEvery, one after the other.
func (s *Swarm) beat(ctx context.Context, part int) {
	var mine []*follower
	for i := part; i < len(s.followers); i += beaters {
		mine = append(mine, s.followers[i])
	}
	tick := time.NewTicker(peer.HeartbeatEvery / time.Duration(len(mine)+1))
	defer tick.Stop()
	for i := 0; len(mine) > 0; i = (i + 1) % len(mine) {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			mine[i].heartbeat()
		}
	}
}

// Await returns when every follower is connected and stands at or behind these ends of the datasets. The error says how
// many are not there when ctx ends.
func (s *Swarm) Await(ctx context.Context, heads map[string]uint64) error {
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		missing := 0
		for _, f := range s.followers {
			if !f.reached(heads) {
				missing++
			}
		}
		if missing == 0 {
			return nil
		}
		select {
		case <-changed:
			time.Sleep(time.Millisecond) // one look for many moves
		case <-ctx.Done():
			return fmt.Errorf("%d of %d followers are not at the head: %w", missing, len(s.followers), ctx.Err())
		}
	}
}

// Connected is how many followers hold a connection that has proved itself.
func (s *Swarm) Connected() (n int) {
	for _, f := range s.followers {
		if f.reached(nil) {
			n++
		}
	}
	return n
}

// Record begins to keep the arrivals and sums of every follower.
func (s *Swarm) Record() {
	for _, f := range s.followers {
		f.mu.Lock()
		f.recording, f.arrivals, f.sum = true, nil, 0
		f.mu.Unlock()
	}
}

// Recorded ends that and returns the arrivals of each follower, and the sums of what they received.
func (s *Swarm) Recorded() (arrivals [][]Arrival, sums []uint64) {
	for _, f := range s.followers {
		f.mu.Lock()
		arrivals, sums = append(arrivals, f.arrivals), append(sums, f.sum)
		f.recording, f.arrivals = false, nil
		f.mu.Unlock()
	}
	return arrivals, sums
}

// ForgetTokens makes every follower prove its password next time, as after an outage that is longer than a token's life.
func (s *Swarm) ForgetTokens() {
	for _, f := range s.followers {
		f.mu.Lock()
		f.token = ""
		f.mu.Unlock()
	}
}

// Counters returns what was counted so far.
func (s *Swarm) Counters() Counters {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.counters
	c.Ended = map[string]int{}
	for why, n := range s.counters.Ended {
		c.Ended[why] = n
	}
	return c
}

// Sum is what a follower's sum is if it received everything after a sequence of a dataset exactly once.
func (s *Swarm) Sum(db *hotspotdb.DB, ds hotspotdb.Dataset, after uint64) (sum uint64, err error) {
	view := db.View()
	defer view.Close()
	err = view.Scan(ds, after, view.Seq, func(e hotspotdb.Entry) (bool, error) {
		sum += maphash.Bytes(s.seed, e.Change)
		return true, nil
	})
	return sum, err
}

func (s *Swarm) note(change func(*Counters)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.counters)
}

// moved wakes Await.
func (s *Swarm) moved() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.changed)
	s.changed = make(chan struct{})
}
