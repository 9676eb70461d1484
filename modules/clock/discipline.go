package clock

import (
	"fmt"
	"time"
)

// Thresholds of RFC 5905, appendix A.1.1, and of ntpd.
const (
	// stepThreshold is the offset beyond which the clock is stepped and not slewed.
	stepThreshold = 128 * time.Millisecond
	// panicThreshold is the offset that is not believed once the clock was right.
	panicThreshold = 1000 * time.Second
	// patience is how often in a row an offset beyond stepThreshold must be seen before a clock that was right is stepped: one
	// such answer is more often a jam in the network than the truth.
	patience = 3
	// horizon is how long after the software was built it may still be running: a time beyond it is a lie.
	horizon = 25 * 365 * 24 * time.Hour
)

// pace is how often servers are asked.
type pace struct {
	burst    time.Duration // between the first questions
	rounds   int           // of these
	shortest time.Duration
	longest  time.Duration
}

// standardPace: RFC 5905 has polls from 2^6 to 2^10 s, and a burst every 2 s.
var standardPace = pace{burst: 2 * time.Second, rounds: 4, shortest: 64 * time.Second, longest: 1024 * time.Second}

// verdict is what to do about an offset.
type verdict int

const (
	hold   verdict = iota // wait and see
	slew                  // bring the clock there slowly
	step                  // set it
	refuse                // it cannot be true
)

// discipline decides how the clock is moved.
type discipline struct {
	once  bool // the clock was right at some time since the start
	jumps int  // offsets beyond stepThreshold in a row
}

// judge says what to do about an offset, and if it is refused, why.
func (d *discipline) judge(offset time.Duration, now, built time.Time, largeSteps bool) (verdict, string) {
	target, size := now.Add(offset), offset.Abs()
	switch {
	case !built.IsZero() && target.Before(built):
		return refuse, fmt.Sprintf("the servers say it is %s, and the software was built after that", target.UTC().Format(time.DateTime))
	case !built.IsZero() && target.After(built.Add(horizon)):
		return refuse, fmt.Sprintf("the servers say it is %s, which is too far ahead", target.UTC().Format(time.DateTime))
	case d.once && size > panicThreshold && !largeSteps:
		return refuse, fmt.Sprintf("the servers would move the clock by %v, more than %v; if they are right, type ntp allow-large-step",
			size.Round(time.Second), panicThreshold)
	case size <= stepThreshold:
		d.jumps = 0
		return slew, ""
	}
	if d.jumps++; d.once && d.jumps < patience {
		return hold, fmt.Sprintf("the servers differ from the clock by %v; it is set if that stays so", offset.Round(time.Millisecond))
	}
	d.jumps = 0
	return step, ""
}

// next is how long to wait before the next question: longer as long as the clock stays near the servers.
func (p pace) next(present time.Duration, offset, jitter time.Duration, done verdict) time.Duration {
	switch {
	case done != slew:
		return p.shortest
	case offset.Abs() <= max(4*jitter, 5*time.Millisecond):
		present *= 2
	case offset.Abs() > 32*time.Millisecond:
		present /= 2
	}
	return min(max(present, p.shortest), p.longest)
}
