package soak

import (
	"fmt"
	"math/rand"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"mbox/boxtest/wire"
)

// G5: under `acknowledge 1 ... block` the primary is killed at random moments and its data folder deleted. Every write that was
// reported confirmed is on the backup. Some time before, in every other round, the link stands still: what is on its way then
// must not be called confirmed.
func TestConfirmedWritesSurviveTheFire(t *testing.T) {
	random := rand.New(rand.NewSource(newSeed(t)))
	total, pending := 0, 0
	for round := range rounds(3) {
		backup := newBox(t, fmt.Sprintf("backup%d", round))
		confirmed, told := burn(t, backup, round, random)
		there := backup.usernames()
		backup.kill()
		for _, name := range confirmed {
			if !there[name] {
				t.Errorf("round %d: %s was confirmed and is lost", round, name)
			}
		}
		if len(confirmed) == 0 {
			t.Errorf("round %d: nothing was confirmed: no load", round)
		}
		total, pending = total+len(confirmed), pending+told
	}
	t.Logf("%d writes were confirmed, %d were reported as not confirmed", total, pending)
}

// burn runs a primary under load until it is gone. It returns what was confirmed, and how many writes were reported as not
// confirmed.
func burn(t *testing.T, backup *box, round int, random *rand.Rand) (confirmed []string, pending int) {
	t.Helper()
	primary := newBox(t, fmt.Sprintf("primary%d", round))
	link := wire.New(t, fmt.Sprintf("%s:%d", primary.addr, primary.port))
	backup.follow(primary, link.Addr().Addr().String(), int(link.Addr().Port()), "", "")
	equal(t, primary, backup)
	primary.mustConfigure("mbox sync acknowledge 1 from " + backup.name + " timeout 1000 block")

	const writers = 4
	var mu sync.Mutex // guards confirmed and pending
	var all sync.WaitGroup
	stop := make(chan struct{})
	for w := range writers {
		all.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				name := fmt.Sprintf("r%d-w%d-%d", round, w, i)
				out, ok := primary.input("hotspot user add " + name + " password guestpass" + name)
				mu.Lock()
				switch {
				case ok:
					confirmed = append(confirmed, name)
				case strings.Contains(out, "not confirmed"):
					pending++
				}
				mu.Unlock()
			}
		})
	}
	waitFor(t, "the load has begun", func() bool { mu.Lock(); defer mu.Unlock(); return len(confirmed) > 2*writers })
	time.Sleep(time.Duration(random.Intn(600)) * time.Millisecond) // the moment is meant to be random
	if round%2 == 0 {
		link.Partition(wire.Swallows)
		time.Sleep(time.Duration(100+random.Intn(1500)) * time.Millisecond) // of this too
	}
	primary.kill()
	if err := os.RemoveAll(primary.dir); err != nil {
		t.Fatal(err)
	}
	close(stop)
	all.Wait()
	return confirmed, pending
}
