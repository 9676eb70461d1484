package hotspotdb

import (
	"fmt"
	"time"
)

// spaceCheck refuses writes before the disk is full, because the storage engine cannot go on once it is. To ask costs a
// microsecond, as much as some commits; so an answer is good for as long as nobody can have used up what it left: less what was
// written here since, and less what the fastest disk could have taken from others. Near the limit that is no time at all.
type spaceCheck struct {
	free    func() (uint64, error)
	elapsed func() time.Duration // running time; nil: each answer is good once
	reserve uint64

	asked time.Duration // when the answer was given; what follows is the committer's
	left  uint64        // that is known to be left, octets
}

const (
	// spaceGood is how long an answer is good at most.
	spaceGood = time.Second
	// fastestDisk is what others may write to the disk, in octets in a second: as much as four lanes of PCI Express 4.0 carry. Who allocates
	// without writing is faster; he can make the engine stop, and the box refuse writes until it is started again.
	fastestDisk = 8 << 30
)

// take accounts for a write of n octets. The log takes them at once and a table again when the log is full.
func (s *spaceCheck) take(n int) error {
	need, now := 2*uint64(n), time.Duration(0)
	if s.elapsed != nil {
		now = s.elapsed()
	}
	if s.elapsed == nil || !s.surely(need, now-s.asked) {
		left, err := s.free()
		if err != nil {
			return fmt.Errorf("ask for free disk space: %w", err)
		}
		s.asked, s.left = now, left
		if left < s.reserve+need {
			return fmt.Errorf("%w: %d MiB free, %d MiB are kept in reserve", ErrNoSpace, left>>20, s.reserve>>20)
		}
	}
	s.left -= need
	return nil
}

// surely says whether there is room for so much, although the last answer is so old.
func (s *spaceCheck) surely(need uint64, age time.Duration) bool {
	if age < 0 || age >= spaceGood {
		return false
	}
	others := uint64(age.Seconds() * fastestDisk)
	return s.left >= s.reserve+need+others
}
