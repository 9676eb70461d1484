package hotspotdb

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"google.golang.org/protobuf/proto"

	"mbox/proto/hotspotpb"
)

// Guest is what deciding a login needs of an account. Its slices are shared: nobody may change them.
type Guest struct {
	ID         uint64
	Username   string // as it is known, see Account
	UserType   UserType
	Disabled   bool
	Expires    time.Time
	Profiles   []string
	Attributes []Attribute
	// PasswordSet tells one password of the account from the next: when it was set, in microseconds; 0: before that was kept.
	PasswordSet int64

	sealed []byte // the password
}

// HasPassword says whether there is one, clear or hashed.
func (g *Guest) HasPassword() bool { return len(g.sealed) > 0 }

// guests holds decoded records by the sequence of their version. A version never changes, and the index always says which
// sequence is the present one, so that nothing has to be dropped when a record is replaced, here or by a peer. Two sequences
// may want one slot: the later one has it.
type guests struct {
	slots [guestSlots]atomic.Pointer[decoded]
}

// guestSlots holds both records of 131,072 accounts that were imported one after another. A slot takes 8 octets and its
// record about 300.
const guestSlots = 1 << 18

type decoded struct {
	seq   uint64
	value any
}

// guestAccess and guestSelf are what is kept of the two records of an account.
type guestAccess struct {
	Guest
	claimed int64
}

type guestSelf struct {
	sealed []byte
	set    int64
}

// Guest finds an account by the name it is known as, for a login: without reading the disk, if it was read before.
func (db *DB) Guest(username string) (Guest, error) {
	var found *guestAccess
	suffixed := false
	for _, id := range db.candidates([]byte(username)) {
		access, err := db.guestAccess(id)
		switch {
		case errors.Is(err, ErrNotFound) || err == nil && access.Username != username:
			continue // a stale claim
		case err != nil:
			return Guest{}, fmt.Errorf("look for account %s: %w", username, err)
		}
		if found == nil || found.ID != id && access.before(found) {
			found = access
		}
	}
	if found == nil {
		name, id, ok := splitKnownAs(username)
		if !ok {
			return Guest{}, fmt.Errorf("account %s: %w", username, ErrNotFound)
		}
		access, err := db.guestAccess(id)
		if err == nil && access.Username != name {
			err = ErrNotFound
		}
		if err != nil {
			return Guest{}, fmt.Errorf("account %s: %w", username, err)
		}
		found, suffixed = access, true
	}
	return db.guest(found, suffixed)
}

// GuestByID is Guest by an account's id.
func (db *DB) GuestByID(id uint64) (Guest, error) {
	access, err := db.guestAccess(id)
	if err != nil {
		return Guest{}, fmt.Errorf("account %d: %w", id, err)
	}
	return db.guest(access, true)
}

func (a *guestAccess) before(o *guestAccess) bool {
	return holder{id: a.ID, claimed: a.claimed}.before(holder{id: o.ID, claimed: o.claimed})
}

// guest joins both records. check: another account may have kept the name.
func (db *DB) guest(access *guestAccess, check bool) (Guest, error) {
	g := access.Guest
	if check {
		taken, err := nameTaken(db, g.ID, g.Username)
		if err != nil {
			return Guest{}, err
		}
		if taken {
			g.Username = knownAs(g.Username, g.ID)
		}
	}
	self, err := readDecoded(db, Users, SelfKey(g.ID), func(pb *hotspotpb.Self) *guestSelf {
		return &guestSelf{pb.Password, pb.PasswordUs}
	})
	switch {
	case errors.Is(err, ErrNotFound):
	case err != nil:
		return Guest{}, fmt.Errorf("account %s: %w", g.Username, err)
	default:
		g.sealed, g.PasswordSet = self.sealed, self.set
	}
	return g, nil
}

func (db *DB) guestAccess(id uint64) (*guestAccess, error) {
	return readDecoded(db, Users, AccessKey(id), func(pb *hotspotpb.Access) *guestAccess {
		return &guestAccess{
			Guest: Guest{
				ID: id, Username: pb.Username, UserType: UserType(pb.Usertype), Disabled: pb.Disabled, Expires: seconds(pb.ExpiresS),
				Profiles: pb.Profiles, Attributes: fromAttributes(pb.Attributes),
			},
			claimed: pb.ClaimedUs,
		}
	})
}

// ProfileAttributes are the attributes of a profile, shared: nobody may change them. ErrNotFound if there is no such profile.
func (db *DB) ProfileAttributes(name string) ([]Attribute, error) {
	list, err := readDecoded(db, Profiles, ProfileKey(name), func(pb *hotspotpb.Profile) *[]Attribute {
		attributes := fromAttributes(pb.Attributes)
		return &attributes
	})
	if err != nil {
		return nil, fmt.Errorf("profile %s: %w", name, err)
	}
	return *list, nil
}

// Sticky finds the binding of a device in a hotspot.
func (db *DB) Sticky(mac, hotspot string) (Binding, error) {
	parsed, err := ParseMAC(mac)
	if err != nil {
		return Binding{}, err
	}
	b, err := readDecoded(db, Sticky, StickyKey(parsed, hotspot), func(pb *hotspotpb.Sticky) *Binding {
		b := stickyOf(pb)
		return &b
	})
	if err != nil {
		return Binding{}, fmt.Errorf("sticky binding of %s in %s: %w", FormatMAC(parsed), hotspot, err)
	}
	return *b, nil
}

// readDecoded reads a live record as keep makes it of its message, from memory if it can.
func readDecoded[M any, P interface {
	*M
	proto.Message
}, T any](db *DB, ds Dataset, key []byte, keep func(P) *T) (*T, error) {
	for {
		seq := db.liveSeq(ds, key)
		if seq == 0 {
			return nil, ErrNotFound
		}
		slot := &db.guests.slots[seq%guestSlots]
		if d := slot.Load(); d != nil && d.seq == seq {
			return d.value.(*T), nil
		}
		raw, err := db.entryAt(ds, seq)
		if errors.Is(err, pebble.ErrNotFound) {
			continue // it has moved to the end of the feed
		}
		if err != nil {
			return nil, err
		}
		var c Change
		if err := c.decode(raw); err != nil {
			return nil, fmt.Errorf("%w: record %x: %v", ErrDamaged, key, err)
		}
		pb := P(new(M))
		if err := unmarshal(&c, pb); err != nil {
			return nil, err
		}
		value := keep(pb)
		slot.Store(&decoded{seq, value})
		return value, nil
	}
}

// liveSeq is the sequence of a record; 0 if there is none or it is a tombstone.
func (db *DB) liveSeq(ds Dataset, key []byte) uint64 {
	db.mu.RLock()
	defer db.mu.RUnlock()
	h := newHasher(db.index.digestKey)
	if r := db.index.datasets[ds].get(h.key(key)); r != nil && r.flags&flagDeleted == 0 {
		return r.seq
	}
	return 0
}

// entryAt reads the change of one sequence.
func (db *DB) entryAt(ds Dataset, seq uint64) ([]byte, error) {
	if err := db.gate.enter(); err != nil {
		return nil, err
	}
	defer db.gate.leave()
	value, closer, err := db.engn.Get(recordKey(ds, seq))
	if err != nil {
		return nil, fmt.Errorf("read %s entry %d: %w", ds, seq, err)
	}
	_, _, change, err := parseHeader(value)
	change = append([]byte{}, change...)
	return change, errors.Join(err, closer.Close())
}
