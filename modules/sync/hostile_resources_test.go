package sync_test

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	stdsync "sync"
	"sync/atomic"
	"testing"
	"time"

	"mbox/boxtest"
	"mbox/modules/sync/auth"
	"mbox/modules/sync/peer"
	"mbox/proto/syncpb"
)

// What a follower that is allowed, knows a password and may send can use up: keys, disk, memory for histories, places.

// freshKeys are n password keys that nobody has seen.
func freshKeys(n int) (out []*syncpb.DomainKey) {
	for range n {
		k := &syncpb.DomainKey{Key: make([]byte, 32), CreatedUs: time.Now().UnixMicro()}
		rand.Read(k.Key)
		k.Id = binary.BigEndian.Uint32(k.Key) | 1
		out = append(out, k)
	}
	return out
}

func welcomeWith(keys ...*syncpb.DomainKey) *syncpb.Frame {
	return &syncpb.Frame{Kind: &syncpb.Frame_Welcome{Welcome: &syncpb.Welcome{History: []*syncpb.Incarnation{{Id: 1, First: 1}}, Keys: keys}}}
}

func sending(datasets ...string) peer.Credentials {
	return peer.Credentials{Account: "mboxadmin", Password: boxtest.Password, Want: []string{"users"}, Send: datasets}
}

// inside logs in and exchanges Welcomes.
func (s *stranger) inside(cred peer.Credentials, first *syncpb.Frame) *peer.Session {
	s.t.Helper()
	session, err := s.login(cred)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := session.Receive(); err != nil {
		s.t.Fatal(err)
	}
	if err := session.Send(first); err != nil {
		s.t.Fatal(err)
	}
	return session
}

// One follower with ever new keys does not keep another from bringing its own, nor the box from joining a domain.
func TestOneFollowerCannotFillTheKeyring(t *testing.T) {
	primary := boxtest.NewLAN(t).Box("primary")
	primary.Must("mbox sync allow 127.9.0.0/16 accept users")
	ring := primary.Store.Keyring()
	own := len(ring.Keys())
	hostile := newStranger(t, primary, "127.9.0.1")
	for range 6 {
		session := hostile.inside(sending("users"), welcomeWith(freshKeys(40)...))
		for range 5 {
			if err := session.Send(welcomeWith(freshKeys(40)...)); err != nil {
				t.Fatal(err)
			}
		}
		// The answer to what follows shows that all of it was looked at.
		if err := session.Send(subscribeTo("users")); err != nil {
			t.Fatal(err)
		}
		for {
			frame, err := session.Receive()
			if err != nil {
				t.Fatal(err)
			}
			if frame.GetFeedStart() != nil {
				break
			}
		}
		session.Close()
	}
	const most = 8
	if n := len(ring.Keys()) - own; n != most {
		t.Errorf("a follower brought %d keys; %d are kept of each", n, most)
	}
	honest := newStranger(t, primary, "127.9.0.2")
	key := freshKeys(1)[0]
	honest.inside(sending("users"), welcomeWith(key))
	boxtest.Eventually(t, "the key of another follower is kept", func() bool {
		for _, k := range ring.Keys() {
			if k.ID == key.Id && bytes.Equal(k.Key[:], key.Key) {
				return true
			}
		}
		return false
	})
	// The operator forgets the hostile box: its keys, under which nothing is sealed, make room.
	if _, err := primary.Exec("clear mbox sync peer sha256:" + hostile.id.BoxID()); err != nil {
		t.Fatal(err)
	}
	if n := len(ring.Keys()) - own; n != 1 {
		t.Errorf("%d keys are left", n)
	}
}

func subscribeTo(datasets ...string) *syncpb.Frame {
	s := &syncpb.Subscribe{}
	for _, ds := range datasets {
		s.Positions = append(s.Positions, &syncpb.Position{Dataset: ds})
	}
	return &syncpb.Frame{Kind: &syncpb.Frame_Subscribe{Subscribe: s}}
}

// A follower that sends for ever is stopped while this box can still write, is told so, and goes on receiving; it goes on
// sending when there is room again.
func TestFollowerCannotFillTheDisk(t *testing.T) {
	lan := boxtest.NewLAN(t)
	primary, branch := lan.Box("primary"), lan.Box("branch")
	var free atomic.Uint64
	free.Store(10 << 30)
	primary.Free = func() (uint64, error) { return free.Load(), nil }
	primary.Shutdown()
	primary.Start()
	branch.Follow(primary, "send all", "accept all")
	branch.Add("early", 1)
	boxtest.Eventually(t, "the branch's account arrives", func() bool { return primary.Users() == 1 })

	free.Store(200 << 20) // more than the box itself needs, less than is kept for it
	branch.Add("late", 100)
	boxtest.Eventually(t, "the branch hears why", func() bool { return strings.Contains(branch.Log.String(), "disk of the primary is nearly full") })
	primary.Add("own", 3)
	boxtest.Eventually(t, "the branch still receives", func() bool {
		_, err := branch.DB.Account("own2")
		return err == nil
	})
	if n := primary.Users(); n != 4 {
		t.Errorf("%d accounts on the primary: some were taken though the disk is nearly full", n)
	}
	if !strings.Contains(primary.Log.String(), "nothing is taken from followers") {
		t.Error("the primary's log does not say so")
	}
	free.Store(10 << 30)
	boxtest.Eventually(t, "everything arrives once there is room", func() bool { return primary.Users() == 104 })
	boxtest.InSync(primary, branch)
}

// A box that comes with ever new databases has a few remembered, and another box keeps its own.
func TestDatabasesOfOneBoxAreBounded(t *testing.T) {
	primary := boxtest.NewLAN(t).Box("primary")
	primary.Must("mbox sync allow 127.9.0.0/16 accept all")
	honest := newStranger(t, primary, "127.9.0.2")
	if _, err := honest.login(sending()); err != nil {
		t.Fatal(err)
	}
	hostile := newStranger(t, primary, "127.9.0.1")
	for range 30 {
		rand.Read(hostile.database[:])
		if _, err := hostile.login(sending()); err != nil {
			t.Fatal(err)
		}
	}
	boxtest.Eventually(t, "the last one is remembered", func() bool {
		_, found, _ := primary.Store.State("peers").Get("database/" + hostile.database.String())
		return found
	})
	owned := map[string]int{}
	all, err := primary.Store.State("peers").All()
	if err != nil {
		t.Fatal(err)
	}
	for key, raw := range all {
		if strings.HasPrefix(key, "database/") {
			owned[string(raw)]++
		}
	}
	if owned[hostile.id.BoxID()] != 8 || owned[honest.id.BoxID()] != 1 {
		t.Errorf("remembered: %v", owned)
	}
}

// Many boxes behind one address that come back at once all get in, and nobody is locked out: an attempt is not a failure.
func TestManyBoxesBehindOneAddress(t *testing.T) {
	const boxes = 150
	primary := boxtest.NewLAN(t).Box("primary")
	primary.Must("mbox sync allow 127.9.0.0/16")
	var busy, broken atomic.Int64
	var all stdsync.WaitGroup
	for i := range boxes {
		s := newStranger(t, primary, "127.9.0.1")
		all.Go(func() {
			for wait := 5 * time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
				_, err := s.login(sending())
				var refusal *auth.Refusal
				switch {
				case err == nil:
					return
				case errors.As(err, &refusal) && refusal.Code == auth.CodeBusy:
					busy.Add(1)
				case errors.As(err, &refusal):
					t.Errorf("box %d: %v", i, err)
					return
				default: // one too many at a time: the connection was closed
					broken.Add(1)
				}
				time.Sleep(wait) // as a follower does
			}
		})
	}
	all.Wait()
	t.Logf("%d boxes came in; %d were told to come again, %d connections were closed", boxes, busy.Load(), broken.Load())
	// Guesses at the password from there still run out.
	s := newStranger(t, primary, "127.9.0.1")
	wrong := sending()
	wrong.Password = "guess"
	for range auth.LockoutAttempts {
		if _, err := s.login(wrong); code(err) != auth.CodeCredentials {
			t.Fatalf("a guess: %v", err)
		}
	}
	if _, err := s.login(sending()); code(err) != auth.CodeLockout {
		t.Fatalf("after the guesses: %v", err)
	}
}

// Boxes that take their time, at whatever point, have the places of their own address and no more.
func TestSlowBoxesDoNotKeepOthersOut(t *testing.T) {
	primary := boxtest.NewLAN(t).Box("primary")
	primary.Must("mbox sync allow 127.9.0.0/16")
	hello := &syncpb.Frame{Kind: &syncpb.Frame_Hello{Hello: &syncpb.Hello{Version: 1, Database: bytes.Repeat([]byte{1}, 16), Account: "mboxadmin"}}}
	raw := wireBytes(t, hello)
	for i, stage := range []func(*stranger){
		func(s *stranger) { s.tcp() },                                           // nothing at all
		func(s *stranger) { _, _ = s.tcp().Write([]byte{0x16, 0x03, 0x01, 2}) }, // the beginning of TLS
		func(s *stranger) { _, _ = s.tls(nil) },                                 // no Hello
		func(s *stranger) { // half of a Hello
			if c, err := s.tls(nil); err == nil {
				_, _ = c.Write(append([]byte{byte(len(raw))}, raw[:len(raw)/2]...))
			}
		},
		func(s *stranger) { // no proof
			if c, err := s.tls(nil); err == nil {
				_, _ = c.Write(append([]byte{byte(len(raw))}, raw...))
			}
		},
	} {
		slow := newStranger(t, primary, fmt.Sprintf("127.9.0.%d", 10+i))
		for range 40 {
			stage(slow)
		}
		if _, err := newStranger(t, primary, "127.9.0.2").login(sending()); err != nil {
			t.Fatalf("a follower while others are slow (%d): %v", i, err)
		}
	}
}

// The operator sees who has sent how much, also over several connections.
func TestChangesOfEachFollowerAreCounted(t *testing.T) {
	lan := boxtest.NewLAN(t)
	primary, branch := lan.Box("primary"), lan.Box("branch")
	branch.Follow(primary, "send all", "accept all")
	branch.Add("early", 10)
	boxtest.InSync(primary, branch)
	shown := func() string {
		view, err := primary.Exec("show mbox sync peers")
		if err != nil {
			t.Fatal(err)
		}
		var text bytes.Buffer
		if err := view.Text(&text, 0); err != nil {
			t.Fatal(err)
		}
		return text.String()
	}
	if text := shown(); !strings.Contains(text, "21 changes taken from it") { // two records each, and who added them
		t.Errorf("after the first connection:\n%s", text)
	}
	branch.Shutdown()
	branch.Start()
	branch.Add("late", 5)
	boxtest.InSync(primary, branch)
	if text := shown(); !strings.Contains(text, "32 changes taken from it") {
		t.Errorf("after the second:\n%s", text)
	}
}
