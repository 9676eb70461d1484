package acct

import (
	"time"

	"mbox/hotspotdb"
)

// session is what is known of one session: its segments, the last first.
type session struct {
	segments []hotspotdb.Segment
	known    level
	silent   time.Duration // for how long nothing was heard of it, by running time
	heard    bool          // something was, by this box since it started; otherwise it is longer
	mute     bool          // nothing ever was, but that it is over
	reused   bool          // its NAS uses the id for another one already
}

func (s *session) last() *hotspotdb.Segment  { return &s.segments[0] }
func (s *session) first() *hotspotdb.Segment { return &s.segments[len(s.segments)-1] }

const (
	// sameStart is how much two computations of when a session began may differ: seconds are cut off, and the clocks that
	// they are made of tick apart.
	sameStart = 5 * time.Second
	// lateness is how long a request may be on its way that does not say so (no Acct-Delay-Time, no Event-Timestamp): NAS give
	// up sending one again before.
	lateness = time.Minute
)

// sessionsOf sorts the segments of one name into sessions, the newest first. silent says for how long nothing was heard of one.
func sessionsOf(segments []hotspotdb.Segment, silent func(id uint64) (time.Duration, bool)) []session {
	var list []session
	for i, n := range sessionNumbers(segments) {
		d, heard := silent(segments[i].ID)
		mute := saysNothing(&segments[i])
		if n == len(list) {
			list = append(list, session{silent: d, heard: heard, mute: mute, reused: n > 0})
		}
		s := &list[n]
		s.segments = append(s.segments, segments[i])
		s.known = s.known.join(levelOf(&segments[i]))
		if s.mute && !mute || s.mute == mute && d < s.silent {
			s.silent, s.heard, s.mute = d, heard, mute
		}
	}
	return list
}

// sessionNumbers says of each segment which session it is of, counted from 0 in their order.
func sessionNumbers(segments []hotspotdb.Segment) []int {
	of := make([]int, len(segments))
	for i := range segments {
		of[i] = i
		for j := range i {
			if of[i] != of[j] && kin(&segments[i], &segments[j]) {
				join(of[:i+1], of[i], of[j])
			}
		}
	}
	next := 0
	for i := range of {
		if of[i] == i {
			of[i] = next
			next++
		} else {
			of[i] = of[of[i]]
		}
	}
	return of
}

// join makes one session of two, under the smaller of their numbers.
func join(of []int, a, b int) {
	for i := range of {
		if of[i] == max(a, b) {
			of[i] = min(a, b)
		}
	}
}

// saysNothing says whether a segment only ends a session: nothing was heard of it then.
func saysNothing(s *hotspotdb.Segment) bool {
	return s.Number > 1 && !s.Active() && levelOf(s) == level{s.InputOctetsFrom, s.OutputOctetsFrom, s.SessionTimeFrom}
}

// kin says whether two segments of one name are of one session. Two boxes that did not hear of each other give it two
// multi-session ids.
func kin(a, b *hotspotdb.Segment) bool {
	switch {
	case a.MultiSessionID == b.MultiSessionID:
		return true
	case differ(a.Username, b.Username) || differ(a.MAC, b.MAC) || a.Origin == b.Origin:
		return false
	case a.NASStart != 0 && b.NASStart != 0: // the clock of the NAS may have been set in between
		return near(a.NASStart, b.NASStart) || began(a).Sub(began(b)).Abs() <= sameStart
	}
	return began(a).Sub(began(b)).Abs() <= lateness
}

// began is when the session of a segment began, by the clock of the box that wrote it.
func began(s *hotspotdb.Segment) time.Time {
	return s.Start.Add(-time.Duration(s.SessionTimeFrom) * time.Second)
}

func near(a, b int64) bool {
	return (time.Duration(a-b) * time.Second).Abs() <= sameStart
}

// differ says whether two texts that may be missing cannot be the same.
func differ(a, b string) bool { return a != "" && b != "" && a != b }

// identify finds the session that a report is about; nil if it is a new one. A NAS is not believed to keep its ids apart.
func (r *Request) identify(list []session) *session {
	start := r.nasStart()
	for i := range list { // exact, also behind a reboot
		s := &list[i]
		known := s.nasStart()
		if !r.other(s) && (start != 0 && known != 0 && near(start, known) || r.repeats(s)) {
			return s
		}
	}
	for i := range list {
		s := &list[i]
		if r.past(s) {
			continue
		}
		if r.other(s) || !r.continues(s) {
			return nil // what is older is over
		}
		if i+1 < len(list) && r.tooOldFor(s) && !r.other(&list[i+1]) && r.continues(&list[i+1]) {
			continue // a late report of the one before
		}
		return s
	}
	return nil
}

// repeats says whether a report says of a session what is known already.
func (r *Request) repeats(s *session) bool {
	if r.nasStart() != 0 && s.nasStart() != 0 && r.sameClock(s) || r.HasDelay && r.delay()+sameStart < s.silent {
		return false // made at another time
	}
	return r.HasSessionTime && r.SessionTime > 0 && uint64(r.SessionTime) == s.known.time &&
		r.Input.repeats(s.known.input) && r.Output.repeats(s.known.output) && s.known.input+s.known.output > 0
}

func (s *session) nasStart() int64 {
	for i := range s.segments {
		if s.segments[i].NASStart != 0 {
			return s.segments[i].NASStart
		}
	}
	return 0
}

func (s *session) started() bool {
	for i := range s.segments {
		if s.segments[i].Started {
			return true
		}
	}
	return false
}

// other says whether the report is of another user or device.
func (r *Request) other(s *session) bool {
	return differ(r.Username, s.last().Username) || differ(r.MAC, s.last().MAC)
}

// continues says whether a report may be of a session, which its NAS does not prove by its Event-Timestamp: the session
// that it speaks of began before the other one was last heard of. What counts is running time, which nobody sets.
func (r *Request) continues(s *session) bool {
	if r.afterBoot(s) {
		return false
	}
	told := r.nasStart() != 0 && s.nasStart() != 0
	if told && r.sameClock(s) && (r.begins(s) || r.EventTimestamp.Unix() < s.nasStart()) {
		return false // it began when the other one was over, or ended before that began
	}
	if r.Status == Start {
		return r.startOf(s, told)
	}
	if !r.HasSessionTime {
		return true
	}
	slack := lateness
	if r.HasDelay {
		slack = sameStart
	}
	age := r.delay() + time.Duration(r.SessionTime)*time.Second // so long ago it began
	return age+slack >= r.quiet(s)
}

// quiet is for how long nothing was heard of a session. If it was before the box started, or by another one, their clocks have to do.
func (r *Request) quiet(s *session) time.Duration {
	if s.heard {
		return s.silent
	}
	return max(s.silent, r.Received.Sub(s.last().Updated))
}

// afterBoot says whether a report is of a session that began after the boot that ended another one. That the NAS booted is
// forgotten when the box restarts, but it stands with the session.
func (r *Request) afterBoot(s *session) bool {
	last := s.last()
	if last.Active() || last.TerminateCause != causeReboot {
		return false
	}
	began := r.at().Add(-time.Duration(r.SessionTime) * time.Second)
	return r.boot == after || r.boot == unknown && r.HasSessionTime && !began.Before(last.Stop.Add(-sameStart))
}

// sameClock says whether the NAS's clock is as it was when the session began, or nearly, so that its times can be compared.
// Reports that are late make it look as if it had been set by as much.
func (r *Request) sameClock(s *session) bool {
	then := s.nasStart() - began(s.first()).Unix()
	now := r.EventTimestamp.Unix() - r.at().Unix()
	return (time.Duration(now-then) * time.Second).Abs() < maxLate
}

// begins says whether a session began, by the clock of its NAS, when the other one was over.
func (r *Request) begins(s *session) bool {
	end := s.nasStart() + int64(s.known.time) - int64(sameStart/time.Second)
	return r.nasStart() > s.nasStart() && r.nasStart() >= end
}

// past says whether a report is of a session that was over when one began that is known: the NAS has used its id again.
func (r *Request) past(s *session) bool {
	if r.nasStart() != 0 && s.nasStart() != 0 && r.sameClock(s) {
		return r.EventTimestamp.Unix() < s.nasStart()
	}
	return r.HasDelay && r.at().Before(began(s.first()).Add(-sameStart))
}

// startOf says whether a Start is that of a session that is known already. told: the NAS's times say that it is not.
func (r *Request) startOf(s *session, told bool) bool {
	switch {
	case r.HasDelay && r.delay() > s.silent+sameStart:
		return true // of before the last that was heard
	case told:
		return false
	case r.HasDelay && s.heard:
		age := time.Duration(s.known.time)*time.Second + s.silent
		return (r.delay() - age).Abs() <= sameStart
	case !s.started():
		return r.quiet(s) <= lateness // a later report was faster
	}
	return s.last().Active() // sent again
}

// tooOldFor says whether a report is of longer ago than a session of this box that began with its Start.
func (r *Request) tooOldFor(s *session) bool {
	if !r.HasSessionTime || !s.heard || !s.started() || len(s.segments) > 1 {
		return false
	}
	return time.Duration(r.SessionTime)*time.Second > time.Duration(s.known.time)*time.Second+s.silent+sameStart
}
