package clock

import (
	"math"
	"net/netip"
	"time"
)

// Figures of RFC 5905, section 7.2 and appendix A.1.1.
const (
	stages      = 8     // samples that are kept of each server
	tolerance   = 15e-6 // by how much a clock may be wrong, in seconds per second
	minDistance = 5 * time.Millisecond
	maxDistance = 1500 * time.Millisecond
)

// sample is one answer of a server.
type sample struct {
	offset   time.Duration // of the server's clock against ours
	delay    time.Duration // of the round trip
	root     time.Duration // distance of the server from its source: half the delay, and the dispersion
	at       time.Time     // with its monotonic part, which a step of the clock does not move
	stratum  int
	refID    string
	address  netip.AddrPort
	kiss     string // of a kiss-o'-death, RFC 5905 section 7.4; the rest then says nothing
	interval time.Duration
}

// States of a server.
const (
	stateWaiting     = "waiting"     // not asked yet
	stateUnreachable = "unreachable" // no answer to the last eight questions
	stateInvalid     = "invalid"     // it answers, and says itself that its time is no good
	stateStopped     = "stopped"     // it has asked not to be asked
	stateFalseticker = "falseticker" // the others contradict it
	stateCandidate   = "candidate"   // it agrees with the others
	stateFollowed    = "followed"    // the clock follows it
)

// server is one configured server and its last answers.
type server struct {
	config    serverConfig
	samples   []sample // the newest first
	reach     uint8    // one bit for each of the last eight questions, RFC 5905 section 9.2
	asked     bool
	state     string
	reason    string // why the last answer is missing or no good
	last      sample // the last answer
	notBefore time.Time
	stopped   bool
	used      time.Time // sample that the clock was last moved by
}

// due says whether a server may be asked now.
func (s *server) due(now time.Time) bool { return !s.stopped && !now.Before(s.notBefore) }

// note keeps an answer, or why there is none.
func (s *server) note(got sample, err error) {
	s.asked = true
	s.reach <<= 1
	if err != nil {
		s.reason = err.Error()
		s.state = stateInvalid
		if s.reach == 0 {
			s.state = stateUnreachable
			s.samples = nil
		}
		return
	}
	s.reach |= 1
	s.reason, s.last = "", got
	s.samples = append([]sample{got}, s.samples[:min(len(s.samples), stages-1)]...)
}

// best is the sample that is least likely to have waited on its way: clock filter, RFC 5905 section 10.
func (s *server) best(now time.Time) (sample, bool) {
	var best sample
	least := time.Duration(math.MaxInt64)
	for _, have := range s.samples {
		if d := have.delay/2 + age(have, now); d < least {
			best, least = have, d
		}
	}
	return best, len(s.samples) > 0
}

// age is by how much a sample may have become wrong since.
func age(s sample, now time.Time) time.Duration {
	return time.Duration(tolerance * float64(max(now.Sub(s.at), 0)))
}

// jitter is the root mean square of the differences from the best sample.
func (s *server) jitter(best sample) time.Duration {
	if len(s.samples) < 2 {
		return 0
	}
	sum := 0.0
	for _, have := range s.samples {
		d := (have.offset - best.offset).Seconds()
		sum += d * d
	}
	return time.Duration(math.Sqrt(sum/float64(len(s.samples)-1)) * float64(time.Second))
}

// distance bounds the error of a server's best sample: RFC 5905 section 11.2, root distance.
func (s *server) distance(best sample, now time.Time) time.Duration {
	return max(best.delay/2+best.root+age(best, now)+s.jitter(best), minDistance)
}
