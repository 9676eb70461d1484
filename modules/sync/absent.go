package sync

import (
	"cmp"
	"slices"
	"time"
)

// AbsentPeer is a follower that is allowed, was connected lately, and is not now.
type AbsentPeer struct {
	Name    string     `json:"name"`
	Box     string     `json:"box"`
	Address string     `json:"address"`
	Since   *time.Time `json:"since"` // when its connection ended; null: before this box was started
	Seen    time.Time  `json:"last_connected"`
	Reason  *string    `json:"reason"` // why the connection ended
}

const (
	// absentFor is how long a follower that does not come back is shown.
	absentFor = 30 * 24 * time.Hour
	// maxAbsent bounds how many of them, those that were there last.
	maxAbsent = 256
)

// departure is how the last connection of a follower ended.
type departure struct {
	at  time.Time
	why string
}

// departed notes that a follower is gone.
func (m *Module) departed(boxID string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.departures) >= maxFollowers {
		clear(m.departures) // they are only what the status says beside the time
	}
	m.departures[boxID] = departure{m.deps.Now().UTC(), reason(err)}
}

// absent lists the followers that are away, the one that left last first.
func (m *Module) absent(now time.Time) []AbsentPeer {
	out := []AbsentPeer{}
	known, err := m.followersKnown()
	if err != nil {
		m.deps.Log.Warn("sync: cannot tell which followers are away", "error", err)
		return out
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	here := map[string]bool{}
	for d := range m.downstream {
		here[d.session.BoxID] = true
	}
	for _, p := range known {
		if here[p.Box] || now.Sub(p.LastSeen) > absentFor || !m.config.allowsText(p.Address) {
			continue
		}
		a := AbsentPeer{Name: p.Hostname, Box: p.Box, Address: p.Address, Seen: p.LastSeen}
		if d, ok := m.departures[p.Box]; ok {
			a.Since, a.Reason = &d.at, &d.why
		}
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b AbsentPeer) int { return cmp.Or(b.last().Compare(a.last()), cmp.Compare(a.Name, b.Name)) })
	return out[:min(len(out), maxAbsent)]
}

func (a AbsentPeer) last() time.Time {
	if a.Since != nil {
		return *a.Since
	}
	return a.Seen
}

func (a AbsentPeer) print(p *page, now time.Time) {
	p.line("")
	p.line("%s  %s  %s", a.Name, roleDownstream, a.Address)
	if a.Since == nil {
		p.line("  not connected since this box was started, last connected %s", ago(&a.Seen, now))
		return
	}
	p.line("  not connected for %s: %s", round(now.Sub(*a.Since)), sentence(*a.Reason))
}
