package shell

import (
	"errors"
	"time"
)

// errIdle ends what asks a person who has typed no key for too long.
var errIdle = errors.New("no key was typed for too long")

// idleClock ends a session whose person types nothing. It runs only while a key is waited for, so that it never cuts off
// a command, and on the monotonic clock.
type idleClock struct {
	limit   func() time.Duration // how long a key may be waited for; 0 or nil: for ever
	active  time.Time            // when the last key came, or the box began to wait for one
	timer   *time.Timer
	waiting bool
	over    bool
}

// wait waits for a change of the keyboard; the caller holds mu.
func (k *keyboard) wait() {
	if k.idle.limit != nil {
		if limit := k.idle.limit(); limit > 0 {
			k.idle.waiting = true
			k.arm(limit - time.Since(k.idle.active))
		}
	}
	k.changed.Wait()
	k.idle.waiting = false
	if k.idle.timer != nil {
		k.idle.timer.Stop()
	}
}

func (k *keyboard) arm(left time.Duration) {
	if k.idle.timer == nil {
		k.idle.timer = time.AfterFunc(left, k.expire)
		return
	}
	k.idle.timer.Reset(left)
}

// expire ends all reading if a key was waited for long enough.
func (k *keyboard) expire() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.idle.waiting || k.closed {
		return
	}
	limit := k.idle.limit()
	if limit <= 0 {
		return
	}
	if left := limit - time.Since(k.idle.active); left > 0 { // the limit was raised
		k.arm(left)
		return
	}
	k.idle.over, k.closed = true, true
	k.changed.Broadcast()
}

// limitIdle sets how long a key may be waited for.
func (k *keyboard) limitIdle(limit func() time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.idle.limit = limit
}

// retime has all who wait for a key look at their limit again: the configuration may say another.
func (s *Server) retime() {
	for _, e := range s.sessions.all() {
		if e.tty != nil {
			e.tty.keys.mu.Lock()
			e.tty.keys.changed.Broadcast()
			e.tty.keys.mu.Unlock()
		}
	}
}

// rested begins to count anew: the box is ready for the person.
func (k *keyboard) rested() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.idle.active = time.Now()
}

// lastKey is when the person last typed, or was last waited for.
func (k *keyboard) lastKey() time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.idle.active
}

func (k *keyboard) isIdle() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.idle.over
}
