package sync

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"mbox/modules/sync/feed"
)

func TestReadiness(t *testing.T) {
	none, connected, done := awaited{name: "hq"}, awaited{name: "hq", connected: true}, awaited{name: "hq", connected: true, caughtUp: true}
	for name, tt := range map[string]struct {
		looks []awaited // one each ten seconds
		after int       // looks until it is ready; 0: it never is
		why   string
	}{
		"caught up at once":                           {[]awaited{done}, 1, "caught up"},
		"caught up later":                             {[]awaited{none, connected, connected, done}, 4, "caught up"},
		"no peer comes":                               {[]awaited{none, none, none, none, none, none, none}, 7, "in vain"},
		"catching up takes its time":                  {[]awaited{connected, connected, connected, connected, connected, connected, connected, connected}, 0, "catching up with hq"},
		"a peer that comes and goes":                  {[]awaited{none, connected, none, none, none, none, none, none}, 8, "in vain"},
		"not yet waited for long":                     {[]awaited{none, none}, 0, "waiting for hq, at most 50s"},
		"once ready, the loss of a peer is no matter": {[]awaited{done, none, none}, 1, "caught up"},
	} {
		t.Run(name, func(t *testing.T) {
			r, now, after := readiness{}, judged, 0
			for i, look := range tt.looks {
				r.step([]awaited{look}, now)
				now = now.Add(10 * time.Second)
				if r.ready && after == 0 {
					after = i + 1
				}
			}
			if after != tt.after || !strings.Contains(r.why, tt.why) {
				t.Errorf("ready after %d looks (want %d): %s", after, tt.after, r.why)
			}
		})
	}
	r := newWatcher().ready
	if r.step(nil, judged); r.ready || r.why != starting {
		t.Errorf("a box whose configuration may be just coming in: ready %t, %s", r.ready, r.why)
	}
	if r.step(nil, judged.Add(time.Second)); !r.ready || r.why != "there is no peer to wait for" {
		t.Errorf("a box without peers waits: %s", r.why)
	}
}

// A box waits for one of its primaries, and for the other box of a pair that dials it, but not for branches.
func TestWhoIsWaitedFor(t *testing.T) {
	c := config{allows: []allow{
		{prefix: netip.MustParsePrefix("10.0.0.2/32"), accept: allDatasets()},
		{prefix: netip.MustParsePrefix("10.1.0.0/16"), accept: allDatasets()},
		{prefix: netip.MustParsePrefix("10.0.0.9/32"), accept: []string{"sessions"}},
	}}
	if got := c.partners(); len(got) != 1 || got[0] != "10.0.0.2" {
		t.Fatalf("partners %v", got)
	}
	link := &feed.Link{}
	report := &feed.Report{Since: time.Now()}
	receives := []DatasetStatus{{Direction: "receive", started: true}}
	late := []DatasetStatus{{Direction: "receive", started: true, BehindSeconds: 30}}
	address := "10.0.0.2"
	list := waitFor([]PeerStatus{
		{Name: "one", Role: roleUpstream},
		{Name: "two", Role: roleUpstream, link: link, report: report, Datasets: receives},
		{Name: "mate", Role: roleDownstream, Address: &address, link: link, report: report, Datasets: late},
		{Name: "branch", Role: roleDownstream, Address: new(string), link: link, report: report, Datasets: late},
	}, c.partners())
	if len(list) != 2 || !list[0].caughtUp || list[1].caughtUp || !list[1].connected {
		t.Errorf("waits for %+v", list)
	}
	stale := PeerStatus{Role: roleUpstream, State: stateStale, link: link, report: report, Datasets: receives}
	if stale.caughtUp() {
		t.Error("a stale box counts as caught up")
	}
	nothing := PeerStatus{Role: roleUpstream, link: link, report: report}
	if nothing.caughtUp() {
		t.Error("a connection that has just begun counts as caught up")
	}
}
