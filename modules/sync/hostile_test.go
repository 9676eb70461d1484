package sync_test

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"mbox/boxtest"
	"mbox/configstore"
	"mbox/credential"
	"mbox/hotspotdb"
	"mbox/modules/sync/auth"
	"mbox/modules/sync/peer"
	"mbox/proto/syncpb"
)

// stranger is somebody with a key of his own who dials a primary from an address.
type stranger struct {
	t    *testing.T
	id   *configstore.Identity
	from string
	to   string

	database hotspotdb.DatabaseID
	conn     *tls.Conn // of the last login
}

// openGate lets everybody in who knows the password of the tests.
type openGate struct{}

func (openGate) Admit(netip.Addr) error                  { return nil }
func (openGate) Owns(string, hotspotdb.DatabaseID) error { return nil }
func (openGate) Verifier(string) (credential.Verifier, bool) {
	v, err := credential.Make(boxtest.Password)
	return v, err == nil
}
func (openGate) Grant(_ netip.Addr, account string, want, send []string) (auth.Grant, error) {
	return auth.Grant{Account: account, Down: want, Up: send}, nil
}

func newStranger(t *testing.T, primary *boxtest.Box, from string) *stranger {
	id := configstore.OpenMemory("test").Identity()
	return &stranger{t: t, id: id, from: from, to: primary.ListenAddr(), database: hotspotdb.DatabaseID([]byte(id.BoxID()))}
}

func (s *stranger) tcp() net.Conn {
	s.t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(s.from)}, Timeout: 10 * time.Second}
	c, err := d.Dial("tcp", s.to)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	return c
}

func (s *stranger) tls(change func(*tls.Config)) (*tls.Conn, error) {
	s.t.Helper()
	config := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{peer.ALPN}, Certificates: []tls.Certificate{s.id.Certificate()}}
	if change != nil {
		change(config)
	}
	c := tls.Client(s.tcp(), config)
	return c, c.Handshake()
}

type anyPin struct{}

func (anyPin) Check(string) error    { return nil }
func (anyPin) Remember(string) error { return nil }

// login does the follower's handshake with a token or password of choice.
func (s *stranger) login(cred peer.Credentials) (*peer.Session, error) {
	s.t.Helper()
	c, err := s.tls(nil)
	if err != nil {
		return nil, err
	}
	self := peer.Self{BoxID: s.id.BoxID(), Database: s.database, Hostname: "stranger"}
	s.conn = c
	session, err := peer.Dial(c, self, cred, anyPin{})
	if err != nil {
		c.Close()
	}
	return session, err
}

func code(err error) string {
	var r *auth.Refusal
	if errors.As(err, &r) {
		return r.Code
	}
	return fmt.Sprint(err)
}

func allowedPrimary(t *testing.T) *boxtest.Box {
	t.Helper()
	primary := boxtest.NewLAN(t).Box("primary")
	primary.Must("mbox sync allow 127.9.0.0/16")
	primary.Add("guest", 10)
	return primary
}

func TestAddressThatIsNotAllowed(t *testing.T) {
	primary := allowedPrimary(t)
	s := newStranger(t, primary, "127.8.0.1")
	_, err := s.login(peer.Credentials{Account: "mboxadmin", Password: boxtest.Password})
	if code(err) != auth.CodeAddress || !strings.Contains(err.Error(), "mbox sync allow 127.8.0.1") {
		t.Fatalf("got %v", err)
	}
}

func TestWrongPasswordAndLockout(t *testing.T) {
	primary := allowedPrimary(t)
	s := newStranger(t, primary, "127.9.0.1")
	for _, account := range []string{"mboxadmin", "nobody", "mboxadmin", "root", "mboxadmin"} {
		if _, err := s.login(peer.Credentials{Account: account, Password: "wrong"}); code(err) != auth.CodeCredentials {
			t.Fatalf("%s: %v", account, err)
		}
	}
	if _, err := s.login(peer.Credentials{Account: "mboxadmin", Password: boxtest.Password}); code(err) != auth.CodeLockout {
		t.Fatalf("after five failures: %v", err)
	}
	// The account is not locked: another address still comes in.
	other := newStranger(t, primary, "127.9.0.2")
	if _, err := other.login(peer.Credentials{Account: "mboxadmin", Password: boxtest.Password}); err != nil {
		t.Fatalf("another address: %v", err)
	}
}

func TestFactoryPasswordIsRefused(t *testing.T) {
	primary := allowedPrimary(t)
	primary.Account("mboxadmin", "", auth.FactoryPassword)
	session, err := newStranger(t, primary, "127.9.0.1").login(peer.Credentials{Account: "mboxadmin", Password: auth.FactoryPassword})
	if err != nil {
		t.Fatal(err)
	}
	if frame, err := session.Receive(); err != nil || frame.GetRefused().GetCode() != auth.CodeFactory {
		t.Fatalf("with the factory password: %v, %v", frame, err)
	}
	backup := boxtest.NewLAN(t).Box("backup")
	if err := backup.Typed("mbox sync primary hub username mboxadmin password " + auth.FactoryPassword); err == nil || !strings.Contains(err.Error(), "factory") {
		t.Fatalf("typed on the follower: %v", err)
	}
}

// An account without `role sync` is not a key to the database, whatever its password.
func TestOnlyAccountsForSyncMaySync(t *testing.T) {
	primary := allowedPrimary(t)
	primary.Account("frontdesk", "", "front-desk-pass")
	primary.Account("branch1", "sync", "branch-one-pass")
	s := newStranger(t, primary, "127.9.0.1")
	if _, err := s.login(peer.Credentials{Account: "frontdesk", Password: "front-desk-pass"}); code(err) != auth.CodeCredentials {
		t.Errorf("an ordinary account: %v", err)
	}
	if _, err := s.login(peer.Credentials{Account: "branch1", Password: "branch-one-pass"}); err != nil {
		t.Errorf("role sync: %v", err)
	}
}

func TestTokenOfAnotherBoxIsWorthless(t *testing.T) {
	primary := allowedPrimary(t)
	owner := newStranger(t, primary, "127.9.0.1")
	session, err := owner.login(peer.Credentials{Account: "mboxadmin", Password: boxtest.Password, Want: []string{"users"}})
	if err != nil {
		t.Fatal(err)
	}
	frame, err := session.Receive()
	if err != nil || frame.GetWelcome().GetToken() == "" {
		t.Fatalf("no token: %v, %v", frame, err)
	}
	token := frame.GetWelcome().Token
	again, err := owner.login(peer.Credentials{Account: "mboxadmin", Token: token, TokenBox: session.BoxID})
	if err != nil || !again.ByToken {
		t.Fatalf("the owner's token: %v, %v", again, err)
	}
	thief := newStranger(t, primary, "127.9.0.3")
	if _, err := thief.login(peer.Credentials{Account: "mboxadmin", Token: token, TokenBox: session.BoxID, Password: "wrong"}); code(err) != auth.CodeCredentials {
		t.Fatalf("another certificate with the token: %v", err)
	}
	primary.Account("mboxadmin", "", "a-new-password")
	if _, err := owner.login(peer.Credentials{Account: "mboxadmin", Token: token, TokenBox: session.BoxID, Password: boxtest.Password}); code(err) != auth.CodeCredentials {
		t.Fatalf("token after the password was changed: %v", err)
	}
}

func TestChangedKeyIsRefusedUntilThePinIsCleared(t *testing.T) {
	lan := boxtest.NewLAN(t)
	primary, backup := lan.Box("primary"), lan.Box("backup")
	backup.Follow(primary, "", "")
	boxtest.InSync(primary, backup)
	primary.Shutdown()
	primary.Store = configstore.OpenMemory("a box that was replaced")
	primary.Start()
	boxtest.Eventually(t, "the follower refuses the new key", func() bool {
		s := backup.Status("upstream")
		return s.State == "refused" && strings.Contains(boxtest.Text(s.Reason), "clear mbox sync pin")
	})
	if _, err := backup.Exec("clear mbox sync pin " + primary.Addr.String()); err != nil {
		t.Fatal(err)
	}
	boxtest.InSync(primary, backup)
}

func TestClonedBoxIsRefused(t *testing.T) {
	lan := boxtest.NewLAN(t)
	primary, clone := lan.Box("primary"), lan.Box("clone")
	clone.Shutdown()
	clone.Store = primary.Store
	clone.Start()
	clone.Follow(primary, "", "")
	boxtest.Eventually(t, "the clone is told", func() bool {
		s := clone.Status("upstream")
		return s.State == "refused" && strings.Contains(boxtest.Text(s.Reason), "cloned box")
	})
}

func TestGarbageDoesNoHarm(t *testing.T) {
	primary := allowedPrimary(t)
	s := newStranger(t, primary, "127.9.0.1")
	raw := s.tcp()
	fmt.Fprint(raw, "GET / HTTP/1.0\r\n\r\n\x00\xff\xfe garbage")
	_, _ = io.Copy(io.Discard, raw)

	for name, bytes := range map[string][]byte{
		"a frame of 4 GiB":  binary.AppendUvarint(nil, 4<<30),
		"an endless length": {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		"not protobuf":      append(binary.AppendUvarint(nil, 5), 0xff, 0xff, 0xff, 0xff, 0xff),
		"an empty frame":    {0},
	} {
		c, err := s.tls(nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write(bytes); err != nil {
			t.Fatal(err)
		}
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.Copy(io.Discard, c); errors.Is(err, io.EOF) || isTimeout(err) {
			t.Errorf("%s: the connection was not ended: %v", name, err)
		}
	}
	// The box goes on.
	if _, err := s.login(peer.Credentials{Account: "mboxadmin", Password: boxtest.Password}); err != nil {
		t.Fatalf("after the garbage: %v", err)
	}
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// An authenticated peer that sends hostile frames loses its connection, and nothing of it is stored.
func TestHostilePeerInsideTheGate(t *testing.T) {
	primary := boxtest.NewLAN(t).Box("primary")
	primary.Must("mbox sync allow 127.9.0.0/16 accept users")
	for name, frames := range map[string][]*syncpb.Frame{
		"a dataset that is not accepted": {batch("sessions", nil, 0)},
		"an unknown dataset":             {batch("secrets", nil, 0)},
		"a feed that was not asked for":  {feedBegins("sessions")},
		"a bomb":                         {batch("users", []byte("not zstd"), 1<<30)},
		"rubbish as changes":             {batch("users", []byte("\x28\xb5\x2f\xfd rubbish"), 10)},
		"sums of the wrong size":         {{Kind: &syncpb.Frame_Buckets{Buckets: &syncpb.Buckets{Dataset: "users", Sums: []byte{1}}}}},
	} {
		s := newStranger(t, primary, "127.9.0.1")
		session, err := s.login(peer.Credentials{Account: "mboxadmin", Password: boxtest.Password, Want: []string{"users"}, Send: []string{"users", "sessions"}})
		if err != nil {
			t.Fatal(err)
		}
		if err := welcome(session); err != nil {
			t.Fatal(err)
		}
		for _, f := range frames {
			if err := session.Send(f); err != nil {
				t.Fatal(err)
			}
		}
		boxtest.Eventually(t, name+": the connection ends", func() bool {
			for {
				if _, err := session.Receive(); err != nil {
					return true
				}
			}
		})
	}
	if n := primary.Users(); n != 0 {
		t.Fatalf("%d accounts were stored", n)
	}
}

func batch(ds string, data []byte, size uint32) *syncpb.Frame {
	return &syncpb.Frame{Kind: &syncpb.Frame_Batch{Batch: &syncpb.Batch{Dataset: ds, Changes: data, Size: size, Last: 1, Incarnation: 1}}}
}

func feedBegins(ds string) *syncpb.Frame {
	return &syncpb.Frame{Kind: &syncpb.Frame_FeedStart{FeedStart: &syncpb.FeedStart{Dataset: ds, Incarnation: 1}}}
}

func welcome(s *peer.Session) error {
	if _, err := s.Receive(); err != nil {
		return err
	}
	return s.Send(&syncpb.Frame{Kind: &syncpb.Frame_Welcome{Welcome: &syncpb.Welcome{History: []*syncpb.Incarnation{{Id: 1, First: 1}}}}})
}

func TestTLSIsNewAndBrowsersAreNotAsked(t *testing.T) {
	primary := allowedPrimary(t)
	s := newStranger(t, primary, "127.9.0.1")
	if _, err := s.tls(func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }); err == nil {
		t.Error("sync over TLS 1.2")
	}
	c, err := s.tls(func(c *tls.Config) { c.Certificates = nil })
	if err == nil { // in TLS 1.3 the client learns of the refusal with its first read
		_, err = c.Read(make([]byte, 1))
	}
	if err == nil || isTimeout(err) {
		t.Errorf("sync without a certificate: %v", err)
	}
	asked := false
	browser := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{
		InsecureSkipVerify: true,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			asked = true
			return &tls.Certificate{}, nil
		},
	}}}
	response, err := browser.Get("https://" + primary.ListenAddr() + "/")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if asked {
		t.Error("the browser was asked for a certificate")
	}
}
