package sync_test

import (
	"crypto/tls"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"mbox/boxtest"
	"mbox/credential"
	"mbox/hotspotdb"
	"mbox/modules/sync/auth"
	"mbox/modules/sync/peer"
	"mbox/proto/syncpb"
)

// guest is a stranger who has logged in and said Welcome.
func guest(t *testing.T, primary *boxtest.Box, cred peer.Credentials) *peer.Session {
	t.Helper()
	cred.Account, cred.Password = "mboxadmin", boxtest.Password
	session, err := newStranger(t, primary, "127.9.0.1").login(cred)
	if err == nil {
		err = welcome(session)
	}
	if err != nil {
		t.Fatal(err)
	}
	return session
}

// heartbeatOrEnd reads on until the peer ends the connection, or shows by a heartbeat that it goes on.

func heartbeatOrEnd(s *peer.Session) (ended bool) {
	for {
		frame, err := s.Receive()
		if err != nil {
			return !isTimeout(err)
		}
		if frame.GetHeartbeat() != nil {
			return false
		}
	}
}

func subscribe(t *testing.T, s *peer.Session, positions ...*syncpb.Position) {
	t.Helper()
	if err := s.Send(&syncpb.Frame{Kind: &syncpb.Frame_Subscribe{Subscribe: &syncpb.Subscribe{Positions: positions}}}); err != nil {
		t.Fatal(err)
	}
}

func feedStart(t *testing.T, s *peer.Session) *syncpb.FeedStart {
	t.Helper()
	for {
		frame, err := s.Receive()
		if err != nil {
			t.Fatal(err)
		}
		if start := frame.GetFeedStart(); start != nil {
			return start
		}
	}
}

// Rule 2: a box that presents our key or our database is a copy of this one. Each side finds out by itself.
func TestCloneIsRefusedByEachSide(t *testing.T) {
	primary := allowedPrimary(t)
	dial := func(id *stranger, self peer.Self) error {
		c, err := id.tls(nil)
		if err != nil {
			t.Fatal(err)
		}
		s, err := peer.Dial(c, self, peer.Credentials{Account: "mboxadmin", Password: boxtest.Password}, anyPin{})
		if err != nil {
			return err
		}
		frame, err := s.Receive()
		if r := frame.GetRefused(); r != nil {
			return &auth.Refusal{Code: r.Code, Reason: r.Reason}
		}
		return err
	}
	clone := newStranger(t, primary, "127.9.0.1")
	clone.id = primary.Store.Identity()
	if err := dial(clone, peer.Self{BoxID: "does not look", Database: hotspotdb.DatabaseID{8}}); code(err) != auth.CodeCloned {
		t.Errorf("the primary met its own key: %v", err)
	}
	other := newStranger(t, primary, "127.9.0.2")
	if err := dial(other, peer.Self{BoxID: primary.Store.Identity().BoxID(), Database: hotspotdb.DatabaseID{8}}); code(err) != auth.CodeCloned {
		t.Errorf("the follower met its own key: %v", err)
	}
	if err := dial(other, peer.Self{BoxID: other.id.BoxID(), Database: primary.DB.ID()}); code(err) != auth.CodeCloned {
		t.Errorf("the primary met its own database: %v", err)
	}
}

// The line with the longest prefix decides, in whatever order lines were typed, and what it does not name does not flow.
func TestLongestPrefixWins(t *testing.T) {
	for _, last := range []bool{true, false} {
		lan := boxtest.NewLAN(t)
		primary, branch := lan.Box("primary"), lan.Box("branch")
		primary.Add("guest", 5)
		if last {
			primary.Must("mbox sync allow 127.0.0.0/8")
		}
		branch.Follow(primary, "", "datasets profiles")
		if !last {
			primary.Must("mbox sync allow 127.0.0.0/8")
		}
		branch.WaitState("upstream", "in-sync")
		if s := branch.Status("upstream"); len(s.Datasets) != 1 || s.Datasets[0].Dataset != hotspotdb.Profiles || branch.Users() != 0 {
			t.Errorf("typed last: %v: %+v and %d accounts", last, s.Datasets, branch.Users())
		}
	}
}

func TestNothingListensBeforeTheFirstAllow(t *testing.T) {
	primary := boxtest.NewLAN(t).Box("primary")
	if c, err := net.Dial("tcp", primary.ListenAddr()); err == nil {
		c.Close()
		t.Error("it listens, and nobody is allowed")
	}
	primary.Must("mbox sync allow 127.9.0.0/16")
	guest(t, primary, peer.Credentials{})
}

// A subscription to what was not granted is passed over.
func TestSubscriptionStaysWithinTheGrant(t *testing.T) {
	primary := allowedPrimary(t)
	s := guest(t, primary, peer.Credentials{Want: []string{"profiles"}})
	subscribe(t, s, &syncpb.Position{Dataset: "users"}, &syncpb.Position{Dataset: "profiles"})
	if start := feedStart(t, s); start.Dataset != "profiles" {
		t.Errorf("%s flows", start.Dataset)
	}
}

// A feed begins once, and before its first batch.
func TestFeedOfAPeerKeepsItsOrder(t *testing.T) {
	primary := boxtest.NewLAN(t).Box("primary")
	primary.Must("mbox sync allow 127.9.0.0/16 accept users")
	start := &syncpb.Frame{Kind: &syncpb.Frame_FeedStart{FeedStart: &syncpb.FeedStart{Dataset: "users"}}}
	for name, frames := range map[string][]*syncpb.Frame{"a batch first": {batch("users", nil, 0)}, "begun twice": {start, start}} {
		s := guest(t, primary, peer.Credentials{Send: []string{"users"}})
		for {
			frame, err := s.Receive()
			if err != nil {
				t.Fatal(err)
			}
			if frame.GetSubscribe() != nil {
				break
			}
		}
		for _, f := range frames {
			if err := s.Send(f); err != nil {
				t.Fatal(err)
			}
		}
		if !heartbeatOrEnd(s) {
			t.Errorf("%s: the connection goes on", name)
		}
	}
}

func TestIdleLinkHasHeartbeats(t *testing.T) {
	primary := allowedPrimary(t)
	if heartbeatOrEnd(guest(t, primary, peer.Credentials{})) {
		t.Error("the connection ended")
	}
}

// A token opens the door for the account that it was issued to.
func TestTokenIsForItsAccount(t *testing.T) {
	primary := allowedPrimary(t)
	primary.Account("branch1", "sync", "branch-one-pass")
	s := newStranger(t, primary, "127.9.0.1")
	session, err := s.login(peer.Credentials{Account: "branch1", Password: "branch-one-pass"})
	if err != nil {
		t.Fatal(err)
	}
	frame, err := session.Receive()
	if err != nil {
		t.Fatal(err)
	}
	token := frame.GetWelcome().GetToken()
	again, err := s.login(peer.Credentials{Account: "branch1", Token: token, TokenBox: session.BoxID})
	if err != nil || !again.ByToken {
		t.Fatalf("for its account: %v", err)
	}
	if _, err := s.login(peer.Credentials{Account: "mboxadmin", Token: token, TokenBox: session.BoxID, Password: "wrong"}); code(err) != auth.CodeCredentials {
		t.Errorf("for another account: %v", err)
	}
}

// deafGate is a primary that does not know the password.

type deafGate struct{ openGate }

func (deafGate) Verifier(string) (credential.Verifier, bool) { return credential.Verifier{}, false }

// pinRecorder remembers what was pinned.

type pinRecorder struct{ pinned []string }

func (*pinRecorder) Check(string) error { return nil }

func (p *pinRecorder) Remember(id string) error { p.pinned = append(p.pinned, id); return nil }

// A key is pinned after the password has proved it, not before.
func TestOnlyAProvedKeyIsPinned(t *testing.T) {
	lan := boxtest.NewLAN(t)
	rogue := newStranger(t, lan.Box("anybody"), "127.9.0.1").id
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{rogue.Certificate()}, NextProtos: []string{peer.ALPN}, ClientAuth: tls.RequireAnyClientCert,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	server := &peer.Server{
		Gate: deafGate{}, Lockout: &auth.Lockout{Now: time.Now}, Decoy: auth.NewDecoy(),
		Self: func() peer.Self { return peer.Self{BoxID: rogue.BoxID(), Database: hotspotdb.DatabaseID{9}} },
	}
	go func() {
		if c, err := l.Accept(); err == nil && c.(*tls.Conn).Handshake() == nil {
			_, _, _ = server.Accept(c.(*tls.Conn))
		}
	}()
	s := newStranger(t, lan.Box("follower"), "127.9.0.1")
	s.to = l.Addr().String()
	c, err := s.tls(nil)
	if err != nil {
		t.Fatal(err)
	}
	pins := &pinRecorder{}
	_, err = peer.Dial(c, peer.Self{BoxID: s.id.BoxID(), Database: s.database}, peer.Credentials{Account: "mboxadmin", Password: boxtest.Password}, pins)
	if code(err) != auth.CodeCredentials || len(pins.pinned) != 0 {
		t.Errorf("%v; pinned %v", err, pins.pinned)
	}
}

// Guesses are counted before they are judged: many connections at once do not get more of them.
func TestManyConnectionsDoNotGetMoreGuesses(t *testing.T) {
	primary := allowedPrimary(t)
	s := newStranger(t, primary, "127.9.0.1")
	const at = 8 // connections that may wait for their proof
	var judged atomic.Int32
	begin := make(chan struct{})
	var group errgroup.Group
	for range at {
		c, err := s.tls(nil)
		if err != nil {
			t.Fatal(err)
		}
		group.Go(func() error {
			<-begin
			_, err := peer.Dial(c, peer.Self{BoxID: s.id.BoxID(), Database: s.database}, peer.Credentials{Account: "mboxadmin", Password: "guess"}, anyPin{})
			if code(err) == auth.CodeCredentials {
				judged.Add(1)
			}
			return nil
		})
	}
	close(begin)
	_ = group.Wait()
	if n := judged.Load(); n != auth.LockoutAttempts {
		t.Errorf("%d guesses at once were judged, expected %d", n, auth.LockoutAttempts)
	}
}

// A box that connects again has lost its first connection, whatever that looks like from here.
func TestSecondConnectionReplacesTheFirst(t *testing.T) {
	primary := allowedPrimary(t)
	s := newStranger(t, primary, "127.9.0.1")
	var first *peer.Session
	for range 2 {
		session, err := s.login(peer.Credentials{Account: "mboxadmin", Password: boxtest.Password})
		if err == nil {
			err = welcome(session)
		}
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = session
		}
	}
	for {
		frame, err := first.Receive()
		if g := frame.GetGoodbye(); g != nil && g.Code == auth.CodeReplaced {
			return
		}
		if err != nil || frame.GetHeartbeat() != nil {
			t.Fatalf("the first connection goes on, or ended without a word: %v, %v", frame, err)
		}
	}
}

// The keys of a follower are learned if its accounts are.
func TestKeysOfAFollowerWithoutUsers(t *testing.T) {
	primary := boxtest.NewLAN(t).Box("primary")
	primary.Must("mbox sync allow 127.9.0.0/16 accept users sessions")
	for send, learned := range map[string]bool{"sessions": false, "users": true} {
		s, err := newStranger(t, primary, "127.9.0.1").login(peer.Credentials{
			Account: "mboxadmin", Password: boxtest.Password, Want: []string{"profiles"}, Send: []string{send},
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Receive(); err != nil {
			t.Fatal(err)
		}
		key := &syncpb.DomainKey{Id: uint32(len(send)), Key: make([]byte, 32), CreatedUs: 1}
		if err := s.Send(&syncpb.Frame{Kind: &syncpb.Frame_Welcome{Welcome: &syncpb.Welcome{
			History: []*syncpb.Incarnation{{Id: 1, First: 1}}, Keys: []*syncpb.DomainKey{key},
		}}}); err != nil {
			t.Fatal(err)
		}
		subscribe(t, s, &syncpb.Position{Dataset: "profiles"})
		feedStart(t, s) // by then the Welcome has been read
		known := false
		for _, k := range primary.Store.Keyring().Keys() {
			known = known || k.ID == key.Id
		}
		if known != learned {
			t.Errorf("a follower that sends %s: its key is known: %v", send, known)
		}
	}
}
