package sync

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"mbox/hotspotdb"
	"mbox/modules"
	"mbox/modules/sync/auth"
	"mbox/modules/sync/feed"
	"mbox/modules/sync/peer"
)

// What an operator does to sync as a whole or to one peer: hold it for a while, start anew with a primary, take back what
// followers hold.

const (
	pausedKey     = "paused"
	recoverPrefix = "recover/"
)

var errPaused = auth.Refuse(auth.CodePaused, "sync is paused on that box; `mbox sync resume` there ends it")

func (m *Module) lifecycle(name modules.Type) []modules.Command {
	follower := modules.Known(modules.Word("Host name or key of the follower, as `show mbox sync peers` prints them", nil), m.peerNames)
	return []modules.Command{
		{
			Syntax: "mbox sync pause", Help: "Hold all replication until resume, also across restarts", Words: words, Level: levelWrite,
			Run: func(_ context.Context, call modules.Call) (modules.View, error) { return m.pause(call.Actor) },
		},
		{
			Syntax: "mbox sync resume", Help: "Go on after pause", Words: words, Level: levelWrite,
			Run: func(_ context.Context, call modules.Call) (modules.View, error) { return m.resume(call.Actor) },
		},
		{
			Syntax: "mbox sync recover from PEER", Help: "Take back from a follower what this box has lost", Words: words, Level: levelWrite,
			Args: map[string]modules.Type{"PEER": follower}, Run: m.recover,
		},
		{
			Syntax: "clear mbox sync NAME resync", Help: "Compare with a primary from the beginning; drop what it deleted long ago", Words: words, Level: levelWrite,
			Args: map[string]modules.Type{"NAME": name}, Run: m.resync,
		},
	}
}

// readPaused finds out whether sync was paused before the box was restarted.
func (m *Module) readPaused() {
	raw, found, err := m.deps.Memory.Get(pausedKey)
	if err == nil && found {
		err = m.pausedAt.UnmarshalText(raw)
	}
	if err != nil {
		m.deps.Log.Warn("sync: whether sync was paused cannot be read; it is not", "error", err)
	}
}

// paused is when sync was paused; zero if it is not. It is called with m.mu held.
func (m *Module) paused() time.Time { return m.pausedAt }

func (m *Module) pause(actor modules.Actor) (modules.View, error) {
	if m.deps.DB == nil {
		return nil, modules.Errorf("Sync is off: the box runs in rescue")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.paused().IsZero() {
		return nil, modules.Errorf("Sync is paused already, since %s", m.pausedAt.Format(time.DateTime))
	}
	now := m.deps.Now().UTC()
	text, err := now.MarshalText()
	if err == nil {
		err = m.deps.Memory.Put(pausedKey, text)
	}
	if err != nil {
		return nil, fmt.Errorf("remember that sync is paused: %w", err)
	}
	m.pausedAt = now
	m.review()
	m.refollow(m.config)
	m.record(evPaused, "", "sync is paused", "typed by "+actor.Name)
	return modules.Text("Sync is paused: nothing flows from or to this box until `mbox sync resume`, also after a restart.\n"), nil
}

func (m *Module) resume(actor modules.Actor) (modules.View, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.paused().IsZero() {
		return nil, modules.Errorf("Sync is not paused")
	}
	if err := m.deps.Memory.Delete(pausedKey); err != nil {
		return nil, fmt.Errorf("forget that sync is paused: %w", err)
	}
	m.pausedAt = time.Time{}
	m.refollow(m.config)
	m.record(evResumed, "", "sync goes on", "typed by "+actor.Name)
	return modules.Text("Sync goes on.\n"), nil
}

// resync marks everything that is exchanged with a primary to be compared from the beginning, and connects anew.
func (m *Module) resync(_ context.Context, call modules.Call) (modules.View, error) {
	name := modules.Get[string](call.Values, "NAME")
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, u := range m.upstreams {
		if u.cfg.Name != name {
			continue
		}
		if u.session == nil {
			return nil, &modules.Error{Message: name + " is not connected", Hint: "See `show mbox sync status`; try again when it is"}
		}
		if err := m.startAnew(u); err != nil {
			return nil, err
		}
		m.record(evResync, name, "everything is compared from the beginning", "typed by "+call.Actor.Name)
		return modules.Text(fmt.Sprintf("Everything is compared with %s from the beginning; what differs is fetched, what it deleted long ago is dropped here.\n", name)), nil
	}
	for d := range m.downstream {
		if strings.EqualFold(d.session.Hostname, name) {
			return nil, &modules.Error{Message: name + " follows this box", Hint: "Type on " + name + ": clear mbox sync PRIMARY resync"}
		}
	}
	return nil, modules.Errorf("%s is not a primary of this box", name)
}

// startAnew is called with m.mu held.
func (m *Module) startAnew(u *upstream) error {
	var list []hotspotdb.Dataset
	for _, ds := range hotspotdb.Datasets() {
		if slices.Contains(u.cfg.Datasets, ds.String()) || slices.Contains(u.cfg.Send, ds.String()) {
			list = append(list, ds)
		}
	}
	if err := feed.MarkReseed(m.deps.Memory, u.session.Database, list...); err != nil {
		return err
	}
	m.endLinks(u.session.BoxID, auth.Refuse(auth.CodeChanged, "everything is compared from the beginning"))
	return nil
}

// stale is called by a link that can no longer go on where it stood.
func (m *Module) stale(u *upstream) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if u.session == nil || !u.cfg.AutoResync {
		return // the operator decides; status and log say so
	}
	if err := m.startAnew(u); err != nil {
		m.deps.Log.Error("sync: cannot start anew with the primary", "primary", u.cfg.Name, "error", err)
	}
}

// unsent says which of this box's tombstones must be kept although they are old: those that a primary to which we send has
// not stored yet.
func (m *Module) unsent() map[hotspotdb.Dataset]uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	keep := map[hotspotdb.Dataset]uint64{}
	stored := map[hotspotdb.Dataset]uint64{}
	for _, u := range m.upstreams {
		send := u.cfg.Send
		for _, link := range m.linksTo(u.session) {
			for ds, out := range link.Report().Outgoing {
				stored[ds] = max(stored[ds], out.Stored)
			}
		}
		if u.session != nil {
			send = u.session.Grant.Up // what the primary does not accept it need not hear of
		}
		for _, ds := range hotspotdb.Datasets() {
			if slices.Contains(send, ds.String()) {
				keep[ds] = 0
			}
		}
	}
	for ds := range keep {
		keep[ds] = stored[ds]
	}
	return keep
}

// linksTo lists the connections to the box behind a session: two, if both dial. It is called with m.mu held.
func (m *Module) linksTo(s *peer.Session) (out []*feed.Link) {
	if s == nil {
		return nil
	}
	for _, u := range m.upstreams {
		if u.link != nil && u.session.BoxID == s.BoxID {
			out = append(out, u.link)
		}
	}
	for d := range m.downstream {
		if d.session.BoxID == s.BoxID {
			out = append(out, d.link)
		}
	}
	return out
}

// held is up to where a box held a dataset of ours when its connections began.
func (m *Module) held(s *peer.Session, ds hotspotdb.Dataset) (seq uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, link := range m.linksTo(s) {
		seq = max(seq, link.Held(ds))
	}
	return seq
}

// endLinks ends every connection to a box. It is called with m.mu held.
func (m *Module) endLinks(boxID string, why error) (n int) {
	for _, u := range m.upstreams {
		if u.session != nil && u.session.BoxID == boxID {
			u.end(why)
			n++
		}
	}
	for d := range m.downstream {
		if d.session.BoxID == boxID {
			d.end(why)
			n++
		}
	}
	return n
}

// recover makes a follower return what others made: all that this box has lost.
func (m *Module) recover(_ context.Context, call modules.Call) (modules.View, error) {
	name := strings.TrimPrefix(modules.Get[string](call.Values, "PEER"), "sha256:")
	if m.deps.DB == nil {
		return nil, modules.Errorf("Sync is off: the box runs in rescue")
	}
	boxes, err := m.followersCalled(name)
	if err != nil {
		return nil, err
	}
	switch len(boxes) {
	case 0:
		return nil, modules.Errorf("No follower %s is known; `show mbox sync peers` lists them", name)
	case 1:
	default:
		return nil, &modules.Error{Message: fmt.Sprintf("%d followers are called %s", len(boxes), name), Hint: "Type the key of one, as `show mbox sync peers` prints it"}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.deps.Memory.Put(recoverPrefix+boxes[0], []byte(call.Actor.Name)); err != nil {
		return nil, fmt.Errorf("remember to recover from %s: %w", name, err)
	}
	m.record(evRecover, name, "what it holds is taken back", "typed by "+call.Actor.Name)
	text := "It begins when the follower connects."
	if m.endLinks(boxes[0], auth.Refuse(auth.CodeChanged, "the primary takes back what it has lost")) > 0 {
		text = "`show mbox sync status` shows how far it is, as soon as it is connected again."
	}
	return modules.Text(fmt.Sprintf("What %s holds and did not make itself is taken back; nothing here is replaced by something older. %s\n", name, text)), nil
}

// followersCalled finds the box ids of followers, connected now or before, by host name or key.
func (m *Module) followersCalled(name string) ([]string, error) {
	known, err := m.followersKnown()
	if err != nil {
		return nil, err
	}
	var out []string
	for _, p := range known {
		if strings.EqualFold(p.Hostname, name) || len(name) >= 8 && strings.HasPrefix(p.Box, name) {
			out = append(out, p.Box)
		}
	}
	return out, nil
}

// recovers says whether a follower is to return what we have lost.
func (m *Module) recovers(boxID string) bool {
	_, found, err := m.deps.Memory.Get(recoverPrefix + boxID)
	if err != nil {
		m.deps.Log.Error("sync: cannot look up whether a follower is to return data", "box", boxID, "error", err)
	}
	return found
}

// recovered ends the recovery from a follower, and the connection that served it.
func (m *Module) recovered(d *downstream) {
	if err := m.deps.Memory.Delete(recoverPrefix + d.session.BoxID); err != nil {
		m.deps.Log.Error("sync: cannot note that a follower has returned everything", "peer", d.session.Hostname, "error", err)
	}
	m.record(evRecovered, d.session.Hostname, "everything that it held is here again", "")
	d.end(auth.Refuse(auth.CodeChanged, "the primary has taken back what it had lost"))
}
