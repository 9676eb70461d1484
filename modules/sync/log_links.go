package sync

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"mbox/hotspotdb"
	"mbox/modules/sync/auth"
	"mbox/modules/sync/peer"
)

// What happens to connections, as the log words it.

// recordFollowing notes that a primary is followed.
func (m *Module) recordFollowing(u *upstream, s *peer.Session) {
	how := "with the password"
	if s.ByToken {
		how = "with a token"
	}
	m.watch.connected(upstreamKey(u.cfg.Name), roleUpstream)
	m.record(evPeerUp, u.cfg.Name, fmt.Sprintf("this box follows %s at %s", s.Hostname, s.Address), how)
}

// recordFollower notes that a follower is connected.
func (m *Module) recordFollower(s *peer.Session) {
	m.watch.connected(downstreamKey(s.BoxID), roleDownstream)
	m.record(evPeerUp, s.Hostname, fmt.Sprintf("it follows this box, from %s", s.Address), "as "+s.Grant.Account)
}

// recordGone notes why a connection has ended.
func (m *Module) recordGone(name string, err error) {
	k := evPeerDown
	var refusal *auth.Refusal
	if errors.As(err, &refusal) && refusal.Code == auth.CodeRevoked {
		k = evRevoked
	}
	m.record(k, name, "the connection has ended", reason(err))
	if errors.Is(err, hotspotdb.ErrNoSpace) {
		m.watch.mu.Lock()
		m.watch.full = time.Now()
		m.watch.mu.Unlock()
		m.record(evNoSpace, name, "its changes cannot be stored", "the disk of this box is full")
	}
}

// recordFailure notes why a primary is not connected. It is called with m.mu held.
func (m *Module) recordFailure(u *upstream, state string, err error) {
	if u.link != nil {
		m.recordGone(u.cfg.Name, err)
		return
	}
	code := cause(err)
	switch {
	case code == auth.CodePin:
		m.record(evKeyChanged, u.cfg.Name, "another key than the pinned one answers", reason(err))
	case code == auth.CodeCloned:
		m.record(evCloned, u.cfg.Name, "a copy of a box", reason(err))
	case state == stateRefused:
		m.watch.refused(directionByPeer, code)
		m.record(evDenied, u.cfg.Name, "it refuses this box", reason(err))
	default:
		m.record(evNoPeer, u.cfg.Name, "cannot connect", reason(err))
	}
}

// recordRejected notes that this box has refused a connection.
func (m *Module) recordRejected(from netip.Addr, err error) {
	m.watch.refused(directionByUs, cause(err))
	k := evRejected
	if cause(err) == auth.CodeCloned {
		k = evCloned
	}
	m.recordStranger(k, from.String(), "a connection was refused", reason(err))
}

// recordPin notes the first key that has proved itself under a name.
func (m *Module) recordPin(name, boxID string) {
	m.record(evPinned, name, "its key sha256:"+boxID+" is pinned", "it has proved the password")
}

// Directions of a refusal.
const (
	directionByUs   = "by_this_box"
	directionByPeer = "by_primary"
)

// refusals counts by direction and code.
type refusals map[[2]string]uint64

// refused counts a refusal; codes that are not ours share one count, because a peer may invent as many as it likes.
func (w *watcher) refused(direction, code string) {
	if !knownCode(code) {
		code = causeOther
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refusals[[2]string{direction, code}]++
}

// connected counts a connection, and makes the first state of the peer worth an entry.
func (w *watcher) connected(key, role string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.connections[role]++
	if c := w.peers[key]; c != nil {
		c.logged = ""
	}
}
