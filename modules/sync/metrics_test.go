package sync

import (
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"mbox/modules/sync/feed"
)

// However many followers there are, and whatever they call themselves, the series are bounded, and the totals are right.
func TestSeriesAreBounded(t *testing.T) {
	var peers []PeerStatus
	zero, none, clock := 0.0, uint64(0), 0.0
	for i := range maxFollowers {
		box, late := fmt.Sprintf("%016d%048d", i/2, 0), float64(i) // each box twice: an old connection may not have ended yet
		peers = append(peers, PeerStatus{
			Name: "same", Role: roleDownstream, State: stateInSync, Box: &box, link: &feed.Link{}, key: downstreamKey(box),
			BehindChanges: &none, BehindSeconds: &late, ClockSeconds: &clock, Datasets: []DatasetStatus{{Direction: "send"}},
		})
	}
	peers = append(peers, PeerStatus{Name: "hq", Role: roleUpstream, State: stateConnect, BehindSeconds: &zero})
	c := (&Module{}).Collector().(*collector)
	ch := make(chan prometheus.Metric)
	go func() {
		scrape{c, ch}.followers(peers)
		close(ch)
	}()
	n, states, seen := 0, 0.0, map[string]bool{}
	for m := range ch {
		var out dto.Metric
		if err := m.Write(&out); err != nil {
			t.Fatal(err)
		}
		key := m.Desc().String() + fmt.Sprint(out.Label)
		if seen[key] {
			t.Fatalf("%s is there twice", key)
		}
		seen[key] = true
		n++
		if m.Desc() == c.descs["mbox_sync_followers"].desc {
			states += out.GetGauge().GetValue()
		}
		if m.Desc() == c.descs["mbox_sync_followers_behind_seconds_max"].desc && out.GetGauge().GetValue() != maxFollowers-1 {
			t.Errorf("the latest follower is %v s behind", out.GetGauge().GetValue())
		}
	}
	if most := 40 * (maxNamed + 1); n > most || n < 10*maxNamed/2 {
		t.Errorf("%d series for %d followers", n, maxFollowers)
	}
	if states != maxFollowers {
		t.Errorf("%v followers are counted", states)
	}
}
