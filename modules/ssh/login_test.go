package ssh

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	gossh "golang.org/x/crypto/ssh"
)

func TestPassword(t *testing.T) {
	b := newBox(t)
	client := b.login("admin", "adminpass")
	out, err := b.session(client).Output("show version")
	if err != nil || string(out) != "did show version\n" {
		t.Errorf("%q, %v", out, err)
	}
	if got := b.shell.last(); got.Name != "admin" || got.From != "127.0.0.1" || got.Level != 15 {
		t.Errorf("the actor is %+v", got)
	}
	b.await("login accepted")
	for _, wrong := range [][2]string{{"admin", "guestpass"}, {"nobody", "adminpass"}, {"admin", ""}, {"", ""}, {"a\nb", "x"}, {strings.Repeat("a", 65), "x"}, {"admin", strings.Repeat("x", maxPassword+1)}} {
		if _, err := b.dial(wrong[0], wrong[1]); err == nil {
			t.Errorf("%q got in with %q", wrong[0], wrong[1])
		}
	}
	if log := b.log.String(); strings.Contains(log, "guestpass") || strings.Contains(log, "adminpass") || strings.Contains(log, "nobody") {
		t.Errorf("the log holds what it must not:\n%s", log)
	}
	if strings.Count(b.log.String(), "login refused") != 7 {
		t.Errorf("not every attempt is in the log:\n%s", b.log)
	}
}

// TestNobodyWithoutProof: neither `none` nor what the server does not know.
func TestNobodyWithoutProof(t *testing.T) {
	b := newBox(t)
	_, err := b.dialWith("admin")
	if err == nil || !strings.Contains(err.Error(), "attempted methods [none]") {
		t.Errorf("none: %v", err)
	}
	_, err = b.dialWith("admin", gossh.KeyboardInteractive(func(string, string, []string, []bool) ([]string, error) { return nil, nil }))
	if err == nil {
		t.Error("keyboard-interactive got in")
	}
}

// TestNameOfTheLogin: the name that counts is the one that the proof was given with, not an earlier one.
func TestNameOfTheLogin(t *testing.T) {
	b := newBox(t)
	// A client of this library has one name for a connection, so the callbacks are asked directly.
	c := b.pretend("127.0.0.1")
	if _, err := c.password(meta{name: "admin"}, []byte("wrong")); err == nil {
		t.Fatal("a wrong password")
	}
	if !b.enter(c) {
		t.Fatal("no room")
	}
	defer b.leave(c)
	if _, err := c.password(meta{name: "guest"}, []byte("guestpass")); err != nil {
		t.Fatal(err)
	}
	if got := c.login.account; got.Name != "guest" || got.Level != 1 {
		t.Errorf("logged in as %+v", got)
	}
	if _, err := c.password(meta{name: "admin"}, []byte("guestpass")); err == nil {
		t.Error("one account's password opens another")
	}
}

func TestRetries(t *testing.T) {
	b := newBox(t)
	tries := 0
	_, err := b.dialWith("admin", gossh.RetryableAuthMethod(gossh.PasswordCallback(func() (string, error) {
		tries++
		return "wrong", nil
	}), 10))
	if err == nil || tries != 3 {
		t.Errorf("%d tries: %v", tries, err)
	}
	b.apply(b.text + "ip ssh authentication-retries 1\n")
	tries = 0
	_, err = b.dialWith("admin", gossh.RetryableAuthMethod(gossh.PasswordCallback(func() (string, error) {
		tries++
		return "wrong", nil
	}), 10))
	if err == nil || tries != 1 {
		t.Errorf("%d tries: %v", tries, err)
	}
}

func TestPublicKeys(t *testing.T) {
	key, line := newKey(t)
	hashed, _ := newKey(t)
	big, bigLine := rsaLine(t, 2048)
	b := newBox(t, chain("admin", line+" admin@laptop"), "  key-hash ssh-ed25519 "+gossh.FingerprintSHA256(hashed.PublicKey()), "  key-string "+bigLine)
	for name, signer := range map[string]gossh.Signer{"key-string": key, "key-hash": hashed, "RSA": big} {
		client, err := b.dialWith("admin", gossh.PublicKeys(signer))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		client.Close()
	}
	b.await("method=publickey")
	stranger, _ := newKey(t)
	if _, err := b.dialWith("admin", gossh.PublicKeys(stranger)); err == nil {
		t.Error("a key that nobody has configured got in")
	}
	if _, err := b.dialWith("guest", gossh.PublicKeys(key)); err == nil {
		t.Error("a key opens another account")
	}
	if _, err := b.dialWith("nobody", gossh.PublicKeys(key)); err == nil {
		t.Error("a key opens no account")
	}
	b.awaitFailed("admin", "guest", "nobody")
	b.accounts.remove("admin")
	if _, err := b.dialWith("admin", gossh.PublicKeys(key)); err == nil {
		t.Error("the key of a removed account got in")
	}
}

// awaitFailed waits until logins were counted, in whatever order: clients are gone before the server has noticed.
func (b *box) awaitFailed(names ...string) {
	b.t.Helper()
	var got []string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		b.accounts.mu.Lock()
		got = append([]string{}, b.accounts.failed...)
		b.accounts.mu.Unlock()
		slices.Sort(got)
		if fmt.Sprint(got) == fmt.Sprint(names) {
			return
		}
	}
	b.t.Errorf("counted %q, want %q", got, names)
}

// TestLoginLimit: logins without sessions are bounded too, and leave room for those who may do something about it.
func TestLoginLimit(t *testing.T) {
	b := newBox(t, "ip ssh session-limit 8")
	for range 7 {
		b.login("guest", "guestpass")
	}
	if _, err := b.dial("guest", "guestpass"); err == nil {
		t.Error("one account has all the connections")
	}
	b.login("admin", "adminpass")
	if _, err := b.dial("admin", "adminpass"); err == nil {
		t.Error("more logins than the limit")
	}
}

// borrowed is a public key whose private half somebody else has.
type borrowed struct {
	key gossh.PublicKey
	own gossh.Signer
}

func (b borrowed) PublicKey() gossh.PublicKey { return b.key }

func (b borrowed) Sign(random io.Reader, data []byte) (*gossh.Signature, error) {
	return b.own.Sign(random, data)
}

// TestKeyWithoutItsPrivateHalf: to ask for a key is not to have it.
func TestKeyWithoutItsPrivateHalf(t *testing.T) {
	key, line := newKey(t)
	own, _ := newKey(t)
	b := newBox(t, chain("admin", line))
	if _, err := b.dialWith("admin", gossh.PublicKeys(borrowed{key.PublicKey(), own})); err == nil {
		t.Error("a borrowed key got in")
	}
	if got := b.shell.last(); got.Name != "" {
		t.Errorf("%+v has a session", got)
	}
}

// TestOldAlgorithms: nothing of what is not offered is spoken.
func TestOldAlgorithms(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	signer, line := signerOf(t, key)
	b := newBox(t, chain("admin", line))
	old, err := gossh.NewSignerWithAlgorithms(signer.(gossh.AlgorithmSigner), []string{gossh.KeyAlgoRSA})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.dialWith("admin", gossh.PublicKeys(old)); err == nil {
		t.Error("a signature with SHA-1 got in")
	}
	for name, config := range map[string]gossh.Config{
		"group14":     {KeyExchanges: []string{gossh.KeyExchangeDH14SHA256, gossh.InsecureKeyExchangeDH14SHA1}},
		"group1":      {KeyExchanges: []string{gossh.InsecureKeyExchangeDH1SHA1}},
		"NIST curves": {KeyExchanges: []string{gossh.KeyExchangeECDHP256}},
		"CBC":         {Ciphers: []string{gossh.InsecureCipherAES128CBC, gossh.InsecureCipherTripleDESCBC}},
		"RC4":         {Ciphers: []string{gossh.InsecureCipherRC4256}},
		"CTR":         {Ciphers: []string{gossh.CipherAES256CTR}},
	} {
		_, err := gossh.Dial("tcp", b.addr, &gossh.ClientConfig{
			Config: config, User: "admin", Auth: []gossh.AuthMethod{gossh.Password("adminpass")},
			HostKeyCallback: gossh.InsecureIgnoreHostKey(), Timeout: patience,
		})
		var negotiation *gossh.AlgorithmNegotiationError
		if !errors.As(err, &negotiation) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err = gossh.Dial("tcp", b.addr, &gossh.ClientConfig{
		User: "admin", Auth: []gossh.AuthMethod{gossh.Password("adminpass")}, HostKeyAlgorithms: []string{gossh.KeyAlgoRSA, gossh.KeyAlgoRSASHA256},
		HostKeyCallback: gossh.InsecureIgnoreHostKey(), Timeout: patience,
	})
	if err == nil {
		t.Error("an RSA host key")
	}
}

// TestBeforeLogin: the banner comes first, and no version of ours is told.
func TestBeforeLogin(t *testing.T) {
	b := newBox(t)
	var banner string
	_, err := gossh.Dial("tcp", b.addr, &gossh.ClientConfig{
		User: "admin", Auth: []gossh.AuthMethod{gossh.Password("wrong")}, HostKeyCallback: gossh.InsecureIgnoreHostKey(), Timeout: patience,
		BannerCallback: func(text string) error { banner = text; return nil },
	})
	if err == nil || banner != "Authorised\r\nonly\r\n" {
		t.Errorf("banner %q, %v", banner, err)
	}
	raw, err := net.Dial("tcp", b.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	line := make([]byte, len(serverVersion)+2)
	if _, err := io.ReadFull(raw, line); err != nil || string(line) != "SSH-2.0-mbox\r\n" {
		t.Errorf("%q, %v", line, err)
	}
}

// TestRefusedLoginsDoNotFillTheLog: whoever fails again and again drives nothing out of the log, and hides no attempt at an
// account behind names that nobody has.
func TestRefusedLoginsDoNotFillTheLog(t *testing.T) {
	var limit throttle
	now := time.Now()
	for i := range 5 {
		if silent, ok := limit.speaks(now, 3); ok != (i < 3) || silent != 0 {
			t.Errorf("line %d: %t, %d before it", i, ok, silent)
		}
	}
	if silent, ok := limit.speaks(now.Add(time.Second), 3); !ok || silent != 2 {
		t.Errorf("a second later: %t, %d before it", ok, silent)
	}
	b := newBox(t)
	c := b.pretend("192.0.2.1")
	for range 20 * maxRefused {
		c.denied("nobody", "password", errDenied)
	}
	c.denied("admin", "password", errDenied)
	if lines := strings.Count(b.log.String(), "login refused"); lines > 10*maxRefused {
		t.Errorf("%d lines", lines)
	}
	if !strings.Contains(b.log.String(), "user=admin") {
		t.Errorf("hidden: %s", b.log)
	}
}

// pretend is a connection from an address, which nobody serves.
func (b *box) pretend(from string) *conn {
	near, far := net.Pipe()
	c := newConn(context.Background(), b.Module, near, netip.MustParseAddr(from))
	b.t.Cleanup(func() {
		c.end(errGone)
		near.Close()
		far.Close()
	})
	return c
}

// meta is what a client says of itself.
type meta struct {
	gossh.ConnMetadata
	name string
}

func (m meta) User() string { return m.name }
