package shell

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"time"
	"unicode/utf8"
)

// errInterrupted is the cause of a context that the operator's Ctrl-C ended.
var errInterrupted = errors.New("interrupted")

// maxTypeAhead is how many bytes may wait while a command runs; then the sender waits. Ctrl-C empties the queue.
const maxTypeAhead = 1 << 20

// keyboard is the queue between a transport that delivers what was typed and whoever reads keys now: the editor, the
// pager, a password prompt, or nobody while a command runs. It hands out one byte at a time, so that a reader with a
// buffer of its own cannot swallow what the next one should get.
type keyboard struct {
	mu        sync.Mutex // guards all below
	changed   *sync.Cond // queue, closed
	decoder   decoder
	queue     []byte // keys, see decoder
	closed    bool
	ending    bool                    // the interrupt that the editor got last was Ctrl-Z
	interrupt context.CancelCauseFunc // stops what runs now
	poked     bool                    // the editor is to look up
	whole     wholeKeys               // where in a key the editor's reading is
	idle      idleClock
	typed     time.Time // when the last key came
	lost      int       // lines that interrupts took away
	flushed   bool      // by an interrupt, since peekLines
}

func newKeyboard() *keyboard {
	k := &keyboard{}
	k.changed = sync.NewCond(&k.mu)
	k.idle.active = time.Now()
	return k
}

// Feed delivers what was typed. It waits while too much is waiting.
func (k *keyboard) Feed(p []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.typed = time.Now()
	k.idle.active = k.typed
	keys := k.decoder.decode(p)
	if at := bytes.LastIndexByte(keys, keyInterrupt); at >= 0 {
		// As on any terminal, what was typed before an interrupt is gone.
		k.flush(keys[:at])
		keys = keys[at:]
		if k.interrupt != nil {
			k.interrupt(errInterrupted)
			keys = keys[1:]
		}
	}
	k.queue = append(k.queue, keys...)
	k.changed.Broadcast()
	for len(k.queue) > maxTypeAhead && !k.closed {
		k.changed.Wait()
	}
}

// Close ends all reads with io.EOF, what is queued included.
func (k *keyboard) Close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed = true
	k.changed.Broadcast()
	return nil
}

// Read gives the editor one byte. When it is poked, between two keys, that is a key that changes nothing.
func (k *keyboard) Read(p []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for len(k.queue) == 0 && !k.closed && !(k.poked && k.whole.between()) {
		k.wait()
	}
	switch {
	case k.closed:
		return 0, io.EOF
	case len(p) == 0:
		return 0, nil
	case k.poked && k.whole.between():
		k.poked = false
		p[0] = keyBell
		return 1, nil
	}
	if mark := []byte(string(endOfMode)); bytes.HasPrefix(k.queue, mark) {
		k.drop(len(mark))
		k.ending = true
		p[0] = keyInterrupt
		return 1, nil
	}
	if k.queue[0] == keyInterrupt {
		k.ending = false
	}
	p[0] = k.queue[0]
	k.whole.add(p[0])
	k.drop(1)
	return 1, nil
}

// poke makes the editor look up, if it waits for a key.
func (k *keyboard) poke() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.poked = true
	k.changed.Broadcast()
}

// wholeKeys follows the bytes of a stream of keys: UTF-8, and Esc with one key behind it.
type wholeKeys struct{ missing int }

func (w *wholeKeys) add(c byte) {
	switch {
	case w.missing > 0:
		w.missing--
	case c == keyEsc:
		w.missing = 1
	case c >= 0xf0:
		w.missing = 3
	case c >= 0xe0:
		w.missing = 2
	case c >= 0xc0:
		w.missing = 1
	}
}

// between says whether the last key is complete.
func (w *wholeKeys) between() bool { return w.missing == 0 }

// drop removes the first n bytes; the caller holds mu.
func (k *keyboard) drop(n int) {
	k.queue = k.queue[n:]
	if len(k.queue) == 0 {
		k.queue = nil // give back a large paste
	}
	k.changed.Broadcast()
}

// wasCtrlZ says whether the last interrupt that Read gave was a Ctrl-Z.
func (k *keyboard) wasCtrlZ() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.ending
}

// ReadKey returns the next key other than a word move. Ctrl-Z is endOfMode, a quoted question mark is '?'.
func (k *keyboard) ReadKey(ctx context.Context) (rune, error) {
	stop := context.AfterFunc(ctx, func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.changed.Broadcast()
	})
	defer stop()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.idle.active = time.Now()
	for {
		for len(k.queue) == 0 && !k.closed && ctx.Err() == nil {
			k.wait()
		}
		switch {
		case ctx.Err() != nil:
			return 0, context.Cause(ctx)
		case k.idle.over:
			return 0, errIdle
		case k.closed:
			return 0, io.EOF
		case k.queue[0] == keyEsc:
			k.drop(min(2, len(k.queue)))
			continue
		}
		r, size := utf8.DecodeRune(k.queue)
		k.drop(size)
		if r == literalHelp {
			r = '?'
		}
		return r, nil
	}
}

// Interruptible returns a context that Ctrl-C ends with errInterrupted, until stop is called.
func (k *keyboard) Interruptible(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	k.mu.Lock()
	before := k.interrupt
	k.interrupt = cancel
	k.mu.Unlock()
	return ctx, func() {
		k.mu.Lock()
		k.interrupt = before
		k.mu.Unlock()
		cancel(nil)
	}
}
