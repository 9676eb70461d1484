package main

import (
	"fmt"
	"os"
	"slices"
)

// harness is a boxtest.T for a program: what fails panics, and attempt makes an error of it.
type harness struct {
	root     string // where temporary folders are made
	cleanups []func()
}

// failure is what a harness panics with.
type failure string

func (h *harness) Helper()                           {}
func (h *harness) Log(...any)                        {}
func (h *harness) Logf(string, ...any)               {}
func (h *harness) Failed() bool                      { return false }
func (h *harness) Cleanup(f func())                  { h.cleanups = append(h.cleanups, f) }
func (h *harness) Errorf(format string, args ...any) { h.Fatalf(format, args...) }
func (h *harness) Fatal(args ...any)                 { h.Fatalf("%s", fmt.Sprint(args...)) }
func (h *harness) Fatalf(format string, args ...any) { panic(failure(fmt.Sprintf(format, args...))) }

func (h *harness) TempDir() string {
	dir, err := os.MkdirTemp(h.root, "box-")
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func (h *harness) cleanUp() {
	for _, f := range slices.Backward(h.cleanups) {
		f()
	}
	h.cleanups = nil
}

// attempt calls fn and returns what a harness failed with.
func attempt(fn func()) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case failure:
			err = fmt.Errorf("%s", string(r))
		default:
			panic(r)
		}
	}()
	fn()
	return nil
}
