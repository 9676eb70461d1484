package sync_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"mbox/boxtest"
	"mbox/hotspotdb"
	boxsync "mbox/modules/sync"
	"mbox/modules/sync/peer"
	"mbox/proto/syncpb"
)

// claimant is a follower that may claim vouchers and does what it likes.
func claimant(t *testing.T, owner *boxtest.Box, from string) *peer.Session {
	t.Helper()
	cred := peer.Credentials{Account: "mboxadmin", Password: boxtest.Password, Want: []string{"vouchers"}}
	return newStranger(t, owner, from).inside(cred, welcomeWith())
}

func claimOf(id uint64, owner *boxtest.Box, code string) *syncpb.Frame {
	database := owner.DB.ID()
	return &syncpb.Frame{Kind: &syncpb.Frame_Claim{Claim: &syncpb.Claim{Id: id, Owner: database[:], Code: code, Mac: device(1), Hops: 9, PatienceMs: 1e9}}}
}

// answerTo waits for the answer to a claim.
func answerTo(t *testing.T, session *peer.Session, id uint64) syncpb.ClaimResult {
	t.Helper()
	return waitFor(t, session, func(f *syncpb.Frame) bool { return f.GetClaimed().GetId() == id }).GetClaimed().Result
}

// A peer that tries codes is answered a few times, and then not even when it is right; the operator hears of it, and other
// peers are served.
func TestCodesCannotBeGuessed(t *testing.T) {
	owner := boxtest.NewLAN(t).Box("owner")
	owner.Must("mbox sync allow 127.9.0.0/16")
	code := issue(t, owner, "B", 1)
	session := claimant(t, owner, "127.9.0.1")
	counts := map[syncpb.ClaimResult]int{}
	const guesses = 60
	for i := range uint64(guesses) {
		if err := session.Send(claimOf(i+1, owner, "WRONGCODE")); err != nil {
			t.Fatal(err)
		}
		counts[answerTo(t, session, i+1)]++
	}
	if n := counts[syncpb.ClaimResult_CLAIM_NOT_FOUND]; n > guesses/2 || n+counts[syncpb.ClaimResult_CLAIM_BUSY] != guesses {
		t.Errorf("%d guesses were answered so: %v", guesses, counts)
	}
	if err := session.Send(claimOf(1000, owner, code)); err != nil {
		t.Fatal(err)
	}
	if got := answerTo(t, session, 1000); got != syncpb.ClaimResult_CLAIM_BUSY {
		t.Errorf("the right code was answered by %v", got)
	}
	// The same address with another key has no more of them.
	if again := claimant(t, owner, "127.9.0.1"); again.Send(claimOf(1, owner, "WRONGCODE")) != nil || answerTo(t, again, 1) != syncpb.ClaimResult_CLAIM_BUSY {
		t.Error("a new key has new guesses")
	}
	if n := strings.Count(owner.Log.String(), "%SYNC-4-GUESSING"); n == 0 || n > 10 {
		t.Errorf("the log says so %d times", n)
	}
	other := claimant(t, owner, "127.9.0.2")
	if err := other.Send(claimOf(1, owner, code)); err != nil {
		t.Fatal(err)
	}
	if got := answerTo(t, other, 1); got != syncpb.ClaimResult_CLAIM_GRANTED {
		t.Errorf("another peer: %v", got)
	}
}

// Claims that are no claims are answered with a refusal, or not at all, and change nothing.
func TestMalformedClaims(t *testing.T) {
	owner := boxtest.NewLAN(t).Box("owner")
	owner.Must("mbox sync allow 127.9.0.0/16")
	code := issue(t, owner, "B", 5)
	id := owner.DB.ID()
	for name, c := range map[string]*syncpb.Claim{
		"nothing":                   {},
		"an owner of three bytes":   {Owner: []byte{1, 2, 3}, Code: code},
		"an owner that nobody is":   {Owner: make([]byte, 16), Code: code, Hops: 1 << 31},
		"no code":                   {Owner: id[:], Mac: device(1)},
		"a code of 2,000 bytes":     {Owner: id[:], Code: strings.Repeat("A", 2000)},
		"a code with control bytes": {Owner: id[:], Code: "AB\x00\x1b[2J"},
		"a device that is none":     {Owner: id[:], Code: code, Mac: "'; drop"},
		"a long device":             {Owner: id[:], Code: code, Mac: strings.Repeat("0", 1000)},
		"no patience":               {Owner: id[:], Code: code, Mac: device(1)},
	} {
		session := claimant(t, owner, "127.9.0.3")
		c.Id = 7
		if name != "no patience" {
			c.PatienceMs = 60_000
		}
		if err := session.Send(&syncpb.Frame{Kind: &syncpb.Frame_Claim{Claim: c}}); err != nil {
			t.Fatal(err)
		}
		if got := answerTo(t, session, 7); got == syncpb.ClaimResult_CLAIM_GRANTED {
			t.Errorf("%s was granted", name)
		}
		session.Close()
	}
	if n := len(uses(t, owner, code)); n != 0 {
		t.Errorf("%d uses", n)
	}
}

// A peer that floods and does not read costs bounded memory and no place of others.
func TestFloodOfClaims(t *testing.T) {
	owner := boxtest.NewLAN(t).Box("owner")
	owner.Must("mbox sync allow 127.9.0.0/16")
	code := issue(t, owner, "B", 100)
	before := runtime.NumGoroutine()
	session := claimant(t, owner, "127.9.0.4")
	frame := claimOf(1, owner, code)
	for range 50_000 {
		if session.Send(frame) != nil {
			break
		}
	}
	if n := runtime.NumGoroutine() - before; n > 2000 {
		t.Errorf("%d goroutines more", n)
	}
	other := claimant(t, owner, "127.9.0.5")
	if err := other.Send(claimOf(2, owner, code)); err != nil {
		t.Fatal(err)
	}
	if got := answerTo(t, other, 2); got != syncpb.ClaimResult_CLAIM_GRANTED {
		t.Errorf("another peer: %v", got)
	}
	other.Close()
	session.Close()
	settled(t, before)
}

// An owner that answers with something else than was asked for is not believed.
func TestForgedAnswers(t *testing.T) {
	lan := boxtest.NewLAN(t)
	follower := lan.Box("follower")
	answers := make(chan *syncpb.Claimed, 1)
	addr := roguePrimary(t, func(s *peer.Session) {
		w := domainOf(5, 0)
		w.Down, w.AnswersClaims = []string{"vouchers"}, true
		_ = s.Send(frameWith(w))
		for {
			frame, err := s.Receive()
			if err != nil {
				return
			}
			if c := frame.GetClaim(); c != nil {
				a := <-answers
				a.Id = c.Id
				_ = s.Send(&syncpb.Frame{Kind: &syncpb.Frame_Claimed{Claimed: a}})
			}
		}
	})
	follower.Must(followLine(addr, ""))
	rogue := hotspotdb.DatabaseID{9}
	boxtest.Eventually(t, "it is connected", func() bool { return follower.Sync.InContact(rogue) })
	good := func(spoil func(*syncpb.VoucherUse)) *syncpb.Claimed {
		use := &syncpb.VoucherUse{Id: 5, Code: "CODE", Batch: "B", Mac: device(1), AtUs: time.Now().UnixMicro(), Box: rogue[:]}
		spoil(use)
		return &syncpb.Claimed{Result: syncpb.ClaimResult_CLAIM_GRANTED, Use: use}
	}
	mac, err := hotspotdb.ParseMAC(device(1))
	if err != nil {
		t.Fatal(err)
	}
	known := hotspotdb.FormatMAC(mac)
	for name, a := range map[string]*syncpb.Claimed{
		"no use":                  {Result: syncpb.ClaimResult_CLAIM_GRANTED},
		"a result of tomorrow":    {Result: 99},
		"a use without an id":     good(func(u *syncpb.VoucherUse) { u.Id = 0 }),
		"a use with a long id":    good(func(u *syncpb.VoucherUse) { u.Id = 1 << 60 }),
		"a box of three bytes":    good(func(u *syncpb.VoucherUse) { u.Box = u.Box[:3] }),
		"another voucher":         good(func(u *syncpb.VoucherUse) { u.Code = "OTHER" }),
		"another device":          good(func(u *syncpb.VoucherUse) { u.Mac = device(2) }),
		"a batch that is no name": good(func(u *syncpb.VoucherUse) { u.Mac, u.Batch = known, "\x00" }),
		"a time before all times": good(func(u *syncpb.VoucherUse) { u.Mac, u.AtUs = known, -1<<62 }),
		"an end after all times":  good(func(u *syncpb.VoucherUse) { u.Mac, u.ExpiresUs = known, 1<<62 }),
	} {
		answers <- a
		use, err := follower.Sync.Claim(t.Context(), rogue, "CODE", device(1))
		if err == nil {
			t.Errorf("%s: %+v was believed", name, use)
		}
	}
	answers <- good(func(u *syncpb.VoucherUse) { u.Mac = known })
	if _, err := follower.Sync.Claim(t.Context(), rogue, "CODE", device(1)); err != nil {
		t.Errorf("a good answer: %v", err)
	}
	answers <- &syncpb.Claimed{Result: syncpb.ClaimResult_CLAIM_APART}
	if _, err := follower.Sync.Claim(t.Context(), rogue, "CODE", device(3)); !errors.Is(err, boxsync.ErrApart) {
		t.Errorf("apart: %v", err)
	}
}

// A claim that is passed on has fewer hops left each time, whatever its sender says, and does not go back to where it came from.
func TestClaimsGoNeitherOnForEverNorBack(t *testing.T) {
	relay := boxtest.NewLAN(t).Box("relay")
	relay.Must("mbox sync allow 127.9.0.0/16")
	code := issue(t, relay, "B", 1)
	heard, asks := make(chan *syncpb.Frame, 64), make(chan *syncpb.Frame)
	addr := roguePrimary(t, func(s *peer.Session) {
		w := domainOf(5, 0)
		w.Down, w.Up, w.AnswersClaims = []string{"vouchers"}, []string{"vouchers"}, true
		_ = s.Send(frameWith(w))
		go func() {
			for f := range asks {
				_ = s.Send(f)
			}
		}()
		for {
			frame, err := s.Receive()
			if err != nil {
				return
			}
			if frame.GetClaim() != nil || frame.GetClaimed() != nil {
				heard <- frame
			}
		}
	})
	defer close(asks)
	relay.Must(followLine(addr, "send vouchers"))
	boxtest.Eventually(t, "it is connected", func() bool { return relay.Sync.InContact(hotspotdb.DatabaseID{9}) })
	ask := func(id uint64, hops uint32) *syncpb.Frame {
		nobody := hotspotdb.DatabaseID{7}
		return &syncpb.Frame{Kind: &syncpb.Frame_Claim{Claim: &syncpb.Claim{Id: id, Owner: nobody[:], Code: code, Hops: hops, PatienceMs: 60_000}}}
	}
	session := claimant(t, relay, "127.9.0.8")
	if err := session.Send(ask(1, 0)); err != nil {
		t.Fatal(err)
	}
	if got := answerTo(t, session, 1); got != syncpb.ClaimResult_CLAIM_UNREACHABLE {
		t.Errorf("without hops: %v", got)
	}
	if err := session.Send(ask(2, 1<<31)); err != nil {
		t.Fatal(err)
	}
	passed := (<-heard).GetClaim()
	if passed == nil || passed.Hops >= 10 || passed.PatienceMs > 2000 || passed.Code != code {
		t.Errorf("passed on: %v", passed)
	}
	asks <- &syncpb.Frame{Kind: &syncpb.Frame_Claimed{Claimed: &syncpb.Claimed{Id: passed.GetId(), Result: syncpb.ClaimResult_CLAIM_USED_UP}}}
	if got := answerTo(t, session, 2); got != syncpb.ClaimResult_CLAIM_USED_UP {
		t.Errorf("the answer is passed on as %v", got)
	}
	asks <- ask(77, 3)
	if back := <-heard; back.GetClaimed().GetId() != 77 || back.GetClaimed().GetResult() != syncpb.ClaimResult_CLAIM_UNREACHABLE {
		t.Errorf("asked by the box that it follows, it says %v", back)
	}
}
