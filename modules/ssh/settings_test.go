package ssh

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"net"
	"strings"
	"testing"

	gossh "golang.org/x/crypto/ssh"

	"mbox/modules"
	"mbox/modules/moduletest"
)

const sampleBlob = "AAAAC3NzaC1lZDI1NTE5AAAAIPqhGVbsbzhPcwKjFgVtmzJHLmtcIxlqyNGSSUnIQSlA"

func rsaLine(t testing.TB, bits int) (gossh.Signer, string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Skipf("this Go does not make RSA keys of %d bits: %v", bits, err)
	}
	return signerOf(t, key)
}

func ecdsaLine(t testing.TB, curve elliptic.Curve) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, line := signerOf(t, key)
	return line
}

func TestGrammar(t *testing.T) {
	const user = "ip ssh pubkey-chain\nusername alice\n"
	_, rsa2048 := rsaLine(t, 2048)
	moduletest.Grammar(t, New(Deps{Port: 22}),
		"ip ssh listen 192.0.2.1", "ip ssh listen 192.0.2.1 port 2200", "ip ssh listen ::",
		"ip ssh access-class 192.0.2.0/24 2001:db8::/32", "ip ssh authentication-retries 2", "ip ssh time-out 60",
		"ip ssh keepalive 15", "ip ssh session-limit 10", "ip ssh version 2", "ip ssh pubkey-chain", "ip ssh pubkey-chain\nusername alice",
		user+"key-string ssh-ed25519 "+sampleBlob+" alice@laptop of hers",
		user+"key-hash ssh-ed25519 SHA256:"+strings.Repeat("A", 43),
		user+"key-hash ssh-rsa 0123456789ABCDEF0123456789ABCDEF alice",
		user+"ssh-ed25519 "+sampleBlob+" alice@laptop", user+rsa2048,
		user+ecdsaLine(t, elliptic.P256()), user+ecdsaLine(t, elliptic.P384()), user+ecdsaLine(t, elliptic.P521()),
	)
}

// TestRefusedKeys: what proves too little does not get into the configuration, and what is loaded is refused by line.
func TestRefusedKeys(t *testing.T) {
	book, err := modules.NewBook(New(Deps{}))
	if err != nil {
		t.Fatal(err)
	}
	for name, line := range map[string]string{
		"no base64":     "ssh-ed25519 ####",
		"no key":        "ssh-ed25519 AAAA",
		"cut":           "ssh-ed25519 " + sampleBlob[:40],
		"longer":        "ssh-ed25519 " + sampleBlob + "AAAA",
		"RSA 1024":      "ssh-rsa " + rsaBlob(1024),
		"RSA 16384":     "ssh-rsa " + rsaBlob(16384),
		"DSA":           "key-string ssh-rsa " + dsaBlob(),
		"no such type":  "key-string ssh-dss " + sampleBlob,
		"MD5 too short": "key-hash ssh-rsa 0123",
		"SHA too short": "key-hash ssh-rsa SHA256:AAAA",
	} {
		if _, err := book.LoadStrict(chain("alice", line) + "\n"); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	m := New(Deps{})
	tree := moduletest.Tree(t, chain("alice", "key-string ssh-rsa "+sampleBlob)+"\n", m)
	var refused *modules.StatementError
	if err := m.Check(tree); !errors.As(err, &refused) || !strings.Contains(refused.Line, "key-string ssh-rsa") {
		t.Errorf("a key under another type: %v", err)
	}
}

// rsaBlob is the public half of a key that would be expensive to make.
func rsaBlob(bits int) string {
	n := new(big.Int).SetBit(big.NewInt(1), bits-1, 1)
	key, err := gossh.NewPublicKey(&rsa.PublicKey{N: n, E: 65537})
	if err != nil {
		return "AAAA"
	}
	return base64.StdEncoding.EncodeToString(key.Marshal())
}

// dsaBlob is well formed, and of no use since OpenSSH 7.0.
func dsaBlob() string {
	bit := func(n int) *big.Int { return new(big.Int).SetBit(big.NewInt(1), n, 1) }
	return base64.StdEncoding.EncodeToString(gossh.Marshal(struct {
		Name       string
		P, Q, G, Y *big.Int
	}{"ssh-dss", bit(1023), bit(159), big.NewInt(2), big.NewInt(4)}))
}

func TestFingerprints(t *testing.T) {
	key, err := parseKey(sampleBlob)
	if err != nil {
		t.Fatal(err)
	}
	for _, typed := range []string{
		gossh.FingerprintSHA256(key), gossh.FingerprintSHA256(key) + "=", gossh.FingerprintLegacyMD5(key),
		"MD5:" + gossh.FingerprintLegacyMD5(key), strings.ToUpper(legacyHash(key)),
	} {
		hash, err := parseHash(typed)
		if err != nil {
			t.Errorf("%s: %v", typed, err)
			continue
		}
		if !(keySet{hashes: []string{"ssh-ed25519 " + hash}}).holds(key) {
			t.Errorf("%s does not stand for its key", typed)
		}
		if (keySet{hashes: []string{"ssh-rsa " + hash}}).holds(key) {
			t.Errorf("%s stands for a key of another type", typed)
		}
	}
}

func TestTooManyListeners(t *testing.T) {
	var text strings.Builder
	for i := range maxListeners + 1 {
		fmt.Fprintf(&text, "ip ssh listen 127.0.0.%d\n", i+1)
	}
	m := New(Deps{Port: 2222})
	var refused *modules.StatementError
	if err := m.Check(moduletest.Tree(t, text.String(), m)); !errors.As(err, &refused) {
		t.Errorf("got %v", err)
	}
}

func TestApplyTwiceIsOnce(t *testing.T) {
	checkLeaks(t)
	log := &logBuffer{}
	m := New(Deps{State: &state{}, Accounts: &accounts{}})
	m.log = newLog(log)
	text := fmt.Sprintf("ip ssh listen 127.0.0.1 port %d\n", freePort(t))
	moduletest.ApplyTwice(t, m, text, func() int { return strings.Count(log.String(), "listening") })
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if err := m.Run(ctx); err != nil {
		t.Error(err)
	}
	if err := m.Apply(context.Background(), moduletest.Tree(t, text, m)); err == nil {
		t.Error("a listener was opened after the end")
	}
}

// TestNothingListensByItself: all listeners are configuration.
func TestNothingListensByItself(t *testing.T) {
	m := New(Deps{State: &state{}, Accounts: &accounts{}, Port: 2222})
	if err := m.Apply(context.Background(), moduletest.Tree(t, "ip ssh version 2\n", m)); err != nil {
		t.Fatal(err)
	}
	if len(m.listeners) != 0 {
		t.Errorf("%d listeners", len(m.listeners))
	}
	tree := moduletest.Tree(t, "ip ssh listen 127.0.0.1\n", m)
	if s, err := m.parse(tree); err != nil || s.listen[0].Port() != 2222 {
		t.Errorf("the default port: %+v, %v", s, err)
	}
}

// TestListenerThatCannotOpen: what was open stays open.
func TestListenerThatCannotOpen(t *testing.T) {
	b := newBox(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	for _, c := range []struct{ address, message string }{
		{"127.0.0.1", "the port is in use"}, {"192.0.2.1", "the address is not one of this box"},
	} {
		var told *modules.Error
		err := b.tryApply(context.Background(), fmt.Sprintf("ip ssh listen %s port %d\n", c.address, port))
		if !errors.As(err, &told) || !strings.Contains(told.Message, c.message) || !strings.Contains(told.Hint, "ip ssh listen") {
			t.Errorf("%s: got %v", c.address, err)
		}
	}
	b.login("admin", "adminpass")
}

func FuzzKeyText(f *testing.F) {
	f.Add(sampleBlob)
	f.Add("AAAA")
	f.Add(rsaBlob(2048))
	f.Fuzz(func(t *testing.T, text string) {
		clean, err := parseKeyText(text)
		if err != nil {
			return
		}
		if again, err := parseKeyText(clean); err != nil || again != clean {
			t.Errorf("%q becomes %q, then %q: %v", text, clean, again, err)
		}
	})
}

func FuzzHash(f *testing.F) {
	f.Add("SHA256:" + strings.Repeat("A", 43))
	f.Add("MD5:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff")
	f.Fuzz(func(t *testing.T, text string) {
		clean, err := parseHash(text)
		if err != nil {
			return
		}
		if again, err := parseHash(clean); err != nil || again != clean {
			t.Errorf("%q becomes %q, then %q: %v", text, clean, again, err)
		}
	})
}

// FuzzWindow: what a client says of its window must not end the box.
func FuzzWindow(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x05xterm\x00\x00\x00\x50\x00\x00\x00\x18\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00"))
	f.Add([]byte("\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		for _, parse := range []func([]byte) (Size, bool){ptySize, windowSize} {
			if size, ok := parse(payload); ok && (size.Width > maxCells || size.Height > maxCells || size.Width < 0 || size.Height < 0) {
				t.Errorf("%x is %v", payload, size)
			}
		}
	})
}
