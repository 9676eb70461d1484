package policy

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"mbox/hotspotdb"
)

func TestBudget(t *testing.T) {
	some := func(n uint64) limit { return limit{n, true} }
	for name, test := range map[string]struct {
		quotas        Quotas
		spent         [periods]Spent
		bought, taken uint64
		want          Budget
	}{
		"no quota":                   {Quotas{}, [periods]Spent{Daily: {500, 0}}, 0, 0, Budget{}},
		"fresh":                      {Quotas{Daily: some(100)}, [periods]Spent{}, 0, 0, Budget{true, 100, 0}},
		"used":                       {Quotas{Daily: some(100)}, [periods]Spent{Daily: {40, 0}}, 0, 0, Budget{true, 60, 0}},
		"overrun":                    {Quotas{Daily: some(100)}, [periods]Spent{Daily: {140, 0}}, 0, 0, Budget{true, 0, 0}},
		"the least counts":           {Quotas{Daily: some(100), Monthly: some(50)}, [periods]Spent{Daily: {10, 0}, Monthly: {45, 0}}, 0, 0, Budget{true, 5, 0}},
		"purchased is not free":      {Quotas{Daily: some(100)}, [periods]Spent{Daily: {130, 30}}, 200, 30, Budget{true, 0, 170}},
		"free is not purchased":      {Quotas{Daily: some(100), Weekly: some(150)}, [periods]Spent{Weekly: {150, 50}}, 200, 50, Budget{true, 50, 150}},
		"carried over":               {Quotas{Weekly: some(100)}, [periods]Spent{}, 200, 150, Budget{true, 100, 50}},
		"taken twice in a partition": {Quotas{Weekly: some(100)}, [periods]Spent{}, 200, 250, Budget{true, 100, 0}},
		"nothing at all":             {Quotas{All: some(0)}, [periods]Spent{}, 0, 0, Budget{true, 0, 0}},
	} {
		if got := test.quotas.Budget(test.spent, test.bought, test.taken); got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
	if left := (Budget{}).Left(); left != math.MaxUint64 {
		t.Errorf("without a quota %d are left", left)
	}
	if left := (Budget{true, math.MaxUint64, 1}).Left(); left != math.MaxUint64 {
		t.Errorf("the sum wraps to %d", left)
	}
}

// Whatever is used, it is free or purchased and nothing else; purchases are taken only when nothing is free, and never more
// than was bought; what was bought is still there when a period is over.
func TestBudgetProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		amount := rapid.Uint64Range(0, 1000)
		var quotas Quotas
		for period := range quotas {
			quotas[period] = limit{amount.Draw(t, "quota"), rapid.Bool().Draw(t, "has quota")}
		}
		bought, taken := uint64(0), uint64(0)
		var spent [periods]Spent
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0:
				bought += amount.Draw(t, "bought")
			case 1:
				period := rapid.IntRange(int(Daily), int(Monthly)).Draw(t, "period")
				spent[period] = Spent{} // begins anew
			default:
				before := quotas.Budget(spent, bought, taken)
				grown := amount.Draw(t, "grown")
				free, purchased := before.Split(grown)
				if free+purchased != grown {
					t.Fatalf("%d free and %d purchased of %d", free, purchased, grown)
				}
				if purchased > 0 && free < before.Free || purchased > before.Purchased || !quotas.any() && purchased > 0 {
					t.Fatalf("%+v: %d free, %d purchased", before, free, purchased)
				}
				taken += purchased
				for period := range spent {
					spent[period].Used += grown
					spent[period].Purchased += purchased
				}
				after := quotas.Budget(spent, bought, taken)
				if after.Purchased != before.Purchased-purchased || quotas.any() && after.Left() != less(before.Left(), grown) {
					t.Fatalf("%+v, then %+v after %d", before, after, grown)
				}
			}
			if taken > bought {
				t.Fatalf("%d taken of %d", taken, bought)
			}
		}
	})
}

const mb = megabyte

// quotaLeft is what a login says is left of the traffic, in MB.
func (w *world) quotaLeft(name string) (megabytes uint64, reason Reason) {
	w.t.Helper()
	d := w.pap(name, "wonderland")
	if d.Accept && !d.Limits.HasTotal {
		w.t.Errorf("limits %+v without traffic", d.Limits)
	}
	return d.Limits.TotalOctets / mb, d.Reason
}

func (w *world) expectLeft(name string, want uint64) {
	w.t.Helper()
	if left, reason := w.quotaLeft(name); reason != OK || left != want {
		w.t.Errorf("%d MB are left, %s, want %d", left, reason, want)
	}
}

func TestQuotaOfADay(t *testing.T) {
	w := newWorld(t)
	alice := w.user("alice", func(a *hotspotdb.Account) { a.Attributes = attributes("CS-Total-MB-Daily", "100") })
	w.expectLeft("alice", 100)
	w.used(alice.ID, 40*mb, 60)
	w.expectLeft("alice", 60)
	w.used(alice.ID, 60*mb, 60)
	w.expect(w.pap("alice", "wonderland"), TrafficQuota)
	w.buy(alice.ID, 50*mb, 0)
	w.expectLeft("alice", 50)
	w.used(alice.ID, 20*mb, 60)
	w.expectLeft("alice", 30)
	w.pass(24 * time.Hour) // free again, and the purchase is carried over
	w.expectLeft("alice", 130)
	w.used(alice.ID, 110*mb, 60)
	w.expectLeft("alice", 20)
	w.pass(24 * time.Hour)
	w.expectLeft("alice", 120)
}

// The week begins on the day and at the time that the operator says, by the box's clock on the wall.
func TestQuotaOfAWeek(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorldWith(t, func(o *Options) { o.Location = func() *time.Location { return berlin } })
	w.p.SetPeriods(Periods{Weekday: time.Friday, Hour: 6, Minute: 30})
	alice := w.user("alice", func(a *hotspotdb.Account) { a.Attributes = attributes("CS-Total-MB-Weekly", "100") })
	w.set(time.Date(2026, 11, 20, 6, 30, 0, 0, berlin))
	w.used(alice.ID, 10*mb, 1)
	w.set(time.Date(2026, 11, 27, 6, 29, 59, 0, berlin))
	w.used(alice.ID, 30*mb, 1)
	w.expectLeft("alice", 60)
	w.set(time.Date(2026, 11, 27, 6, 30, 0, 0, berlin))
	w.expectLeft("alice", 100)
	w.used(alice.ID, 5*mb, 1)
	w.expectLeft("alice", 95)
}

func TestQuotasOfMonthAndLifetime(t *testing.T) {
	w := newWorld(t)
	alice := w.user("alice", func(a *hotspotdb.Account) {
		a.Attributes = attributes("CS-Total-MB-Monthly", "100", "CS-Total-MB-All", "250")
	})
	w.used(alice.ID, 90*mb, 1)
	w.expectLeft("alice", 10)
	w.set(time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC))
	w.expectLeft("alice", 100)
	w.used(alice.ID, 90*mb, 1)
	w.set(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))
	w.expectLeft("alice", 70)
}

func TestQuotaOfASession(t *testing.T) {
	w := newWorld(t)
	alice := w.user("alice", func(a *hotspotdb.Account) { a.Attributes = attributes("CS-Total-MB", "10", "CS-Total-MB-Daily", "15") })
	w.used(alice.ID, 10*mb, 1)
	w.expectLeft("alice", 5)
	w.buy(alice.ID, 100*mb, 0)
	w.expectLeft("alice", 10) // purchases are no longer sessions
}

func TestQuotaOfTime(t *testing.T) {
	w := newWorld(t)
	alice := w.user("alice", func(a *hotspotdb.Account) {
		a.Attributes = attributes("Max-Daily-Session", "3600", "Session-Timeout", "3000")
	})
	timeout := func() time.Duration {
		t.Helper()
		d := w.pap("alice", "wonderland")
		w.expect(d, OK)
		return d.Limits.SessionTimeout
	}
	if got := timeout(); got != 3000*time.Second {
		t.Errorf("timeout %s", got)
	}
	w.used(alice.ID, 0, 2000)
	if got := timeout(); got != 1600*time.Second {
		t.Errorf("timeout %s", got)
	}
	w.used(alice.ID, 0, 1600)
	w.expect(w.pap("alice", "wonderland"), TimeQuota)
	w.buy(alice.ID, 0, 500)
	if got := timeout(); got != 500*time.Second {
		t.Errorf("timeout %s", got)
	}
	w.used(alice.ID, 0, 500)
	w.expect(w.pap("alice", "wonderland"), TimeQuota)
	w.pass(24 * time.Hour)
	if got := timeout(); got != 3000*time.Second {
		t.Errorf("timeout %s", got)
	}
}

// Free and purchased usage add up to what was used, however it is reported.
func TestPurchasedPartOfSessions(t *testing.T) {
	w := newWorld(t)
	alice := w.user("alice", func(a *hotspotdb.Account) { a.Attributes = attributes("CS-Total-MB-Daily", "100") })
	w.buy(alice.ID, 50*mb, 0)
	s := w.session(alice.ID, phone)
	for _, step := range []struct{ total, purchased uint64 }{{60, 0}, {100, 0}, {110, 10}, {149, 49}, {200, 50}, {210, 50}} {
		s = w.grow(s, step.total*mb, 0)
		usage, err := w.db.Usage(alice.ID, noon, noon.Add(time.Hour))
		w.must(err)
		if usage.OutputOctets != step.total*mb || usage.PurchasedOctets != step.purchased*mb {
			t.Errorf("after %d MB: %+v, want %d MB purchased", step.total, usage, step.purchased)
		}
	}
}

func TestNothingIsChargedWithoutAQuota(t *testing.T) {
	w := newWorld(t)
	alice := w.user("alice", nil)
	w.buy(alice.ID, 50*mb, 100)
	w.used(alice.ID, 500*mb, 500)
	if usage, err := w.db.Usage(alice.ID, noon, noon.Add(time.Hour)); err != nil || usage.PurchasedOctets != 0 || usage.PurchasedTime != 0 {
		t.Errorf("usage %+v, %v", usage, err)
	}
	if d := w.pap("alice", "wonderland"); d.Limits.HasTotal || d.Limits.SessionTimeout != 0 {
		t.Errorf("limits %+v", d.Limits)
	}
}

func TestPeriods(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		p := Periods{time.Weekday(rapid.IntRange(0, 6).Draw(t, "weekday")), rapid.IntRange(0, 23).Draw(t, "hour"), rapid.IntRange(0, 59).Draw(t, "minute")}
		at := time.Unix(rapid.Int64Range(1_700_000_000, 1_900_000_000).Draw(t, "at"), 0)
		starts := p.starts(at, berlin)
		if !starts[Daily].Equal(p.Day(at, berlin)) {
			t.Fatalf("the day begins at %s and at %s", starts[Daily], p.Day(at, berlin))
		}
		for period, longest := range map[Period]time.Duration{Daily: 25 * time.Hour, Weekly: 169 * time.Hour, Monthly: 746 * time.Hour} {
			start := starts[period]
			if end := p.ends(at, berlin)[period]; !end.After(at) || p.starts(end.Add(-time.Second), berlin)[period] != start || p.starts(end, berlin)[period] != end {
				t.Fatalf("period %d of %s ends at %s", period, at.In(berlin), end)
			}
			if start.After(at) || at.Sub(start) >= longest {
				t.Fatalf("period %d of %s began at %s", period, at.In(berlin), start)
			}
			if !p.Day(start, berlin).Equal(start) {
				t.Fatalf("period %d begins at %s, within a day", period, start)
			}
			if again := p.starts(start, berlin); !again[period].Equal(start) {
				t.Fatalf("period %d begins at %s, but that belongs to %s", period, start, again[period])
			}
		}
	})
}
