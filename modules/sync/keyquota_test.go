package sync

import (
	"log/slog"
	"testing"
	"time"

	"mbox/configstore"
	"mbox/hotspotdb"
	"mbox/proto/syncpb"
)

// storeRing is the config store's keyring as the command gives it to sync.
type storeRing struct{ *configstore.Keyring }

func (r storeRing) Domain() Domain { return Domain(r.Keyring.Domain()) }
func (r storeRing) Keys() (out []DomainKey) {
	for _, k := range r.Keyring.Keys() {
		out = append(out, DomainKey(k))
	}
	return out
}
func (r storeRing) Merge(list []DomainKey) error {
	var out []configstore.DomainKey
	for _, k := range list {
		out = append(out, configstore.DomainKey(k))
	}
	return r.Keyring.Merge(out)
}
func (r storeRing) Adopt(Domain, []DomainKey) error { panic("not used here") }

// A follower that has used up its share gets another key in once an old one of its own is of no use any more; one under
// which a password is sealed stays, and so does one that has just come.
func TestUnusedKeysOfFollowersMakeRoom(t *testing.T) {
	store := configstore.OpenMemory("test")
	ring := storeRing{store.Keyring()}
	db, err := hotspotdb.Open(hotspotdb.Options{Dir: t.TempDir(), DigestKey: ring.Domain().DigestKey, Sealer: store.Keyring()})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	now := time.Now()
	d := newDomain(Deps{DB: db, Keyring: ring, Memory: store.State("memory"), Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler)})
	bring := func(box string, ids ...uint32) {
		t.Helper()
		w := &syncpb.Welcome{}
		for _, id := range ids {
			w.Keys = append(w.Keys, &syncpb.DomainKey{Id: id, Key: append(make([]byte, 28), byte(id>>24), byte(id>>16), byte(id>>8), byte(id))})
		}
		if err := d.from(box, box).FromFollower(w); err != nil {
			t.Fatal(err)
		}
	}
	knows := func(id uint32) bool { return has(ring.Keys(), id) }

	bring("branch", 1, 2, 3, 4, 5, 6, 7, 8, 9)
	if !knows(8) || knows(9) {
		t.Fatal("a follower may bring eight keys")
	}
	sealUnder(t, db, ring, 3)
	now = now.Add(time.Hour + time.Minute)
	bring("branch", 9)
	if knows(9) || !knows(1) {
		t.Fatal("keys that have just come were dropped: their accounts may be on their way")
	}
	now = now.Add(keyGrace)
	bring("branch", 9)
	if !knows(9) || !knows(3) || knows(1) {
		t.Fatalf("after a day: the new one %v, the one in use %v, an unused one %v", knows(9), knows(3), knows(1))
	}

	// All followers together leave half of the ring for the box and its primaries.
	for box := range 10 {
		for key := range 8 {
			bring(string(rune('a'+box)), uint32(100+8*box+key))
		}
	}
	if n := len(ring.Keys()); n > maxFollowersKeys+1 {
		t.Errorf("%d keys", n)
	}
}

// sealUnder stores an account whose password names that key.
func sealUnder(t *testing.T, db *hotspotdb.DB, ring storeRing, id uint32) {
	t.Helper()
	other := configstore.OpenMemory("other")
	domain := other.Keyring().Domain()
	domain.Active = id
	for _, k := range ring.Keyring.Keys() {
		if k.ID == id {
			if err := other.Keyring().Adopt(domain, []configstore.DomainKey{k}); err != nil {
				t.Fatal(err)
			}
		}
	}
	branch, err := hotspotdb.Open(hotspotdb.Options{Dir: t.TempDir(), Sealer: other.Keyring()})
	if err != nil {
		t.Fatal(err)
	}
	defer branch.Close()
	if err := branch.Update(t.Context(), func(tx *hotspotdb.Tx) error {
		_, err := tx.AddAccount(hotspotdb.Account{Username: "guest"}, "guestpass", "test")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	batch := hotspotdb.Batch{Dataset: hotspotdb.Users, From: branch.ID(), Kind: hotspotdb.Below}
	view := branch.View()
	defer view.Close()
	if err := view.Scan(hotspotdb.Users, 0, view.Seq, func(e hotspotdb.Entry) (bool, error) {
		batch.Changes, batch.Seqs = append(batch.Changes, append([]byte{}, e.Change...)), append(batch.Seqs, e.Seq)
		return true, nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Apply(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
}
