package soak

import (
	"os"
	"strconv"
	"testing"
	"time"
)

// newSeed is SOAK_SEED, or another one each time. It is in the log, so that what was drawn can be drawn again.
func newSeed(t *testing.T) int64 {
	t.Helper()
	seed, err := strconv.ParseInt(os.Getenv("SOAK_SEED"), 10, 64)
	if err != nil {
		seed = time.Now().UnixNano()
	}
	t.Logf("seed %d", seed)
	return seed
}
