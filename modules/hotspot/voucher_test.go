package hotspot

import (
	"context"
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"mbox/hotspotdb"
	"mbox/modules"
)

// codes are the codes of a batch, as they are stored.
func (b *box) codes(batch string) (out []string) {
	b.t.Helper()
	for v, err := range b.db.Vouchers(context.Background(), hotspotdb.VoucherFilter{Batch: batch}) {
		if err != nil {
			b.t.Fatal(err)
		}
		out = append(out, v.Code)
	}
	return out
}

// use redeems a voucher.
func (b *box) use(code, mac string) hotspotdb.VoucherUse {
	b.t.Helper()
	var u hotspotdb.VoucherUse
	err := b.db.Update(b.t.Context(), func(tx *hotspotdb.Tx) (err error) {
		u, _, err = tx.Redeem(code, mac)
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return u
}

func TestVouchersAreCreated(t *testing.T) {
	b := newBox(t)
	b.must(`hotspot profile add guest`)
	text := b.must(`hotspot voucher create summer count 500 profile guest validity 7d expires 2030-12-31 uses 3 note "Pool & bar"`)
	if !strings.Contains(text, "500 vouchers") || b.term.out.Len() > 0 {
		t.Errorf("answered %q and %q", text, b.term.out.String())
	}
	codes := b.codes("summer")
	if len(codes) != 500 {
		t.Fatalf("%d codes", len(codes))
	}
	for _, code := range codes {
		if len(code) != codeLength || strings.Trim(code, codeAlphabet) != "" {
			t.Errorf("code %q", code)
		}
	}
	batch, err := b.db.Batch("summer")
	if err != nil || batch.Profile != "guest" || batch.Validity != 7*24*time.Hour || batch.MaxUses != 3 || batch.Note != "Pool & bar" ||
		batch.Disabled || batch.Owner != b.db.ID() || batch.CreatedBy != "anna" || b.mod.displayTime(batch.Expires) != "2031-01-01 00:00:00" {
		t.Errorf("%+v, %v", batch, err)
	}
	entries, err := b.db.AuditEntries(t.Context(), hotspotdb.AuditFilter{Limit: 1})
	if err != nil || len(entries) != 1 || entries[0].Author != (hotspotdb.Author{Name: "anna", From: "console", Via: "console"}) || entries[0].Object != "batch" {
		t.Errorf("the audit log says %+v, %v", entries, err)
	}
	if log := b.log.String(); strings.Contains(log, codes[0]) || strings.Contains(log, printedCode(codes[0])) {
		t.Error("the log holds a code")
	}
}

func TestVouchersThatAreNotCreated(t *testing.T) {
	b := newBox(t)
	b.must(`hotspot profile add guest`, `hotspot voucher create summer count 5 profile guest`)
	for line, says := range map[string]string{
		`hotspot voucher create summer count 5 profile guest`:               "there already",
		`hotspot voucher create winter count 100000 profile guest length 8`: "length 9",
	} {
		if got := b.refused(line); !strings.Contains(got, says) {
			t.Errorf("%s: %s", line, got)
		}
	}
	for _, line := range []string{
		`hotspot voucher create winter count 0 profile guest`, `hotspot voucher create winter count 100001 profile guest`,
		`hotspot voucher create "win ter" count 1 profile guest`, `hotspot voucher create winter count 1 profile guest length 7`,
		`hotspot voucher create winter count 1 profile guest validity 7`, `hotspot voucher create winter count 1 profile guest validity 0d`,
		`hotspot voucher create winter count 1 profile guest uses 0`, `hotspot voucher create winter count 1`,
		`hotspot voucher create winter count 1 profile guest expires soon`, `hotspot voucher create winter count 1 profile guest validity 99999999d`,
	} {
		if _, err := b.run(line); err == nil {
			t.Errorf("%s went through", line)
		}
	}
	if n := b.db.Statistics().Vouchers; len(b.codes("")) != 5 || n == 0 {
		t.Errorf("%d vouchers, %d records", len(b.codes("")), n)
	}
	b.must(`hotspot voucher create winter count 1 profile gest`)
	if warned := b.term.out.String(); !strings.Contains(warned, "no profile gest") || !strings.Contains(warned, "Did you mean guest?") {
		t.Errorf("warned %q", warned)
	}
}

// A batch of several commits is there as a whole or not at all, and is refused until it is whole.
func TestLargeBatchIsWholeOrNotThere(t *testing.T) {
	b := newBox(t)
	b.must(`hotspot profile add guest`)
	b.must(fmt.Sprintf(`hotspot voucher create big count %d profile guest`, hotspotdb.MaxCodes+500))
	batch, err := b.db.Batch("big")
	if n := len(b.codes("big")); err != nil || n != hotspotdb.MaxCodes+500 || batch.Disabled {
		t.Errorf("%d codes, %+v, %v", n, batch, err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	b.term.onProgress = func() {
		if part, err := b.db.Batch("cut"); err != nil || !part.Disabled || len(b.codes("cut")) == 0 {
			t.Errorf("the part: %+v, %v", part, err)
		}
		cancel()
	}
	if _, err := b.runContext(ctx, fmt.Sprintf(`hotspot voucher create cut count %d profile guest`, 2*hotspotdb.MaxCodes)); err == nil {
		t.Error("it went through")
	}
	if _, err := b.db.Batch("cut"); err == nil || len(b.codes("cut")) > 0 {
		t.Errorf("%d codes are left, %v", len(b.codes("cut")), err)
	}
}

func TestVouchersAreDisabledAndDeleted(t *testing.T) {
	b := newBox(t)
	b.must(`hotspot profile add guest`, `hotspot voucher create one count 3 profile guest`, `hotspot voucher create two count 2 profile guest`)
	codes := b.codes("one")
	state := func(code string) string {
		v, _, err := b.db.Voucher(code)
		if err != nil {
			return "none"
		}
		return v.State.String()
	}
	steps := []struct{ line, want string }{
		{"hotspot voucher disable code " + strings.ToLower(printedCode(codes[0])), "disabled unused"},
		{"hotspot voucher disable batch one", "disabled disabled"},
		{"hotspot voucher enable code " + codes[0], "disabled disabled"},
		{"hotspot voucher enable batch one", "unused unused"},
		{"hotspot voucher delete code " + codes[0], "none unused"},
		{"hotspot voucher delete batch one force", "none none"},
	}
	for _, step := range steps {
		b.must(step.line)
		if got := state(codes[0]) + " " + state(codes[1]); got != step.want {
			t.Errorf("after %s: %s", step.line, got)
		}
	}
	if n := len(b.codes("two")); n != 2 {
		t.Errorf("%d vouchers of the other batch", n)
	}
	for _, line := range []string{"hotspot voucher delete batch two", "hotspot voucher disable batch none", "hotspot voucher delete code " + codes[0],
		"hotspot voucher extend none expires +3d", "hotspot voucher own two", "hotspot voucher own none", "show hotspot vouchers " + codes[0],
		"show hotspot vouchers batch none", "hotspot export vouchers x.csv batch none", "hotspot voucher print two cards.doc"} {
		if text := b.refused(line); strings.Contains(text, "internal") {
			t.Errorf("%s: %s", line, text)
		}
	}
	b.term.person, b.term.answer = true, false
	if b.must("hotspot voucher delete batch two"); len(b.codes("two")) != 2 || !strings.Contains(b.term.asked, "two") {
		t.Errorf("asked %q; the answer was no", b.term.asked)
	}
}

func TestBatchIsChanged(t *testing.T) {
	b := newBox(t)
	b.must(`hotspot profile add guest`, `hotspot profile add vip`, `hotspot voucher create one count 3 profile guest uses 2 expires +1d note old`,
		`hotspot voucher set one profile vip validity 90m`, `hotspot voucher extend one expires never`)
	batch, err := b.db.Batch("one")
	if err != nil || batch.Profile != "vip" || batch.Validity != 90*time.Minute || !batch.Expires.IsZero() || batch.MaxUses != 2 || batch.Note != "old" {
		t.Errorf("%+v, %v", batch, err)
	}
	b.refused(`hotspot voucher set one`)
}

// A batch is not shortened by who means to extend it, and what has ended is said.
func TestBatchIsExtended(t *testing.T) {
	b := newBox(t)
	b.must(`hotspot profile add guest`, `hotspot voucher create one count 1 profile guest expires 2030-12-31`, `hotspot voucher create ever count 1 profile guest`)
	for line, says := range map[string]string{
		`hotspot voucher extend one expires 2020-12-31`: "voucher set one expires", `hotspot voucher extend one expires 2030-12-31`: "ends later",
		`hotspot voucher extend ever expires 2030-12-31`: "never ends",
	} {
		if got := b.refused(line); !strings.Contains(got, says) {
			t.Errorf("%s: %s", line, got)
		}
	}
	b.must(`hotspot voucher extend one expires 2031-12-31`)
	if batch, err := b.db.Batch("one"); err != nil || b.mod.displayTime(batch.Expires) != "2032-01-01 00:00:00" || b.term.out.Len() > 0 {
		t.Errorf("%+v, %v, said %q", batch, err, b.term.out.String())
	}
	b.must(`hotspot voucher set one expires 2020-12-31`)
	if said := b.term.out.String(); !strings.Contains(said, "Warning: batch one ended at 2021-01-01 00:00:00") {
		t.Errorf("said %q", said)
	}
	b.must(`hotspot user add al password x expires 2020-12-31`)
	if said := b.term.out.String(); !strings.Contains(said, "Warning: al expired at 2021-01-01 00:00:00") {
		t.Errorf("said %q", said)
	}
	b.must(`hotspot user set al expires +1d`)
	if said := b.term.out.String(); said != "" {
		t.Errorf("said %q", said)
	}
}

// A profile that vouchers need is not deleted by who thinks that nobody uses it.
func TestProfileOfVouchersIsAskedFor(t *testing.T) {
	b := newBox(t)
	b.must(`hotspot profile add guest`, `hotspot user add al password x profile guest`, `hotspot voucher create one count 1 profile guest`)
	if got := b.refused(`hotspot profile delete guest`); !strings.Contains(got, "used by 1 account, the vouchers of one") || !strings.Contains(got, "force") {
		t.Error(got)
	}
	for n := range 5 {
		b.must(fmt.Sprintf(`hotspot voucher create more%d count 1 profile guest`, n))
	}
	if got := b.refused(`hotspot profile delete guest`); !strings.Contains(got, "the vouchers of more2, others") {
		t.Error(got)
	}
	b.must(`hotspot profile delete guest force`)
}

// A box takes over a batch from one that is gone; it says what that means before.
func TestBatchGetsAnotherOwner(t *testing.T) {
	b := newBox(t)
	gone := hotspotdb.DatabaseID{1, 2, 3}
	err := b.db.Update(t.Context(), func(tx *hotspotdb.Tx) error {
		return tx.AddBatch(hotspotdb.VoucherBatch{Name: "theirs", Profile: "guest", Owner: gone}, []string{"CDFGHJKL"}, "test")
	})
	if err != nil {
		t.Fatal(err)
	}
	b.mod.NameBoxes(boxNames{gone: "reception"})
	if text := b.refused(`hotspot voucher own theirs`); !strings.Contains(text, "reception") || !strings.Contains(text, "force") {
		t.Error(text)
	}
	b.must(`hotspot voucher own theirs force`)
	if batch, err := b.db.Batch("theirs"); err != nil || batch.Owner != b.db.ID() {
		t.Errorf("%+v, %v", batch, err)
	}
}

type boxNames map[hotspotdb.DatabaseID]string

func (n boxNames) BoxName(id hotspotdb.DatabaseID) string { return n[id] }
func (n boxNames) InContact(hotspotdb.DatabaseID) bool    { return false }

func TestShowVouchers(t *testing.T) {
	b := newBox(t)
	b.must(`hotspot profile add guest`, `hotspot voucher create one count 3 profile guest uses 2 validity 1d note "For =cmd"`, `hotspot voucher create two count 1 profile guest`)
	codes := b.codes("one")
	use := b.use(codes[0], "3a:71:b4:e9:f7:99")
	var v struct {
		Code, Batch, Profile, State, Owner, Note string
		Validity                                 int
		MaxUses                                  int `json:"max_uses"`
		UseCount                                 int `json:"use_count"`
		FirstUse, Expires                        *time.Time
		Uses                                     []struct {
			ID         uint64
			MACAddress string
			At         time.Time
			Expires    *time.Time
			Box        string
			BoxName    string `json:"box_name"`
		}
	}
	b.json("show hotspot vouchers "+codes[0], &v)
	if v.Code != printedCode(codes[0]) || v.State != "used" || v.Validity != 86400 || v.MaxUses != 2 || v.UseCount != 1 || len(v.Uses) != 1 ||
		v.Uses[0].ID != use.ID || v.Uses[0].MACAddress != "3A-71-B4-E9-F7-99" || v.Uses[0].Expires == nil || v.Uses[0].BoxName != "this box" || v.Note != "For =cmd" {
		t.Errorf("%+v", v)
	}
	for line, want := range map[string]int{
		"show hotspot vouchers": 4, "show hotspot vouchers batch one": 3, "show hotspot vouchers state unused": 3,
		"show hotspot vouchers batch one state used": 1, "show hotspot vouchers limit 2": 2, "show hotspot vouchers state overused": 0,
	} {
		var list []map[string]any
		if b.json(line, &list); len(list) != want {
			t.Errorf("%s: %d", line, len(list))
		}
	}
	if text := b.must("show hotspot vouchers limit 2"); !strings.Contains(text, "There are more") {
		t.Error(text)
	}
	var batches []map[string]any
	if b.json("show hotspot voucher-batches", &batches); len(batches) != 2 || batches[0]["vouchers"] != 3.0 || batches[0]["used"] != 1.0 || batches[0]["unused"] != 2.0 {
		t.Errorf("%v", batches)
	}
	text := b.must("show hotspot vouchers "+codes[0]) + b.must("show hotspot voucher-batches")
	for _, want := range []string{printedCode(codes[0]), "3A-71-B4-E9-F7-99", "this box", "one", "two"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
}

func TestExportVouchers(t *testing.T) {
	b := newBox(t)
	b.must(`hotspot profile add guest`, `hotspot voucher create one count 2 profile guest note "=HYPERLINK(1)"`, `hotspot voucher create two count 2 profile guest`,
		`hotspot export vouchers v.csv batch one`)
	rows, err := csv.NewReader(strings.NewReader(b.read("v.csv"))).ReadAll()
	if err != nil || len(rows) != 3 || !slices.Equal(rows[0], voucherHeading) {
		t.Fatalf("%v, %v", rows, err)
	}
	for _, row := range rows[1:] {
		if row[1] != "one" || row[3] != "unused" || row[9] != "'=HYPERLINK(1)" {
			t.Errorf("%q", row)
		}
		if _, _, err := b.db.Voucher(row[0]); err != nil {
			t.Errorf("%s: %v", row[0], err)
		}
	}
}

// Codes are fair, and read as they are printed, however they are typed.
func TestCodes(t *testing.T) {
	count := map[rune]int{}
	const symbols = 46_000
	for _, r := range strings.Join(newCodes(symbols/23, 23), "") {
		count[r]++
	}
	for _, r := range codeAlphabet {
		if n := count[r]; n < 1700 || n > 2300 { // 2,000 expected; seven standard deviations
			t.Errorf("%c came %d times of %d", r, n, symbols)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		code := newCode(rapid.IntRange(minCodeLength, maxCodeLength).Draw(t, "length"))
		typed := printedCode(code)
		if rapid.Bool().Draw(t, "lower") {
			typed = strings.ToLower(typed)
		}
		if got, err := checkCode(strings.ReplaceAll(typed, "-", rapid.SampledFrom([]string{"-", " ", ""}).Draw(t, "between"))); err != nil || got != code {
			t.Fatalf("%s, printed %s, is read as %s, %v", code, typed, got, err)
		}
	})
	for count, want := range map[int]int{1: 8, 4_000: 8, 50_000: 9, 100_000: 9} {
		if got := leastLength(count); got != want {
			t.Errorf("%d codes need %d symbols, not %d", count, want, got)
		}
	}
}

// What becomes of vouchers in a partition is configured.
func TestPartitionIsConfigured(t *testing.T) {
	b := newBox(t)
	engine := modules.NewEngine(nil, nil)
	if err := engine.Register(b.mod); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct{ line, want string }{
		{"", PartitionOwnerOnly}, {"hotspot voucher partition allow", PartitionAllow}, {"hotspot voucher partition deny", PartitionDeny},
		{"hotspot voucher partition owner-only", PartitionOwnerOnly}, {"hotspot voucher partition deny", PartitionDeny}, {"no hotspot voucher partition", PartitionOwnerOnly},
	} {
		if step.line != "" {
			enterLine(t, engine, step.line)
		}
		if got := b.mod.VoucherPartition(); got != step.want {
			t.Errorf("%q: %s", step.line, got)
		}
	}
}

func enterLine(t *testing.T, engine *modules.Engine, line string) {
	t.Helper()
	match, err := engine.Book().ParseStatement(nil, line)
	if err != nil {
		t.Fatal(err)
	}
	err = engine.Commit(t.Context(), modules.Actor{Name: "test"}, func(tree *modules.Tree) error {
		if match.Negated {
			return tree.Remove(nil, match)
		}
		_, err := tree.Set(nil, match)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
