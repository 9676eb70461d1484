package soak

import (
	"fmt"
	"math/rand"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// Killing either box with -9 at random moments under write load loses no write that was confirmed, and both end equal.
func TestKillNineLosesNothing(t *testing.T) {
	a, b := newBox(t, "a"), newBox(t, "b")
	b.follow(a, a.addr, a.port, "send all", "accept all")
	equal(t, a, b)
	random := rand.New(rand.NewSource(newSeed(t)))

	var confirmed sync.Map
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for w, target := range []*box{a, b} {
		writers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				writeSome(target, fmt.Sprintf("w%d-%d", w, i), &confirmed)
			}
		})
	}
	kills := rounds(6)
	for range kills {
		time.Sleep(time.Duration(random.Intn(600)) * time.Millisecond) // the moment is meant to be random
		victim := []*box{a, b}[random.Intn(2)]
		victim.kill()
		victim.start()
	}
	close(stop)
	writers.Wait()
	equal(t, a, b)
	count := 0
	onA, onB := a.usernames(), b.usernames()
	confirmed.Range(func(name, _ any) bool {
		count++
		if !onA[name.(string)] || !onB[name.(string)] {
			t.Errorf("%s was confirmed; on a: %v, on b: %v", name, onA[name.(string)], onB[name.(string)])
		}
		return true
	})
	if count < kills {
		t.Fatalf("only %d writes were confirmed: no load", count)
	}
	t.Logf("%d kills, %d confirmed accounts, %d on each box", kills, count, len(onA))
}

// writeSome adds accounts in one console session. Those whose session ended well are confirmed.
func writeSome(b *box, prefix string, confirmed *sync.Map) {
	const n = 10
	var lines, names []string
	for i := range n {
		name := fmt.Sprintf("%s-%d", prefix, i)
		names = append(names, name)
		lines = append(lines, "hotspot user add "+name+" password guestpass"+name)
	}
	if _, ok := b.input(lines...); !ok {
		return
	}
	for _, name := range names {
		confirmed.Store(name, true)
	}
}

// A follower that is killed in the middle of a first sync goes on where it was.
func TestFirstSyncResumes(t *testing.T) {
	const accounts = 150_000
	primary := newBox(t, "primary")
	primary.importUsers("guest", accounts)

	whole := newBox(t, "whole")
	p1 := newProxy(t, whole, primary)
	whole.follow(primary, p1.addr, p1.port, "", "")
	equal(t, primary, whole)
	whole.kill()

	broken := newBox(t, "broken")
	p2 := newProxy(t, broken, primary)
	broken.follow(primary, p2.addr, p2.port, "", "")
	half := waitFor(t, "the first sync is under way", func() bool { return p2.bytes.Load() > p1.bytes.Load()/2 })
	broken.kill()
	if !half {
		return
	}
	broken.start()
	equal(t, primary, broken)
	if n := broken.users(); n != accounts {
		t.Fatalf("%d accounts arrived", n)
	}
	ratio := float64(p2.bytes.Load()) / float64(p1.bytes.Load())
	t.Logf("%d bytes without a break, %d with one: %.2f times", p1.bytes.Load(), p2.bytes.Load(), ratio)
	if ratio >= 1.2 {
		t.Errorf("the broken first sync moved %.2f times the bytes", ratio)
	}
}

func waitFor(t *testing.T, what string, ok func() bool) bool {
	t.Helper()
	limit := time.Now().Add(time.Minute)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(limit) {
			t.Fatalf("it never happened: %s", what)
		}
		<-tick.C
	}
	return true
}

// Every secret that was typed is searched for in everything that a box keeps or says.
func TestNoSecretInClear(t *testing.T) {
	a, b := newBox(t, "a"), newBox(t, "b")
	secrets := []string{password, "Enable-Secret-77", "Guest-Secret-88", "Branch-Secret-99", "Import-Secret-66", "Changed-Secret-55"}
	a.mustConfigure("enable secret "+secrets[1], "username branch1 role sync secret "+secrets[3])
	// From now on the console asks for the enable secret on the next line.
	unlock := func(lines ...string) string {
		return a.must(append([]string{secrets[1]}, lines...)...)
	}
	unlock("configure terminal", "mbox sync allow "+b.addr+" accept all", "end")
	b.mustConfigure(fmt.Sprintf("mbox sync primary %s port %d username branch1 password %s send all", a.addr, a.port, secrets[3]))
	unlock("hotspot user add alice password "+secrets[2], "hotspot user set alice password "+secrets[5])
	if err := os.MkdirAll(a.dir+"/files", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(a.dir+"/files/in.csv", []byte("username,password\nbob,"+secrets[4]+"\nbob,"+secrets[4]+"\n\"broken,"+secrets[4]+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a.input(secrets[1], "hotspot import users in.csv") // some rows are refused
	if err := os.Remove(a.dir + "/files/in.csv"); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "alice is on b", func() bool { _, ok := b.input("show hotspot users alice"); return ok })
	said := unlock("hotspot export users out.csv", "show running-config", "show startup-config", "show history", "show hotspot users alice",
		"show hotspot users | json", "show mbox sync status detail", "show mbox sync peers", "write memory", "show startup-config")
	said += b.must("show running-config", "show hotspot users alice | json", "show history", "hotspot export users out.csv")
	a.kill()
	b.kill()
	for _, secret := range secrets {
		if strings.Contains(said, secret) {
			t.Errorf("%q was shown", secret)
		}
	}
	for _, b := range []*box{a, b} {
		for _, found := range search(t, secrets, b.dir, b.dir+".log") {
			t.Error(found)
		}
	}
}
