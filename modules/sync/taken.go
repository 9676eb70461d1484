package sync

import (
	"encoding/json"

	"mbox/modules/sync/feed"
	"mbox/modules/sync/peer"
)

// Who has filled the disk: the changes that each box has ever sent are counted, and shown by `show mbox sync peers`.

// known reads what is remembered of a box in a role; nothing if it was never connected. It is called with m.knownMu held.
func (m *Module) known(role, box string) (p KnownPeer) {
	raw, found, err := m.deps.Peers.Get(role + "/" + box)
	if err == nil && found {
		err = json.Unmarshal(raw, &p)
	}
	if err != nil {
		m.deps.Log.Warn("sync: what is known of a peer cannot be read", "box", box, "error", err)
	}
	return p
}

// countTaken adds what a link that has ended has taken.
func (m *Module) countTaken(s *peer.Session, role string, link *feed.Link) {
	n := totalsOf(link.Report()).taken
	m.knownMu.Lock()
	defer m.knownMu.Unlock()
	p := m.known(role, s.BoxID)
	if n == 0 || p.Box == "" { // forgotten by the operator meanwhile
		return
	}
	p.Changes += n
	p.LastSeen = m.deps.Now().UTC()
	m.keep(p)
}

func (m *Module) keep(p KnownPeer) {
	raw, err := json.Marshal(p)
	if err == nil {
		err = m.deps.Peers.Put(p.Role+"/"+p.Box, raw)
	}
	if err != nil {
		m.deps.Log.Warn("sync: a peer could not be remembered", "peer", p.Hostname, "error", err)
	}
}

// takenNow is what followers have sent over the links that are up.
func (m *Module) takenNow() map[string]uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[string]uint64{}
	for d := range m.downstream {
		out[d.session.BoxID] += totalsOf(d.link.Report()).taken
	}
	return out
}
