package modules

import (
	"context"
	"fmt"
	"time"

	"mbox/configstore"
)

// Bounds of the time to confirm a change, as on IOS.
const (
	MinTimer = time.Minute
	MaxTimer = 120 * time.Minute
)

// Countdown is a change that is taken back unless it is confirmed. It belongs to the box, not to a session.
type Countdown struct {
	Author   string        `json:"author"`
	From     string        `json:"from"`
	Armed    time.Time     `json:"armed"`
	Deadline time.Time     `json:"deadline"`
	Left     time.Duration `json:"-"`
}

// countdown is a Countdown that runs. Its time is that of the box, which no step of the wall clock changes; the wall clock
// counts only over a restart. Then what is left is the less of two: the time to the deadline by the wall clock, and the
// time that was left when it was last noted. Each start takes noteEvery off the latter. So a clock that is ahead ends it
// early, which is the safe side, and one that is behind, or a box that crashes again and again with no clock at all, does
// not lengthen it.
type countdown struct {
	configstore.Revert
	until time.Time
	stops []func() bool
}

// noteEvery is how often the time that is left is noted.
const noteEvery = 30 * time.Second

// warnings are the times left at which operators are told again.
var warnings = []time.Duration{5 * time.Minute, time.Minute}

func (e *Engine) armed() *countdown {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.revert
}

// mayArm refuses a second countdown, and times out of bounds.
func (e *Engine) mayArm(timer time.Duration) error {
	switch {
	case timer == 0:
		return nil
	case timer < MinTimer || timer > MaxTimer:
		return Errorf("The time to confirm is from 1 to %d minutes", MaxTimer/time.Minute)
	case e.journal == nil:
		return Errorf("This box has no store to keep what to go back to")
	case e.armed() != nil:
		return &Error{Message: "A change waits to be confirmed already", Hint: "Type configure confirm or configure revert now first"}
	}
	return nil
}

// arm keeps what to go back to, with the change, in one transaction. It comes after the change has succeeded: whatever
// failed before leaves nothing armed.
func (e *Engine) arm(actor Actor, timer time.Duration, old, candidate *Tree, entries []configstore.LogEntry) error {
	now := e.clock.Now()
	c := &countdown{Revert: configstore.Revert{
		Old: old.saved(), New: candidate.saved(), Deadline: now.Add(timer).UTC().Round(0), Left: timer, Length: timer,
		Armed: now.UTC().Round(0), Author: actor.Name, From: actor.From,
	}}
	if _, err := e.write(configstore.Batch{Revert: &c.Revert, Texts: true, Log: entries}); err != nil {
		return err
	}
	e.say(entries)
	e.start(c)
	e.log.Warn("the configuration will be taken back unless it is confirmed", "user", actor.Name, "from", actor.From, "in", timer)
	e.announce(fmt.Sprintf("%%CONFIG: a change by %s from %s is taken back in %s unless somebody types: configure confirm",
		actor.Name, actor.From, spell(timer)))
	return nil
}

// follow keeps a change that was made while another waits to be confirmed; both go together.
func (e *Engine) follow(c *countdown, candidate *Tree, entries []configstore.LogEntry) error {
	r := c.Revert
	r.New, r.Left = candidate.saved(), c.left(e.clock)
	if _, err := e.write(configstore.Batch{Revert: &r, Texts: true, Log: entries}); err != nil {
		return err
	}
	e.say(entries)
	e.mu.Lock()
	defer e.mu.Unlock()
	c.Revert = r
	return nil
}

func (c *countdown) left(clock Clock) time.Duration { return max(0, c.until.Sub(clock.Now())) }

// start lets a countdown run for what is left of it.
func (e *Engine) start(c *countdown) {
	c.until = e.clock.Now().Add(c.Left)
	after := func(d time.Duration, f func()) {
		c.stops = append(c.stops, e.clock.AfterFunc(d, func() { e.during(c, f) }))
	}
	after(c.Left, func() { e.expire(c) })
	for _, left := range warnings {
		if c.Left > left {
			after(c.Left-left, func() {
				e.announce(fmt.Sprintf("%%CONFIG: the change by %s is taken back in %s unless somebody types: configure confirm", c.Author, spell(left)))
			})
		}
	}
	for at := noteEvery; at < c.Left; at += noteEvery {
		after(at, func() { e.note(c) })
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.revert = c
}

// during runs a step of a countdown, if it still counts.
func (e *Engine) during(c *countdown, step func()) {
	e.changing.Lock()
	defer e.changing.Unlock()
	if !e.halted && e.armed() == c {
		step()
	}
}

// note keeps how much is left.
func (e *Engine) note(c *countdown) {
	r := c.Revert
	r.Left = c.left(e.clock)
	if _, err := e.write(configstore.Batch{Revert: &r}); err != nil {
		e.log.Error("the time left to confirm was not noted", "err", err)
	}
}

// expire is the deadline.
func (e *Engine) expire(c *countdown) {
	e.log.Warn("the change was not confirmed", "user", c.Author, "from", c.From)
	e.takeBack(c, boxActor, fmt.Sprintf("the change by %s was not confirmed in %s", c.Author, spell(c.Length)))
}

// takeBack makes the old configuration the one in force, whatever it takes: a module that refuses it is degraded, as at
// boot. The caller holds e.changing.
func (e *Engine) takeBack(c *countdown, actor Actor, why string) {
	tree := e.book.Load(c.Old)
	err := e.change(context.Background(), boxActor, Options{What: "configure revert: " + why, Force: true, takesBack: true}, func(candidate *Tree) error {
		candidate.become(tree)
		return nil
	})
	told := "%CONFIG: " + why + "; the configuration from before it is in force again"
	if err != nil {
		e.log.Error("the configuration was not taken back as a whole", "err", err)
		e.force(tree)
		told += ", with errors: " + err.Error()
	}
	if err := e.disarm(c, actor, ""); err != nil { // it is void once something is saved, and until then says the same
		e.log.Error("the countdown was not removed", "err", err)
	}
	e.log.Warn("the configuration was taken back", "by", actor.Name, "reason", why)
	e.announce(told)
}

// disarm ends a countdown.
func (e *Engine) disarm(c *countdown, actor Actor, what string) error {
	var entries []configstore.LogEntry
	if what != "" {
		entries = e.describe(actor, what, nil)
	}
	_, err := e.write(configstore.Batch{Disarm: true, Log: entries})
	if err != nil && what != "" {
		return fmt.Errorf("end the countdown: %w", err)
	}
	for _, stop := range c.stops {
		stop()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.revert = nil
	return err
}

// nothingArmed is what there is to say without a countdown.
func nothingArmed() error { return Errorf("No change waits to be confirmed") }

// Arm starts a countdown for what is changed from now on.
func (e *Engine) Arm(ctx context.Context, actor Actor, timer time.Duration) error {
	o := Options{Timer: timer, What: fmt.Sprintf("configure terminal revert timer %d", timer/time.Minute)}
	return e.Change(ctx, actor, o, func(*Tree) error { return nil })
}

// Confirm keeps the change that waits for it. Whoever may configure may confirm.
func (e *Engine) Confirm(actor Actor) error {
	e.changing.Lock()
	defer e.changing.Unlock()
	c := e.armed()
	if c == nil {
		return nothingArmed()
	}
	if err := e.disarm(c, actor, "configure confirm"); err != nil {
		return err
	}
	e.log.Info("the change was confirmed", "user", actor.Name, "from", actor.From)
	e.announce(fmt.Sprintf("%%CONFIG: the change by %s was confirmed by %s", c.Author, actor.Name))
	return nil
}

// RevertNow takes the change back at once.
func (e *Engine) RevertNow(actor Actor) error {
	e.changing.Lock()
	defer e.changing.Unlock()
	c := e.armed()
	if c == nil {
		return nothingArmed()
	}
	e.takeBack(c, actor, fmt.Sprintf("the change by %s was taken back by %s", c.Author, actor.Name))
	return nil
}

// Extend sets the time that is left.
func (e *Engine) Extend(actor Actor, timer time.Duration) error {
	e.changing.Lock()
	defer e.changing.Unlock()
	c := e.armed()
	switch {
	case c == nil:
		return nothingArmed()
	case timer < MinTimer || timer > MaxTimer:
		return Errorf("The time to confirm is from 1 to %d minutes", MaxTimer/time.Minute)
	}
	next := &countdown{Revert: c.Revert}
	next.Left, next.Length, next.Deadline = timer, timer, e.clock.Now().Add(timer).UTC().Round(0)
	if _, err := e.write(configstore.Batch{Revert: &next.Revert}); err != nil {
		return fmt.Errorf("set the time to confirm: %w", err)
	}
	for _, stop := range c.stops {
		stop()
	}
	e.start(next)
	e.announce(fmt.Sprintf("%%CONFIG: %s set the time to confirm the change by %s: it is taken back in %s", actor.Name, c.Author, spell(timer)))
	return nil
}

// Countdown returns the change that waits to be confirmed, if there is one.
func (e *Engine) Countdown() (Countdown, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.revert
	if c == nil {
		return Countdown{}, false
	}
	return Countdown{Author: c.Author, From: c.From, Armed: c.Armed, Deadline: c.Deadline, Left: c.left(e.clock)}, true
}

// Notices are what an operator must know when a session begins.
func (e *Engine) Notices() []string {
	var out []string
	e.mu.Lock()
	lapsed := e.lapsed
	e.mu.Unlock()
	if lapsed != "" {
		out = append(out, lapsed)
	}
	if c, waits := e.Countdown(); waits {
		out = append(out, fmt.Sprintf("the change by %s is taken back in %s unless somebody types: configure confirm", c.Author, spell(c.Left)))
	}
	return out
}

// spell says a time to a person: "2 minutes", "1 minute 30 seconds".
func spell(d time.Duration) string {
	d = d.Round(time.Second)
	minutes, seconds := int(d/time.Minute), int(d%time.Minute/time.Second)
	switch {
	case minutes == 0:
		return Count(seconds, "second")
	case seconds == 0:
		return Count(minutes, "minute")
	}
	return Count(minutes, "minute") + " " + Count(seconds, "second")
}
