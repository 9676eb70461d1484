package sync

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	stdsync "sync"
	"time"

	"mbox/hotspotdb"
	"mbox/proto/syncpb"
)

// Domain is a replication domain: boxes that share guests' passwords and compare digests.
type Domain struct {
	ID        [16]byte
	Created   time.Time
	DigestKey [16]byte
	Active    uint32 // id of the key that seals new passwords
}

// DomainKey is one password key of a domain.
type DomainKey struct {
	ID      uint32
	Key     [32]byte
	Created time.Time
}

// Keyring keeps the domain of this box.
type Keyring interface {
	Domain() Domain
	Keys() []DomainKey
	Merge([]DomainKey) error
	Adopt(Domain, []DomainKey) error
	// Drop forgets keys; nothing that was sealed under them can be opened any more.
	Drop(ids []uint32) error
	Changed() <-chan struct{}
}

// domain joins the keyring to the digests of the database.
type domain struct {
	ring   Keyring
	db     *hotspotdb.DB
	memory State
	now    func() time.Time
	log    *slog.Logger

	mu        stdsync.Mutex // guards what follows, and one change of the keyring at a time
	use       Domain        // whose digest key the database uses
	reclaimed time.Time     // when unused keys were last looked for
}

func newDomain(deps Deps) *domain {
	return &domain{ring: deps.Keyring, db: deps.DB, memory: deps.Memory, now: deps.Now, log: deps.Log, use: deps.Keyring.Domain()}
}

func (d *domain) Changed() <-chan struct{} { return d.ring.Changed() }

func (d *domain) Describe(withKeys bool) (*syncpb.Domain, []*syncpb.DomainKey) {
	own := d.ring.Domain()
	out := &syncpb.Domain{Id: own.ID[:], CreatedUs: own.Created.UnixMicro(), DigestKey: own.DigestKey[:], ActiveKey: own.Active}
	if !withKeys {
		return out, nil
	}
	var keys []*syncpb.DomainKey
	for _, k := range d.ring.Keys() {
		keys = append(keys, &syncpb.DomainKey{Id: k.ID, Key: k.Key[:], CreatedUs: k.Created.UnixMicro()})
	}
	return out, keys
}

// FromPrimary joins the domain of a box that we follow. Of two boxes that follow each other the older domain stays, so
// that they do not swap for ever.
func (d *domain) FromPrimary(w *syncpb.Welcome, users bool) error {
	theirs, err := parseDomain(w.Domain)
	if err != nil {
		return err
	}
	keys, err := parseKeys(w.Keys)
	if err != nil {
		return err
	}
	if !users {
		keys = nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	own := d.ring.Domain()
	switch {
	case own.ID == theirs.ID, w.FollowsYou && older(own, theirs):
		if err := d.ring.Merge(keys); err != nil {
			return fmt.Errorf("learn the password keys of the primary: %w", err)
		}
	default:
		if !has(keys, theirs.Active) {
			theirs.Active = own.Active // we get no accounts, so we seal for nobody but us
		}
		if err := d.ring.Adopt(theirs, keys); err != nil {
			return fmt.Errorf("join the domain of the primary: %w", err)
		}
		d.log.Info("sync: joined the replication domain of the primary", "domain", fmt.Sprintf("%x", theirs.ID[:4]))
	}
	return d.useRing()
}

// useRing makes the database compute its digests under the domain's key.
func (d *domain) useRing() error {
	now := d.ring.Domain()
	if now.DigestKey == d.use.DigestKey {
		d.use = now
		return nil
	}
	if err := d.db.SetDigestKey(now.DigestKey); err != nil {
		return fmt.Errorf("compute the digests of the new domain: %w", err)
	}
	d.use = now
	return nil
}

func older(a, b Domain) bool {
	if !a.Created.Equal(b.Created) {
		return a.Created.Before(b.Created)
	}
	return bytes.Compare(a.ID[:], b.ID[:]) < 0
}

func has(keys []DomainKey, id uint32) bool {
	return slices.ContainsFunc(keys, func(k DomainKey) bool { return k.ID == id })
}

func parseDomain(d *syncpb.Domain) (Domain, error) {
	var out Domain
	if d == nil || len(d.Id) != len(out.ID) || len(d.DigestKey) != len(out.DigestKey) {
		return out, fmt.Errorf("the primary described its replication domain wrongly")
	}
	return Domain{
		ID: [16]byte(d.Id), DigestKey: [16]byte(d.DigestKey), Created: time.UnixMicro(d.CreatedUs).UTC(), Active: d.ActiveKey,
	}, nil
}

func parseKeys(list []*syncpb.DomainKey) ([]DomainKey, error) {
	var out []DomainKey
	for _, k := range list {
		if len(k.Key) != 32 {
			return nil, fmt.Errorf("the peer sent a password key of %d bytes", len(k.Key))
		}
		out = append(out, DomainKey{ID: k.Id, Key: [32]byte(k.Key), Created: time.UnixMicro(k.CreatedUs).UTC()})
	}
	return out, nil
}
