package sync_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"testing"

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
	for name, value := range map[string]string{"rapid.seed": "20260101", "rapid.checks": "60", "rapid.nofailfile": "true"} {
		if !given[name] {
			_ = flag.Set(name, value)
		}
	}
	os.Exit(m.Run())
}

// TestModel lets three boxes live through random writes, deletions, power cuts, broken links and restored disks, and heals
// them. Then all three hold the same (G3); what was confirmed is there, in the version with the greatest stamp (G1, G4); and
// nobody had to do anything but plug the cable in (G2).
func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := newModel(t, rt)
		defer m.end()
		steps := rapid.IntRange(5, 40).Draw(rt, "steps")
		for range steps {
			m.step()
		}
		m.heal()
		m.check()
	})
}

type model struct {
	t     *testing.T
	rt    *rapid.T
	boxes []*boxtest.Box
	links []*cable
	// What was confirmed: the greatest stamp of each profile, with its content; deletions have none.
	confirmed map[string]version
	accounts  map[string]bool
	saved     map[*boxtest.Box]*dbtest.Disk
	count     int
}

type version struct {
	stamp   hotspotdb.Stamp
	content string
	deleted bool
}

// cable is a configured connection, which can be pulled.
type cable struct {
	follower, primary *boxtest.Box
	options, allow    string
	pulled            bool
}

func newModel(t *testing.T, rt *rapid.T) *model {
	lan := boxtest.NewLAN(t)
	m := &model{t: t, rt: rt, confirmed: map[string]version{}, accounts: map[string]bool{}, saved: map[*boxtest.Box]*dbtest.Disk{}}
	for _, name := range []string{"a", "b", "c"} {
		m.boxes = append(m.boxes, lan.BoxOn(name, dbtest.NewDisk()))
	}
	a, b, c := m.boxes[0], m.boxes[1], m.boxes[2]
	both := func(follower, primary *boxtest.Box) *cable {
		return &cable{follower: follower, primary: primary, options: "send all", allow: "accept all"}
	}
	switch rapid.SampledFrom([]string{"chain", "star", "mutual"}).Draw(rt, "topology") {
	case "chain":
		m.links = []*cable{both(b, a), both(c, b)}
	case "star":
		m.links = []*cable{both(b, a), both(c, a)}
	case "mutual":
		m.links = []*cable{{follower: a, primary: b}, {follower: b, primary: a}, both(c, b)}
	}
	for _, l := range m.links {
		l.follower.Follow(l.primary, l.options, l.allow)
	}
	return m
}

func (m *model) end() {
	for _, b := range m.boxes {
		b.Shutdown()
	}
}

func (m *model) step() {
	box := m.boxes[rapid.IntRange(0, len(m.boxes)-1).Draw(m.rt, "box")]
	switch rapid.SampledFrom([]string{"put", "put", "put", "delete", "account", "account", "crash", "cut", "cut", "plug", "save", "restore"}).Draw(m.rt, "action") {
	case "put":
		m.put(box)
	case "delete":
		m.delete(box)
	case "account":
		m.count++
		name := fmt.Sprintf("guest%d", m.count)
		box.Add(name, 1)
		m.accounts[name+"0"] = true
	case "crash":
		box.Crash(rapid.IntRange(0, 100).Draw(m.rt, "unsynced"), rapid.Uint64().Draw(m.rt, "seed"))
	case "cut":
		l := m.link()
		if !l.pulled {
			l.pulled = true
			l.follower.Must("no mbox sync primary " + l.primary.Addr.String())
		}
	case "plug":
		m.plug(m.link())
	case "save":
		m.heal() // what a backup holds, others hold too: restoring it must not lose anything
		m.saved[box] = box.Disk.Crash(100, 1)
	case "restore":
		m.restore(box)
	}
}

func (m *model) link() *cable { return m.links[rapid.IntRange(0, len(m.links)-1).Draw(m.rt, "link")] }

// restore puts an old disk back, after the others have seen everything that would be lost with the new one.
func (m *model) restore(box *boxtest.Box) {
	old := m.saved[box]
	if old == nil {
		return
	}
	m.heal()
	delete(m.saved, box)
	box.Shutdown()
	box.Disk = old
	box.Start()
}

var profileNames = []string{"gold", "silver", "bronze"}

func (m *model) put(box *boxtest.Box) {
	m.count++
	name, content := rapid.SampledFrom(profileNames).Draw(m.rt, "profile"), fmt.Sprintf("v%d", m.count)
	m.write(box, name, version{content: content}, func(tx *hotspotdb.Tx) error {
		return tx.PutProfile(hotspotdb.Profile{Name: name, Description: content}, "model")
	})
}

func (m *model) delete(box *boxtest.Box) {
	name := rapid.SampledFrom(profileNames).Draw(m.rt, "profile")
	m.write(box, name, version{deleted: true}, func(tx *hotspotdb.Tx) error {
		err := tx.DeleteProfile(name, "model")
		if errors.Is(err, hotspotdb.ErrNotFound) {
			return errNothing
		}
		return err
	})
}

var errNothing = errors.New("nothing to delete")

func (m *model) write(box *boxtest.Box, name string, v version, change func(*hotspotdb.Tx) error) {
	m.t.Helper()
	err := box.DB.Update(context.Background(), func(tx *hotspotdb.Tx) error {
		if err := change(tx); err != nil {
			return err
		}
		c, err := tx.Get(hotspotdb.Profiles, hotspotdb.ProfileKey(name))
		v.stamp = c.Stamp
		return err
	})
	if errors.Is(err, errNothing) {
		return
	}
	if err != nil {
		m.t.Fatalf("%s: write %s: %v", box.Name, name, err)
	}
	if old, ok := m.confirmed[name]; !ok || v.stamp.Compare(old.stamp) > 0 {
		m.confirmed[name] = v
	}
}

func (m *model) plug(l *cable) {
	if l.pulled {
		l.pulled = false
		l.follower.Must(l.follower.FollowLine(l.primary, l.options))
	}
}

func (m *model) heal() {
	m.t.Helper()
	for _, l := range m.links {
		m.plug(l)
	}
	defer func() {
		if m.rt.Failed() {
			for _, b := range m.boxes {
				m.rt.Logf("%s: %s\n%s", b.Name, b.Digest(hotspotdb.Datasets()...), b.Log)
			}
		}
	}()
	boxtest.Eventually(m.rt, "all boxes are equal", func() bool {
		want := m.boxes[0].Digest(hotspotdb.Datasets()...)
		return !slices.ContainsFunc(m.boxes, func(b *boxtest.Box) bool { return b.Digest(hotspotdb.Datasets()...) != want })
	})
}

func (m *model) check() {
	m.t.Helper()
	for _, b := range m.boxes {
		for name := range m.accounts {
			if _, err := b.DB.Account(name); err != nil {
				m.rt.Errorf("%s: confirmed account %s: %v", b.Name, name, err)
			}
		}
		for name, want := range m.confirmed {
			p, err := b.DB.Profile(name)
			switch {
			case want.deleted && !errors.Is(err, hotspotdb.ErrNotFound):
				m.rt.Errorf("%s: deleted profile %s is %q, %v", b.Name, name, p.Description, err)
			case !want.deleted && (err != nil || p.Description != want.content):
				m.rt.Errorf("%s: profile %s is %q, %v; want %q", b.Name, name, p.Description, err, want.content)
			}
		}
	}
}
