package auth

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/xdg-go/scram"

	"mbox/credential"
)

// A follower that leaves the channel binding out, or that a man in the middle talked out of it, is refused although it
// knows the password.
func TestExchangeWithoutChannelBindingIsRefused(t *testing.T) {
	v, err := credential.Make("securemboxpass")
	if err != nil {
		t.Fatal(err)
	}
	_, server := channel(t)
	c, s, _ := wires()
	done := make(chan error, 1)
	go func() {
		_, err := Accept(s, server.ConnectionState(), func(string) (credential.Verifier, bool) { return v, true }, NewDecoy())
		close(s.out)
		done <- err
	}()
	client, err := scram.SHA256.NewClient("mboxadmin", "securemboxpass", "")
	if err != nil {
		t.Fatal(err)
	}
	conv, message := client.NewConversation(), ""
	for !conv.Done() {
		answer, err := conv.Step(message)
		if err != nil || c.Send(answer) != nil {
			break
		}
		if message, err = c.Receive(); err != nil {
			break
		}
	}
	close(c.out)
	if err := <-done; !errors.Is(err, ErrPassword) {
		t.Errorf("the server says %v", err)
	}
}

// A token that our own key signed, but that says less than ours do, or more than they may, is none of ours.
func TestTokenMustHaveAllItsClaims(t *testing.T) {
	now := time.Now()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	tk := Tokens{Key: key, Issuer: "primary", Now: func() time.Time { return now }}
	cert := certificate(t).Leaf
	for name, c := range map[string]struct {
		spoil func(*Claims)
		good  bool
	}{
		"nothing is missing": {func(*Claims) {}, true},
		"no end":             {func(c *Claims) { c.ExpiresAt = nil }, false},
		"no id":              {func(c *Claims) { c.ID = "" }, false},
		"no account":         {func(c *Claims) { c.Subject = "" }, false},
		"no audience":        {func(c *Claims) { c.Audience = nil }, false},
		"no certificate":     {func(c *Claims) { c.Confirmation = Confirmation{} }, false},
		"issued tomorrow":    {func(c *Claims) { c.IssuedAt = jwt.NewNumericDate(now.Add(24 * time.Hour)) }, false},
		"longer than any":    {func(c *Claims) { c.Subject = strings.Repeat("x", maxTokenSize) }, false},
	} {
		claims := Claims{
			RegisteredClaims: jwt.RegisteredClaims{Issuer: "primary", Subject: "branch", Audience: jwt.ClaimStrings{audience}, ID: "1",
				IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(TokenLife))},
			Confirmation: Confirmation{Thumbprint(cert)},
		}
		c.spoil(&claims)
		token, err := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tk.Verify(token, cert); (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A key that proves itself later does not push a pinned one out; the operator must do that.
func TestPinIsNotReplaced(t *testing.T) {
	p := Pins{memory{}}
	if err := errors.Join(p.Remember("hub", "aa", time.Now()), p.Remember("hub", "bb", time.Now())); err != nil {
		t.Fatal(err)
	}
	if p.Check("hub", "aa", nil) != nil || p.Check("hub", "bb", nil) == nil {
		t.Error("the pin was replaced")
	}
}

// One iteration above the bound is one too many: a server makes us compute nothing before it has proved itself.
func TestIterationsAboveTheBoundAreRefused(t *testing.T) {
	for count, refused := range map[int]bool{maxIterations + 1: true, 4096: false} {
		client, _ := channel(t)
		c, s, _ := wires()
		go func() {
			defer close(s.out)
			first, _ := s.Receive()
			_ = s.Send(fmt.Sprintf("%sx,s=AAAAAAAAAAAAAAAAAAAAAA==,i=%d", first[strings.LastIndex(first, "r="):], count))
			if !refused {
				_, _ = s.Receive()
			}
		}()
		err := Login(c, client.ConnectionState(), "mboxadmin", "p")
		var refusal *Refusal
		if got := errors.As(err, &refusal) && refusal.Code == CodeProtocol; got != refused {
			t.Errorf("%d iterations: %v", count, err)
		}
	}
}
