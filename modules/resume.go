package modules

import (
	"context"
	"fmt"

	"mbox/configstore"
)

// resume looks for a change that waited to be confirmed when the box stopped, and says with which text to start: the one
// in force, and the countdown goes on; or when its time is over the one before it. A change that another firmware has
// passed over by saving is void.
func (e *Engine) resume(text string) (string, *countdown) {
	if e.journal == nil {
		return text, nil
	}
	r, found, err := e.journal.Pending()
	switch {
	case err != nil:
		e.log.Error("the change that waits to be confirmed cannot be read", "err", err)
		return text, nil
	case !found:
		return text, nil
	case r.Void:
		e.log.Warn("a change that waited to be confirmed is void: startup-config was saved since", "user", r.Author)
		e.removeRevert()
		return text, nil
	}
	left := min(r.Deadline.Sub(e.clock.Now()), r.Left)
	if left > 0 {
		r.Left, r.Deadline = left, e.clock.Now().Add(left).UTC().Round(0)
		return r.New, &countdown{Revert: r}
	}
	return r.Old, &countdown{Revert: r}
}

// resumed is told when the text of resume is in force.
func (e *Engine) resumed(c *countdown) {
	if c == nil {
		return
	}
	if c.Left > 0 && c.Deadline.After(e.clock.Now()) {
		penalised := c.Revert
		penalised.Left = max(penalised.Left-noteEvery, 0)
		if _, err := e.write(configstore.Batch{Revert: &penalised}); err != nil {
			e.log.Error("the time left to confirm was not noted", "err", err)
		}
		e.start(c)
		e.log.Warn("the countdown to confirm a change goes on", "user", c.Author, "left", c.Left)
		return
	}
	e.removeRevert()
	e.log.Warn("a change that was not confirmed was taken back at the start", "user", c.Author, "from", c.From)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.lapsed = fmt.Sprintf("the change by %s from %s was not confirmed; the box started with the configuration from before it", c.Author, c.From)
}

func (e *Engine) removeRevert() {
	if _, err := e.write(configstore.Batch{Disarm: true}); err != nil {
		e.log.Error("the countdown was not removed", "err", err)
	}
}

// force makes a tree the one in force as a start does: modules that fail are degraded, the others apply. The caller holds
// e.changing.
func (e *Engine) force(tree *Tree) {
	unfit := e.checkAll(tree)
	e.applyAll(context.Background(), tree, unfit)
	e.publish(tree)
}

// become makes a tree the same as another, with as many of its own nodes as possible.
func (t *Tree) become(target *Tree) {
	t.patch(Compare(t, target), true)
	t.SetAside = target.SetAside
}

// halt ends what runs in the background. What comes after it does nothing.
func (e *Engine) halt() {
	e.changing.Lock()
	defer e.changing.Unlock()
	if c := e.armed(); c != nil {
		for _, stop := range c.stops {
			stop()
		}
		e.note(c)
	}
	e.flushNow()
	e.halted = true
}
