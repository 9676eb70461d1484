package modules

import (
	"fmt"
	"time"
)

// Lock is the right of one session to be the only one that changes the configuration.
type Lock struct {
	Owner Actor     `json:"owner"`
	Since time.Time `json:"since"`
}

// boxActor is the actor of what the box does by itself. No lock holds it up, and it has no session to lose.
var boxActor = Actor{Name: "box", From: "box", Level: maxLevel}

// sameSession says whether two actors are one session; privilege may have changed in between.
func (a Actor) sameSession(b Actor) bool {
	return a.Name == b.Name && a.From == b.From && a.Line == b.Line
}

// Lock keeps everybody else from changing the configuration until Unlock, Left or ClearLock. It is an *Error if another
// session has it.
func (e *Engine) Lock(actor Actor) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.lockedOut(actor); err != nil {
		return err
	}
	if e.lock == nil {
		e.lock = &Lock{Owner: actor, Since: e.clock.Now()}
		e.log.Info("configuration locked", "user", actor.Name, "from", actor.From)
	}
	return nil
}

// Unlock gives the lock back; nothing happens if the actor does not have it.
func (e *Engine) Unlock(actor Actor) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.lock != nil && e.lock.Owner.sameSession(actor) {
		e.lock = nil
		e.log.Info("configuration unlocked", "user", actor.Name, "from", actor.From)
	}
}

// Left is told when a session has ended, however it did: what it held is free.
func (e *Engine) Left(actor Actor) { e.Unlock(actor) }

// ClearLock takes the lock from whoever has it. It is an *Error if nobody does.
func (e *Engine) ClearLock(actor Actor) (Lock, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.lock == nil {
		return Lock{}, Errorf("The configuration is not locked")
	}
	lock := *e.lock
	e.lock = nil
	e.log.Info("configuration lock cleared", "user", actor.Name, "from", actor.From, "owner", lock.Owner.Name)
	return lock, nil
}

// Locked returns who holds the lock, if anybody does.
func (e *Engine) Locked() (Lock, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.lock == nil {
		return Lock{}, false
	}
	return *e.lock, true
}

// MayChange is an *Error if another session has the configuration to itself.
func (e *Engine) MayChange(actor Actor) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.lockedOut(actor)
}

// lockedOut needs e.mu.
func (e *Engine) lockedOut(actor Actor) error {
	if e.lock == nil || actor == boxActor || e.lock.Owner.sameSession(actor) {
		return nil
	}
	owner := e.lock.Owner
	return &Error{
		Message: fmt.Sprintf("The configuration is locked by %s from %s since %s", owner.Name, owner.From, e.lock.Since.Format("15:04:05 MST")),
		Hint:    "Wait until it is done, or type clear configuration lock",
	}
}

// CutError says that a change would cut the session it comes from.
type CutError struct{ Reason string }

func (e *CutError) Error() string { return "this would end your own session: " + e.Reason }

// guard asks the modules that know how operators get in.
func (t *transaction) guard(actor Actor) error {
	if actor == boxActor {
		return nil
	}
	for _, s := range t.fit {
		g, ok := s.mod.(Guard)
		if !ok || !s.own {
			continue
		}
		if reason := g.Cuts(s.old, s.candidate, actor); reason != "" {
			return &CutError{reason}
		}
	}
	return nil
}
