package configstore

import (
	"crypto/cipher"
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// MaxDomainKeys bounds the keyring, whatever peers send.
const MaxDomainKeys = 64

// Errors of the keyring.
var (
	ErrUnknownKey  = errors.New("unknown key of the replication domain")
	ErrKeyConflict = errors.New("another key is known under this id")
	ErrTampered    = errors.New("sealed bytes were changed, or belong to something else")
)

// Domain is a replication domain: boxes that share guests' passwords and compare digests.
type Domain struct {
	ID        [16]byte
	Created   time.Time
	DigestKey [16]byte // keys the digests over the hotspot database
	Active    uint32   // id of the key that seals
}

// DomainKey is one key of a domain. IDs are random and never zero.
type DomainKey struct {
	ID      uint32
	Key     [32]byte
	Created time.Time
}

// Keyring seals and opens guests' passwords under the keys of the replication domain. It rests wrapped under the box's
// key-encryption key.
type Keyring struct {
	store *Store

	mu      sync.Mutex // serialises changes and guards changed
	changed chan struct{}

	ring atomic.Pointer[ring]
}

// ring is one state of the keyring; it is never changed.
type ring struct {
	domain Domain
	keys   map[uint32]DomainKey
	aeads  map[uint32]cipher.AEAD
}

func makeRing(domain Domain, keys map[uint32]DomainKey) *ring {
	r := &ring{domain: domain, keys: keys, aeads: make(map[uint32]cipher.AEAD, len(keys))}
	for id, key := range keys {
		r.aeads[id] = newAEAD(key.Key)
	}
	return r
}

// newRing makes a domain of its own, with one key.
func newRing(now time.Time) *ring {
	key := DomainKey{ID: randomID(), Key: [32]byte(random(32)), Created: now.UTC()}
	domain := Domain{ID: [16]byte(random(16)), Created: now.UTC(), DigestKey: [16]byte(random(16)), Active: key.ID}
	return makeRing(domain, map[uint32]DomainKey{key.ID: key})
}

func randomID() uint32 {
	for {
		if id := binary.BigEndian.Uint32(random(4)); id != 0 {
			return id
		}
	}
}

// ringRecord is the stored form, before it is wrapped.
type ringRecord struct {
	Domain Domain
	Keys   []DomainKey
}

const ringLabel = "keyring"

func (r *ring) write(tx *tx, id *Identity) error {
	raw, err := json.Marshal(ringRecord{r.domain, r.list()})
	if err != nil {
		return err
	}
	return tx.put(keyKeyring, id.wrap(raw, ringLabel))
}

func (r *ring) list() []DomainKey {
	return slices.SortedFunc(maps.Values(r.keys), func(a, b DomainKey) int {
		if c := a.Created.Compare(b.Created); c != 0 {
			return c
		}
		return int(int64(a.ID) - int64(b.ID))
	})
}

func loadKeyring(tx *tx, s *Store) (*Keyring, error) {
	sealed, found, err := tx.get(keyKeyring)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, fmt.Errorf("%w: no keyring", ErrDamaged)
	}
	raw, err := s.identity.unwrap(sealed, ringLabel)
	if err != nil {
		return nil, fmt.Errorf("%w: the keyring does not open with the key of this box", ErrDamaged)
	}
	var r ringRecord
	if err := json.Unmarshal(raw, &r); err != nil {
		return nil, fmt.Errorf("%w: keyring: %w", ErrDamaged, err)
	}
	keys, err := add(nil, r.Keys)
	if err == nil {
		err = checkDomain(r.Domain, keys)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: keyring: %w", ErrDamaged, err)
	}
	k := &Keyring{store: s, changed: make(chan struct{})}
	k.ring.Store(makeRing(r.Domain, keys))
	return k, nil
}

// Domain is the domain that this box belongs to.
func (k *Keyring) Domain() Domain { return k.ring.Load().domain }

// Keys lists all known keys, oldest first.
func (k *Keyring) Keys() []DomainKey { return k.ring.Load().list() }

// Changed is closed at the next change of the keyring; ask again for the one after it.
func (k *Keyring) Changed() <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.changed
}

// Seal encrypts under the active key: key id(4, big endian) nonce(12) ciphertext. aad must be given again to Open.
func (k *Keyring) Seal(plain, aad []byte) ([]byte, error) {
	r := k.ring.Load()
	aead := r.aeads[r.domain.Active]
	const head = 4 + 12
	out := make([]byte, head, head+len(plain)+aead.Overhead())
	binary.BigEndian.PutUint32(out, r.domain.Active)
	rand.Read(out[4:head])
	return aead.Seal(out, out[4:head], plain, aad), nil
}

// Open decrypts with whichever known key sealed it. ErrUnknownKey names the key that a peer would have to give; ErrTampered
// says that the bytes or aad are not what was sealed.
func (k *Keyring) Open(sealed, aad []byte) ([]byte, error) {
	const head = 4 + 12
	if len(sealed) < head {
		return nil, ErrTampered
	}
	id := binary.BigEndian.Uint32(sealed)
	aead, known := k.ring.Load().aeads[id]
	if !known {
		return nil, fmt.Errorf("%w: id %08x", ErrUnknownKey, id)
	}
	plain, err := aead.Open(nil, sealed[4:head], sealed[head:], aad)
	if err != nil {
		return nil, ErrTampered
	}
	return plain, nil
}

// Merge learns keys, durably. Other material under a known id is refused (ErrKeyConflict), and so is more than
// MaxDomainKeys; then none is learnt.
func (k *Keyring) Merge(keys []DomainKey) error {
	return k.change(func(old *ring) (Domain, map[uint32]DomainKey, error) {
		merged, err := add(old.keys, keys)
		return old.domain, merged, err
	})
}

// Adopt makes this box part of another domain, durably. The keys known so far stay, for opening.
func (k *Keyring) Adopt(domain Domain, keys []DomainKey) error {
	return k.change(func(old *ring) (Domain, map[uint32]DomainKey, error) {
		merged, err := add(old.keys, keys)
		if err == nil {
			err = checkDomain(domain, merged)
		}
		return domain, merged, err
	})
}

// Drop forgets keys, durably; the active one stays. What was sealed under them cannot be opened any more.
func (k *Keyring) Drop(ids []uint32) error {
	return k.change(func(old *ring) (Domain, map[uint32]DomainKey, error) {
		left := maps.Clone(old.keys)
		for _, id := range ids {
			if id != old.domain.Active {
				delete(left, id)
			}
		}
		return old.domain, left, nil
	})
}

// change stores a new ring before anybody uses it.
func (k *Keyring) change(next func(old *ring) (Domain, map[uint32]DomainKey, error)) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	old := k.ring.Load()
	domain, keys, err := next(old)
	if err != nil {
		return fmt.Errorf("change the keyring: %w", err)
	}
	if domain == old.domain && len(keys) == len(old.keys) { // keys are either added or dropped
		return nil
	}
	fresh := makeRing(domain, keys)
	err = k.store.records.update(func(tx *tx) error { return fresh.write(tx, k.store.identity) })
	if err != nil {
		return fmt.Errorf("store the keyring: %w", err)
	}
	k.ring.Store(fresh)
	close(k.changed)
	k.changed = make(chan struct{})
	return nil
}

// add returns known and more together.
func add(known map[uint32]DomainKey, more []DomainKey) (map[uint32]DomainKey, error) {
	out := maps.Clone(known)
	if out == nil {
		out = make(map[uint32]DomainKey, len(more))
	}
	for _, key := range more {
		if key.ID == 0 {
			return nil, errors.New("a key has no id")
		}
		if have, ok := out[key.ID]; ok {
			if subtle.ConstantTimeCompare(have.Key[:], key.Key[:]) != 1 {
				return nil, fmt.Errorf("%w: id %08x", ErrKeyConflict, key.ID)
			}
			continue
		}
		if len(out) == MaxDomainKeys {
			return nil, fmt.Errorf("more than %d keys", MaxDomainKeys)
		}
		out[key.ID] = key
	}
	return out, nil
}

func checkDomain(domain Domain, keys map[uint32]DomainKey) error {
	if domain.ID == [16]byte{} {
		return errors.New("the domain has no id")
	}
	if _, ok := keys[domain.Active]; !ok {
		return fmt.Errorf("%w: id %08x, the active one", ErrUnknownKey, domain.Active)
	}
	return nil
}
