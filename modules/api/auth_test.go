package api

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"mbox/modules"
)

func TestTokenIsNeededAndExpires(t *testing.T) {
	b := newBox(t)
	b.get("/users").want(200)
	token := b.token
	for name, header := range map[string]string{
		"none": "", "basic": "Basic " + token, "empty": "Bearer ", "cut": "Bearer " + token[:len(token)-2], "long": "Bearer " + strings.Repeat("a", 1<<15),
	} {
		r := b.get("/users", "Authorization: "+header).want(401)
		if r.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: no WWW-Authenticate", name)
		}
	}
	b.advance(14 * time.Minute)
	b.get("/users").want(200)
	b.advance(time.Minute + time.Second)
	b.get("/users").want(401, "expired")
	b.login("crm")
	b.get("/users").want(200)
	b.advance(-time.Hour)
	b.get("/users").want(401, "not one of this box")
}

// A token ends at once when its user is removed or gets another secret, also the same one again; a restart ends none.
func TestTokenIsBoundToTheSecret(t *testing.T) {
	b := newBox(t)
	b.start()
	b.apply("web api", crm())
	b.get("/users").want(200)
	b.apply("web api")
	b.get("/users").want(401, "changed or removed")
	b.apply("web api", crm())
	b.get("/users").want(200)
	v, err := storeSecret(modules.Values{"NAME": "crm", "SECRET": secret})
	if err != nil {
		t.Fatal(err)
	}
	b.apply("web api", "web api user crm secret "+v["SECRET"].(string)+" scope users:read")
	b.get("/users").want(401, "changed or removed")
	b.login("crm")
	b.get("/users").want(200)
	b.get("/audit").want(403, "audit:read")
}

// Only what this box signed, with this key and this algorithm, for this purpose, is a token.
func TestForgedTokens(t *testing.T) {
	b := newBox(t)
	u := b.m.settings.Load().users["crm"]
	good := func() claims {
		return claims{
			RegisteredClaims: jwt.RegisteredClaims{
				Issuer: "box-1", Subject: "crm", Audience: jwt.ClaimStrings{audience}, IssuedAt: jwt.NewNumericDate(b.now()),
				ExpiresAt: jwt.NewNumericDate(b.now().Add(time.Minute)),
			},
			Generation: u.generation,
		}
	}
	sign := func(method jwt.SigningMethod, key any, change func(*claims)) string {
		c := good()
		change(&c)
		token, err := jwt.NewWithClaims(method, c).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	key := b.m.tokens.secret()
	same := func(*claims) {}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b.get("/users", "Authorization: Bearer "+sign(jwt.SigningMethodHS256, key, same)).want(200)
	for name, token := range map[string]string{
		"no signature":     sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, same),
		"another method":   sign(jwt.SigningMethodHS512, key, same),
		"EdDSA":            sign(jwt.SigningMethodEdDSA, private, same),
		"another key":      sign(jwt.SigningMethodHS256, make([]byte, keySize), same),
		"another box":      sign(jwt.SigningMethodHS256, key, func(c *claims) { c.Issuer = "box-2" }),
		"another purpose":  sign(jwt.SigningMethodHS256, key, func(c *claims) { c.Audience = jwt.ClaimStrings{"mbox-sync"} }),
		"no end":           sign(jwt.SigningMethodHS256, key, func(c *claims) { c.ExpiresAt = nil }),
		"no beginning":     sign(jwt.SigningMethodHS256, key, func(c *claims) { c.IssuedAt = nil }),
		"another user":     sign(jwt.SigningMethodHS256, key, func(c *claims) { c.Subject = "root" }),
		"older secret":     sign(jwt.SigningMethodHS256, key, func(c *claims) { c.Generation = "" }),
		"changed contents": changed(t, b.token),
	} {
		if r := b.get("/users", "Authorization: Bearer "+token); r.status != 401 {
			t.Errorf("%s: status %d", name, r.status)
		}
	}
}

// changed is a token with a later end than was signed.
func changed(t *testing.T, token string) string {
	parts := strings.Split(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var c map[string]any
	if err := json.Unmarshal(raw, &c); err != nil {
		t.Fatal(err)
	}
	c["exp"] = c["exp"].(float64) + 3600
	if raw, err = json.Marshal(c); err != nil {
		t.Fatal(err)
	}
	return parts[0] + "." + base64.RawURLEncoding.EncodeToString(raw) + "." + parts[2]
}

// Wrong names, wrong secrets and users from elsewhere are answered alike; five failures lock the address out, also for the
// right secret, and nobody else.
func TestLockout(t *testing.T) {
	b := newBox(t)
	b.apply("web api", crm(), "web api user ship secret "+verifier()+" from 10.0.0.0/8")
	b.token, b.from = "", "198.51.100.9:1"
	try := func(name, password string) *reply {
		t.Helper()
		b.advance(2 * time.Second) // the limit of logins is another matter
		return b.post(authPath, object{"username": name, "password": password})
	}
	first := try("crm", "wrong").want(401)
	for _, other := range []*reply{try("nobody", secret).want(401), try("ship", secret).want(401), try("", "x"+secret).want(400), try("crm", secret+" ").want(401)} {
		if other.status == 401 && string(other.body) != string(first.body) {
			t.Errorf("answers differ: %s %s", first.body, other.body)
		}
	}
	try("crm", secret).want(200) // four failures
	try("crm", "wrong").want(401)
	r := try("crm", secret).want(429, "too many failed logins")
	if wait, err := strconv.Atoi(r.header.Get("Retry-After")); err != nil || wait < 800 || wait > 900 {
		t.Errorf("retry after %q", r.header.Get("Retry-After"))
	}
	if got := b.m.lockout.locked(); got != 1 {
		t.Errorf("%d addresses are locked out", got)
	}
	b.from = "198.51.100.10:1"
	try("crm", secret).want(200)
	b.from = "198.51.100.9:2"
	b.advance(lockoutTime - 2*time.Second)
	try("crm", secret).want(200)
	b.from = "10.1.2.3:1"
	r = try("ship", secret).want(200)
	token := "Authorization: Bearer " + r.one()["token"].(string)
	b.get("/users", token).want(200)
	b.from = "198.51.100.10:1"
	b.get("/users", token).want(403, "may not come from your address")
}

// Addresses of one IPv6 network are one, and the table of addresses stays bounded without forgetting who is locked out.
func TestLockoutSources(t *testing.T) {
	b := newBox(t)
	for i := range lockoutAttempts {
		end, _ := b.m.lockout.begin(addr(fmt.Sprintf("2001:db8::%d", i+1)))
		end(true)
	}
	if end, wait := b.m.lockout.begin(addr("2001:db8::ffff")); end != nil || wait <= 0 {
		t.Error("another address of the same network is let in")
	}
	for i := range 2 * maxSources {
		b.advance(time.Millisecond)
		if end, _ := b.m.lockout.begin(addr(fmt.Sprintf("2001:db8:%x:%x::1", i/60000+1, i%60000))); end != nil {
			end(true)
		}
	}
	if n := len(b.m.lockout.sources); n > maxSources {
		t.Errorf("%d sources are remembered", n)
	}
	if end, _ := b.m.lockout.begin(addr("2001:db8::1")); end != nil {
		t.Error("who was locked out is let in by filling the table")
	}
	// Many attempts at once are no more attempts.
	var ends []func(bool)
	for range 3 * lockoutAttempts {
		if end, _ := b.m.lockout.begin(addr("192.0.2.200")); end != nil {
			ends = append(ends, end)
		}
	}
	if len(ends) != lockoutAttempts {
		t.Errorf("%d attempts at once", len(ends))
	}
}

// A user, an address and its logins have limits of their own; what is too much is told when to come back.
func TestRateLimits(t *testing.T) {
	b := newBox(t)
	b.still = true
	limited := func(ask func() *reply, most int) {
		t.Helper()
		b.advance(time.Minute)
		for n := range most {
			if r := ask(); r.status == 429 {
				t.Fatalf("limited after %d requests of %d", n, most)
			}
		}
		r := ask().want(429, "too many requests")
		if r.header.Get("Retry-After") != "1" || !strings.HasSuffix(r.answer.ErrorMessage, "; try again in 1 second") {
			t.Errorf("retry after %q: %s", r.header.Get("Retry-After"), r.body)
		}
	}
	limited(func() *reply { return b.get("/profiles") }, userBurst)
	b.advance(time.Second)
	b.get("/profiles").want(200)
	token := b.token
	b.token, b.from = "", "198.51.100.1:1"
	limited(func() *reply { return b.get("/profiles") }, hostBurst)
	limited(func() *reply { return b.post(authPath, `{`) }, authBurst)
	b.token, b.from = token, "198.51.100.2:1"
	b.get("/profiles").want(200)
	now := b.now()
	for i := range 2 * maxSources {
		b.m.limits.host(addr(fmt.Sprintf("10.0.%d.%d", i/256, i%256)), false, now)
	}
	if n := len(b.m.limits.hosts); n > maxSources {
		t.Errorf("%d addresses are remembered", n)
	}
}

// Logins wait for each other, a few of them, no longer than their request, and nobody else waits for them.
func TestLoginsWaitForEachOther(t *testing.T) {
	b := newBox(t)
	b.m.checker.slots <- struct{}{}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := b.m.checker.matches(ended, b.m.checker.nobody, "x"); err == nil {
		t.Error("a login did not end with its request")
	}
	for range cap(b.m.checker.waiting) {
		b.m.checker.waiting <- struct{}{}
	}
	b.post(authPath, object{"username": "crm", "password": secret}).want(503, "too many logins")
	b.get("/users").want(200)
}
