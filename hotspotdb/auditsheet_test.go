package hotspotdb

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"mbox/proto/hotspotpb"
)

// edits changes some accounts, by their ids, in one transaction, and so on one sheet.
func edits(tx *Tx, ids ...uint64) error {
	for _, id := range ids {
		p, err := readParts(tx, id, false)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if _, err := tx.EditAccount(p.access.Username, "bob", func(e *AccountEdit) error { e.Disabled = !e.Disabled; return nil }); err != nil {
			return err
		}
	}
	return nil
}

func someGuests(t testing.TB, db *DB, n int) (ids []uint64) {
	t.Helper()
	must(t, db.Update(ctxOf(t), func(tx *Tx) error {
		for i := range n {
			a, err := tx.AddAccount(Account{Username: fmt.Sprint("guest", i)}, "", "bob")
			if err != nil {
				return err
			}
			ids = append(ids, a.ID)
		}
		return nil
	}))
	return ids
}

// shown is what the audit tells, the ids too.
func shown(t testing.TB, db *DB) (list []string) {
	t.Helper()
	for _, e := range entries(t, db, AuditFilter{}) {
		list = append(list, fmt.Sprintf("%d %d %d %s", e.ID, e.Account, e.At.UnixMicro(), told(e)))
	}
	slices.Sort(list)
	return list
}

// TestEntriesAreEncodedAsTheGeneratedCodeWould: nothing of an entry is lost or written otherwise.
func TestEntriesAreEncodedAsTheGeneratedCodeWould(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.OneOf(rapid.Just(""), rapid.StringN(0, 10, -1), rapid.Just(strings.Repeat("x", 200)))
		e := AuditEntry{
			At: time.UnixMicro(rapid.Int64Range(1, 4e15).Draw(rt, "at")), Box: dbID(3), Account: rapid.Uint64().Draw(rt, "account"),
			Author: Author{text.Draw(rt, "author"), text.Draw(rt, "from"), text.Draw(rt, "via")},
			Object: text.Draw(rt, "object"), Name: text.Draw(rt, "name"), Action: text.Draw(rt, "action"),
		}
		pb := &hotspotpb.AuditEntry{
			AtUs: e.At.UnixMicro(), Author: e.Author.Name, From: e.Author.From, Via: e.Author.Via, Box: e.Box[:], Object: e.Object,
			Name: e.Name, Account: e.Account, Action: e.Action,
		}
		for range rapid.IntRange(0, 3).Draw(rt, "fields") {
			f := AuditField{text.Draw(rt, "field"), text.Draw(rt, "old"), text.Draw(rt, "new")}
			e.Fields = append(e.Fields, f)
			pb.Fields = append(pb.Fields, &hotspotpb.AuditField{Name: f.Name, Old: f.Old, New: f.New})
		}
		want, err := proto.Marshal(&hotspotpb.AuditSheet{Entries: []*hotspotpb.AuditEntry{pb}})
		if got := appendEntry(nil, &e); err != nil || !bytes.Equal(got, want) {
			rt.Fatalf("%x, expected %x (%v)", got, want, err)
		}
	})
}

// TestEditsOfATransactionShareASheet: many entries are few records, and each has an id of its own.
func TestEditsOfATransactionShareASheet(t *testing.T) {
	db := openMem(t)
	const n = 3000
	someGuests(t, db, n)
	list := entries(t, db, AuditFilter{})
	ids := map[uint64]bool{}
	for _, e := range list {
		ids[e.ID] = true
	}
	if records := db.Counts(Audit).Live; len(list) != n || len(ids) != n || records > n*100/maxSheet+2 {
		t.Errorf("%d entries of %d edits, %d ids, %d records", len(list), n, len(ids), records)
	}
	exchange(t, db, openMem(t), Audit) // sheets are such as peers take
}

// TestErasureCutsSheets: only what is about the erased goes, the others' entries keep their ids, and boxes that hear of it in
// whatever order hold the same.
func TestErasureCutsSheets(t *testing.T) {
	a, b, late := openMem(t), openMem(t), openMem(t)
	ids := someGuests(t, a, 4)
	before := shown(t, a)
	whole := feedOf(t, a, Audit, 0)
	follow(t, a, b)
	e, err := a.Erase(t.Context(), ids[1])
	if err != nil || e.Audit != 1 {
		t.Fatalf("%+v, %v", e, err)
	}
	follow(t, a, b)
	must(t, b.Upkeep(t.Context()))
	follow(t, a, late)
	_, err = late.Apply(t.Context(), whole) // a box that has not heard of it
	must(t, err)
	must(t, late.Upkeep(t.Context()))
	apart := openMem(t) // has erased her itself, and hears of the sheet only
	_, err = apart.Erase(t.Context(), ids[1])
	must(t, err)
	_, err = apart.Apply(t.Context(), whole)
	must(t, err)
	if n := len(shown(t, apart)); n != 4 {
		t.Errorf("of a sheet of 4 that names one who was erased, %d entries are left with the erasure", n)
	}
	want := shown(t, a)
	if len(before) != 4 || len(want) != 4 { // three that are left, and the erasure itself
		t.Fatalf("%v became %v", before, want)
	}
	for _, one := range before {
		if kept := slices.Contains(want, one); kept == isAbout(one, ids[1]) {
			t.Errorf("%s kept: %v", one, kept)
		}
	}
	for name, db := range map[string]*DB{"one that had them": b, "one that heard of it first": late} {
		if got := shown(t, db); !slices.Equal(got, want) || total(db, Audit) != total(a, Audit) {
			t.Errorf("%s tells\n%v\nthe first\n%v", name, got, want)
		}
		checkIndex(t, db)
	}
}

func isAbout(line string, account uint64) bool {
	var id, about uint64
	fmt.Sscan(line, &id, &about)
	return about == account && id != 0
}

// TestErasedInTheSameGroup: what an earlier job of the group has recorded of somebody whom a later one erases is not written.
func TestErasedInTheSameGroup(t *testing.T) {
	db := openMem(t)
	ids := someGuests(t, db, 2)
	must(t, db.Update(t.Context(), func(tx *Tx) error {
		if err := edits(tx, ids...); err != nil {
			return err
		}
		_, err := tx.erase(ids[0])
		return err
	}))
	must(t, db.Upkeep(t.Context()))
	for _, e := range entries(t, db, AuditFilter{}) {
		if e.Account == ids[0] {
			t.Errorf("%s is left", told(e))
		}
	}
	if list := entries(t, db, AuditFilter{Username: "guest1"}); len(list) != 2 {
		t.Errorf("%d entries of the other", len(list))
	}
}

// TestFailedJobsOfAGroupAreNotRecorded: what a transaction has staged that failed is not told among what the others of its group did.
func TestFailedJobsOfAGroupAreNotRecorded(t *testing.T) {
	db := openMem(t)
	failed := errors.New("failed")
	add := func(name string, err error) *job {
		return &job{durable: true, done: make(chan struct{}), run: func(tx *Tx) error {
			_, addErr := tx.AddAccount(Account{Username: name}, "", "bob")
			return errors.Join(addErr, err)
		}}
	}
	jobs := []*job{add("anna", nil), add("bea", failed), add("carl", nil), add("dora", failed)}
	db.queue.turn.Lock()
	db.commitAll(slices.Clone(jobs), false)
	db.queue.turn.Unlock()
	for i, j := range jobs {
		<-j.done
		if errors.Is(j.err, failed) != (i%2 == 1) {
			t.Errorf("job %d: %v", i, j.err)
		}
	}
	var names []string
	for _, e := range entries(t, db, AuditFilter{}) {
		names = append(names, e.Name)
	}
	if slices.Sort(names); !slices.Equal(names, []string{"anna", "carl"}) || db.Counts(Audit).Live != 1 {
		t.Errorf("recorded %v on %d sheets", names, db.Counts(Audit).Live)
	}
}

// TestAuditIsAtomicWithItsEdit: after a power cut at any time there is an entry for each edit, and none without one.
func TestAuditIsAtomicWithItsEdit(t *testing.T) {
	fs := vfs.NewCrashableMem()
	o := memOptions(fs)
	db := mustOpen(t, o)
	for i := range 30 {
		must(t, db.Update(t.Context(), func(tx *Tx) error {
			_, err := tx.AddAccount(Account{Username: fmt.Sprint("guest", i)}, "", "bob")
			return err
		}))
		o.FS = fs.CrashClone(vfs.CrashCloneCfg{})
		after := mustOpen(t, o)
		users, list := after.Statistics().Users, entries(t, after, AuditFilter{})
		if users != i+1 || len(list) != users {
			t.Fatalf("%d accounts and %d entries of %d", users, len(list), i+1)
		}
		must(t, after.Close())
	}
}

// TestAuditConverges: whatever is edited and whoever is erased where, and in whatever order feeds arrive, all boxes end with the same
// entries and digests, and none about the erased.
func TestAuditConverges(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, rt, 3)
		defer w.close()
		var ids []uint64
		w.update(0, func(tx *Tx) error {
			for i := range 4 {
				a, err := tx.AddAccount(Account{Username: fmt.Sprint("guest", i)}, "", "bob")
				if err != nil {
					return err
				}
				ids = append(ids, a.ID)
			}
			return nil
		})
		w.heal(Users)
		gone := map[uint64]bool{}
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			i := rapid.IntRange(0, 2).Draw(rt, "box")
			w.clock.Add(time.Second)
			switch rapid.IntRange(0, 5).Draw(rt, "what") {
			case 0, 1:
				some := ids[:rapid.IntRange(1, len(ids)).Draw(rt, "accounts")]
				w.update(i, func(tx *Tx) error { return edits(tx, some...) })
			case 2, 3, 4:
				ds := rapid.SampledFrom([]Dataset{Users, Audit}).Draw(rt, "dataset")
				w.deliver(i, (i+1+rapid.IntRange(0, 1).Draw(rt, "to"))%3, ds, true)
			case 5:
				id := rapid.SampledFrom(ids).Draw(rt, "erased")
				gone[id] = true
				if _, err := w.dbs[i].Erase(t.Context(), id); err != nil {
					rt.Fatal(err)
				}
			}
		}
		for range 2 {
			w.heal(Users)
			w.heal(Audit)
			for _, db := range w.dbs {
				if err := db.Upkeep(t.Context()); err != nil {
					rt.Fatal(err)
				}
			}
		}
		w.checkEqual(Audit)
		want := shown(t, w.dbs[0])
		for i, db := range w.dbs {
			if got := shown(t, db); !slices.Equal(got, want) {
				rt.Fatalf("box %d tells\n%v\nbox 0\n%v", i, got, want)
			}
			for _, one := range entries(t, db, AuditFilter{}) {
				if gone[one.Account] {
					rt.Fatalf("box %d tells of one who was erased: %s", i, told(one))
				}
			}
		}
	})
}

// FuzzCutSheets: whatever passes as a sheet can be cut, and each part is a sheet that peers take, of that one entry.
func FuzzCutSheets(f *testing.F) {
	two := appendEntry(nil, &AuditEntry{Object: "user", Action: "added", Account: 1, Fields: []AuditField{{Name: "expires"}}})
	f.Add(appendEntry(two, &AuditEntry{Object: "user", Action: "deleted"}))
	f.Add(append(sheetHead(7), two...))
	f.Fuzz(func(t *testing.T, body []byte) {
		c := Change{Key: AuditKey(1), Stamp: Stamp{5, dbID(1)}, Body: body}
		if checkBody(&c) != nil {
			return
		}
		var sheet hotspotpb.AuditSheet
		if err := proto.Unmarshal(body, &sheet); err != nil || len(sheet.Entries) != entryCount(body) {
			t.Fatalf("%d entries, counted %d, %v", len(sheet.Entries), entryCount(body), err)
		}
		ids := map[string]bool{}
		for i, one := range cut(&c) {
			var alone hotspotpb.AuditSheet
			err := errors.Join(checkBody(&one), proto.Unmarshal(one.Body, &alone))
			if err != nil || len(alone.Entries) != 1 || !proto.Equal(alone.Entries[0], sheet.Entries[i]) || ids[string(one.Key)] || one.Stamp != c.Stamp {
				t.Errorf("entry %d was cut to %v, %v", i, alone.Entries, err)
			}
			ids[string(one.Key)] = true
		}
	})
}
