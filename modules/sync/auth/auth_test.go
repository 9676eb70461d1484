package auth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"mbox/credential"
)

func certificate(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "box"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, _ := x509.ParseCertificate(der)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// channel is two ends of one TLS connection.
func channel(t testing.TB) (client, server *tls.Conn) {
	t.Helper()
	a, b := net.Pipe()
	server = tls.Server(b, &tls.Config{Certificates: []tls.Certificate{certificate(t)}, MinVersion: tls.VersionTLS13})
	client = tls.Client(a, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13})
	done := make(chan error, 1)
	go func() { done <- server.Handshake() }()
	if err := errors.Join(client.Handshake(), <-done); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return client, server
}

// wire carries messages through Go channels and records them.
type wire struct {
	in, out chan string
	seen    *strings.Builder
}

func wires() (a, b wire, seen *strings.Builder) {
	ab, ba := make(chan string, 4), make(chan string, 4)
	seen = &strings.Builder{}
	return wire{ba, ab, seen}, wire{ab, ba, seen}, seen
}

func (w wire) Send(m string) error { w.seen.WriteString(m + "\n"); w.out <- m; return nil }
func (w wire) Receive() (string, error) {
	m, ok := <-w.in
	if !ok {
		return "", io.EOF
	}
	return m, nil
}

func login(t *testing.T, clientState, serverState tls.ConnectionState, user, password string, find Credentials) (seen string, clientErr, serverErr error) {
	t.Helper()
	c, s, log := wires()
	done := make(chan error, 1)
	go func() {
		_, err := Accept(s, serverState, find, NewDecoy())
		close(s.out)
		done <- err
	}()
	clientErr = Login(c, clientState, user, password)
	close(c.out)
	return log.String(), clientErr, <-done
}

func TestPasswordProvesBothSidesAndNeverCrossesTheWire(t *testing.T) {
	v, err := credential.Make("securemboxpass")
	if err != nil {
		t.Fatal(err)
	}
	find := func(user string) (credential.Verifier, bool) { return v, user == "mboxadmin" }
	client, server := channel(t)
	cs, ss := client.ConnectionState(), server.ConnectionState()

	seen, ce, se := login(t, cs, ss, "mboxadmin", "securemboxpass", find)
	if ce != nil || se != nil {
		t.Fatalf("right password: client %v, server %v", ce, se)
	}
	if strings.Contains(seen, "securemboxpass") {
		t.Fatal("the password crossed the wire")
	}
	if !strings.HasPrefix(seen, "p=tls-exporter") {
		t.Fatalf("the exchange is not bound to the channel: %q", seen)
	}
	for name, try := range map[string][2]string{"wrong password": {"mboxadmin", "x"}, "unknown account": {"nobody", "securemboxpass"}} {
		_, ce, se := login(t, cs, ss, try[0], try[1], find)
		if ce == nil || !errors.Is(se, ErrPassword) {
			t.Errorf("%s: client %v, server %v", name, ce, se)
		}
	}
}

// A man in the middle ends TLS on both sides and relays SCRAM: the two channels differ, so it must fail.
func TestRelayedExchangeFails(t *testing.T) {
	v, _ := credential.Make("securemboxpass")
	find := func(string) (credential.Verifier, bool) { return v, true }
	client, _ := channel(t)
	_, server := channel(t)
	_, ce, se := login(t, client.ConnectionState(), server.ConnectionState(), "mboxadmin", "securemboxpass", find)
	if ce == nil || !errors.Is(se, ErrPassword) {
		t.Fatalf("client %v, server %v", ce, se)
	}
}

// A server that only pretends to know the password must not be believed.
func TestServerWithoutVerifierIsNotBelieved(t *testing.T) {
	other, _ := credential.Make("another")
	client, server := channel(t)
	_, ce, _ := login(t, client.ConnectionState(), server.ConnectionState(), "mboxadmin", "securemboxpass",
		func(string) (credential.Verifier, bool) { return other, true })
	if ce == nil {
		t.Fatal("the follower believed a server that does not know the password")
	}
}

func TestHostileIterationCountIsRefused(t *testing.T) {
	client, _ := channel(t)
	c, s, _ := wires()
	go func() {
		first, _ := s.Receive()
		nonce := first[strings.LastIndex(first, "r=")+2:]
		_ = s.Send("r=" + nonce + "x,s=AAAAAAAAAAAAAAAAAAAAAA==,i=2000000000")
	}()
	err := Login(c, client.ConnectionState(), "mboxadmin", "p")
	var refusal *Refusal
	if !errors.As(err, &refusal) || refusal.Code != CodeProtocol {
		t.Fatalf("got %v", err)
	}
}

func tokens(t *testing.T, now *time.Time) Tokens {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return Tokens{Key: key, Issuer: "primary", Now: func() time.Time { return *now }}
}

func TestTokenIsBound(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	tk := tokens(t, &now)
	cert, other := certificate(t).Leaf, certificate(t).Leaf
	token, err := tk.Issue(Grant{Account: "branch", Down: []string{"users"}}, cert, "gen")
	if err != nil {
		t.Fatal(err)
	}
	claims, err := tk.Verify(token, cert)
	if err != nil || claims.Subject != "branch" || claims.Generation != "gen" || len(claims.Down) != 1 || claims.ID == "" {
		t.Fatalf("good token: %+v, %v", claims, err)
	}
	if _, err := tk.Verify(token, other); err == nil {
		t.Error("accepted with another certificate")
	}
	elsewhere := Tokens{Key: tk.Key, Issuer: "another box", Now: tk.Now}
	if _, err := elsewhere.Verify(token, cert); err == nil {
		t.Error("accepted by another issuer")
	}
	stranger := tokens(t, &now)
	if _, err := stranger.Verify(token, cert); err == nil {
		t.Error("accepted under another key")
	}
	now = now.Add(TokenLife + leeway + time.Second)
	if _, err := tk.Verify(token, cert); !errors.Is(err, jwt.ErrTokenExpired) {
		t.Errorf("expired token: %v", err)
	}
}

func TestForgedTokensAreRefused(t *testing.T) {
	now := time.Now()
	tk := tokens(t, &now)
	cert := certificate(t).Leaf
	claims := Claims{
		RegisteredClaims: jwt.RegisteredClaims{Issuer: "primary", Subject: "branch", Audience: jwt.ClaimStrings{audience}, ID: "1",
			ExpiresAt: jwt.NewNumericDate(now.Add(time.Hour))},
		Confirmation: Confirmation{Thumbprint(cert)},
	}
	none, _ := jwt.NewWithClaims(jwt.SigningMethodNone, claims).SignedString(jwt.UnsafeAllowNoneSignatureType)
	hmac, _ := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(tk.Key.Public().(ed25519.PublicKey)))
	claims.Audience = jwt.ClaimStrings{"mbox-api"}
	audience, _ := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims).SignedString(tk.Key)
	for name, token := range map[string]string{
		"alg none": none, "HMAC with the public key": hmac, "wrong audience": audience,
		"long": strings.Repeat("a", maxTokenSize+1), "garbage": "a.b.c",
	} {
		if _, err := tk.Verify(token, cert); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestGenerationChangesWithEveryPassword(t *testing.T) {
	a, _ := credential.Make("same")
	b, _ := credential.Make("same")
	if Generation(a) == Generation(b) {
		t.Fatal("setting the same password again must end old tokens")
	}
}

func TestLockoutIsForTheAddress(t *testing.T) {
	now := time.Now()
	l := &Lockout{Now: func() time.Time { return now }}
	bad, good := netip.MustParseAddr("10.0.0.9"), netip.MustParseAddr("10.0.0.2")
	for range LockoutAttempts {
		if l.Locked(bad) != 0 {
			t.Fatal("locked too early")
		}
		l.Failed(bad)
	}
	if l.Locked(bad) == 0 || l.Locked(good) != 0 {
		t.Fatal("the wrong address is locked")
	}
	sameNet, other := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2")
	for range LockoutAttempts {
		l.Failed(sameNet)
	}
	if l.Locked(other) == 0 {
		t.Error("an IPv6 host gets around the lockout inside its /64")
	}
	now = now.Add(LockoutTime + time.Second)
	if l.Locked(bad) != 0 {
		t.Error("still locked after the time")
	}
}

func TestLockoutTableIsBounded(t *testing.T) {
	l := &Lockout{Now: time.Now}
	for i := range 3 * maxLockoutEntries {
		l.Failed(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}))
	}
	if len(l.failures) > maxLockoutEntries {
		t.Fatalf("%d entries", len(l.failures))
	}
}

type memory map[string][]byte

func (m memory) Get(k string) ([]byte, bool, error) { v, ok := m[k]; return v, ok, nil }
func (m memory) Put(k string, v []byte) error       { m[k] = v; return nil }
func (m memory) Delete(k string) error              { delete(m, k); return nil }

func TestPinRefusesAnotherKey(t *testing.T) {
	p := Pins{memory{}}
	if err := p.Check("hub", "aa", nil); err != nil {
		t.Fatalf("nothing pinned: %v", err)
	}
	if err := errors.Join(p.Remember("hub", "aa", time.Now()), p.Check("hub", "aa", nil)); err != nil {
		t.Fatal(err)
	}
	var refusal *Refusal
	if err := p.Check("hub", "bb", nil); !errors.As(err, &refusal) || !strings.Contains(refusal.Reason, "clear mbox sync pin hub") {
		t.Fatalf("another key: %v", err)
	}
	if err := p.Check("hub", "bb", []string{"bb", "cc"}); err != nil {
		t.Errorf("configured fingerprint: %v", err)
	}
	if err := p.Check("hub", "aa", []string{"bb"}); err == nil {
		t.Error("the configured fingerprint must win over the remembered pin")
	}
	if gone, _ := p.Forget("hub"); len(gone) != 1 || p.Check("hub", "bb", nil) != nil {
		t.Error("the pin was not forgotten")
	}
}

func FuzzVerifyToken(f *testing.F) {
	_, key, _ := ed25519.GenerateKey(nil)
	tk := Tokens{Key: key, Issuer: "primary", Now: time.Now}
	cert := certificate(f).Leaf
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := tk.Verify(token, cert); err == nil {
			t.Fatalf("accepted %q", token)
		}
	})
}
