package sync

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"mbox/hotspotdb"
	"mbox/modules/sync/auth"
)

// A database belongs to the box that first proved itself with it: positions, histories and the sources of records are kept
// under its id, and a box that speaks in another's name could make changes of that one be passed over.

// owns refuses a database id that is ours or belongs to another box; one that is new it gives to the box.
func (m *Module) owns(boxID string, database hotspotdb.DatabaseID) error {
	if database == m.deps.DB.ID() || database.IsZero() {
		return auth.Refuse(auth.CodeCloned, "cloned box: it presents the hotspot database of this box; erase one of the two copies")
	}
	key := ownerPrefix + database.String()
	raw, known, err := m.deps.Peers.Get(key)
	if err != nil {
		return fmt.Errorf("look up whose database %s is: %w", database, err)
	}
	if known && string(raw) != boxID {
		return auth.Refuse(auth.CodeCloned, "database %s belongs to box sha256:%s, not to sha256:%s; if that box was given a new key, "+
			"type `clear mbox sync peer %s` on the other side", database, raw, boxID, raw)
	}
	if known {
		return nil
	}
	if err := m.dropDatabases(boxID); err != nil {
		return err
	}
	if err := m.deps.Peers.Put(key, []byte(boxID)); err != nil {
		m.deps.Log.Error("sync: it cannot be remembered whose database this is", "box", boxID, "database", database, "error", err)
		return auth.Refuse(auth.CodeBusy, "this box cannot remember one more; on it, forget boxes that are gone: `show mbox sync peers`, `clear mbox sync peer NAME`")
	}
	return nil
}

// maxDatabases is how many databases of one box are remembered: a box that was erased or restored has another one.
const maxDatabases = 8

// dropDatabases makes room for one more database of a box among its own.
func (m *Module) dropDatabases(boxID string) error {
	all, err := m.deps.Peers.All()
	if err != nil {
		return fmt.Errorf("read the known peers: %w", err)
	}
	var own []string
	for key, raw := range all {
		if strings.HasPrefix(key, ownerPrefix) && string(raw) == boxID {
			own = append(own, key)
		}
	}
	slices.Sort(own)
	for _, key := range own[:max(0, len(own)-maxDatabases+1)] {
		if err := m.deps.Peers.Delete(key); err != nil {
			return fmt.Errorf("forget %s: %w", key, err)
		}
	}
	return nil
}

const ownerPrefix = "database/"

// forgetPeer drops what is remembered of a box, by its id or host name, and says how many entries there were.
func (m *Module) forgetPeer(name string) (int, error) {
	all, err := m.deps.Peers.All()
	if err != nil {
		return 0, fmt.Errorf("read the known peers: %w", err)
	}
	boxes := map[string]bool{name: true}
	for _, raw := range all {
		var p KnownPeer
		if json.Unmarshal(raw, &p) == nil && p.Hostname == name {
			boxes[p.Box] = true
		}
	}
	n := 0
	for key, raw := range all {
		var p KnownPeer
		_ = json.Unmarshal(raw, &p) // the entry of a database is no JSON
		if !boxes[p.Box] && !boxes[string(raw)] {
			continue
		}
		if err := m.deps.Peers.Delete(key); err != nil {
			return n, fmt.Errorf("forget %s: %w", key, err)
		}
		n++
	}
	if m.domain == nil {
		return n, nil
	}
	return n, m.domain.forget(boxes)
}
