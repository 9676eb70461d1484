package peer

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mbox/credential"
	"mbox/hotspotdb"
	"mbox/modules/sync/auth"
)

func keyPair(t *testing.T) tls.Certificate {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}
}

// connected are the two ends of a TLS connection without a network, so that time can be made to pass.
func connected(t *testing.T) (server, client *tls.Conn) {
	t.Helper()
	a, b := net.Pipe()
	server = tls.Server(a, &tls.Config{Certificates: []tls.Certificate{keyPair(t)}, ClientAuth: tls.RequireAnyClientCert})
	client = tls.Client(b, &tls.Config{Certificates: []tls.Certificate{keyPair(t)}, InsecureSkipVerify: true})
	done := make(chan error, 1)
	go func() { done <- server.Handshake() }()
	if err := client.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return server, client
}

// A peer of which nothing is heard for the time of three heartbeats is given up.
func TestSilentPeerIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := connected(t)
		defer client.NetConn().Close()
		defer server.NetConn().Close()
		began := time.Now()
		ended := make(chan error, 1)
		go func() { _, err := NewConn(server).Receive(); ended <- err }()
		select {
		case err := <-ended:
			if err == nil || !strings.Contains(err.Error(), "nothing heard") {
				t.Errorf("it ended with %v", err)
			}
		case <-time.After(time.Hour):
			t.Error("it waits for ever")
		}
		if took := time.Since(began); took != 3*HeartbeatEvery {
			t.Errorf("it waited for %v", took)
		}
	})
}

// openGate admits everybody and knows nobody.
type openGate struct{}

func (openGate) Admit(netip.Addr) error                      { return nil }
func (openGate) Owns(string, hotspotdb.DatabaseID) error     { return nil }
func (openGate) Verifier(string) (credential.Verifier, bool) { return credential.Verifier{}, false }
func (openGate) Grant(netip.Addr, string, []string, []string) (auth.Grant, error) {
	return auth.Grant{}, nil
}

// A byte now and then is a sign of life, but a handshake has its time.
func TestSlowHandshakeIsEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, client := connected(t)
		defer client.NetConn().Close()
		server := &Server{Gate: openGate{}, Lockout: &auth.Lockout{Now: time.Now}, Self: func() Self { return Self{} }}
		began := time.Now()
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			if _, _, err := server.Accept(conn); err == nil {
				t.Error("it was let in")
			}
		}()
		for i := 0; ; i++ {
			select {
			case <-ended:
				if took := time.Since(began); took > handshakeTime {
					t.Errorf("it took %v", took)
				}
				return
			case <-time.After(time.Second):
			}
			if time.Since(began) > 4*handshakeTime {
				t.Error("it goes on for ever")
				conn.NetConn().Close()
				<-ended
				return
			}
			drip := []byte{0}
			if i == 0 {
				drip = []byte{0x80, 0x20} // a frame of 4 KiB
			}
			_, _ = client.Write(drip)
		}
	})
}
