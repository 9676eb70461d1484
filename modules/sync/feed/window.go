package feed

import (
	"slices"
	"sync"
	"time"

	"mbox/hotspotdb"
)

// windowBytes is how much may be on its way, in bytes on the wire: sent, but not yet durable at the peer. It is what a broken
// link costs, and it still fills a satellite link of 0.6 s and 10 Mbit/s.
const windowBytes = 1 << 20

// window counts what is on its way.
type window struct {
	moved chan struct{} // signals that something was acknowledged

	mu      sync.Mutex // guards what follows
	flights []flight
	bytes   int
}

// flight is a batch that was sent.
type flight struct {
	dataset hotspotdb.Dataset
	seq     uint64
	bytes   int
	sent    time.Time
}

func (w *window) full() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.bytes >= windowBytes
}

func (w *window) add(ds hotspotdb.Dataset, seq uint64, bytes int) {
	if bytes == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.flights = append(w.flights, flight{ds, seq, bytes, time.Now()})
	w.bytes += bytes
}

// oldest says since when each dataset has something on its way; a dataset that has nothing is left out.
func (w *window) oldest() map[hotspotdb.Dataset]time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := map[hotspotdb.Dataset]time.Time{}
	for _, f := range w.flights {
		if _, known := out[f.dataset]; !known { // they are in the order of sending
			out[f.dataset] = f.sent
		}
	}
	return out
}

// stored takes out what the peer has made durable.
func (w *window) stored(ds hotspotdb.Dataset, seq uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.flights = slices.DeleteFunc(w.flights, func(f flight) bool {
		done := f.dataset == ds && f.seq <= seq
		if done {
			w.bytes -= f.bytes
		}
		return done
	})
	select {
	case w.moved <- struct{}{}:
	default:
	}
}
