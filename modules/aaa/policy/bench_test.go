package policy

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"mbox/hotspotdb"
)

// crowd adds accounts as an import does.
func (w *world) crowd(n int) {
	w.t.Helper()
	for from := 0; from < n; from += 2000 {
		w.update(func(tx *hotspotdb.Tx) error {
			for i := from; i < min(from+2000, n); i++ {
				a := hotspotdb.Account{Username: fmt.Sprintf("user%06d", i), Profiles: []string{"guest"}}
				if _, err := tx.AddAccount(a, "wonderland", "test"); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// cpu reports the processor time of an operation, what goes on in the background included: other work on the machine does not
// show in it.
func cpu(b *testing.B) func() {
	used := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before := used()
	return func() { b.ReportMetric(float64(used()-before)/float64(b.N), "cpu-ns/op") }
}

// BenchmarkLogin is what a login costs with 100,000 accounts, each of which logs in in turn.
func BenchmarkLogin(b *testing.B) {
	w := newWorld(b)
	w.profile("guest", "Session-Timeout", "3600", "WISPr-Bandwidth-Max-Down", "5000", "Idle-Timeout", "600")
	const n = 100_000
	w.crowd(n)
	for name, proof := range map[string]func(name string) Proof{
		"PAP":   func(string) Proof { return PAP{"wonderland"} },
		"CHAP":  func(string) Proof { return chap("wonderland") },
		"wrong": func(string) Proof { return PAP{"x"} },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			defer cpu(b)()
			for i := 0; b.Loop(); i++ {
				user := fmt.Sprintf("user%06d", i*7919%n)
				d, err := w.p.Login(b.Context(), Login{Username: user, Proof: proof(user), NAS: ap, Hotspot: lobby})
				if err != nil || d.Accept != (name != "wrong") {
					b.Fatal(d, err)
				}
			}
		})
	}
}

// BenchmarkLoginLimited is a login with everything that there is to look up: two profiles, quotas of traffic and time, hours, and other
// sessions.
func BenchmarkLoginLimited(b *testing.B) {
	w := newWorld(b)
	w.profile("guest", "CS-Total-MB-Daily", "1000", "CS-Total-MB-Monthly", "10000", "Max-Daily-Session", "36000", "Simultaneous-Use", "3")
	w.profile("hours", "Login-Time", "Wk0600-2200,Sa,Su", "Allowed-Hotspots", "pool,lobby")
	alice := w.user("alice", func(a *hotspotdb.Account) { a.Profiles = []string{"guest", "hours"} })
	for i := range 30 {
		w.set(noon.AddDate(0, 0, i-30))
		w.used(alice.ID, 10*mb, 600)
	}
	w.set(noon)
	w.session(alice.ID, laptop)
	b.ReportAllocs()
	defer cpu(b)()
	for b.Loop() {
		if d := w.pap("alice", "wonderland"); !d.Accept {
			b.Fatal(d)
		}
	}
}

// BenchmarkHash is what a login costs while passwords are hashed.
func BenchmarkHash(b *testing.B) {
	b.ReportAllocs()
	defer cpu(b)()
	for b.Loop() {
		nobodys.Verify("wonderland")
	}
}
