package hotspot

import (
	"strings"
	"testing"

	"mbox/hotspotdb"
)

// TestDeviceIsFoundInAnyForm: the account of a device is kept as 3A-71-B4-E9-F7-99, and named as operators and devices write addresses.
func TestDeviceIsFoundInAnyForm(t *testing.T) {
	b := newBox(t)
	b.must("hotspot user add 3a71.b4e9.f799 usertype mac", "hotspot user add 3a:71:b4:e9:f7:99 password x")
	for _, form := range []string{"3a71.b4e9.f799", "3A71B4E9F799", "3a-71-b4-e9-f7-99"} {
		b.must("hotspot user disable "+form, "hotspot user enable "+form, "hotspot user set "+form+" Idle-Timeout 60")
		if out := b.must("show hotspot users " + form); !strings.Contains(out, " : 3A-71-B4-E9-F7-99\n") {
			t.Errorf("%s:\n%s", form, out)
		}
		var rows []auditRow
		if b.json("show hotspot audit username "+form, &rows); len(rows) == 0 {
			t.Errorf("nothing is known of what became of %s", form)
		}
	}
	b.db.RecordAttempt(hotspotdb.Attempt{Username: "3a71b4e9f799", Reason: "disabled"})
	var attempts []attemptRow
	if b.json("show hotspot login-attempts username 3a-71-b4-e9-f7-99", &attempts); len(attempts) != 1 {
		t.Errorf("%d attempts", len(attempts))
	}
	if out := b.must("show hotspot users 3a:71:b4:e9:f7:99"); !strings.Contains(out, " : 3a:71:b4:e9:f7:99\n") {
		t.Errorf("an account of that very name is meant first:\n%s", out)
	}
	b.must("hotspot user delete 3a71b4e9f799")
	if names := b.names(); names != "3a:71:b4:e9:f7:99" {
		t.Errorf("left are %s", names)
	}
	if text := b.refused("show hotspot users 3a71b4e9f799"); !strings.Contains(text, "3A-71-B4-E9-F7-99") {
		t.Error(text)
	}
}

// TestVoucherIsFoundAsItIsPrinted: clients report a voucher's code as the guest typed it, with and without hyphens.
func TestVoucherIsFoundAsItIsPrinted(t *testing.T) {
	b := newBox(t)
	b.must("hotspot voucher create pool count 2 profile guest uses 2")
	codes := b.codes("pool")
	for i, typed := range []string{strings.ToLower(printedCode(codes[0])), codes[0], codes[1]} {
		use := b.use(hotspotdb.NormalCode(typed), "02-00-00-00-00-0"+string(rune('1'+i)))
		err := b.db.Update(t.Context(), func(tx *hotspotdb.Tx) error {
			_, err := tx.OpenSegment(hotspotdb.Segment{Account: use.ID, Username: typed, NAS: "ap1", Start: b.now(), Updated: b.now()})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		b.db.RecordAttempt(hotspotdb.Attempt{Username: typed, Accepted: true, Reason: "ok"})
	}
	b.db.RecordAttempt(hotspotdb.Attempt{Username: "al", Reason: "wrong-password"})
	for _, form := range []string{codes[0], printedCode(codes[0]), strings.ToLower(codes[0])} {
		var list []map[string]any
		if b.json("show hotspot sessions username "+form, &list); len(list) != 2 {
			t.Errorf("%d sessions of %s", len(list), form)
		}
		if b.json("show hotspot login-attempts username "+form, &list); len(list) != 2 {
			t.Errorf("%d attempts of %s", len(list), form)
		}
		if b.json("show hotspot login-attempts limit 1 username "+form, &list); len(list) != 1 {
			t.Errorf("%d attempts of %s, limited to 1", len(list), form)
		}
	}
	var none []map[string]any
	for _, name := range []string{"nobody", strings.Repeat("x", 300)} {
		if b.json("show hotspot sessions username "+name, &none); len(none) != 0 {
			t.Errorf("%s: %v", name, none)
		}
		if b.json("show hotspot login-attempts username "+name, &none); len(none) != 0 {
			t.Errorf("%s: %v", name, none)
		}
	}
}

// TestVoucherThatLooksLikeAnAddress: a code that came from elsewhere may have nothing but hexadecimal digits.
func TestVoucherThatLooksLikeAnAddress(t *testing.T) {
	b := newBox(t)
	var use hotspotdb.VoucherUse
	err := b.db.Update(t.Context(), func(tx *hotspotdb.Tx) error {
		return tx.AddBatch(hotspotdb.VoucherBatch{Name: "old", Profile: "guest"}, []string{"3A71B4E9F711"}, "test")
	})
	if err == nil {
		use = b.use("3A71B4E9F711", "02-00-00-00-00-01")
		err = b.db.Update(t.Context(), func(tx *hotspotdb.Tx) error {
			_, err := tx.OpenSegment(hotspotdb.Segment{Account: use.ID, Username: "3a71b4e9f711", NAS: "ap1", Start: b.now(), Updated: b.now()})
			return err
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	var list []map[string]any
	if b.json("show hotspot sessions username 3A71-B4E9-F711", &list); len(list) != 1 {
		t.Errorf("%d sessions", len(list))
	}
	b.must("hotspot quota add 3A71-B4E9-F711 mb 5")
}
