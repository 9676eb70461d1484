package sync

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"mbox/hotspotdb"
	"mbox/modules/sync/feed"
	"mbox/proto/hotspotpb"
	"mbox/proto/syncpb"
)

// The keyring has room for 64 keys, and one that is full keeps this box from joining the domain of its primary. So it is
// remembered which follower brought a key: one can bring a few in all, all of them together half of the ring, and a key
// makes room when nothing is sealed under it.
const (
	maxFollowerKeys  = 8
	maxFollowersKeys = 32
	// A key arrives before the accounts that were sealed under it.
	keyGrace = 24 * time.Hour
	// reclaimEvery bounds how often all accounts are looked at because a follower brings more keys than it may.
	reclaimEvery = time.Hour
	keysEntry    = "follower-keys"
)

// keySource is who brought a password key.
type keySource struct {
	Box     string    `json:"box"`
	Learned time.Time `json:"learned"`
}

// keySources are the keys that followers brought, by id.
type keySources map[uint32]keySource

func (s keySources) of(box string) (n int) {
	for _, source := range s {
		if source.Box == box {
			n++
		}
	}
	return n
}

func (s keySources) full(box string) bool {
	return len(s) >= maxFollowersKeys || s.of(box) >= maxFollowerKeys
}

func (d *domain) sources() (keySources, error) {
	out := keySources{}
	raw, found, err := d.memory.Get(keysEntry)
	if err == nil && found {
		err = json.Unmarshal(raw, &out)
	}
	if err != nil {
		return nil, fmt.Errorf("read who brought which password key: %w", err)
	}
	for id := range out {
		if !has(d.ring.Keys(), id) { // it was written down, and then could not be kept
			delete(out, id)
		}
	}
	return out, nil
}

func (d *domain) remember(s keySources) error {
	raw, err := json.Marshal(s)
	if err == nil {
		err = d.memory.Put(keysEntry, raw)
	}
	if err != nil {
		return fmt.Errorf("remember who brought which password key: %w", err)
	}
	return nil
}

// from is the domain as the link to one box sees it.
func (d *domain) from(box, hostname string) feed.Domain {
	return &domainFrom{domain: d, box: box, hostname: hostname}
}

type domainFrom struct {
	*domain
	box, hostname string

	told bool // that keys were left out; guarded by domain.mu
}

// FromFollower learns the keys under which a follower's accounts are sealed. A key that cannot be kept is left out: one branch
// must not keep others from being connected.
func (d *domainFrom) FromFollower(w *syncpb.Welcome) error {
	keys, err := parseKeys(w.Keys)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	known := d.ring.Keys()
	keys = slices.DeleteFunc(keys, func(k DomainKey) bool {
		return slices.ContainsFunc(known, func(o DomainKey) bool { return o.ID == k.ID && o.Key == k.Key })
	})
	if len(keys) == 0 {
		return nil
	}
	sources, err := d.sources()
	if err != nil {
		return err
	}
	if sources.full(d.box) {
		if sources, err = d.reclaim(sources, nil); err != nil {
			return err
		}
	}
	left := 0
	for _, k := range keys {
		if !d.learn(sources, k) {
			left++
		}
	}
	if left > 0 && !d.told {
		d.told = true // once a connection: the peer decides how often it comes to this
		d.log.Warn("sync: password keys of a follower were left out; guests' passwords sealed under them cannot be read here",
			"peer", d.hostname, "keys", left, "kept", sources.of(d.box))
	}
	return nil
}

// learn keeps one key if there is room for it. Who brought it is written first: a key of nobody would stay for ever.
func (d *domainFrom) learn(sources keySources, k DomainKey) bool {
	if sources.full(d.box) || has(d.ring.Keys(), k.ID) {
		return false
	}
	sources[k.ID] = keySource{d.box, d.now().UTC()}
	err := d.domain.remember(sources)
	if err == nil {
		err = d.ring.Merge([]DomainKey{k})
	}
	if err != nil {
		delete(sources, k.ID)
		d.log.Warn("sync: a password key of a follower could not be kept", "peer", d.hostname, "error", err)
	}
	return err == nil
}

// reclaim drops the keys that followers brought a while ago and that nothing is sealed under: those of some boxes, for the
// operator, at once; otherwise of all, and not often. It is called with d.mu held.
func (d *domain) reclaim(sources keySources, boxes map[string]bool) (keySources, error) {
	now := d.now()
	if boxes == nil && now.Sub(d.reclaimed) < reclaimEvery || d.db.SetAsideCount() > 0 {
		return sources, nil
	}
	d.reclaimed = now
	used, err := sealedUnder(d.db)
	if err != nil {
		return sources, err
	}
	var drop []uint32
	for id, source := range sources {
		old := now.Sub(source.Learned) > keyGrace
		if !used[id] && id != d.ring.Domain().Active && (boxes == nil && old || boxes[source.Box]) {
			drop = append(drop, id)
			delete(sources, id)
		}
	}
	if len(drop) == 0 {
		return sources, nil
	}
	if err := d.ring.Drop(drop); err != nil {
		return sources, fmt.Errorf("drop password keys that nothing is sealed under: %w", err)
	}
	d.log.Info("sync: dropped password keys that nothing is sealed under", "keys", len(drop))
	return sources, d.remember(sources)
}

// forget drops the unused keys of boxes that the operator wants forgotten.
func (d *domain) forget(boxes map[string]bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	sources, err := d.sources()
	if err != nil || len(sources) == 0 {
		return err
	}
	_, err = d.reclaim(sources, boxes)
	return err
}

// sealedUnder reads which keys the guests' passwords are sealed under: the first four bytes of each name its key.
func sealedUnder(db *hotspotdb.DB) (map[uint32]bool, error) {
	used := map[uint32]bool{}
	view := db.View()
	defer view.Close()
	err := view.Scan(hotspotdb.Users, 0, view.Seq, func(e hotspotdb.Entry) (bool, error) {
		c, err := e.Decode()
		if err != nil || c.Deleted || c.Key[0] != hotspotdb.KindSelf {
			return true, err
		}
		self := &hotspotpb.Self{}
		if err := proto.Unmarshal(c.Body, self); err != nil {
			return false, err
		}
		if len(self.Password) >= 4 {
			used[binary.BigEndian.Uint32(self.Password)] = true
		}
		return true, nil
	})
	if err != nil {
		return nil, fmt.Errorf("look what is sealed under which key: %w", err)
	}
	return used, nil
}
