package hotspotdb

import "fmt"

// spaceCheck refuses writes before the disk is full, because the storage engine cannot go on once it is. It asks before
// each group of commits: that costs a microsecond, and another program can fill a disk within any time that one would cache.
type spaceCheck struct {
	free    func() (uint64, error)
	reserve uint64
}

// take accounts for a write of n octets. The log takes them at once and a table again when the log is full.
func (s *spaceCheck) take(n int) error {
	left, err := s.free()
	if err != nil {
		return fmt.Errorf("ask for free disk space: %w", err)
	}
	if left < s.reserve+2*uint64(n) {
		return fmt.Errorf("%w: %d MiB free, %d MiB are kept in reserve", ErrNoSpace, left>>20, s.reserve>>20)
	}
	return nil
}
