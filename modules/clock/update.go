package clock

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// update compares what the servers say and moves the clock. It is called with mu held.
func (m *Module) update(ctx context.Context) verdict {
	c, now := &m.client, m.deps.Now()
	all := candidates(c.servers, now)
	agreed := agree(all)
	m.mark(all, agreed)
	switch {
	case len(agreed) > 0:
	case len(all) > 0:
		c.unsync(now, "the servers contradict each other, and no majority agrees")
		return hold
	default:
		m.nobody(now)
		return hold
	}
	lead := leader(agreed)
	if !fresh(agreed) || !c.discipline.once && !c.ripe(m.pace, lead.server) {
		return hold
	}
	for _, a := range agreed {
		a.server.used = a.best.at
	}
	lead.server.state = stateFollowed
	c.offset, c.jitter = combine(agreed, lead), lead.server.jitter(lead.best)
	c.stratum, c.lost = lead.best.stratum+1, false
	return m.move(ctx, lead, now)
}

// mark notes who tells the truth, and logs who has begun not to.
func (m *Module) mark(all, agreed []candidate) {
	good := map[*server]bool{}
	for _, a := range agreed {
		good[a.server] = true
	}
	for _, a := range all {
		s := a.server
		switch {
		case good[s] && s.state == stateFollowed && m.client.follows == s.config.Name:
		case good[s]:
			s.state = stateCandidate
		case len(agreed) == 0:
			s.state = stateCandidate
			s.reason = "it contradicts another server"
			continue
		default:
			if s.state != stateFalseticker {
				m.deps.Log.Warn(fmt.Sprintf("%%NTP-4-FALSETICKER: server %s is off by %v; the others contradict it", s.config.Name,
					a.best.offset.Round(time.Microsecond)))
			}
			s.state, s.reason = stateFalseticker, "the others contradict it"
			continue
		}
		if s.reach&1 == 1 { // else the reason is why the last question has no answer
			s.reason = ""
		}
	}
}

// nobody notes that no server can be followed.
func (m *Module) nobody(now time.Time) {
	c := &m.client
	for _, s := range c.servers {
		if s.reach != 0 { // it has answered a while ago
			return
		}
	}
	c.unsync(now, "no server answers")
	if !c.lost && c.rounds >= m.pace.rounds {
		c.lost = true
		m.deps.Log.Warn("%NTP-4-UNSYNC: no NTP server answers; the clock runs on its own")
	}
}

func (c *client) unsync(now time.Time, reason string) {
	if c.synced {
		c.synced, c.since = false, now
	}
	c.reason = reason
}

// fresh says whether there is something that the clock was not moved by yet: the same answer must not move it twice.
func fresh(agreed []candidate) bool {
	for _, a := range agreed {
		if a.best.at.After(a.server.used) {
			return true
		}
	}
	return false
}

// ripe says whether enough was heard for the first time that the clock is moved.
func (c *client) ripe(p pace, lead *server) bool {
	return c.rounds >= p.rounds || len(lead.samples) >= p.rounds
}

// move does what the discipline says.
func (m *Module) move(ctx context.Context, lead candidate, now time.Time) verdict {
	c := &m.client
	first := !c.discipline.once
	done, why := c.discipline.judge(c.offset, now, m.deps.Built, m.applied.Load().largeSteps)
	switch done {
	case refuse:
		c.unsync(now, why)
		if c.refused != why[:min(len(why), 24)] {
			c.refused = why[:min(len(why), 24)]
			m.deps.Log.Error("%NTP-3-REFUSED: the clock was not set: " + why)
		}
		return done
	case hold:
		c.reason = why
		return done
	}
	c.refused, c.reason, c.updated = "", "", now
	err := m.adjust(ctx, done, now, lead)
	if err != nil {
		c.unsync(now, err.Error())
		return done
	}
	if !c.synced || c.follows != lead.server.config.Name {
		if !c.synced {
			c.since = m.deps.Now()
		}
		m.deps.Log.Info(fmt.Sprintf("%%NTP-5-SYNC: the clock follows %s (%s), stratum %d, offset %v", lead.server.config.Name,
			lead.best.address, lead.best.stratum, c.offset.Round(time.Microsecond)), "first", first)
	}
	c.synced, c.follows, c.discipline.once = true, lead.server.config.Name, true
	return done
}

// errFixed is why a machine that does not obey is never in step.
var errFixed = errors.New("this machine does not let the box change its clock")

// adjust slews or steps the clock of the machine, and looks whether that had an effect.
func (m *Module) adjust(ctx context.Context, how verdict, now time.Time, lead candidate) error {
	c := &m.client
	var err error
	if how == slew {
		err = m.deps.Host.SlewTime(ctx, c.offset, max(c.interval, m.pace.shortest))
	} else {
		err = m.step(ctx, c.offset, fmt.Sprintf("NTP, %s", lead.server.config.Name))
	}
	if errors.Is(err, fs.ErrPermission) {
		err = errFixed
	}
	switch {
	case err == nil:
		c.fixed = false
	case !c.fixed:
		c.fixed = true
		m.deps.Log.Warn(fmt.Sprintf("%%NTP-4-FIXED: the clock is off by %v and stays so: %v", c.offset.Round(time.Millisecond), err))
	}
	return err
}

// step sets the clock of the machine. What the servers said before is worth nothing after it.
func (m *Module) step(ctx context.Context, by time.Duration, who string) error {
	c := &m.client
	target := m.deps.Now().Add(by).Round(0)
	if err := m.deps.Host.SetTime(ctx, target); err != nil {
		return err
	}
	// On the wall: a host that only records leaves the clock where it was.
	if off := m.deps.Now().Round(0).Sub(target); off.Abs() > max(by.Abs()/2, 100*time.Millisecond) {
		return errFixed
	}
	c.steps++
	c.stepped = by
	for _, s := range c.servers {
		s.samples, s.used = nil, time.Time{}
	}
	c.rounds = 0
	direction := "forward"
	if by < 0 {
		direction = "back"
	}
	m.deps.Log.Info(fmt.Sprintf("%%CLOCK-5-STEP: the clock was set %s by %v (%s)", direction, by.Abs().Round(time.Millisecond), who))
	return nil
}
