package auth

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"mbox/credential"
)

const (
	// TokenLife is how long a token lets its holder reconnect without the password.
	TokenLife = 15 * time.Minute
	// RenewEvery leaves a third of a token's life for a slow link to deliver the next one.
	RenewEvery = 10 * time.Minute

	audience     = "mbox-sync"
	leeway       = 60 * time.Second
	maxTokenSize = 4096
)

// A Grant is what a follower may do, and what its token says.
type Grant struct {
	Account string
	Down    []string // datasets that flow to the follower
	Up      []string // datasets that are accepted from it
}

// Claims of a sync token (RFC 7519), bound to the follower's certificate (RFC 8705, section 3.1) and to the generation of
// the account's password.
type Claims struct {
	jwt.RegisteredClaims
	Down         []string     `json:"down"`
	Up           []string     `json:"up"`
	Confirmation Confirmation `json:"cnf"`
	Generation   string       `json:"gen"`
}

// Confirmation is the `cnf` claim of RFC 7800.
type Confirmation struct {
	Thumbprint string `json:"x5t#S256"`
}

// Thumbprint is the base64url SHA-256 of a certificate (RFC 8705).
func Thumbprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Generation changes whenever the password of an account is set, even to the same one.
func Generation(v credential.Verifier) string {
	sum := sha256.Sum256([]byte("mbox sync generation\x00" + v.String()))
	return hex.EncodeToString(sum[:16])
}

// Tokens issues and checks the tokens of one box.
type Tokens struct {
	Key    ed25519.PrivateKey
	Issuer string // our box id
	Now    func() time.Time
}

// Issue makes a token for the holder of cert.
func (t Tokens) Issue(grant Grant, cert *x509.Certificate, generation string) (string, error) {
	now := t.Now()
	id := make([]byte, 16)
	rand.Read(id)
	claims := Claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: t.Issuer, Subject: grant.Account, Audience: jwt.ClaimStrings{audience},
			ID: hex.EncodeToString(id), IssuedAt: jwt.NewNumericDate(now), NotBefore: jwt.NewNumericDate(now),
			ExpiresAt: jwt.NewNumericDate(now.Add(TokenLife)),
		},
		Down: grant.Down, Up: grant.Up,
		Confirmation: Confirmation{Thumbprint(cert)}, Generation: generation,
	}
	return jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims).SignedString(t.Key)
}

// Verify reads a token that cert's holder presents. Whether its account still exists with the same generation is for
// the caller to compare.
func (t Tokens) Verify(token string, cert *x509.Certificate) (*Claims, error) {
	if len(token) > maxTokenSize {
		return nil, errors.New("token is too long")
	}
	claims := &Claims{}
	_, err := jwt.ParseWithClaims(token, claims, func(*jwt.Token) (any, error) { return t.Key.Public(), nil },
		jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}), jwt.WithAudience(audience), jwt.WithIssuer(t.Issuer),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(leeway), jwt.WithTimeFunc(t.Now))
	if err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	if subtle.ConstantTimeCompare([]byte(claims.Confirmation.Thumbprint), []byte(Thumbprint(cert))) != 1 {
		return nil, errors.New("token: it was issued to another certificate")
	}
	if claims.Subject == "" || claims.ID == "" {
		return nil, errors.New("token: subject or id is missing")
	}
	return claims, nil
}

// Covers says whether a token that was issued for old still says no more than grant.
func (g Grant) Covers(old *Claims) bool {
	within := func(part, whole []string) bool {
		return !slices.ContainsFunc(part, func(d string) bool { return !slices.Contains(whole, d) })
	}
	return g.Account == old.Subject && within(old.Down, g.Down) && within(old.Up, g.Up)
}
