package sync_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"mbox/boxtest"
	"mbox/hotspotdb"
	"mbox/hotspotdb/dbtest"
)

// TestMain fixes the seed of the model test unless one is given: what fails here fails for everybody.
func TestMain(m *testing.M) {
	flag.Parse()
	given := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
	for name, value := range map[string]string{"rapid.seed": "20260101", "rapid.checks": "40", "rapid.nofailfile": "true"} {
		if !given[name] {
			_ = flag.Set(name, value)
		}
	}
	os.Exit(m.Run())
}

// TestModel lets three to five boxes, connected in some way, live through random writes, deletions, power cuts, pulled
// cables, wrong clocks, restored backups and empty disks, and heals them: the cables are plugged in, time passes until all
// clocks agree, and on a box with another database than before `mbox sync recover` is typed. Nobody does anything else (G2), and then the
// boxes must satisfy model.complaints (G1, G3) and model.check (G1, G4).
func TestModel(t *testing.T) {
	var did totals
	rapid.Check(t, func(rt *rapid.T) {
		m := newModel(t, rt, &did)
		defer m.end()
		for range rapid.IntRange(10, 60).Draw(rt, "steps") {
			m.step()
		}
		m.heal()
		m.check()
	})
	t.Logf("%d actions, %d writes confirmed, %d power cuts, %d disks replaced, %d clocks set, %d heals, %d conflicts listed, %d versions gone with their disks, %d times changes outlived the disk of the box that had sent them, %d uses of vouchers granted, %d refused, %d times found overused",
		did.actions, did.writes, did.cuts, did.disks, did.clocks, did.heals, did.conflicts, did.lost, did.rehomed, did.granted, did.refused, did.overused)
}

// totals is what was done in all runs.
type totals struct{ actions, writes, cuts, disks, clocks, heals, conflicts, lost, rehomed, granted, refused, overused int }

type model struct {
	did    *totals
	t      *testing.T
	rt     *rapid.T
	boxes  []*boxtest.Box
	cables []*cable
	// whole: every dataset flows over every cable in both directions, or around a ring, so that all boxes end equal. Else
	// disks are not replaced: what comes back then is the business of tests of their own.
	whole    bool
	truth    *truth
	saved    map[*boxtest.Box]*dbtest.Disk
	wiped    map[*boxtest.Box]bool // they have another database than before, and have not recovered yet
	sessions []*session
	sold     *sold
	ahead    time.Duration // of all clocks, when they agree
	fastest  time.Duration
	count    int
}

// cable is a configured connection, which can be pulled. Datasets: down flow to the follower, up to the primary.
type cable struct {
	follower, primary *boxtest.Box
	options, allow    string
	down, up          []hotspotdb.Dataset
	pulled            bool
}

func newModel(t *testing.T, rt *rapid.T, did *totals) *model {
	m := &model{did: did, t: t, rt: rt, truth: newTruth(), sold: newSold(), saved: map[*boxtest.Box]*dbtest.Disk{}, wiped: map[*boxtest.Box]bool{}}
	shape := shapes[rapid.IntRange(0, len(shapes)-1).Draw(rt, "shape")]
	size := rapid.IntRange(shape.least, shape.most).Draw(rt, "boxes")
	rt.Logf("%d boxes, %s", size, shape.name)
	lan := boxtest.NewLAN(t)
	for i := range size {
		m.boxes = append(m.boxes, lan.BoxOn(string(rune('a'+i)), dbtest.NewDisk()))
	}
	m.whole = !shape.partial
	shape.connect(m)
	for _, w := range m.cables {
		w.follower.Follow(w.primary, w.options, w.allow)
	}
	for _, b := range m.boxes {
		m.backUp(b)
	}
	return m
}

func (m *model) end() {
	for _, b := range m.boxes {
		m.did.rehomed += strings.Count(b.Log.String(), "has forgotten changes")
	}
	for _, b := range m.boxes {
		b.Shutdown()
	}
}

// shape is a way to connect boxes. A box follows at most one other.
type shape struct {
	name        string
	least, most int
	partial     bool
	connect     func(*model)
}

var shapes = []shape{
	{"chain", 3, 5, false, func(m *model) {
		for i := range m.boxes[1:] {
			m.both(i+1, i)
		}
	}},
	{"star", 3, 5, false, func(m *model) {
		for i := range m.boxes[1:] {
			m.both(i+1, 0)
		}
	}},
	{"tree", 4, 5, false, func(m *model) {
		for i := range m.boxes[1:] {
			m.both(i+1, i/2)
		}
	}},
	{"pair that dials each other, with followers", 3, 5, false, func(m *model) {
		m.down(0, 1)
		m.down(1, 0)
		for i := 2; i < len(m.boxes); i++ {
			m.both(i, i%2)
		}
	}},
	{"pair that dials each other and sends, with a chain", 3, 4, false, func(m *model) {
		m.both(0, 1)
		m.both(1, 0)
		for i := 2; i < len(m.boxes); i++ {
			m.both(i, i-1)
		}
	}},
	{"ring", 3, 4, false, func(m *model) {
		for i := range m.boxes {
			m.down(i, (i+1)%len(m.boxes))
		}
	}},
	{"ring that sends", 3, 4, false, func(m *model) {
		for i := range m.boxes {
			m.both(i, (i+1)%len(m.boxes))
		}
	}},
	{"branches that return sessions", 3, 4, true, func(m *model) {
		for i := range m.boxes[1:] {
			m.some(i+1, 0, "datasets users profiles send sessions", "accept sessions", users, sessions)
		}
	}},
	{"branches that return guests and sessions, more offered than accepted", 3, 4, true, func(m *model) {
		for i := range m.boxes[1:] {
			m.some(i+1, 0, "datasets users profiles sessions send all", "datasets users profiles accept users sessions", users, append(sessions, hotspotdb.Users))
		}
	}},
	{"branches of a box with a standby", 3, 5, true, func(m *model) {
		m.both(1, 0)
		for i := 2; i < len(m.boxes); i++ {
			m.some(i, 1, "datasets users profiles send users sessions", "accept all", users, append(sessions, hotspotdb.Users))
		}
	}},
}

var (
	users    = []hotspotdb.Dataset{hotspotdb.Profiles, hotspotdb.Users}
	sessions = []hotspotdb.Dataset{hotspotdb.Sessions}
)

func (m *model) both(follower, primary int) {
	m.some(follower, primary, "send all", "accept all", hotspotdb.Datasets(), hotspotdb.Datasets())
}

func (m *model) down(follower, primary int) {
	m.some(follower, primary, "", "", hotspotdb.Datasets(), nil)
}

func (m *model) some(follower, primary int, options, allow string, down, up []hotspotdb.Dataset) {
	m.cables = append(m.cables, &cable{m.boxes[follower], m.boxes[primary], options, allow, down, up, false})
}

// reach lists the boxes whose changes of a dataset come to a box, itself included.
func (m *model) reach(ds hotspotdb.Dataset, to *boxtest.Box) map[*boxtest.Box]bool {
	found := map[*boxtest.Box]bool{to: true}
	for grown := true; grown; {
		grown = false
		for _, w := range m.cables {
			for _, edge := range []struct {
				from, to *boxtest.Box
				flows    []hotspotdb.Dataset
			}{{w.primary, w.follower, w.down}, {w.follower, w.primary, w.up}} {
				if found[edge.to] && !found[edge.from] && contains(edge.flows, ds) {
					found[edge.from], grown = true, true
				}
			}
		}
	}
	return found
}

func contains(list []hotspotdb.Dataset, ds hotspotdb.Dataset) bool {
	for _, one := range list {
		if one == ds {
			return true
		}
	}
	return false
}

func (m *model) String() string {
	out := ""
	for _, b := range m.boxes {
		out += fmt.Sprintf("%s: %s\n", b.Name, b.Digest(hotspotdb.Datasets()...))
	}
	return out
}
