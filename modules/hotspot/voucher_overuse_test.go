package hotspot

import (
	"strings"
	"testing"
	"time"

	"mbox/hotspotdb"
)

// granted stores a use that another box has granted.
func (b *box) granted(id uint64, code, batch, mac string) {
	b.t.Helper()
	err := b.db.Update(b.t.Context(), func(tx *hotspotdb.Tx) error {
		return tx.PutUse(hotspotdb.VoucherUse{ID: id, Code: code, Batch: batch, MAC: mac, At: b.now(), Box: hotspotdb.DatabaseID{1}})
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// A voucher that two boxes have granted is shown and logged, once for each use too many, and its code is not in the log.
func TestOveruseIsReported(t *testing.T) {
	b := newBox(t)
	b.start()
	b.must(`hotspot profile add guest`, `hotspot voucher create one count 2 profile guest`)
	codes := b.codes("one")
	b.use(codes[0], "02:00:00:00:00:01")
	b.use(codes[1], "02:00:00:00:00:01")
	b.granted(1, codes[0], "one", "02:00:00:00:00:02")
	const said = "used too often"
	waitLog(t, b, said, 1)
	b.granted(2, codes[0], "one", "02:00:00:00:00:03")
	waitLog(t, b, said, 2)
	if log := b.log.String(); strings.Contains(log, codes[0]) || !strings.Contains(log, "code_ends="+codes[0][8:]) || !strings.Contains(log, "uses=3 of=1") {
		t.Errorf("log:\n%s", log)
	}
	var list []struct {
		Code     string
		UseCount int `json:"use_count"`
	}
	if b.json("show hotspot vouchers state overused", &list); len(list) != 1 || list[0].Code != printedCode(codes[0]) || list[0].UseCount != 3 {
		t.Errorf("%+v", list)
	}
	if text := b.must("show hotspot voucher-batches"); !strings.Contains(text, "1 voucher used too often") {
		t.Error(text)
	}
}

// waitLog waits until the log says something so many times; the limit only ends a broken run.
func waitLog(t *testing.T, b *box, text string, times int) {
	t.Helper()
	limit := time.After(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for strings.Count(b.log.String(), text) < times {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("%q is not in the log %d times:\n%s", text, times, b.log.String())
		}
	}
}

// The session of a guest with a voucher ends when the voucher does, and not before.
func TestVoucherSessionsEnd(t *testing.T) {
	for what, end := range map[string]func(b *box, code string){
		"voucher disabled": func(b *box, code string) { b.must("hotspot voucher disable code " + code) },
		"batch disabled":   func(b *box, code string) { b.must("hotspot voucher disable batch one") },
		"voucher deleted":  func(b *box, code string) { b.must("hotspot voucher delete code " + code) },
		"batch deleted":    func(b *box, code string) { b.must("hotspot voucher delete batch one force") },
	} {
		t.Run(what, func(t *testing.T) {
			b := newBox(t)
			b.start()
			b.must(`hotspot profile add guest`, `hotspot voucher create one count 2 profile guest validity 1h`)
			codes := b.codes("one")
			first, other := b.openUse(b.use(codes[0], "02:00:00:00:00:01")), b.openUse(b.use(codes[1], "02:00:00:00:00:02"))
			b.must("hotspot voucher set one note changed")
			end(b, codes[0])
			if s := b.ended(first.ID); s.TerminateCause != causeAdminReset {
				t.Errorf("ended by %s", s.TerminateCause)
			}
			goesOn := strings.HasPrefix(what, "voucher")
			if s, err := b.db.Segment(other.ID); goesOn && (err != nil || !s.Active()) {
				t.Errorf("the session of the other voucher: %+v, %v", s, err)
			}
		})
	}
}

func TestVoucherSessionEndsWithItsTime(t *testing.T) {
	b := newBox(t)
	b.must(`hotspot profile add guest`, `hotspot voucher create one count 1 profile guest validity 1m`)
	s := b.openUse(b.use(b.codes("one")[0], "02:00:00:00:00:01"))
	b.clock.Add(int64(2 * time.Minute))
	b.start()
	if s := b.ended(s.ID); s.TerminateCause != causeSessionTimeout {
		t.Errorf("ended by %s", s.TerminateCause)
	}
}

func (b *box) openUse(u hotspotdb.VoucherUse) (s hotspotdb.Segment) {
	b.t.Helper()
	err := b.db.Update(b.t.Context(), func(tx *hotspotdb.Tx) (err error) {
		s, err = tx.OpenSegment(hotspotdb.Segment{Account: u.ID, Username: u.Code, MAC: u.MAC, Hotspot: "lobby", Number: 1, MultiSessionID: u.MAC})
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}
