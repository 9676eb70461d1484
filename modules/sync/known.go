package sync

import (
	"encoding/json"
	"strings"

	"mbox/modules"
)

// primaryNames are the primaries that are configured, for `?`.
func (m *Module) primaryNames(string) (out []modules.Candidate) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, u := range m.upstreams {
		out = append(out, modules.Candidate{Text: u.cfg.Name, Help: u.state})
	}
	return out
}

// peerNames are the boxes that were ever connected, for `?`.
func (m *Module) peerNames(string) (out []modules.Candidate) {
	all, err := m.deps.Peers.All()
	if err != nil {
		return nil // a hint, no more
	}
	for key, raw := range all {
		var p KnownPeer
		if !strings.HasPrefix(key, ownerPrefix) && json.Unmarshal(raw, &p) == nil && !strings.Contains(p.Hostname, " ") {
			out = append(out, modules.Candidate{Text: p.Hostname, Help: p.Role + " " + p.Address})
		}
	}
	return out
}
