package auth

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/xdg-go/scram"

	"mbox/credential"
)

const secret = "securemboxpass"

// A client that knows the password, but is not bound to this channel, or sends what was sent before, is refused.
func TestHostileClients(t *testing.T) {
	v, err := credential.Make(secret)
	if err != nil {
		t.Fatal(err)
	}
	client, _ := channel(t)
	_, server := channel(t)
	here := server.ConnectionState()
	there, err := scram.NewTLSExporterBinding(ptr(client.ConnectionState()))
	if err != nil {
		t.Fatal(err)
	}
	bound, err := scram.NewTLSExporterBinding(&here)
	if err != nil {
		t.Fatal(err)
	}
	who, err := scram.SHA256.NewClient("mboxadmin", secret, "")
	if err != nil {
		t.Fatal(err)
	}
	same := func(m string) string { return m }
	for name, c := range map[string]struct {
		conversation *scram.ClientConversation
		change       func(string) string // of the last message
		ok           bool
	}{
		"bound to this channel":      {who.NewConversationWithChannelBinding(bound), same, true},
		"bound to another channel":   {who.NewConversationWithChannelBinding(there), same, false},
		"no channel binding (n,,)":   {who.NewConversation(), same, false},
		"binding not offered (y,,)":  {who.NewConversationAdvertisingChannelBinding(), same, false},
		"another nonce at the end":   {who.NewConversationWithChannelBinding(bound), replaceField("r=", "r=x"), false},
		"no nonce at the end":        {who.NewConversationWithChannelBinding(bound), replaceField("r=", "q="), false},
		"an empty proof":             {who.NewConversationWithChannelBinding(bound), cutField("p="), false},
		"a header of another kind":   {who.NewConversationWithChannelBinding(bound), replaceField("c=", "c=biws,x="), false},
		"nothing as the last word":   {who.NewConversationWithChannelBinding(bound), func(string) string { return "" }, false},
		"garbage as the last word":   {who.NewConversationWithChannelBinding(bound), func(string) string { return strings.Repeat(",=", 2000) }, false},
		"an unknown extension first": {who.NewConversationWithChannelBinding(bound), replaceField("c=", "m=x,c="), false},
	} {
		s, other, _ := wires()
		done := make(chan error, 1)
		go func() {
			_, err := Accept(s, here, func(string) (credential.Verifier, bool) { return v, true }, NewDecoy())
			close(s.out)
			done <- err
		}()
		_ = converse(c.conversation, other, c.change)
		close(other.out)
		if err := <-done; (err == nil) != c.ok || !c.ok && !errors.Is(err, ErrPassword) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func ptr[T any](v T) *T { return &v }

func replaceField(from, to string) func(string) string {
	return func(m string) string { return strings.Replace(m, from, to, 1) }
}

func cutField(name string) func(string) string {
	return func(m string) string { return m[:strings.LastIndex(m, name)+len(name)] }
}

// converse says what a client says, its last message changed.
func converse(conv *scram.ClientConversation, ex Exchange, change func(string) string) error {
	opening, err := conv.Step("")
	if err == nil {
		err = ex.Send(opening)
	}
	if err != nil {
		return err
	}
	challenge, err := ex.Receive()
	if err != nil {
		return err
	}
	final, err := conv.Step(challenge)
	if err != nil {
		return err
	}
	if err := ex.Send(change(final)); err != nil {
		return err
	}
	_, err = ex.Receive()
	return err
}

// What somebody has overheard inside the channel is of no use in the same channel: each challenge is new.
func TestReplayedProofFails(t *testing.T) {
	v, _ := credential.Make(secret)
	find := func(string) (credential.Verifier, bool) { return v, true }
	client, server := channel(t)
	seen, ce, se := login(t, client.ConnectionState(), server.ConnectionState(), "mboxadmin", secret, find)
	if ce != nil || se != nil {
		t.Fatal(ce, se)
	}
	said := strings.Split(seen, "\n") // client, server, client, server
	c, s, _ := wires()
	done := make(chan error, 1)
	go func() {
		_, err := Accept(s, server.ConnectionState(), find, NewDecoy())
		close(s.out)
		done <- err
	}()
	_ = c.Send(said[0])
	_, _ = c.Receive()
	_ = c.Send(said[2])
	if err := <-done; !errors.Is(err, ErrPassword) {
		t.Fatalf("the replayed proof: %v", err)
	}
}

// A server cannot make a follower compute for minutes, weaken its proof, or be believed without one.
func TestHostileServers(t *testing.T) {
	client, _ := channel(t)
	for name, answer := range map[string]func(nonce string) string{
		"one iteration, to make guessing cheap": func(n string) string { return "r=" + n + "x,s=AAAAAAAAAAAAAAAAAAAAAA==,i=1" },
		"4,095 iterations":                      func(n string) string { return "r=" + n + "x,s=AAAAAAAAAAAAAAAAAAAAAA==,i=4095" },
		"two billion iterations":                func(n string) string { return "r=" + n + "x,s=AAAAAAAAAAAAAAAAAAAAAA==,i=2000000000" },
		"iterations beyond any number":          func(n string) string { return "r=" + n + "x,s=AAAAAAAAAAAAAAAAAAAAAA==,i=" + strings.Repeat("9", 4000) },
		"negative iterations":                   func(n string) string { return "r=" + n + "x,s=AAAAAAAAAAAAAAAAAAAAAA==,i=-1" },
		"iterations twice, the second huge":     func(n string) string { return "r=" + n + "x,s=AAAAAAAAAAAAAAAAAAAAAA==,i=4096,i=2000000000" },
		"a nonce that is not ours":              func(string) string { return "r=abcdef,s=AAAAAAAAAAAAAAAAAAAAAA==,i=4096" },
		"our nonce and no more, and no proof":   func(n string) string { return "r=" + n + ",s=AAAAAAAAAAAAAAAAAAAAAA==,i=4096" },
		"a salt that is none":                   func(n string) string { return "r=" + n + "x,s=***,i=4096" },
		"a signature without a challenge":       func(string) string { return "v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" },
		"an error":                              func(string) string { return "e=other-error" },
		"nothing":                               func(string) string { return "" },
		"a mandatory extension":                 func(n string) string { return "m=x,r=" + n + "x,s=AAAAAAAAAAAAAAAAAAAAAA==,i=4096" },
		"a proper challenge, and no proof": func(n string) string {
			return "r=" + n + "x,s=AAAAAAAAAAAAAAAAAAAAAA==,i=4096"
		},
	} {
		c, s, seen := wires()
		go func() {
			defer close(s.out)
			opening, err := s.Receive()
			if err != nil {
				return
			}
			_ = s.Send(answer(opening[strings.LastIndex(opening, "r=")+2:]))
			if _, err := s.Receive(); err == nil {
				_ = s.Send("v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
			}
		}()
		err := Login(c, client.ConnectionState(), "mboxadmin", secret)
		close(c.out)
		var refusal *Refusal
		if !errors.As(err, &refusal) {
			t.Errorf("%s: %v", name, err)
		}
		if proof := strings.Contains(seen.String(), ",p="); proof != strings.HasSuffix(name, "no proof") {
			t.Errorf("%s: the follower gave its proof: %v", name, proof)
		}
	}
}

// Tokens that are not exactly one of ours, for this certificate and now.
func TestHostileTokens(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	tk := tokens(t, &now)
	mine, other := certificate(t).Leaf, certificate(t).Leaf
	good := func() Claims {
		return Claims{
			RegisteredClaims: jwt.RegisteredClaims{
				Issuer: "primary", Subject: "branch", Audience: jwt.ClaimStrings{audience}, ID: "1", IssuedAt: jwt.NewNumericDate(now),
				NotBefore: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(TokenLife)),
			},
			Confirmation: Confirmation{Thumbprint(mine)},
		}
	}
	at := func(d time.Duration) *jwt.NumericDate { return jwt.NewNumericDate(now.Add(d)) }
	_, stranger, _ := ed25519.GenerateKey(nil)
	public := []byte(tk.Key.Public().(ed25519.PublicKey))
	for name, c := range map[string]struct {
		change func(*Claims)
		method jwt.SigningMethod
		key    any
		ok     bool
	}{
		"as issued":                            {ok: true},
		"a clock one minute apart":             {change: func(c *Claims) { c.NotBefore, c.IssuedAt = at(leeway), at(leeway) }, ok: true},
		"expired":                              {change: func(c *Claims) { c.ExpiresAt = at(-leeway - time.Second) }},
		"without an end":                       {change: func(c *Claims) { c.ExpiresAt = nil }},
		"not yet":                              {change: func(c *Claims) { c.NotBefore = at(leeway + time.Second) }},
		"issued in the future":                 {change: func(c *Claims) { c.IssuedAt = at(leeway + time.Second) }},
		"of another box":                       {change: func(c *Claims) { c.Issuer = "another" }},
		"without an issuer":                    {change: func(c *Claims) { c.Issuer = "" }},
		"for another purpose":                  {change: func(c *Claims) { c.Audience = jwt.ClaimStrings{"mbox-api"} }},
		"for no purpose":                       {change: func(c *Claims) { c.Audience = nil }},
		"of nobody":                            {change: func(c *Claims) { c.Subject = "" }},
		"without an id":                        {change: func(c *Claims) { c.ID = "" }},
		"bound to another certificate":         {change: func(c *Claims) { c.Confirmation = Confirmation{Thumbprint(other)} }},
		"bound to nothing":                     {change: func(c *Claims) { c.Confirmation = Confirmation{} }},
		"longer than any that is read":         {change: func(c *Claims) { c.Generation = strings.Repeat("x", maxTokenSize) }},
		"signed with another key":              {key: stranger},
		"unsigned (alg none)":                  {method: jwt.SigningMethodNone, key: jwt.UnsafeAllowNoneSignatureType},
		"HMAC with the public key as password": {method: jwt.SigningMethodHS256, key: public},
		"HMAC-512 with the public key":         {method: jwt.SigningMethodHS512, key: public},
	} {
		claims := good()
		if c.change != nil {
			c.change(&claims)
		}
		if c.method == nil {
			c.method = jwt.SigningMethodEdDSA
		}
		if c.key == nil {
			c.key = tk.Key
		}
		token, err := jwt.NewWithClaims(c.method, claims).SignedString(c.key)
		if err != nil {
			t.Fatal(name, err)
		}
		if _, err := tk.Verify(token, mine); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A key that comes inside the token is not asked for its opinion.
func TestTokenDoesNotBringItsKey(t *testing.T) {
	now := time.Now()
	tk := tokens(t, &now)
	cert := certificate(t).Leaf
	_, stranger, _ := ed25519.GenerateKey(nil)
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, Claims{
		RegisteredClaims: jwt.RegisteredClaims{Issuer: "primary", Subject: "branch", Audience: jwt.ClaimStrings{audience}, ID: "1",
			ExpiresAt: jwt.NewNumericDate(now.Add(time.Hour))},
		Confirmation: Confirmation{Thumbprint(cert)},
	})
	token.Header["jwk"] = map[string]string{"kty": "OKP", "crv": "Ed25519", "x": fmt.Sprintf("%x", stranger.Public())}
	token.Header["kid"], token.Header["jku"], token.Header["x5u"] = "../../dev/null", "https://attacker.example/keys", "https://attacker.example/cert"
	signed, err := token.SignedString(stranger)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tk.Verify(signed, cert); err == nil {
		t.Fatal("it was believed")
	}
}

// mute never answers.
type mute struct{ first string }

func (m *mute) Send(string) error { return nil }
func (m *mute) Receive() (string, error) {
	if m.first == "" {
		return "", io.EOF
	}
	out := m.first
	m.first = ""
	return out, nil
}

// FuzzScramServer gives a server any first message of a client; FuzzScramClient gives a client any answer.
func FuzzScramServer(f *testing.F) {
	client, server := channel(f)
	_ = client
	v, _ := credential.Make(secret)
	for _, seed := range []string{"p=tls-exporter,,n=mboxadmin,r=abc", "n,,n=a,r=b", "y,,n=a,r=b", "p=tls-unique,,n=a,r=b", "p=tls-exporter,a=x,n=a=2Cb,r=c,m=1", "", ",,,,"} {
		f.Add(seed)
	}
	state := server.ConnectionState()
	decoy := NewDecoy()
	f.Fuzz(func(t *testing.T, first string) {
		account, err := Accept(&mute{first}, state, func(user string) (credential.Verifier, bool) { return v, user == "mboxadmin" }, decoy)
		if err == nil {
			t.Fatalf("%q was let in by %q", account, first)
		}
	})
}

func FuzzScramClient(f *testing.F) {
	client, _ := channel(f)
	for _, seed := range []string{"r=abc,s=AAAA,i=4096", "v=AAAA", "e=x", "", "r=,s=,i="} {
		f.Add(seed)
	}
	state := client.ConnectionState()
	f.Fuzz(func(t *testing.T, answer string) {
		if Login(&mute{answer}, state, "mboxadmin", secret) == nil {
			t.Fatalf("a server was believed that said %q", answer)
		}
	})
}
