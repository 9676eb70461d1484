package ssh

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"time"

	gossh "golang.org/x/crypto/ssh"
)

// serverVersion names no version of ours: who scans for a weakness learns nothing.
const serverVersion = "SSH-2.0-mbox"

// maxPassword bounds what is hashed, in bytes.
const maxPassword = 1024

// The algorithms that are offered: forward secrecy, authenticated encryption, nothing with SHA-1 or CBC. OpenSSH has had
// all that is needed since 6.5 (2014), SHA-2 signatures with RSA keys since 7.2 (2016).
var (
	keyExchanges = []string{gossh.KeyExchangeMLKEM768X25519, gossh.KeyExchangeCurve25519}
	ciphers      = []string{gossh.CipherChaCha20Poly1305, gossh.CipherAES256GCM, gossh.CipherAES128GCM}
	macs         = []string{gossh.HMACSHA512ETM, gossh.HMACSHA256ETM}
	signatures   = []string{
		gossh.KeyAlgoED25519, gossh.KeyAlgoSKED25519, gossh.KeyAlgoSKECDSA256, gossh.KeyAlgoECDSA256, gossh.KeyAlgoECDSA384,
		gossh.KeyAlgoECDSA521, gossh.KeyAlgoRSASHA256, gossh.KeyAlgoRSASHA512,
	}
)

// errDenied is all that a client learns.
var errDenied = errors.New("permission denied")

// errFull refuses a login for which there is no room.
var errFull = errors.New("too many sessions are open")

// hashers is how many passwords are checked at once: a flood of logins must leave the box some processors.
func hashers() int { return max(1, runtime.GOMAXPROCS(0)/2) }

// attempts is what a client tried.
type attempts struct {
	offered  bool   // a key that is not of the account
	password bool   // a password, which Accounts has counted
	name     string // the last account
}

// loginKey marks the Permissions of a login that was taken in.
type loginKey struct{}

// config is for one connection: it has the settings and the host key of the moment.
func (c *conn) config() *gossh.ServerConfig {
	s := c.module.settings.Load()
	config := &gossh.ServerConfig{
		Config:                  gossh.Config{KeyExchanges: keyExchanges, Ciphers: ciphers, MACs: macs},
		PublicKeyAuthAlgorithms: signatures,
		MaxAuthTries:            s.retries,
		ServerVersion:           serverVersion,
		PasswordCallback:        c.password,
		PublicKeyCallback:       c.offered,
		// What counts is a key that signed: a client may ask for keys that it does not hold.
		VerifiedPublicKeyCallback: c.verified,
		// gliderlabs/ssh lets everybody in where it has no handlers of its own. Its handlers keep the first name that a
		// client gave, whatever name it logs in with later, so they are not used.
		NoClientAuthCallback: func(gossh.ConnMetadata) (*gossh.Permissions, error) { return nil, gossh.ErrNoAuth },
	}
	if c.module.deps.Banner != nil {
		config.BannerCallback = func(gossh.ConnMetadata) string { return bannerText(c.module.deps.Banner()) }
	}
	config.AddHostKey(c.module.host.Load().signer)
	return config
}

func (c *conn) password(meta gossh.ConnMetadata, secret []byte) (*gossh.Permissions, error) {
	name := meta.User()
	c.attempts.name, c.attempts.password = name, true
	switch {
	case !plausible(name), len(secret) > maxPassword:
		c.denied(name, "password", errDenied)
		return nil, errDenied
	}
	account, err := c.authenticate(name, string(secret))
	if err != nil {
		c.denied(name, "password", err)
		return nil, errDenied
	}
	return c.accepted(meta, login{account: account, method: "password"})
}

// authenticate checks a password when it is its turn.
func (c *conn) authenticate(name, secret string) (Account, error) {
	select {
	case c.module.hashing <- struct{}{}:
		defer func() { <-c.module.hashing }()
	case <-c.ctx.Done():
		return Account{}, context.Cause(c.ctx)
	}
	return c.module.deps.Accounts.Authenticate(c.ctx, name, secret, c.source.String())
}

// offered says whether a key could log an account in.
func (c *conn) offered(meta gossh.ConnMetadata, key gossh.PublicKey) (*gossh.Permissions, error) {
	c.attempts.name = meta.User()
	if weakness(key) != nil || !c.module.settings.Load().keys[meta.User()].holds(key) {
		c.attempts.offered = true
		return nil, errDenied
	}
	return &gossh.Permissions{}, nil
}

// verified is called when the client has proved that it holds the key.
func (c *conn) verified(meta gossh.ConnMetadata, key gossh.PublicKey, _ *gossh.Permissions, _ string) (*gossh.Permissions, error) {
	account, err := c.module.deps.Accounts.Admit(meta.User(), c.source.String())
	if err != nil {
		c.denied(meta.User(), "publickey", err)
		return nil, errDenied
	}
	return c.accepted(meta, login{account: account, method: "publickey", key: key})
}

// accepted takes a login in, unless there is no room, or what it rests on has just been taken away.
func (c *conn) accepted(meta gossh.ConnMetadata, l login) (*gossh.Permissions, error) {
	if negotiated, ok := meta.(gossh.AlgorithmsConnMetadata); ok {
		l.algos = negotiated.Algorithms()
	}
	if err := c.module.admit(c, l); err != nil {
		c.denied(l.account.Name, l.method, err)
		return nil, errDenied
	}
	args := []any{"user", l.account.Name, "from", c.source, "method", l.method, "cipher", l.algos.Read.Cipher, "kex", l.algos.KeyExchange}
	if l.key != nil {
		args = append(args, "key", gossh.FingerprintSHA256(l.key))
	}
	c.module.log.Info("%SSH-5-SSH2_USERAUTH: login accepted", args...)
	return &gossh.Permissions{ExtraData: map[any]any{loginKey{}: true}}, nil
}

// maxRefused is how many refused logins are logged a second with names of accounts, and as many with other names. Accounts
// counts them all.
const maxRefused = 10

// denied logs an attempt. What was typed as a name may be a password, unless an account has it.
func (c *conn) denied(name, method string, err error) {
	m := c.module
	_, known := m.deps.Accounts.Current(name)
	if !known {
		name = "(unknown)"
	}
	m.mu.Lock()
	silent, ok := m.refused[known].speaks(time.Now(), maxRefused)
	m.mu.Unlock()
	if !ok {
		return
	}
	args := []any{"user", name, "from", c.source, "method", method, "reason", err}
	if silent > 0 {
		args = append(args, "also", silent)
	}
	m.log.Warn("%SSH-4-SSH2_USERAUTH: login refused", args...)
}

// failed is called when a connection ends without a login.
func (c *conn) failed(err error) {
	if cause := context.Cause(c.ctx); cause != nil {
		err = cause
	}
	if c.attempts.offered && !c.attempts.password && plausible(c.attempts.name) {
		c.denied(c.attempts.name, "publickey", errors.New("no key of the account"))
		c.module.deps.Accounts.Failed(c.attempts.name, c.source.String(), "no key of the account")
	}
	c.module.log.Debug("ssh: no login", "from", c.source, "reason", err)
}

// admit makes a connection one that has logged in.
func (m *Module) admit(c *conn, l login) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c.stage != arriving {
		return errors.New("the connection is ending")
	}
	inUse := 0
	for other := range m.conns {
		if other.stage == inside {
			inUse++
		}
	}
	if inUse >= m.settings.Load().room(l.account.Level) {
		return errFull
	}
	if reason := m.refusal(c.source, l); reason != "" {
		return goodbye(reason)
	}
	c.login, c.stage = l, inside
	return nil
}

// room is how many sessions there may be before one of that level is refused: one account must not keep those out who
// could do something about it.
func (s *settings) room(level int) int {
	if level >= fullLevel {
		return s.limit
	}
	return s.limit - s.limit/8
}

// fullLevel is the privilege level that may do everything.
const fullLevel = 15

// bannerText is a banner with the line ends of RFC 4252 section 5.4; empty if there is none.
func bannerText(text string) string {
	text = strings.TrimRight(text, "\n")
	if text == "" {
		return ""
	}
	return strings.ReplaceAll(text, "\n", "\r\n") + "\r\n"
}
