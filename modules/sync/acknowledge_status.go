package sync

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"mbox/hotspotdb"
)

// States of confirmations.
const (
	stateConfirming = "confirming"
	stateDegraded   = "degraded"
	stateBlocked    = "blocked"
)

// AcknowledgeStatus says whether writes are confirmed by other boxes.
type AcknowledgeStatus struct {
	Required    int       `json:"required"`
	From        []string  `json:"from"`
	TimeoutMS   int64     `json:"timeout_ms"`
	Mode        string    `json:"mode"` // block or degrade
	State       string    `json:"state"`
	PeersReady  int       `json:"peers_ready"` // connected, and not further behind than the timeout
	Since       time.Time `json:"since"`       // of the state
	Unconfirmed uint64    `json:"unconfirmed"` // writes that were stored here only, since it was configured
	Warning     *string   `json:"warning"`
}

const (
	// reviewEvery is how often it is looked whether enough peers keep up: no write need be under way for the operator to
	// see within a second that they do not.
	reviewEvery = 250 * time.Millisecond
)

// mark is how far the datasets were at one moment: a peer that has not stored this by the timeout later is too slow.
type mark struct {
	at   time.Time
	head sequences
}

// watch looks again and again until ctx ends, and records what has changed: never with the lock held, because the log may be
// slow.
func (q *quorum) watch(ctx context.Context) {
	tick := time.NewTicker(reviewEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-q.changed:
		}
		for _, s := range q.review() {
			q.record(s)
		}
	}
}

// review returns the states that were come into since it was last called.
func (q *quorum) review() []AcknowledgeStatus {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.note(time.Now())
	news := q.news
	q.news = nil
	return news
}

// note looks at the state and remembers when it has changed. It is called with q.mu held.
func (q *quorum) note(now time.Time) {
	a := q.asked.Load()
	if a == nil {
		return
	}
	q.remember(a, now)
	s := q.assess(a)
	if s.State == q.shown.State {
		if a.Degrade && !q.degraded.active && s.State == stateDegraded && now.Sub(q.shown.Since) >= a.Timeout {
			for _, ds := range hotspotdb.Datasets() { // a write that began when it was shown would have found so, too
				q.degraded.owed[ds] = max(q.degraded.owed[ds], q.db.DurableHead(ds))
			}
			q.degrade(now)
		}
		return
	}
	if s.State != stateConfirming || q.shown.State != "" {
		q.news = append(q.news[max(0, len(q.news)-maxNews+1):], s)
		select {
		case q.changed <- struct{}{}:
		default:
		}
	}
	q.shown.State, q.shown.Since = s.State, now
}

// maxNews bounds what waits to be recorded.
const maxNews = 16

// recordConfirmations puts a change of the state into the log.
func (m *Module) recordConfirmations(s AcknowledgeStatus) {
	if s.State == stateConfirming {
		m.record(evConfirming, "", fmt.Sprintf("writes are confirmed by %s again", plural(s.Required, "other box", "other boxes")), "")
		return
	}
	m.record(evDegraded, "", fmt.Sprintf("writes are not confirmed by other boxes: %s, %d of %d keep up", s.State, s.PeersReady, s.Required), "")
}

// remember keeps the heads of the last moments, the first of them the youngest that a peer in time must have stored.
func (q *quorum) remember(a *acknowledge, now time.Time) {
	m := mark{at: now}
	for _, ds := range hotspotdb.Datasets() {
		m.head[ds] = q.db.DurableHead(ds)
	}
	if n := len(q.marks); n == 0 || now.Sub(q.marks[n-1].at) >= reviewEvery/2 {
		q.marks = append(q.marks, m)
	}
	for len(q.marks) > 1 && now.Sub(q.marks[1].at) >= a.Timeout {
		q.marks = q.marks[1:]
	}
}

func (q *quorum) assess(a *acknowledge) AcknowledgeStatus {
	s := AcknowledgeStatus{
		Required: a.Required, From: append([]string{}, a.From...), TimeoutMS: a.Timeout.Milliseconds(), Mode: "block", State: stateConfirming,
		PeersReady: q.ready(), Since: q.shown.Since.UTC(), Unconfirmed: q.lost,
	}
	stopped := stateBlocked
	if a.Degrade {
		s.Mode, stopped = "degrade", stateDegraded
	}
	if s.PeersReady < s.Required || q.degraded.active {
		s.State = stopped
	}
	return s
}

// ready counts the boxes that keep up. Of datasets that not all of them get, the one that the fewest do decides.
func (q *quorum) ready() int {
	fewest, used := 0, false
	for _, ds := range hotspotdb.Datasets() {
		due := q.marks[0].head[ds]
		if due == 0 {
			continue
		}
		n := q.count(func(b *ballot) bool { return b.seq[ds] >= due })
		if !used || n < fewest {
			fewest, used = n, true
		}
	}
	if !used { // nothing was ever written
		return q.count(func(*ballot) bool { return true })
	}
	return fewest
}

func (q *quorum) count(ok func(*ballot) bool) int {
	n := 0
	for _, b := range q.boxes {
		if b.counts && ok(b) {
			n++
		}
	}
	return n
}

// status is nil if nobody asks for confirmations.
func (q *quorum) status() *AcknowledgeStatus {
	q.mu.Lock()
	defer q.mu.Unlock()
	a := q.asked.Load()
	if a == nil {
		return nil
	}
	q.note(time.Now())
	s := q.assess(a)
	return &s
}

// acknowledgement is the status with what the known peers make of it.
func (m *Module) acknowledgement() *AcknowledgeStatus {
	s := m.quorum.status()
	if s == nil {
		return nil
	}
	text := m.unknownBoxes(s.From)
	if text == "" {
		text = m.noSpare(s.Required, s.From, s.Mode)
	}
	if text != "" {
		s.Warning = &text
	}
	return s
}

// unknownBoxes warns of names that no box has ever had here: most likely one is mistyped, and its word never comes.
func (m *Module) unknownBoxes(from []string) string {
	known, err := m.knownPeers()
	if err != nil {
		return ""
	}
	var strange []string
	for _, name := range from {
		if !slices.ContainsFunc(known, func(p KnownPeer) bool { return name == p.Hostname || name == keyPrefix+p.Box }) {
			strange = append(strange, name)
		}
	}
	if len(strange) == 0 {
		return ""
	}
	return fmt.Sprintf("no box named %s was ever connected; `show mbox sync peers` lists those that were", strings.Join(strange, ", "))
}

// noSpare warns of `block` with no more boxes than are asked for.
func (m *Module) noSpare(required int, from []string, mode string) string {
	possible := len(from)
	if possible == 0 {
		possible = m.knownBoxes()
	}
	if mode != "block" || possible > required {
		return ""
	}
	which := "losing either box"
	if required > 1 {
		which = "losing any of the boxes"
	}
	return fmt.Sprintf("with `block` and no more than %s, %s stops confirmations; that no write is lost AND writing goes on needs one more box",
		plural(required, "other box", "other boxes"), which)
}

// knownBoxes counts the boxes that were ever connected. It takes no lock: it is called with m.mu held.
func (m *Module) knownBoxes() int {
	known, err := m.knownPeers()
	if err != nil {
		return 0
	}
	boxes := map[string]bool{}
	for _, p := range known {
		boxes[p.Box] = true
	}
	return len(boxes)
}

// print is the part of `show mbox sync status`; nothing if nobody asks for confirmations.
func (s *AcknowledgeStatus) print(p *page, now time.Time) {
	if s == nil {
		return
	}
	who := plural(s.Required, "other box", "other boxes")
	switch names := strings.Join(s.From, ", "); {
	case len(s.From) > s.Required:
		who = fmt.Sprintf("%d of %s", s.Required, names)
	case len(s.From) > 0:
		who = names
	}
	p.line("Acknowledge: %s for %s, %d of %d ready, %s not confirmed", s.State, round(now.Sub(s.Since)), s.PeersReady, s.Required,
		plural(int(s.Unconfirmed), "write", "writes"))
	switch s.State {
	case stateConfirming:
		otherwise := "it is reported as not confirmed"
		if s.Mode == "degrade" {
			otherwise = "writes are confirmed without"
		}
		p.line("  A write is confirmed once it is stored by %s; after %d ms %s.", who, s.TimeoutMS, otherwise)
	case stateBlocked:
		p.line("  CONFIRMATIONS HAVE STOPPED: a write must be stored by %s. Writes are stored here and reported as not confirmed.", who)
		p.line("  Bring the missing boxes back, or go on without them: no mbox sync acknowledge")
	case stateDegraded:
		p.line("  DEGRADED: writes are confirmed by this box alone until they are stored by %s. They are lost if this box is lost now.", who)
	}
	if s.Warning != nil {
		p.line("  Note: %s.", *s.Warning)
	}
}
