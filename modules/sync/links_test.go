package sync_test

import (
	"crypto/rand"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"mbox/boxtest"
	"mbox/boxtest/wire"
	"mbox/hotspotdb"
	"mbox/hotspotdb/dbtest"
)

// linked makes a follower that reaches its primary over a wire, both sending everything.
func linked(t *testing.T) (primary, follower *boxtest.Box, w *wire.Wire) {
	t.Helper()
	lan := boxtest.NewLAN(t)
	primary, follower = lan.Box("primary"), lan.Box("follower")
	w = wire.New(t, primary.ListenAddr())
	followOver(primary, follower, w)
	return primary, follower, w
}

func followOver(primary, follower *boxtest.Box, w *wire.Wire) {
	primary.Must(fmt.Sprintf("mbox sync allow %s accept all", follower.Addr))
	follower.Must(fmt.Sprintf("mbox sync primary %s port %d username mboxadmin password %s send all", w.Addr().Addr(), w.Addr().Port(), boxtest.Password))
}

// notInSync waits until a box does not claim to be in sync any more.
func notInSync(t *testing.T, b *boxtest.Box, role string) {
	t.Helper()
	boxtest.Eventually(t, b.Name+" does not say in-sync", func() bool { return b.Status(role).State != "in-sync" })
}

// outage cuts a link in some way under writes on both sides, until both have noticed; afterwards they are equal by
// themselves, over another connection.
func outage(t *testing.T, begin func(*wire.Wire), noticed func(primary, follower *boxtest.Box)) {
	t.Helper()
	t.Parallel()
	primary, follower, w := linked(t)
	boxtest.InSync(primary, follower)
	before := w.Accepted()
	begin(w)
	primary.Add("p", 50)
	follower.Add("f", 50)
	noticed(primary, follower)
	w.Heal()
	boxtest.InSync(primary, follower)
	if primary.Users() != 100 || follower.Users() != 100 {
		t.Errorf("%d accounts on the primary, %d on the follower", primary.Users(), follower.Users())
	}
	if w.Accepted() == before {
		t.Error("the old connection went on")
	}
}

// A link that goes silent without a word is noticed by missing heartbeats on both sides.
func TestHalfOpenLinkIsNoticed(t *testing.T) {
	for name, how := range map[string]wire.Outage{"nothing is taken": wire.Holds, "everything is swallowed": wire.Swallows} {
		t.Run(name, func(t *testing.T) {
			outage(t, func(w *wire.Wire) { w.Partition(how) }, func(primary, follower *boxtest.Box) {
				notInSync(t, primary, "downstream")
				notInSync(t, follower, "upstream")
				boxtest.Eventually(t, "the primary has dropped the connection", func() bool {
					return primary.Status("downstream").State != "in-sync" && follower.Status("upstream").State != "in-sync" &&
						strings.Contains(follower.Log.String(), "heartbeat") || follower.Status("upstream").Code != nil
				})
			})
		})
	}
}

// A link that delivers in one direction only is no link: neither side goes on believing in it.
func TestOneWayPartition(t *testing.T) {
	for name, d := range map[string]wire.Direction{"up": wire.Up, "down": wire.Down} {
		t.Run(name, func(t *testing.T) {
			outage(t, func(w *wire.Wire) { w.Stall(d, wire.Holds) }, func(primary, follower *boxtest.Box) {
				notInSync(t, primary, "downstream")
				notInSync(t, follower, "upstream")
				boxtest.Eventually(t, "the follower has given the connection up", func() bool { return follower.Status("upstream").Code != nil })
			})
		})
	}
}

// A link that comes and goes under load loses nothing, and settles as soon as it stays.
func TestFlappingLink(t *testing.T) {
	t.Parallel()
	primary, follower, w := linked(t)
	boxtest.InSync(primary, follower)
	stop := w.Flap(400*time.Millisecond, 100*time.Millisecond)
	const n, chunk = 40, 25
	var writers sync.WaitGroup
	for _, b := range []*boxtest.Box{primary, follower} {
		writers.Go(func() {
			for i := range n {
				b.Add(fmt.Sprintf("%s%d-", b.Name, i), chunk)
			}
		})
	}
	writers.Wait()
	boxtest.Eventually(t, "the link was broken some times", func() bool { return w.Accepted() > 4 })
	stop()
	boxtest.InSync(primary, follower)
	if primary.Users() != 2*n*chunk || follower.Users() != 2*n*chunk {
		t.Errorf("%d and %d accounts", primary.Users(), follower.Users())
	}
}

// A satellite link in rain, 600 ms there and back, 1 Mbit/s, 5% of the segments lost, catches up and stays connected.
func TestSatelliteLink(t *testing.T) {
	t.Parallel()
	primary, follower, w := linked(t)
	boxtest.InSync(primary, follower)
	before := w.Accepted()
	w.Shape(wire.Satellite())
	primary.Add("p", 1000)
	follower.Add("f", 300)
	boxtest.Eventually(t, "the accounts have crossed", func() bool { return primary.Users() == 1300 && follower.Users() == 1300 })
	boxtest.InSync(primary, follower)
	if w.Accepted() != before {
		t.Errorf("the link was declared dead %d times", w.Accepted()-before)
	}
}

// A peer that takes nothing costs the primary no memory: what it lacks is read from the store when it takes it. So ending its
// connection frees next to nothing of what was written meanwhile.
func TestSlowReaderCostsNoMemory(t *testing.T) {
	primary, follower, w := linked(t)
	const accounts = 1000
	primary.Add("p", accounts)
	boxtest.InSync(primary, follower)
	w.Stall(wire.Down, wire.Holds)
	rewriting(t, primary, accounts)
	stalled := heap()
	if primary.Status("downstream").State == "none" {
		t.Fatal("the connection has ended before it was measured")
	}
	primary.Must(fmt.Sprintf("no mbox sync allow %s", follower.Addr))
	boxtest.Eventually(t, "the connection has ended", func() bool { return primary.Status("downstream").State == "none" })
	freed := stalled - heap()
	t.Logf("the connection held %d KiB", freed>>10)
	if freed > 8<<20 { // a window of 1 MiB and buffers; 24 MiB were written
		t.Errorf("a follower that takes nothing costs %d KiB", freed>>10)
	}
	primary.Must(fmt.Sprintf("mbox sync allow %s accept all", follower.Addr))
	w.Heal()
	boxtest.InSync(primary, follower)
}

// rewriting changes all accounts many times, 24 MiB altogether. The database stays as large as it is; a queue of changes
// would grow with each.
func rewriting(t *testing.T, b *boxtest.Box, accounts int) {
	t.Helper()
	const rounds, length = 16, 250
	for range rounds {
		err := b.DB.Update(t.Context(), func(tx *hotspotdb.Tx) error {
			for i := range accounts {
				text := strings.Repeat(rand.Text(), 10)[:length]
				if _, err := tx.EditAccount(fmt.Sprint("p", i), "test", func(e *hotspotdb.AccountEdit) error {
					for i, field := range hotspotdb.InfoFields[:6] {
						e.Info[field] = text[i:]
					}
					return nil
				}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// heap is what is in use, in bytes, once the storage engine has done its work in the background.
func heap() int64 {
	const still = 256 << 10
	last := int64(-1)
	for {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		now := int64(m.HeapAlloc)
		if last >= 0 && max(now-last, last-now) < still {
			return now
		}
		last = now
	}
}

// A follower that dials again while the primary still believes in the old connection is served on the new one.
func TestDuplicateConnection(t *testing.T) {
	t.Parallel()
	primary, follower, w := linked(t)
	boxtest.InSync(primary, follower)
	w.Stall(wire.Up, wire.Swallows)
	w.Stall(wire.Down, wire.Holds)
	follower.Shutdown() // it dies; the primary hears nothing of it
	follower.Start()
	direct := fmt.Sprintf("no mbox sync primary %s", w.Addr().Addr())
	if err := follower.Typed(direct); err != nil {
		t.Fatal(err)
	}
	follower.Must(follower.FollowLine(primary, "send all"))
	follower.Add("f", 20)
	boxtest.InSync(primary, follower)
	live := 0
	for _, p := range primary.Sync.Status().Peers {
		if p.State == "in-sync" {
			live++
		}
	}
	if live != 1 {
		t.Errorf("the primary has %d peers in sync", live)
	}
}

// A primary that starts again has all its followers back by itself.
func TestPrimaryRestartWithManyFollowers(t *testing.T) {
	t.Parallel()
	lan := boxtest.NewLAN(t)
	primary := lan.Box("primary")
	primary.Add("before", 200)
	var followers []*boxtest.Box
	for i := range 8 {
		f := lan.Box(fmt.Sprint("follower", i))
		f.Follow(primary, "send all", "accept all")
		followers = append(followers, f)
	}
	for _, f := range followers {
		boxtest.Eventually(t, f.Name+" has all", func() bool { return f.Users() == 200 })
	}
	primary.Shutdown()
	for _, f := range followers {
		f.Add(f.Name+"-", 10)
	}
	primary.Start()
	const all = 200 + 8*10
	for _, f := range followers {
		boxtest.Eventually(t, f.Name+" has all", func() bool { return f.Users() == all })
		boxtest.Eventually(t, f.Name+" is equal and says so", func() bool {
			return f.Digest(hotspotdb.Datasets()...) == primary.Digest(hotspotdb.Datasets()...) && f.Status("upstream").State == "in-sync"
		})
	}
}

// A relay that loses power before its disk has what it received has told nobody of it, and asks for it again.
func TestRelayDiesBeforeItsSync(t *testing.T) {
	t.Parallel()
	lan := boxtest.NewLAN(t)
	disk := dbtest.NewDisk()
	head, relay, leaf := lan.Box("head"), lan.BoxOn("relay", disk), lan.Box("leaf")
	relay.Follow(head, "", "")
	leaf.Follow(relay, "", "")
	head.Add("before", 5)
	boxtest.Eventually(t, "the leaf has the first accounts", func() bool { return leaf.Users() == 5 })

	release := disk.HoldSyncs()
	head.Add("pending", 5)
	boxtest.Eventually(t, "the relay has them in memory", func() bool { return relay.DB.Head(hotspotdb.Users) > relay.DB.Durable() })
	after := disk.Crash(0, 1)
	if leaf.Users() != 5 {
		t.Errorf("the leaf has %d accounts: more than the relay's disk", leaf.Users())
	}
	release() // for the relay that is no more, so that it can be closed
	relay.Shutdown()
	relay.Disk = after
	relay.Start()
	boxtest.Eventually(t, "the leaf has all accounts", func() bool { return leaf.Users() == 10 })
	boxtest.Eventually(t, "all three are equal", func() bool {
		want := head.Digest(hotspotdb.Datasets()...)
		return relay.Digest(hotspotdb.Datasets()...) == want && leaf.Digest(hotspotdb.Datasets()...) == want
	})
}
