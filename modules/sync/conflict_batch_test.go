package sync_test

import (
	"strings"
	"testing"
	"time"

	"mbox/boxtest"
	"mbox/hotspotdb"
)

// TestConflictOfABatch: two boxes that edited one batch of vouchers are told as such, field by field, and one of them can be restored.
func TestConflictOfABatch(t *testing.T) {
	a, other := boxtest.NewLAN(t).Box("alpha"), hotspotdb.DatabaseID{9}
	write(t, a, func(tx *hotspotdb.Tx) error {
		return tx.AddBatch(hotspotdb.VoucherBatch{Name: "lobby", Profile: "gold", Validity: 90 * time.Minute}, []string{"AAAA1111"}, "op")
	})
	mine, err := a.DB.Get(hotspotdb.Vouchers, hotspotdb.BatchKey("lobby"))
	if err != nil {
		t.Fatal(err)
	}
	theirs := mine
	theirs.Stamp = hotspotdb.Stamp{Clock: mine.Stamp.Clock + 1, Origin: other}
	theirs.Version, theirs.Base = hotspotdb.Vector{{Actor: 7, Counter: 1}}, hotspotdb.Stamp{}
	theirs.Body = append(append([]byte{}, mine.Body...), 0x32, 4, 'm', 'i', 'n', 'e') // the last note counts
	r, err := a.DB.Apply(t.Context(), hotspotdb.Batch{
		Dataset: hotspotdb.Vouchers, From: other, Kind: hotspotdb.Above, Changes: [][]byte{hotspotdb.AppendChange(nil, &theirs)}, Seqs: []uint64{1},
	})
	if err != nil || r.Conflicts != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	if text, _ := shows(t, a, 80, "show mbox sync conflicts"); !strings.Contains(text, "batch lobby") {
		t.Errorf("listed as\n%s", text)
	}
	text, _ := shows(t, a, 80, "show mbox sync conflicts 1")
	for _, want := range []string{"validity", "1h30m0s", "note", "mine", "gold"} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing in\n%s", want, text)
		}
	}
	shows(t, a, 80, "mbox sync conflict 1 restore")
	if b, err := a.DB.Batch("lobby"); err != nil || b.Note != "" || a.DB.ConflictCount() != 0 {
		t.Errorf("restored to %+v, %v", b, err)
	}
}
