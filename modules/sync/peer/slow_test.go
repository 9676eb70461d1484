package peer

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mbox/credential"
	"mbox/hotspotdb"
	"mbox/modules/sync/auth"
	"mbox/proto/syncpb"
)

func certificate(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

type knowsPassword struct{ v credential.Verifier }

func (knowsPassword) Admit(netip.Addr) error                        { return nil }
func (g knowsPassword) Verifier(string) (credential.Verifier, bool) { return g.v, true }
func (knowsPassword) Owns(string, hotspotdb.DatabaseID) error       { return nil }
func (knowsPassword) Grant(_ netip.Addr, account string, want, send []string) (auth.Grant, error) {
	return auth.Grant{Account: account, Down: want, Up: send}, nil
}

type anyKey struct{}

func (anyKey) Check(string) error    { return nil }
func (anyKey) Remember(string) error { return nil }

// roomy is an end of a pipe that takes a few writes before they are read, as a socket does.
type roomy struct {
	net.Conn
	queue chan []byte
	gone  chan struct{} // closed by stop
}

func newRoomy(c net.Conn) roomy {
	r := roomy{c, make(chan []byte, 16), make(chan struct{})}
	go func() {
		for {
			select {
			case p := <-r.queue:
				_, _ = c.Write(p)
			case <-r.gone:
				return
			}
		}
	}()
	return r
}

func (r roomy) Write(p []byte) (int, error) {
	select {
	case r.queue <- bytes.Clone(p):
		return len(p), nil
	case <-r.gone:
		return 0, net.ErrClosed
	}
}

// ends are both ends of a TLS connection in memory, and a server that lets in who knows the password.
func ends(t *testing.T) (client, server *tls.Conn, s *Server, stop func()) {
	t.Helper()
	a, b := net.Pipe()
	buffered := newRoomy(a)
	t.Cleanup(func() { a.Close(); b.Close() })
	stop = func() {
		close(buffered.gone)
		a.Close()
		b.Close()
	}
	server = tls.Server(b, &tls.Config{Certificates: []tls.Certificate{certificate(t)}, MinVersion: tls.VersionTLS13, ClientAuth: tls.RequireAnyClientCert, SessionTicketsDisabled: true})
	client = tls.Client(buffered, &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{certificate(t)}})
	done := make(chan error, 1)
	go func() { done <- server.Handshake() }()
	if err := client.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	v, err := credential.Make("secret")
	if err != nil {
		t.Fatal(err)
	}
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	s = &Server{
		Gate: knowsPassword{v}, Tokens: auth.Tokens{Key: key, Issuer: "p", Now: time.Now}, Lockout: &auth.Lockout{Now: time.Now}, Decoy: auth.NewDecoy(),
		Self: func() Self { return Self{BoxID: "primary", Database: hotspotdb.DatabaseID{1}} },
	}
	return client, server, s, stop
}

// Who takes his time loses his place: whatever he is doing, the handshake ends within its time, or within the silence that
// is allowed at all.
func TestSlowStrangersLoseTheirPlace(t *testing.T) {
	hello := func(t *testing.T) []byte {
		return encode(t, &syncpb.Frame{Kind: &syncpb.Frame_Hello{Hello: &syncpb.Hello{Version: 1, Database: append(make([]byte, 15), 1), Account: "a"}}})
	}
	scram := func(t *testing.T) []byte {
		return encode(t, &syncpb.Frame{Kind: &syncpb.Frame_Scram{Scram: &syncpb.Scram{Message: "p=tls-exporter,,n=a,r=abcdefgh"}}})
	}
	for name, say := range map[string]func(t *testing.T, c *tls.Conn){
		"he says nothing": func(*testing.T, *tls.Conn) {},
		"Hello, byte by byte": func(t *testing.T, c *tls.Conn) {
			for _, b := range hello(t) {
				if _, err := c.Write([]byte{b}); err != nil {
					return
				}
				time.Sleep(silence - time.Second) // never silent for too long
			}
		},
		"Hello and no more": func(t *testing.T, c *tls.Conn) { _, _ = c.Write(hello(t)) },
		"half of the proof": func(t *testing.T, c *tls.Conn) {
			_, _ = c.Write(hello(t))
			_, _ = c.Write(scram(t))
		},
		"a length of 16 KiB, byte by byte": func(_ *testing.T, c *tls.Conn) {
			if _, err := c.Write([]byte{0x80, 0x80, 0x01}); err != nil {
				return
			}
			for {
				if _, err := c.Write([]byte{0}); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, server, s, stop := ends(t)
				began := time.Now()
				go func() { // he reads, at least
					buffer := make([]byte, 4096)
					for {
						if _, err := client.Read(buffer); err != nil {
							return
						}
					}
				}()
				var saying sync.WaitGroup
				saying.Go(func() { say(t, client) })
				if _, _, err := s.Accept(server); err == nil {
					t.Fatal("he was let in")
				}
				if took := time.Since(began); took > handshakeTime+time.Second { // by the clock of the bubble
					t.Errorf("his place was taken for %v", took)
				}
				stop()
				saying.Wait()
			})
		})
	}
}

// A stranger who does not read either is not waited for.
func TestStrangerThatDoesNotReadIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, s, stop := ends(t)
		began := time.Now()
		go func() {
			_, _ = client.Write(encode(t, &syncpb.Frame{Kind: &syncpb.Frame_Hello{Hello: &syncpb.Hello{Version: 1, Database: append(make([]byte, 15), 1), Account: "a"}}}))
		}()
		if _, _, err := s.Accept(server); err == nil { // the pipe has no buffer: the answer stays unread
			t.Fatal("he was let in")
		}
		if took := time.Since(began); took > handshakeTime+time.Second {
			t.Errorf("his place was taken for %v", took)
		}
		stop()
	})
}

// The same after the proof: a follower that falls silent is gone after three heartbeats, one that does not read after the
// time for writing.
func TestSilentFollowersAreGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, s, stop := ends(t)
		accepted := make(chan *Session, 1)
		go func() {
			session, _, err := s.Accept(server)
			if err != nil {
				t.Error(err)
			}
			accepted <- session
		}()
		self := Self{BoxID: "follower", Database: hotspotdb.DatabaseID{2}}
		if _, err := Dial(client, self, Credentials{Account: "a", Password: "secret"}, anyKey{}); err != nil {
			t.Fatal(err)
		}
		session := <-accepted
		began := time.Now()
		if _, err := session.Receive(); err == nil || time.Since(began) > silence+time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		began = time.Now()
		err := session.Send(&syncpb.Frame{Kind: &syncpb.Frame_Token{Token: &syncpb.Token{Token: "x"}}})
		if err == nil || time.Since(began) > writeTimeout+time.Second {
			t.Errorf("a frame that nobody reads, after %v: %v", time.Since(began), err)
		}
		began = time.Now()
		session.Part("gone", "goodbye")
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("taking leave of somebody who does not read took %v", took)
		}
		stop()
	})
}
