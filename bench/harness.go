package main

import (
	"fmt"
	"os"
	"slices"
	"time"
)

// harness is a boxtest.T for a program: what fails ends it.
type harness struct{ cleanups []func() }

func newHarness() *harness { return &harness{} }

func (h *harness) Helper()                           {}
func (h *harness) Log(...any)                        {}
func (h *harness) Logf(string, ...any)               {}
func (h *harness) Failed() bool                      { return false }
func (h *harness) Cleanup(f func())                  { h.cleanups = append(h.cleanups, f) }
func (h *harness) Errorf(format string, args ...any) { h.Fatalf(format, args...) }
func (h *harness) Fatal(args ...any)                 { h.Fatalf("%s", fmt.Sprint(args...)) }

func (h *harness) Fatalf(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...)
	h.cleanUp() // or the programs beside us would go on
	os.Exit(1)
}

func (h *harness) TempDir() string {
	dir, err := os.MkdirTemp("", "mbox-bench-")
	h.must(err)
	h.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func (h *harness) must(err error) {
	if err != nil {
		h.Fatal(err)
	}
}

func (h *harness) cleanUp() {
	all := h.cleanups
	h.cleanups = nil // one that fails ends here, too
	for _, f := range slices.Backward(all) {
		f()
	}
}

func rate(n int, took time.Duration) float64 { return float64(n) / took.Seconds() }

func percentile(sorted []time.Duration, p float64) time.Duration {
	return sorted[min(len(sorted)-1, int(float64(len(sorted))*p))]
}
