package feed

import "time"

// seldomPause is how long a link keeps quiet about what it has just logged: how often it happens is the peer's to choose.
const seldomPause = time.Minute

// seldom lets something be said now and then, with the count of what was not said. One goroutine uses it.
type seldom struct {
	last  time.Time
	count int
}

// due adds n and says whether it is time to speak, of how many.
func (s *seldom) due(now time.Time, n int) (total int, ok bool) {
	s.count += n
	if n == 0 || now.Sub(s.last) < seldomPause {
		return 0, false
	}
	total = s.count
	s.last, s.count = now, 0
	return total, true
}
