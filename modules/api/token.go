package api

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"mbox/credential"
)

const (
	// tokenLife is how long a token is good.
	tokenLife = 15 * time.Minute
	// maxToken bounds a token that is read, in bytes.
	maxToken = 2048
	// maxEarly is how far the clock may have been set back since a token was issued.
	maxEarly = time.Minute

	audience = "mbox-api"
	keyName  = "token-key"
	keySize  = 32 // bytes: as long as the hash, RFC 7518 section 3.2
)

// claims of a token (RFC 7519), bound to the generation of the user's secret.
type claims struct {
	jwt.RegisteredClaims
	Generation string `json:"gen"`
}

// generation changes whenever the secret of a user is set, even to the same one: the verifier has another salt then.
func generation(name string, v credential.Verifier) string {
	sum := sha256.Sum256([]byte("mbox api generation\x00" + name + "\x00" + v.String()))
	return hex.EncodeToString(sum[:16])
}

// tokens issues and checks the tokens of this box. HS256 will do: nobody else has to check them.
type tokens struct {
	state State
	box   string
	now   func() time.Time

	mu  sync.Mutex // guards key
	key []byte
}

// prepare reads the key, or makes one for all time.
func (t *tokens) prepare() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.key != nil {
		return nil
	}
	key, found, err := t.state.Get(keyName)
	if err != nil {
		return fmt.Errorf("read the key of API tokens: %w", err)
	}
	if !found || len(key) != keySize {
		key = make([]byte, keySize)
		rand.Read(key)
		if err := t.state.Put(keyName, key); err != nil {
			return fmt.Errorf("store the key of API tokens: %w", err)
		}
	}
	t.key = key
	return nil
}

func (t *tokens) secret() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.key
}

// issue makes a token for a user.
func (t *tokens) issue(u *apiUser) (string, error) {
	now := t.now()
	id := make([]byte, 16)
	rand.Read(id)
	c := claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: t.box, Subject: u.name, Audience: jwt.ClaimStrings{audience}, ID: hex.EncodeToString(id),
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(tokenLife)),
		},
		Generation: u.generation,
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, c).SignedString(t.secret())
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	return token, nil
}

const askAgain = "; ask for another with POST " + base + authPath

// Errors of a token, as its holder is told.
var (
	errTokenBad     = errors.New("the token is not one of this box" + askAgain)
	errTokenExpired = errors.New("the token has expired" + askAgain)
	errTokenRevoked = errors.New("the token has ended, because its user was changed or removed" + askAgain)
)

// verify finds whose token it is. Only what this box signed with this key and this algorithm is taken.
func (t *tokens) verify(token string, s *settings) (*apiUser, error) {
	key := t.secret()
	if len(token) > maxToken || len(key) == 0 {
		return nil, errTokenBad
	}
	var c claims
	_, err := jwt.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return key, nil },
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithAudience(audience), jwt.WithIssuer(t.box),
		jwt.WithExpirationRequired(), jwt.WithTimeFunc(t.now))
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return nil, errTokenExpired
	case err != nil || c.IssuedAt == nil || c.IssuedAt.After(t.now().Add(maxEarly)):
		return nil, errTokenBad
	}
	u := s.users[c.Subject]
	if u == nil || subtle.ConstantTimeCompare([]byte(u.generation), []byte(c.Generation)) != 1 {
		return nil, errTokenRevoked
	}
	return u, nil
}
