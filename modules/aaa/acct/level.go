package acct

import (
	"math"
	"time"

	"mbox/hotspotdb"
)

// level is how far the counters of a session have come, in 64 bits.
type level struct{ input, output, time uint64 }

func (l level) join(o level) level {
	return level{max(l.input, o.input), max(l.output, o.output), max(l.time, o.time)}
}

func levelOf(s *hotspotdb.Segment) level {
	return level{s.InputOctetsTo, s.OutputOctetsTo, s.SessionTimeTo}
}

// order tells a report that was made later than what is known (1) from one that was made at the same second (0) or earlier (-1).
type order int

// level is what a report says, beside what is known. Counters never go back: an earlier report adds nothing. silent is for
// how long nothing was heard of the session; it stands in for an Acct-Session-Time that a NAS does not send.
func (r *Request) level(known level, silent time.Duration) (level, order) {
	l := level{time: uint64(r.SessionTime)}
	if !r.HasSessionTime {
		l.time = known.time
		if r.Status != Start {
			l.time += uint64(max(0, silent-r.delay()) / time.Second)
		}
	}
	when := order(0)
	switch {
	case l.time > known.time:
		when = 1
	case l.time < known.time:
		when = -1
	}
	both := r.Input.grew(known.input) || r.Output.grew(known.output)
	l.input = r.Input.extend(known.input, when, both)
	l.output = r.Output.extend(known.output, when, both)
	return known.join(l), when
}

const (
	wrap = 1 << 32
	half = 1 << 31
)

// ahead is how far a counter of 32 bits is ahead of what is known, if it has wrapped at most once.
func (o Octets) ahead(known uint64) uint32 { return o.Low - uint32(known) }

// grew says whether a counter moved forward beyond doubt: by less than half of its range.
func (o Octets) grew(known uint64) bool {
	if o.Wide {
		return o.value() > known
	}
	return o.Known && o.ahead(known) != 0 && o.ahead(known) < half
}

// repeats says whether a counter is what is known.
func (o Octets) repeats(known uint64) bool {
	return o.Known && (o.Wide && o.value() == known || !o.Wide && o.Low == uint32(known))
}

func (o Octets) value() uint64 { return uint64(o.High)<<32 | uint64(o.Low) }

// extend finds the value of 64 bits. A NAS without Gigawords says 32 of them; it has wrapped if it is lower than a report that
// was made before. Half of the range or more in one interval is believed only while the session is seen to go on otherwise
// (alive): access points have been seen to start counting again from nothing when a device roams.
func (o Octets) extend(known uint64, when order, alive bool) uint64 {
	switch {
	case !o.Known:
		return known
	case o.Wide:
		return o.value()
	}
	v := known&^math.MaxUint32 | uint64(o.Low)
	switch {
	case v >= known || when < 0:
		if when < 0 && v > known {
			return known // of before the last wrap
		}
		return v
	case o.ahead(known) < half, when > 0 && alive:
		return v + wrap
	}
	return known
}
