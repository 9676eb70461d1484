package system

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

func TestPolicyRules(t *testing.T) {
	b := newBox(t, "username bob secret securemboxpass", "password-policy strict")
	for secret, want := range map[string]string{
		"Short1!x":          "it has 8 characters, not 12",
		"Elevenchar1":       "it has 11 characters, not 12",
		"alllowercaseword":  "fewer than 3 kinds",
		"lowercase and 123": "",
		"lowercaseand1234":  "fewer than 3 kinds",
		"Lowercaseand1234":  "",
		"Say-Robert-4-me":   "the name of the account",
		"say-TREBOR-4-me":   "backwards",
		"Mboxadmin123!":     "well-known default",
		"SecureMboxPass1":   "well-known default",
		"P@ssw0rd1234!":     "well-known default",
		"AdminAdmin2024!!":  "well-known default",
		"Ungewöhnlich7":     "",
		"Xk4#pm2qLw9z":      "",
	} {
		err := b.enter("username robert secret \"" + secret + "\"")
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", secret, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %q", secret, err, want)
		case err != nil && strings.Contains(err.Error(), secret):
			t.Errorf("%s is repeated: %v", secret, err)
		}
	}
	for _, line := range []string{
		"enable secret short", "enable secret level 3 short", "username bob secret 7 0822455D0A16", "username bob password 0 cisco",
	} {
		if err := b.enter(line); err == nil || !strings.Contains(err.Error(), "password-policy strict") {
			t.Errorf("%s: %v", line, err)
		}
	}
	for _, line := range []string{"username pasted secret 5 " + hashes[0].hash, "username pasted secret " + verifier, "enable secret Xk4#pm2qLw9z"} {
		b.must(line)
	}
	b.must("no password-policy")
	b.must("username bob secret securemboxpass") // what the product's own documents say
}

// TestNoReuse: the last five secrets of an account are refused, whatever was done to its line, and the sixth is not.
func TestNoReuse(t *testing.T) {
	secret := func(n int) string { return fmt.Sprintf("Xk4#pm2qLw9z-%d", n) }
	b := newBox(t, "username bob secret "+secret(0), "password-policy strict")
	for n := range 6 {
		for old := max(0, n-4); n > 0 && old < n; old++ {
			if err := b.enter("username bob secret " + secret(old)); err == nil || !strings.Contains(err.Error(), "one of the last 5") {
				t.Errorf("number %d after number %d: %v", old, n-1, err)
			}
		}
		if n > 0 {
			b.must("username bob privilege 3 secret " + secret(n))
		}
	}
	b.must("username eve secret " + secret(5)) // another account
	if err := b.enter("enable secret " + secret(5)); err != nil {
		t.Errorf("enable has no past: %v", err)
	}
	b.must("no username bob")
	if err := b.enter("username bob secret " + secret(5)); err == nil {
		t.Error("removing the account forgets its past")
	}
	b.must("username bob secret " + secret(0))
	text := b.engine.Running().Text(false) + b.store.text + b.log.String()
	if n := strings.Count(text, "SCRAM-SHA-256$"); n != 3 {
		t.Errorf("%d verifiers are in the configuration, want 3", n)
	}
	for name, raw := range b.memory {
		if n := strings.Count(string(raw), "SCRAM-SHA-256$"); n > remembered || strings.Contains(string(raw), "Xk4#") {
			t.Errorf("remembered of %s: %s", name, raw)
		}
	}
}

// TestMemoryIsBounded: accounts that are gone are forgotten when there are too many.
func TestMemoryIsBounded(t *testing.T) {
	b := newBox(t, "password-policy strict", "username bob secret "+verifier)
	for n := range maxRemembered {
		b.memory[fmt.Sprintf("gone%d", n)] = []byte("[]")
	}
	b.must("username eve secret " + verifier)
	if len(b.memory) != 2 || b.memory["bob"] == nil || b.memory["eve"] == nil {
		t.Errorf("%d accounts are remembered, want bob and eve", len(b.memory))
	}
}

// TestBrokenMemory: a box whose store cannot be read still takes secrets, and says so in its log.
func TestBrokenMemory(t *testing.T) {
	b := newBox(t, "password-policy strict")
	b.memory["bob"] = []byte("{")
	b.must("username bob secret Xk4#pm2qLw9z")
	if !strings.Contains(b.log.String(), "could be used again") {
		t.Errorf("log: %s", b.log)
	}
	if _, err := b.module.Authenticate(context.Background(), "bob", "Xk4#pm2qLw9z", "console"); err != nil {
		t.Error(err)
	}
}
