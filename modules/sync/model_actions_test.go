package sync_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pgregory.net/rapid"

	"mbox/boxtest"
	"mbox/hotspotdb"
)

// action is something that happens to a box. Its weight is how often it is drawn; disk: it replaces the box's disk.
type action struct {
	name   string
	weight int
	disk   bool
	do     func(*model, *boxtest.Box)
}

var actions = []action{
	{"put a profile", 4, false, (*model).putProfile},
	{"delete a profile", 2, false, (*model).deleteProfile},
	{"add an account", 3, false, (*model).addAccount},
	{"edit an account", 3, false, (*model).editAccount},
	{"a guest edits himself", 3, false, (*model).editSelf},
	{"delete an account", 2, false, (*model).deleteAccount},
	{"begin a session", 2, false, (*model).beginSession},
	{"count a session", 4, false, (*model).countSession},
	{"create a batch", 3, false, (*model).createBatch},
	{"edit a batch", 2, false, (*model).editBatch},
	{"redeem a voucher", 12, false, (*model).redeem},
	{"disable a voucher, or enable it", 1, false, (*model).disableVoucher},
	{"delete a batch", 1, false, (*model).deleteBatch},
	{"buy quota", 2, false, (*model).buyQuota},
	{"cut the power", 2, false, (*model).cutPower},
	{"pull a cable", 3, false, (*model).pull},
	{"plug a cable", 2, false, (*model).plugOne},
	{"set a clock", 1, false, (*model).setClock},
	{"pause", 1, false, (*model).pause},
	{"wait", 9, false, (*model).wait},
	{"heal", 2, false, func(m *model, _ *boxtest.Box) { m.heal() }},
	{"back up", 1, true, (*model).backUp},
	{"restore", 3, true, (*model).restore},
	{"replace the disk", 1, true, (*model).wipe},
}

var bg = context.Background()

func (m *model) step() {
	total := 0
	for _, a := range actions {
		total += a.weight
	}
	at := rapid.IntRange(0, total-1).Draw(m.rt, "action")
	box := m.boxes[rapid.IntRange(0, len(m.boxes)-1).Draw(m.rt, "box")]
	for _, a := range actions {
		if at -= a.weight; at >= 0 {
			continue
		}
		if a.disk && !m.whole {
			return
		}
		m.did.actions++
		m.rt.Logf("%s: %s", box.Name, a.name)
		a.do(m, box)
		return
	}
}

// write runs a transaction on a box and notes, once it is confirmed, what it made of each record; then it calls done.
func (m *model) write(box *boxtest.Box, change func(*hotspotdb.Tx, *notes) error, done ...func()) {
	m.rt.Helper()
	n := &notes{}
	err := box.DB.Update(bg, func(tx *hotspotdb.Tx) error {
		n.reset(tx)
		if err := change(tx, n); err != nil {
			return err
		}
		return n.after()
	})
	switch {
	case errors.Is(err, hotspotdb.ErrNotFound), errors.Is(err, hotspotdb.ErrExists):
		return // the box does not know better
	case err != nil:
		m.rt.Fatalf("%s: write: %v", box.Name, err)
	}
	m.did.writes++
	m.truth.confirm(box, n)
	for _, fn := range done {
		fn()
	}
}

var profileNames = []string{"gold", "silver", "bronze"}

// guests are few, so that boxes take the same name and edit the same account.
var guests = []string{"ann", "bob", "eve"}

func (m *model) pick(names []string) string {
	return names[rapid.IntRange(0, len(names)-1).Draw(m.rt, "name")]
}

func (m *model) next(prefix string) string {
	m.count++
	return fmt.Sprint(prefix, m.count)
}

func (m *model) putProfile(box *boxtest.Box) {
	name := m.pick(profileNames)
	m.write(box, func(tx *hotspotdb.Tx, n *notes) error {
		n.before(hotspotdb.Profiles, hotspotdb.ProfileKey(name))
		return tx.PutProfile(hotspotdb.Profile{Name: name, Description: m.next("v")}, "model")
	})
}

func (m *model) deleteProfile(box *boxtest.Box) {
	name := m.pick(profileNames)
	m.write(box, func(tx *hotspotdb.Tx, n *notes) error {
		n.before(hotspotdb.Profiles, hotspotdb.ProfileKey(name))
		return tx.DeleteProfile(name, "model")
	})
}

func (m *model) addAccount(box *boxtest.Box) {
	name := m.pick(guests)
	m.write(box, func(tx *hotspotdb.Tx, n *notes) error {
		a, err := tx.AddAccount(hotspotdb.Account{Username: name, Info: map[string]string{"company": m.next("c")}}, "guestpass", "model")
		if err == nil {
			n.fresh(hotspotdb.Users, hotspotdb.AccessKey(a.ID), hotspotdb.SelfKey(a.ID))
		}
		return err
	})
}

// account changes one that the box knows under a plain name.
func (m *model) account(box *boxtest.Box, change func(tx *hotspotdb.Tx, name string) error) {
	name := m.pick(guests)
	m.write(box, func(tx *hotspotdb.Tx, n *notes) error {
		a, err := tx.Account(name)
		if err != nil {
			return err
		}
		n.before(hotspotdb.Users, hotspotdb.AccessKey(a.ID), hotspotdb.SelfKey(a.ID))
		return change(tx, name)
	})
}

func (m *model) editAccount(box *boxtest.Box) {
	m.account(box, func(tx *hotspotdb.Tx, name string) error {
		_, err := tx.EditAccount(name, "model", func(e *hotspotdb.AccountEdit) error {
			e.Disabled, e.Profiles = !e.Disabled, []string{m.next("p")}
			return nil
		})
		return err
	})
}

func (m *model) editSelf(box *boxtest.Box) {
	m.account(box, func(tx *hotspotdb.Tx, name string) error {
		_, err := tx.EditAccount(name, "guest", func(e *hotspotdb.AccountEdit) error {
			e.Info["email"] = m.next("mail")
			return nil
		})
		return err
	})
}

func (m *model) deleteAccount(box *boxtest.Box) {
	m.account(box, func(tx *hotspotdb.Tx, name string) error { return tx.DeleteAccount(name, "model") })
}

// session is what a NAS counts: absolute octets that only grow.
type session struct {
	box     *boxtest.Box
	origin  hotspotdb.DatabaseID // the database of the box when it began
	id      uint64
	account uint64
	octets  uint64
}

func (m *model) beginSession(box *boxtest.Box) {
	name := m.pick(guests)
	s := &session{box: box, origin: box.DB.ID()}
	m.write(box, func(tx *hotspotdb.Tx, n *notes) error {
		a, err := tx.Account(name)
		if err != nil {
			return err
		}
		began, err := tx.OpenSegment(hotspotdb.Segment{Account: a.ID, Username: name, AcctSessionID: m.next("S"), NAS: "10.0.0.5"})
		if err == nil {
			n.fresh(hotspotdb.Sessions, hotspotdb.SegmentKey(began.ID))
			s.id, s.account = began.ID, a.ID
		}
		return err
	})
	if s.id != 0 {
		m.sessions = append(m.sessions, s)
	}
}

// countSession reports what the NAS has counted, and sometimes the end. A box that has lost the session from its disk, and
// has not got it back yet, cannot.
func (m *model) countSession(box *boxtest.Box) {
	var own []*session
	for _, s := range m.sessions {
		if s.box == box && s.origin == box.DB.ID() {
			own = append(own, s)
		}
	}
	if len(own) == 0 {
		return
	}
	s := own[rapid.IntRange(0, len(own)-1).Draw(m.rt, "session")]
	s.octets += rapid.Uint64Range(1, 1000).Draw(m.rt, "octets")
	stop := rapid.IntRange(0, 4).Draw(m.rt, "stop") == 0
	m.write(box, func(tx *hotspotdb.Tx, n *notes) error {
		now := box.Now()
		n.before(hotspotdb.Sessions, hotspotdb.SegmentKey(s.id), hotspotdb.UsageKey(s.account, box.DB.ID(), now.UTC().Truncate(24*time.Hour).Unix()))
		return tx.UpdateSegment(s.id, func(seg *hotspotdb.Segment) error {
			seg.InputOctetsTo, seg.Updated = s.octets, now
			if stop && seg.Active() {
				seg.Stop = now
			}
			return nil
		})
	})
}
