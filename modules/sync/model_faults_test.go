package sync_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"mbox/boxtest"
	"mbox/hotspotdb"
	"mbox/hotspotdb/dbtest"
)

func (m *model) cutPower(box *boxtest.Box) {
	m.did.cuts++
	box.Crash(rapid.IntRange(0, 100).Draw(m.rt, "unsynced"), rapid.Uint64().Draw(m.rt, "seed"))
}

func (m *model) cable() *cable {
	return m.cables[rapid.IntRange(0, len(m.cables)-1).Draw(m.rt, "cable")]
}

func (m *model) pull(*boxtest.Box) {
	if w := m.cable(); !w.pulled {
		w.pulled = true
		w.follower.Must("no mbox sync primary " + w.primary.Addr.String())
	}
}

func (m *model) plugOne(*boxtest.Box) { m.plug(m.cable()) }

func (m *model) plug(w *cable) {
	if w.pulled {
		w.pulled = false
		w.follower.Must(w.follower.FollowLine(w.primary, w.options))
	}
}

// setClock makes a box's clock wrong by up to some hours. The next heal sets all clocks to the fastest.
func (m *model) setClock(box *boxtest.Box) {
	minutes := rapid.IntRange(-300, 300).Draw(m.rt, "minutes")
	off := m.ahead + time.Duration(minutes)*time.Minute
	m.did.clocks++
	m.fastest = max(m.fastest, off)
	box.Ahead.Store(int64(off))
}

func (m *model) pause(box *boxtest.Box) {
	if _, err := box.Exec("mbox sync pause"); err != nil && !strings.Contains(err.Error(), "paused already") {
		m.rt.Fatalf("%s: pause: %v", box.Name, err)
	}
}

// wait lets changes of a box arrive somewhere, if they can.
func (m *model) wait(box *boxtest.Box) {
	const patience = 300 * time.Millisecond
	limit := time.NewTimer(patience)
	defer limit.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !m.arrived(box) {
		select {
		case <-tick.C:
		case <-limit.C:
			return
		}
	}
}

// arrived says whether a neighbour holds the same as a box.
func (m *model) arrived(box *boxtest.Box) bool {
	for _, w := range m.cables {
		if !w.pulled && (w.follower == box || w.primary == box) && w.follower.Digest(w.down...) == w.primary.Digest(w.down...) {
			return true
		}
	}
	return false
}

func (m *model) backUp(box *boxtest.Box) { m.saved[box] = box.Disk.Crash(100, 1) }

// restore puts the last backup back. It stays good for another time.
func (m *model) restore(box *boxtest.Box) { m.replaceDisk(box, m.saved[box].Crash(100, 1)) }

func (m *model) wipe(box *boxtest.Box) { m.replaceDisk(box, dbtest.NewDisk()) }

// replaceDisk starts a box on another disk. What neither that disk nor any other box holds may be lost from then on. If there is
// another database on it, what the box has made since is with its followers only: the status says to take it back.
func (m *model) replaceDisk(box *boxtest.Box, disk *dbtest.Disk) {
	m.rt.Helper()
	m.did.disks++
	was := box.DB.ID()
	defer func() { m.wiped[box] = m.wiped[box] || box.DB.ID() != was }()
	m.listConflicts()
	m.truth.replaced[box.DB.ID()] = true
	box.Shutdown()
	box.Disk = disk
	box.Start()
	for _, b := range m.boxes { // what a box holds in memory only would not survive its own power cut
		view := b.DB.View()
		seq := view.Seq
		view.Close()
		if seq == 0 {
			continue
		}
		if _, err := b.DB.Wait(bg, seq-1); err != nil {
			m.rt.Fatalf("%s: wait for the disk: %v", b.Name, err)
		}
	}
	m.truth.forget(m.boxes)
}

// heal plugs all cables in, lets time pass until all clocks agree, and waits until the boxes have settled.
func (m *model) heal() {
	m.rt.Helper()
	m.did.heals++
	m.ahead = m.fastest
	for _, b := range m.boxes {
		b.Ahead.Store(int64(m.ahead))
		if _, err := b.Exec("mbox sync resume"); err != nil && !strings.Contains(err.Error(), "not paused") {
			m.rt.Fatalf("%s: resume: %v", b.Name, err)
		}
	}
	for _, w := range m.cables {
		m.plug(w)
	}
	m.recover()
	var last []string
	defer func() {
		if m.rt.Failed() {
			m.rt.Logf("%s\n%s", strings.Join(last, "\n"), m)
			for _, b := range m.boxes {
				m.rt.Logf("%s\n%s", b.Name, b.Log)
			}
		}
	}()
	boxtest.Eventually(m.rt, "all boxes hold what they should", func() bool {
		last = m.complaints()
		return len(last) == 0
	})
}

// recover types what an operator types on a box that has an empty disk: its followers return what others made.
func (m *model) recover() {
	for _, box := range m.boxes {
		if !m.wiped[box] {
			continue
		}
		delete(m.wiped, box)
		for _, w := range m.cables {
			if w.primary != box {
				continue
			}
			boxtest.Eventually(m.rt, "the follower is known", func() bool {
				_, err := box.Exec("mbox sync recover from " + w.follower.Name)
				return err == nil
			})
		}
	}
}

// complaints says what is not as it should be, now that everything has been healed.
func (m *model) complaints() (out []string) {
	for _, ds := range hotspotdb.Datasets() {
		for _, b := range m.boxes {
			from := m.reach(ds, b)
			if c := m.truth.missing(ds, b, from); c != "" {
				out = append(out, c)
			}
			for _, other := range m.boxes {
				if other.Name < b.Name && from[other] && m.reach(ds, other)[b] && b.Digest(ds) != other.Digest(ds) {
					out = append(out, fmt.Sprintf("%s and %s hold different %s", other.Name, b.Name, ds))
				}
			}
		}
	}
	return out
}

func (m *model) listConflicts() {
	for _, b := range m.boxes {
		if err := m.truth.listConflicts(b); err != nil {
			m.rt.Fatalf("%s: %v", b.Name, err)
		}
	}
}

// check looks at what must be true of boxes that have settled.
func (m *model) check() {
	m.rt.Helper()
	m.listConflicts()
	complaints := m.truth.silentlyLost(m.boxes)
	m.did.conflicts += m.truth.conflicts
	m.did.lost += m.truth.gone()
	for _, b := range m.boxes {
		complaints = append(complaints, m.truth.unknown(b)...)
		complaints = append(complaints, m.truth.names(b)...)
		complaints = append(complaints, m.truth.usage(b, m.reach(hotspotdb.Sessions, b), m.sessions)...)
		complaints = append(complaints, m.soldWell(b)...)
	}
	slices.Sort(complaints)
	for _, c := range slices.Compact(complaints) {
		m.rt.Errorf("%s", c)
	}
}
