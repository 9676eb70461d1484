package sync_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protodelim"

	"mbox/boxtest"
	"mbox/configstore"
	"mbox/hotspotdb"
	"mbox/modules/sync/auth"
	"mbox/modules/sync/peer"
	"mbox/proto/syncpb"
)

// A primary that grants more than was asked for gets nothing of it, and its keys are not learned.
func TestPrimaryCannotTakeWhatWasNotOffered(t *testing.T) {
	lan := boxtest.NewLAN(t)
	follower := lan.Box("follower")
	follower.Add("guest", 10)
	keys := follower.Store.Keyring().Domain().Active
	said := make(chan *syncpb.Frame, 64)
	addr := roguePrimary(t, func(s *peer.Session) {
		all := []string{"users", "profiles", "users", "users"}
		_ = s.Send(&syncpb.Frame{Kind: &syncpb.Frame_Welcome{Welcome: &syncpb.Welcome{
			History: []*syncpb.Incarnation{{Id: 1, First: 1}}, Up: all, Down: all,
			Domain: &syncpb.Domain{Id: bytes.Repeat([]byte{1}, 16), DigestKey: bytes.Repeat([]byte{2}, 16), ActiveKey: 5},
			Keys:   []*syncpb.DomainKey{{Id: 5, Key: bytes.Repeat([]byte{3}, 32)}},
		}}})
		_ = s.Send(&syncpb.Frame{Kind: &syncpb.Frame_Subscribe{Subscribe: &syncpb.Subscribe{Positions: []*syncpb.Position{{Dataset: "users"}}}}})
		for {
			frame, err := s.Receive()
			if err != nil {
				return
			}
			said <- frame
			if frame.GetHeartbeat() != nil {
				return
			}
		}
	})
	host, port, _ := net.SplitHostPort(addr)
	follower.Must(fmt.Sprintf("mbox sync primary %s port %s username mboxadmin password %s datasets profiles", host, port, boxtest.Password))
	for {
		frame := <-said
		if w := frame.GetWelcome(); w != nil && len(w.Keys) > 0 {
			t.Errorf("the follower gave away %d password keys", len(w.Keys))
		}
		if frame.GetBatch() != nil || frame.GetFeedStart() != nil {
			t.Errorf("the follower sends %v", frame)
		}
		if frame.GetHeartbeat() != nil {
			break
		}
	}
	if now := follower.Store.Keyring().Domain().Active; now != keys {
		t.Errorf("new passwords are sealed under the rogue's key %d", now)
	}
}

// roguePrimary knows the password and then does what it likes.
func roguePrimary(t *testing.T, serve func(*peer.Session)) (addr string) {
	t.Helper()
	id := configstore.OpenMemory("rogue").Identity()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{id.Certificate()}, NextProtos: []string{peer.ALPN}, MinVersion: tls.VersionTLS13,
		ClientAuth: tls.RequireAnyClientCert,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	server := &peer.Server{
		Gate: openGate{}, Lockout: &auth.Lockout{Now: time.Now}, Decoy: auth.NewDecoy(),
		Self: func() peer.Self {
			return peer.Self{BoxID: id.BoxID(), Database: hotspotdb.DatabaseID{9}, Hostname: "rogue"}
		},
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if c.(*tls.Conn).Handshake() != nil {
					return
				}
				if s, _, err := server.Accept(c.(*tls.Conn)); err == nil {
					serve(s)
				}
			}()
		}
	}()
	return l.Addr().String()
}

// One box speaks in the name of another's database: it is refused, and the other loses nothing.
func TestDatabaseBelongsToOneBox(t *testing.T) {
	lan := boxtest.NewLAN(t)
	primary, branch := lan.Box("primary"), lan.Box("branch")
	branch.Add("early", 1)
	branch.Follow(primary, "send all", "accept all")
	boxtest.InSync(primary, branch)
	primary.Must("mbox sync allow 127.9.0.0/16 accept all")
	thief := newStranger(t, primary, "127.9.0.7")
	thief.database = branch.DB.ID()
	session, err := thief.login(peer.Credentials{Account: "mboxadmin", Password: boxtest.Password, Send: []string{"users"}})
	if err != nil {
		t.Fatal(err)
	}
	if frame, err := session.Receive(); err != nil || frame.GetRefused().GetCode() != auth.CodeCloned {
		t.Fatalf("the thief hears %v, %v", frame, err)
	}
	branch.Add("late", 5)
	boxtest.Eventually(t, "the branch's accounts arrive", func() bool { return primary.Users() == 6 })
}

// A position that lies in the future is not believed: it would make the feed pass over everything until then.
func TestPositionBeyondTheEndStartsAnew(t *testing.T) {
	lan := boxtest.NewLAN(t)
	primary, backup := lan.Box("primary"), lan.Box("backup")
	primary.Add("guest", 10)
	history := primary.DB.History()
	far := hotspotdb.Position{Incarnation: history[len(history)-1].ID, Seq: 1 << 62}
	if err := backup.DB.SetPosition(t.Context(), primary.DB.ID(), hotspotdb.Users, far); err != nil {
		t.Fatal(err)
	}
	backup.Follow(primary, "", "")
	boxtest.InSync(primary, backup)
}

// A token does not open the door of a box that did not issue it, even if no key is pinned.
func TestTokenIsOnlyForItsIssuer(t *testing.T) {
	primary := allowedPrimary(t)
	s := newStranger(t, primary, "127.9.0.1")
	session, err := s.login(peer.Credentials{Account: "mboxadmin", Password: boxtest.Password})
	if err != nil {
		t.Fatal(err)
	}
	frame, err := session.Receive()
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.login(peer.Credentials{Account: "mboxadmin", Password: boxtest.Password, Token: frame.GetWelcome().GetToken(), TokenBox: "another"})
	if err != nil || again.ByToken {
		t.Fatalf("the password was not asked for: %v", err)
	}
}

// Before the proof of the password frames are small; after it, only those that need to be large may be.
func TestFramesAreBoundedByKind(t *testing.T) {
	primary := allowedPrimary(t)
	s := newStranger(t, primary, "127.9.0.1")
	many := &syncpb.Hello{Version: 1, Database: make([]byte, 16)}
	for range 100_000 {
		many.Datasets = append(many.Datasets, "users")
	}
	c, err := s.tls(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := protodelim.MarshalTo(c, &syncpb.Frame{Kind: &syncpb.Frame_Hello{Hello: many}}); err == nil {
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := c.Read(make([]byte, 1)); err == nil || isTimeout(err) {
			t.Errorf("a Hello of 700 KB was read: %v", err)
		}
	}
	session, err := s.login(peer.Credentials{Account: "mboxadmin", Password: boxtest.Password})
	if err != nil {
		t.Fatal(err)
	}
	if err := welcome(session); err != nil {
		t.Fatal(err)
	}
	flood := &syncpb.Heartbeat{}
	for range 200_000 {
		flood.Heads = append(flood.Heads, &syncpb.Head{})
	}
	_ = session.Send(&syncpb.Frame{Kind: &syncpb.Frame_Heartbeat{Heartbeat: flood}})
	for {
		if _, err := session.Receive(); err != nil {
			if isTimeout(err) {
				t.Error("a heartbeat of 400 KB was accepted")
			}
			return
		}
	}
}

// Strangers that are not allowed, or silent, do not keep followers out.
func TestStrangersDoNotTakeThePlacesOfFollowers(t *testing.T) {
	primary := allowedPrimary(t)
	forbidden := newStranger(t, primary, "127.8.0.1")
	for range 300 {
		c, err := net.DialTimeout("tcp", primary.ListenAddr(), 10*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		go func() { _, _ = forbidden.tls(nil) }()
	}
	s := newStranger(t, primary, "127.9.0.1")
	if _, err := s.login(peer.Credentials{Account: "mboxadmin", Password: boxtest.Password}); err != nil {
		t.Fatalf("a follower: %v", err)
	}
}

// Who knows one password does not get more guesses at another by using it.
func TestOwnLoginDoesNotResetTheLockout(t *testing.T) {
	primary := allowedPrimary(t)
	primary.Account("branch1", "sync", "branch-one-pass")
	s := newStranger(t, primary, "127.9.0.1")
	for range 4 {
		_, _ = s.login(peer.Credentials{Account: "mboxadmin", Password: "guess"})
	}
	if _, err := s.login(peer.Credentials{Account: "branch1", Password: "branch-one-pass"}); err != nil {
		t.Fatal(err)
	}
	_, _ = s.login(peer.Credentials{Account: "mboxadmin", Password: "guess"})
	if _, err := s.login(peer.Credentials{Account: "mboxadmin", Password: "guess"}); code(err) != auth.CodeLockout {
		t.Fatalf("after five guesses: %v", err)
	}
}
