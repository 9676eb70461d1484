package sync_test

import (
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"mbox/boxtest"
	boxsync "mbox/modules/sync"
)

// claimCounts is what a box has counted of claims, by way and result, and how long they took in all by way, as samples.
func claimCounts(t *testing.T, b *boxtest.Box) (counts map[string]float64, timed map[string]uint64, series int) {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(b.Sync.Collector()); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counts, timed = map[string]float64{}, map[string]uint64{}
	for _, f := range families {
		for _, m := range f.Metric {
			switch f.GetName() {
			case "mbox_sync_claims_total":
				series++
				if v := m.GetCounter().GetValue(); v > 0 {
					counts[labelOf(m, "way")+" "+labelOf(m, "result")] = v
				}
			case "mbox_sync_claim_duration_seconds":
				if n := m.GetHistogram().GetSampleCount(); n > 0 {
					timed[labelOf(m, "way")] = n
				}
			}
		}
	}
	return counts, timed, series
}

func labelOf(m *dto.Metric, name string) string {
	for _, l := range m.Label {
		if l.GetName() == name {
			return l.GetValue()
		}
	}
	return ""
}

// Whatever becomes of a claim is counted at each box that had to do with it, once, and under no other series than those that
// are there from the start.
func TestClaimsAreCounted(t *testing.T) {
	lan := boxtest.NewLAN(t)
	centre, one, two := lan.Box("centre"), lan.Box("one"), lan.Box("two")
	one.Follow(centre, "send vouchers", "accept vouchers")
	two.Follow(centre, "send vouchers", "accept vouchers")
	_, _, before := claimCounts(t, centre)
	code, second := issue(t, two, "B", 1), issue(t, two, "C", 1)
	boxtest.Eventually(t, "the vouchers are at the other branch", func() bool {
		_, _, err := one.DB.Voucher(second)
		return err == nil && one.Sync.InContact(two.DB.ID()) && centre.Sync.InContact(two.DB.ID())
	})
	owner := two.DB.ID()
	claim := func(b *boxtest.Box, code string, guest int) {
		_, _ = b.Sync.Claim(t.Context(), owner, code, device(guest))
	}
	claim(two, code, 1)
	claim(one, code, 1) // comes again
	claim(one, code, 2)
	claim(one, "CODEWRONG", 3)
	two.Shutdown()
	boxtest.Eventually(t, "the centre has noticed", func() bool { return !centre.Sync.InContact(owner) })
	claim(one, second, 1)
	one.Partition.Store(int32(boxsync.Allow))
	claim(one, second, 1)
	for _, c := range []struct {
		box    *boxtest.Box
		counts map[string]float64
	}{
		{one, map[string]float64{"asked granted": 1, "asked used-up": 1, "asked not-found": 1, "asked unreachable": 2, "anyhow granted": 1}},
		{centre, map[string]float64{"passed granted": 1, "passed used-up": 1, "passed not-found": 1, "passed unreachable": 2}},
	} {
		got, timed, series := claimCounts(t, c.box)
		if fmt.Sprint(got) != fmt.Sprint(c.counts) {
			t.Errorf("%s has counted %v, want %v", c.box.Name, got, c.counts)
		}
		sums := map[string]uint64{}
		for name, n := range c.counts {
			var w, result string
			fmt.Sscan(name, &w, &result)
			sums[w] += uint64(n)
		}
		if fmt.Sprint(timed) != fmt.Sprint(sums) {
			t.Errorf("%s has timed %v, want %v", c.box.Name, timed, sums)
		}
		if series != before {
			t.Errorf("%s has %d series, and %d at first", c.box.Name, series, before)
		}
	}
	two.Start()
}
