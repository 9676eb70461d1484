package shell

import (
	"context"
	"io"
	"sync"

	"mbox/modules"
)

// Script is the end of a session that a program drives: lines come in one by one and nobody answers questions. A secret
// is taken from the next line of input.
type Script struct {
	out    io.Writer
	screen Size
	ask    func(ctx context.Context) (string, error)

	mu        sync.Mutex              // guards interrupt
	interrupt context.CancelCauseFunc // stops what runs now
}

// NewScript makes an end that writes to out, which is a screen of the given size or, if that is zero, none. ask returns
// the next line of input, or io.EOF.
func NewScript(out io.Writer, screen Size, ask func(ctx context.Context) (string, error)) *Script {
	return &Script{out: out, screen: screen, ask: ask}
}

func (s *Script) Write(p []byte) (int, error) { return s.out.Write(p) }

// Interactive is false.
func (s *Script) Interactive() bool { return false }

// Size is that of the screen, or zero.
func (s *Script) Size() Size { return s.screen }

// Confirm refuses: nobody is there to answer.
func (s *Script) Confirm(context.Context, string) (bool, error) {
	return false, modules.ErrNotInteractive
}

// YesNo refuses as well.
func (s *Script) YesNo(context.Context, string) (bool, error) {
	return false, modules.ErrNotInteractive
}

// ReadSecret takes the next line of input; the prompt is not shown.
func (s *Script) ReadSecret(ctx context.Context, _ string) (string, error) { return s.ask(ctx) }

// Interrupt stops what runs now.
func (s *Script) Interrupt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.interrupt != nil {
		s.interrupt(errInterrupted)
	}
}

// Interruptible returns a context that Interrupt ends.
func (s *Script) Interruptible(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	s.mu.Lock()
	before := s.interrupt
	s.interrupt = cancel
	s.mu.Unlock()
	return ctx, func() {
		s.mu.Lock()
		s.interrupt = before
		s.mu.Unlock()
		cancel(nil)
	}
}
