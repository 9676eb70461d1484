package hotspot

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"mbox/hotspotdb"
	"mbox/modules"
)

// quotaBook is a QuotaSource that tells what it was told.
type quotaBook struct {
	quotas  map[uint64]Quota
	weekday time.Weekday
	hour    int
	minute  int
}

func (q *quotaBook) Quota(account uint64, _ time.Time) (Quota, error) { return q.quotas[account], nil }
func (q *quotaBook) SetQuotaReset(weekday time.Weekday, hour, minute int) {
	q.weekday, q.hour, q.minute = weekday, hour, minute
}
func (q *quotaBook) UsageDay(at time.Time) time.Time {
	return at.UTC().Truncate(24 * time.Hour).Add(time.Duration(q.hour) * time.Hour)
}

func (b *box) account(name string) hotspotdb.Account {
	b.t.Helper()
	a, err := b.db.Account(name)
	if err != nil {
		b.t.Fatal(err)
	}
	return a
}

func TestQuotaAddAndPurchases(t *testing.T) {
	b := newBox(t)
	b.must("hotspot user add al password x", "hotspot user add bo password x")
	if out := b.must("hotspot quota add al mb 500"); out != "500.0 MB added for al.\n" {
		t.Error(out)
	}
	b.must(`hotspot quota add al minutes 90 note "paid cash"`)
	b.clock.Store(int64(time.Hour))
	b.must("hotspot quota add bo mb 1", "hotspot user set al firstname Al")
	if octets, seconds := b.db.Purchased(b.account("al").ID); octets != 500e6 || seconds != 5400 {
		t.Errorf("purchased %d octets, %d s", octets, seconds)
	}
	var all, some []purchaseRow
	b.json("show hotspot quota-purchases", &all)
	if len(all) != 3 || all[0].Username != "bo" || all[0].Octets != 1e6 || *all[0].By != "anna" || all[2].Note != nil && all[1].Note != nil {
		t.Errorf("purchases %+v", all)
	}
	b.json("show hotspot quota-purchases username al", &some)
	if len(some) != 2 {
		t.Errorf("purchases of al %+v", some)
	}
	b.json("show hotspot quota-purchases since -30m", &some)
	if len(some) != 1 || some[0].Username != "bo" {
		t.Errorf("purchases of the last half hour %+v", some)
	}
	b.json("show hotspot quota-purchases until "+b.now().Add(-30*time.Minute).UTC().Format(time.RFC3339), &some)
	if len(some) != 2 {
		t.Errorf("purchases before %+v", some)
	}
	if out := b.must("show hotspot quota-purchases"); !strings.Contains(out, "3 purchases: 501.0 MB, 1:30:00 online") || !strings.Contains(out, "paid cash") {
		t.Error(out)
	}
	for line, want := range map[string]string{
		"hotspot quota add nobody mb 1": "there is no account nobody",
		"show hotspot quota nobody":     "there is no account nobody",
	} {
		if got := b.refused(line); !strings.Contains(got, want) {
			t.Errorf("%s: %s", line, got)
		}
	}
	for _, line := range []string{"hotspot quota add al mb 0", "hotspot quota add al mb -5", "hotspot quota add al mb 99999999999999999999", "hotspot quota add al minutes x", "hotspot quota add al"} {
		if _, err := b.run(line); err == nil {
			t.Errorf("%s is accepted", line)
		}
	}
}

// TestQuotaOfAVoucher: a top-up belongs to the use that goes on.
func TestQuotaOfAVoucher(t *testing.T) {
	b := newBox(t)
	b.must("hotspot profile add day", "hotspot voucher create fair count 1 profile day validity 1d")
	var code string
	for v, err := range b.db.Vouchers(t.Context(), hotspotdb.VoucherFilter{}) {
		if err != nil {
			t.Fatal(err)
		}
		code = v.Code
	}
	if got := b.refused("hotspot quota add " + code + " mb 5"); !strings.Contains(got, "nobody uses the voucher now") {
		t.Error(got)
	}
	var use hotspotdb.VoucherUse
	err := b.db.Update(t.Context(), func(tx *hotspotdb.Tx) (err error) {
		use, _, err = tx.Redeem(code, "3a:71:b4:e9:f7:99")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	b.must("hotspot quota add " + strings.ToLower(code) + " mb 5")
	if octets, _ := b.db.Purchased(use.ID); octets != 5e6 {
		t.Errorf("%d octets", octets)
	}
	b.clock.Store(int64(25 * time.Hour))
	if got := b.refused("hotspot quota add " + code + " mb 5"); !strings.Contains(got, "nobody uses the voucher now") {
		t.Error(got)
	}
}

func TestShowQuota(t *testing.T) {
	b := newBox(t)
	b.must("hotspot user add al password x", "hotspot user add bo password x")
	b.in(singapore)
	resets := time.Date(2026, 11, 24, 4, 0, 0, 0, singapore).UTC()
	book := &quotaBook{quotas: map[uint64]Quota{b.account("al").ID: {
		Octets:  QuotaUnit{Free: []FreeQuota{{"daily", 100e6, 40e6, resets}, {"all", 1e9, 2e9, time.Time{}}}, Bought: 500e6, Spent: 100e6, Left: 400e6},
		Seconds: QuotaUnit{Free: []FreeQuota{{"weekly", 3600, 60, resets}}, Left: 3540}, Denied: "expired",
	}}}
	b.mod.UseQuotas(book)
	want := `
OF       QUOTA         LIMIT      USED      LEFT  RESETS
traffic  daily      100.0 MB   40.0 MB   60.0 MB  2026-11-24 04:00:00
traffic  all          1.0 GB    2.0 GB       0 B
traffic  purchased  500.0 MB  100.0 MB  400.0 MB
time     weekly      1:00:00   0:01:00   0:59:00  2026-11-24 04:00:00
Traffic left : 400.0 MB
Time left    : 0:59:00
Denied       : expired
`
	if got := b.must("show hotspot quota al"); got != want[1:] {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := b.must("show hotspot quota bo"); got != "Traffic left : no limit\nTime left    : no limit\n" {
		t.Errorf("without quotas\n%s", got)
	}
	var q map[string]any
	b.json("show hotspot quota bo", &q)
	data, _ := json.Marshal(q)
	if want := `{"denied":null,"time":{"free":[],"left":null,"limited":false,"purchased":{"bought":0,"left":0,"used":0}},"traffic":{"free":[],"left":null,"limited":false,"purchased":{"bought":0,"left":0,"used":0}},"username":"bo"}`; string(data) != want {
		t.Errorf("got %s", data)
	}
}

func TestQuotaReset(t *testing.T) {
	b := newBox(t)
	book := &quotaBook{}
	b.mod.UseQuotas(book)
	apply := func(lines ...string) {
		t.Helper()
		tree := &modules.Tree{}
		for _, line := range lines {
			match, err := b.book.ParseStatement(nil, line)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tree.Set(nil, match); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.mod.Apply(t.Context(), tree); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		lines        []string
		day          time.Weekday
		hour, minute int
	}{
		{[]string{"hotspot quota reset weekly sunday at 04:30"}, time.Sunday, 4, 30},
		{[]string{"hotspot quota reset at 23:59"}, time.Monday, 23, 59},
		{[]string{"hotspot quota reset weekly fri"}, time.Friday, 0, 0},
		{nil, time.Monday, 0, 0},
	} {
		apply(tt.lines...)
		if book.weekday != tt.day || book.hour != tt.hour || book.minute != tt.minute {
			t.Errorf("%v: %s %02d:%02d", tt.lines, book.weekday, book.hour, book.minute)
		}
		at := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
		if got := b.db.UsageDay(at); !got.Equal(book.UsageDay(at)) {
			t.Errorf("%v: the database counts from %s", tt.lines, got)
		}
	}
	apply("hotspot password-storage hashed")
	if !b.db.HashedPasswords() {
		t.Error("passwords are not hashed")
	}
	apply()
	if b.db.HashedPasswords() {
		t.Error("passwords are hashed still")
	}
}

// TestShowAudit: who changed what, from where; never a password or what a person said of himself.
func TestShowAudit(t *testing.T) {
	b := newBox(t)
	b.must("hotspot profile add guest Session-Timeout 60", "hotspot user add al password sesame1 firstname Alibaba", "hotspot user set al password sesame2 expires 2031-12-31T00:00:00Z profile guest",
		"hotspot user disable al", "hotspot user add bo password x", "hotspot user delete bo", "hotspot profile set guest Session-Timeout 90")
	b.write("u.csv", "username,password\ncy,sesame3\ndi,sesame4\n")
	b.must("hotspot import users u.csv")
	out := b.must("show hotspot audit")
	for _, secret := range []string{"sesame", "Alibaba"} {
		if strings.Contains(out, secret) {
			t.Errorf("%s is in the audit log\n%s", secret, out)
		}
	}
	var rows []auditRow
	b.json("show hotspot audit", &rows)
	var actions []string
	for _, r := range rows {
		actions = append(actions, r.Action+" "+r.Object+" "+r.Name)
		if *r.Author != "anna" || *r.From != "console" || r.Box == "" || r.At == nil {
			t.Errorf("entry %+v", r)
		}
		via := "console"
		if r.Action == "imported" {
			via = "import"
		}
		if *r.Via != via {
			t.Errorf("%s via %s", r.Action, *r.Via)
		}
	}
	want := "imported user u.csv, changed profile guest, deleted user bo, added user bo, disabled user al, changed user al, added user al, added profile guest"
	if got := strings.Join(actions, ", "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for line, n := range map[string]int{
		"show hotspot audit username al": 3, "show hotspot audit author anna limit 2": 2, "show hotspot audit author mallory": 0, "show hotspot audit since -1h": 8,
		"show hotspot audit since 2999-01-01": 0,
	} {
		if b.json(line, &rows); len(rows) != n {
			t.Errorf("%s: %d entries", line, len(rows))
		}
	}
	if out := b.must("show hotspot audit limit 1"); !strings.Contains(out, "There are more than these 1") {
		t.Error(out)
	}
}

func TestShowLoginAttempts(t *testing.T) {
	b := newBox(t)
	for n, a := range []hotspotdb.Attempt{
		{Username: "al", Accepted: true, Reason: "ok", MAC: "3A-71-B4-E9-F7-99", NAS: "ap1", Hotspot: "lobby"},
		{Username: "al", Reason: "wrong-password", Reply: "Login failed.", MAC: "3A-71-B4-E9-F7-98"},
		{Username: "bo\x1b[2J", Reason: "unknown-user"},
	} {
		b.clock.Store(int64(time.Duration(n) * time.Minute))
		b.db.RecordAttempt(a)
	}
	var rows []attemptRow
	for line, n := range map[string]int{
		"show hotspot login-attempts": 3, "show hotspot login-attempts username al": 2, "show hotspot login-attempts mac 3a71.b4e9.f799": 1,
		"show hotspot login-attempts rejected": 2, "show hotspot login-attempts rejected username al limit 5": 1, "show hotspot login-attempts limit 1": 1,
	} {
		if b.json(line, &rows); len(rows) != n {
			t.Errorf("%s: %d attempts", line, len(rows))
		}
	}
	out := b.must("show hotspot login-attempts")
	if strings.Contains(out, "\x1b") || !strings.Contains(out, replyAccept) || !strings.Contains(out, "wrong-password") {
		t.Errorf("%q", out)
	}
	if _, err := b.run("show hotspot login-attempts mac xyz"); err == nil {
		t.Error("a wrong MAC address is accepted")
	}
}

// TestListsFitTheTerminal at 80 columns.
func TestListsFitTheTerminal(t *testing.T) {
	b := newBox(t)
	b.mod.UseQuotas(&quotaBook{quotas: map[uint64]Quota{}})
	b.must("hotspot user add al password x address "+strings.Repeat("x", 200), `hotspot quota add al mb 5 note "`+strings.Repeat("long note ", 20)+`"`)
	b.db.RecordAttempt(hotspotdb.Attempt{Username: strings.Repeat("u", 200), Reason: "unknown-user", MAC: "3A-71-B4-E9-F7-99", NAS: "access-point-of-the-lobby", Hotspot: "lobby"})
	b.write("users", "al A := 1\n"+usersCorpus)
	for _, line := range []string{"show hotspot audit", "show hotspot login-attempts", "show hotspot quota-purchases", "show hotspot quota al", "hotspot import radius-users users dry-run"} {
		view, err := b.call(t.Context(), line)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := view.Text(&out, 80); err != nil {
			t.Fatal(err)
		}
		for row := range strings.SplitSeq(out.String(), "\n") {
			if len([]rune(row)) > 80 {
				t.Errorf("%s: %d columns: %s", line, len([]rune(row)), row)
			}
		}
	}
}

func TestPast(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, singapore)
	for text, want := range map[string]string{
		"2026-11-01": "2026-11-01 00:00:00", "2026-11-01T08:30": "2026-11-01 08:30:00", "-7d": "2026-11-16 12:00:00", "-90m": "2026-11-23 10:30:00",
		"+7d": "", "yesterday": "", "-": "", "-7": "", "0001-01-01": "", "": "",
	} {
		got := ""
		if at, err := (past{now: func() time.Time { return now }}).Parse(text); err == nil {
			got = at.(time.Time).In(now.Location()).Format(screenTime)
		}
		if got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	end, err := past{func() time.Time { return now }, true}.Parse("2026-11-01")
	if err != nil || fmt.Sprint(end.(time.Time).In(now.Location()).Format(screenTime)) != "2026-11-02 00:00:00" {
		t.Errorf("until a date: %v %v", end, err)
	}
}
