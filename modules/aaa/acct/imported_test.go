package acct

import (
	"net/netip"
	"testing"
	"time"

	"mbox/hotspotdb"
)

// bring imports a session of account 7 that was open at another server, which last heard of it ago: 1000 octets in 600 s.
func (b *box) bring(nas string, ago time.Duration) {
	b.t.Helper()
	heard := b.clock.now().Add(-ago)
	err := b.db.Update(b.t.(*testing.T).Context(), func(tx *hotspotdb.Tx) error {
		_, err := tx.AddPastSegment(hotspotdb.Segment{
			Username: "02-00-00-00-00-01", Account: 7, NAS: nas, AcctSessionID: "s2", MultiSessionID: "f00d", Number: 1, TerminateCause: causeLost,
			Start: heard.Add(-10 * time.Minute), Stop: heard, InputOctetsTo: 1000, OutputOctetsTo: 2000, SessionTimeTo: 600,
		})
		return err
	})
	if err != nil {
		b.t.Fatalf("import: %v", err)
	}
}

// from is where a report of the imported session comes from, whose account is known by another form of its name.
func (r Request) from(source, nas string) Request {
	r.SessionID, r.Username, r.MAC = "s2", "020000000001", ""
	r.Source, _ = netip.ParseAddr(source)
	r.NASAddress, _ = netip.ParseAddr(nas)
	return r
}

// timeless is of a NAS that sends no session time.
func timeless(r Request) Request { r.HasSessionTime = false; return r }

// A guest who is online while his access point changes from another server to this box: what he used until then was imported, and
// counts once.
func TestSessionGoesOnFromWhatWasImported(t *testing.T) {
	for _, c := range []struct {
		name  string
		nas   string        // as the other server calls it
		ago   time.Duration // that server heard of it
		first Request
		want  string
		input uint64
	}{
		{"the client's address", "10.0.0.5", time.Minute, at(InterimUpdate, "", 660, 1500, 2500).from("10.0.0.5", ""), "1000/600s Lost-Service, 500/60s -", 1500},
		{"behind address translation", "192.168.88.1", time.Minute, at(InterimUpdate, "", 660, 1500, 2500).from("203.0.113.9", "192.168.88.1"),
			"1000/600s Lost-Service, 500/60s -", 1500},
		{"by the same name", "ap1", time.Minute, at(InterimUpdate, "", 660, 1500, 2500).from("10.0.0.5", ""), "1000/600s Lost-Service, 500/60s -", 1500},
		{"the other server's clock is slow", "10.0.0.5", 18 * time.Minute, at(InterimUpdate, "", 660, 1500, 2500).late(0).from("10.0.0.5", ""),
			"1000/600s Lost-Service, 500/60s -", 1500},
		{"its end", "10.0.0.5", time.Hour, at(Stop, "", 4200, 1500, 2500).from("10.0.0.5", "").because("User-Request"), "1000/600s Lost-Service, 500/3600s User-Request", 1500},
		{"nothing was used since", "10.0.0.5", time.Minute, at(InterimUpdate, "", 600, 1000, 2000).from("10.0.0.5", ""), "1000/600s Lost-Service", 1000},
		{"counters of 32 bits", "10.0.0.5", time.Minute, at(InterimUpdate, "", 660, 0, 0).narrow(1500, 2500).from("10.0.0.5", ""), "1000/600s Lost-Service, 500/60s -", 1500},
		{"no session time", "10.0.0.5", time.Minute, timeless(at(InterimUpdate, "", 0, 1500, 2500).from("10.0.0.5", "")), "", 1500},
		{"a session that has just begun", "10.0.0.5", time.Hour, at(InterimUpdate, "", 660, 1500, 2500).from("10.0.0.5", ""), "1000/600s Lost-Service, 1500/660s -", 2500},
		{"counters that began anew", "10.0.0.5", time.Minute, at(InterimUpdate, "", 30, 70, 5).from("10.0.0.5", ""), "1000/600s Lost-Service, 70/30s -", 1070},
		{"a Start", "10.0.0.5", time.Minute, at(Start, "", 0, 0, 0).from("10.0.0.5", ""), "1000/600s Lost-Service, 0/0s -", 1000},
		{"of another NAS", "10.0.0.6", time.Minute, at(InterimUpdate, "", 660, 1500, 2500).from("10.0.0.5", ""), "", 2500},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newTestBox(t)
			b.bring(c.nas, c.ago)
			b.report(c.first)
			if got := shape(b.segments()); got != c.want && c.want != "" {
				t.Errorf("sessions %s\nexpected %s", got, c.want)
			}
			if got := b.usage(7).InputOctets; got != c.input {
				t.Errorf("%d octets, expected %d", got, c.input)
			}
		})
	}
}

// It goes on like any other from then on: under the name that its NAS has here, once, also after a restart and at another box.
func TestImportedSessionGoesOn(t *testing.T) {
	a, b := newPair(t)
	a.bring("10.0.0.5", time.Minute)
	a.send(b)
	a.restart(time.Second)
	a.report(at(InterimUpdate, "", 660, 1500, 2500).from("10.0.0.5", ""))
	a.report(at(InterimUpdate, "", 660, 1500, 2500).from("10.0.0.5", ""))
	if live := a.db.ActiveOf(7); len(live) != 1 || live[0].NAS != "ap1" || live[0].Number != 2 || live[0].MultiSessionID != "f00d" {
		t.Errorf("%+v go on", live)
	}
	b.clock.add(time.Minute)
	b.report(at(InterimUpdate, "", 720, 1600, 2500).from("10.0.0.5", "")) // without having heard of the first
	expectUsage(t, 1600, b)
	meet(a, b)
	expectUsage(t, 1600, a, b)
	// What has gone on, and is over, does not begin anew when its NAS uses the id again.
	b.report(at(Stop, "", 730, 1700, 2500).from("10.0.0.5", ""))
	b.clock.add(18 * time.Minute)
	b.report(at(InterimUpdate, "", 700, 5000, 2500).from("10.0.0.5", ""))
	meet(a, b)
	expectUsage(t, 6700, a, b)
}

// Nothing of somebody else's session is taken over, nor of one that its NAS has lost since.
func TestImportedSessionsOfOthers(t *testing.T) {
	b := newTestBox(t)
	b.bring("10.0.0.5", time.Minute)
	other := at(InterimUpdate, "", 660, 1500, 2500).from("10.0.0.5", "")
	other.Account = 8
	b.report(other)
	if u := b.usage(8); u.InputOctets != 1500 {
		t.Errorf("another guest used %d octets", u.InputOctets)
	}
	b = newTestBox(t)
	b.bring("10.0.0.5", time.Minute)
	b.report(Request{Status: AccountingOn, NAS: "ap1"})
	b.clock.add(15 * time.Minute)
	b.report(at(InterimUpdate, "", 800, 1500, 2500).from("10.0.0.5", ""))
	if u := b.usage(7); u.InputOctets != 2500 {
		t.Errorf("%d octets after the NAS began anew", u.InputOctets)
	}
}
