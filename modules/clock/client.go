package clock

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// client is NTP's view of the servers and of the clock. Module.mu guards it.
type client struct {
	servers    []*server
	discipline discipline
	rounds     int           // of questions since the servers were last changed or the clock was last set
	interval   time.Duration // between rounds
	synced     bool
	since      time.Time // of synced, or of not
	offset     time.Duration
	jitter     time.Duration
	stratum    int
	follows    string // name of the server
	updated    time.Time
	reason     string // why it is not synced, or what holds
	steps      int
	stepped    time.Duration // the last step
	refused    string        // what was last said about an offset that cannot be true
	fixed      bool          // this machine does not let its clock be changed
	lost       bool          // it was said that nobody answers
}

// use takes the servers of a configuration; one that was there before keeps its answers.
func (c *client) use(configs []serverConfig) {
	present := map[serverConfig]*server{}
	for _, s := range c.servers {
		present[s.config] = s
	}
	c.servers = c.servers[:0:0]
	fresh := false
	for _, config := range configs {
		s := present[config]
		if s == nil {
			s, fresh = &server{config: config, state: stateWaiting}, true
		}
		c.servers = append(c.servers, s)
	}
	if fresh {
		c.rounds = 0
	}
	if len(c.servers) == 0 && c.synced {
		c.synced, c.since, c.reason, c.follows = false, time.Time{}, "", ""
	}
}

// Run asks the servers until ctx ends.
func (m *Module) Run(ctx context.Context) error {
	for {
		wait := m.round(ctx)
		if err := ctx.Err(); err != nil {
			return err
		}
		timer := time.NewTimer(wait)
		if wait == 0 { // nobody to ask
			timer.Stop()
		}
		select {
		case <-ctx.Done():
		case <-m.changed:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// round asks all servers that may be asked, and moves the clock. It returns how long to wait, or 0 if there is no server.
func (m *Module) round(ctx context.Context) time.Duration {
	m.mu.Lock()
	servers := slices.Clone(m.client.servers)
	now := m.deps.Now()
	due := slices.DeleteFunc(slices.Clone(servers), func(s *server) bool { return !s.due(now) })
	m.mu.Unlock()
	if len(servers) == 0 {
		return 0
	}
	answers, failures := m.askAll(ctx, due)
	if ctx.Err() != nil {
		return 0
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, s := range due {
		m.note(s, answers[i], failures[i])
	}
	m.client.rounds++
	done := m.update(ctx)
	m.client.interval = m.client.pause(m.pace, done)
	return m.client.interval
}

func (m *Module) askAll(ctx context.Context, due []*server) ([]sample, []error) {
	answers, failures := make([]sample, len(due)), make([]error, len(due))
	var asking sync.WaitGroup
	for i, s := range due {
		config := s.config
		asking.Go(func() { answers[i], failures[i] = m.query(ctx, config) })
	}
	asking.Wait()
	return answers, failures
}

// note keeps an answer. A kiss-o'-death is obeyed: RFC 5905 section 7.4.
func (m *Module) note(s *server, got sample, err error) {
	now := m.deps.Now()
	name := s.config.Name
	switch {
	case got.kiss == "":
		s.note(got, err)
	case got.kiss == "DENY" || got.kiss == "RSTR":
		s.stopped, s.state, s.samples, s.asked = true, stateStopped, nil, true
		s.reason = "it does not want to be asked by this box (" + got.kiss + ")"
		m.deps.Log.Warn(fmt.Sprintf("%%NTP-4-KOD: server %s does not want to be asked by this box (%s); it is not asked again", name, got.kiss))
	default: // RATE, and those that mean nothing to a client
		s.interval(got, now, m.pace)
		s.note(sample{}, fmt.Errorf("it wants to be asked less often (%s)", got.kiss))
		m.deps.Log.Warn(fmt.Sprintf("%%NTP-4-KOD: server %s wants to be asked less often (%s); the next question waits %v", name, got.kiss,
			s.notBefore.Sub(now).Round(time.Second)))
	}
	m.deps.Log.Debug("ntp: answer", "server", name, "offset", got.offset, "delay", got.delay, "error", err)
}

// interval makes a server that has complained wait, each time for longer.
func (s *server) interval(got sample, now time.Time, p pace) {
	s.last.interval = min(max(2*s.last.interval, got.interval, 2*p.shortest), 36*time.Hour)
	s.notBefore = now.Add(s.last.interval)
}

// pause is how long to wait for the next round.
func (c *client) pause(p pace, done verdict) time.Duration {
	switch {
	case c.rounds < p.rounds:
		return p.burst
	case !c.synced && !slices.ContainsFunc(c.servers, func(s *server) bool { return s.reach != 0 }):
		// Nobody answers, as when the network comes up after the box: soon again, then ever later.
		return min(p.burst<<min(c.rounds-p.rounds+1, 16), p.shortest)
	}
	return p.next(max(c.interval, p.shortest), c.offset, c.jitter, done)
}
