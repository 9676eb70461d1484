package aaa

import (
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	maxStrangers  = 128              // addresses that are told apart
	strangerTime  = 10 * time.Minute // how long one is remembered
	strangerWords = 10               // log lines in each occasionInterval
)

// strangers are addresses that are no clients and send packets all the same: a NAS that was forgotten, or somebody who
// tries. A packet of theirs costs a look into a small map.
type strangers struct {
	mu      sync.Mutex // guards what follows
	total   uint64
	known   map[netip.Addr]*stranger
	begun   time.Time // of the present interval
	spoken  int       // log lines in it
	crowded uint64    // packets of addresses that there was no room for
}

type stranger struct {
	first, last time.Time
	packets     uint64
}

// see counts a packet, and says whether its sender is new and may be logged.
func (s *strangers) see(addr netip.Addr, now time.Time) (speak bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total++
	one := s.known[addr]
	if one == nil {
		if len(s.known) >= maxStrangers {
			s.crowded++
			return false
		}
		if s.known == nil {
			s.known = map[netip.Addr]*stranger{}
		}
		one = &stranger{first: now}
		s.known[addr] = one
		if now.Sub(s.begun) >= occasionInterval {
			s.begun, s.spoken = now, 0
		}
		if s.spoken < strangerWords {
			s.spoken++
			speak = true
		}
	}
	one.last = now
	one.packets++
	return speak
}

// sweep forgets who was silent for long.
func (s *strangers) sweep(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for addr, one := range s.known {
		if now.Sub(one.last) >= strangerTime {
			delete(s.known, addr)
		}
	}
}

// Stranger is an address that sent packets and is no client.
type Stranger struct {
	Address string    `json:"address"`
	Packets uint64    `json:"packets"`
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
}

// list returns them by address, and the count of all packets.
func (s *strangers) list() ([]Stranger, uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	addrs := make([]netip.Addr, 0, len(s.known))
	for addr := range s.known {
		addrs = append(addrs, addr)
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	out := make([]Stranger, len(addrs))
	for i, addr := range addrs {
		one := s.known[addr]
		out[i] = Stranger{addr.String(), one.packets, one.first.Round(0), one.last.Round(0)}
	}
	return out, s.total
}

func (s *strangers) count() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total
}
