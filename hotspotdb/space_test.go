package hotspotdb

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"
)

// TestSpaceIsAskedSeldom: where there is plenty, writes do not ask the file system; near the limit each one does.
func TestSpaceIsAskedSeldom(t *testing.T) {
	const writes, apart = 10_000, 100 * time.Microsecond
	for _, c := range []struct {
		left uint64
		most int
	}{{1 << 40, 2}, {defaultReserve + 100<<20, writes}} {
		asked, ran := 0, time.Duration(0)
		s := spaceCheck{
			free:    func() (uint64, error) { asked++; return c.left, nil },
			elapsed: func() time.Duration { ran += apart; return ran }, reserve: defaultReserve,
		}
		for range writes {
			if err := s.take(100); err != nil {
				t.Fatal(err)
			}
		}
		if asked > c.most || asked == 0 {
			t.Errorf("with %d MiB left, %d writes asked %d times", c.left>>20, writes, asked)
		}
		if c.left < 1<<40 && asked < 50 {
			t.Errorf("near the limit, %d writes asked %d times only", writes, asked)
		}
	}
}

// TestNothingIsWrittenIntoTheReserve: however fast others write, and however much at once is written here, what was accepted fits.
func TestNothingIsWrittenIntoTheReserve(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		const start = 20 << 30
		left, ran, refused := int64(start), time.Duration(0), false
		s := spaceCheck{
			free: func() (uint64, error) { return uint64(max(left, 0)), nil }, elapsed: func() time.Duration { return ran }, reserve: defaultReserve,
		}
		for range 5000 {
			gap := time.Duration(random.Int64N(int64(3 * time.Millisecond)))
			ran += gap
			left -= int64(gap.Seconds() * fastestDisk * random.Float64())
			n := int(random.Int64N(4 << 20))
			err := s.take(n)
			switch {
			case err == nil:
				if left -= 2 * int64(n); left < defaultReserve-1 {
					t.Fatalf("seed %d: %d octets are left, of a reserve of %d", seed, left, defaultReserve)
				}
			case errors.Is(err, ErrNoSpace):
				refused = true
			default:
				t.Fatal(err)
			}
		}
		if !refused {
			t.Fatalf("seed %d: the disk did not become full", seed)
		}
		left = start
		if err := s.take(1); err != nil {
			t.Errorf("seed %d: there is room again: %v", seed, err)
		}
	}
}
