// Package auth proves to each other who two boxes are before any hotspot data flows: a password in SCRAM-SHA-256-PLUS,
// bound to the TLS channel, which proves both sides; then a short-lived token bound to the follower's certificate; and
// pins, which remember the key that once proved itself under a name.
package auth

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
)

// FactoryPassword is the one that every box is delivered with, and which is therefore refused for sync.
const FactoryPassword = "mboxadmin"

// A Refusal is why a connection was not let in. Code is stable and for programs, Reason is for the operator.
type Refusal struct {
	Code   string
	Reason string
}

func (r *Refusal) Error() string { return r.Reason }

// Codes of refusals and goodbyes.
const (
	CodeAddress     = "address-not-allowed"
	CodeCredentials = "credentials"
	CodeFactory     = "factory-password"
	CodeLockout     = "locked-out"
	CodeCloned      = "cloned-box"
	CodePin         = "key-changed"
	CodeProtocol    = "protocol"
	CodeRevoked     = "revoked"
	CodeChanged     = "configuration-changed"
	CodeExpired     = "token-expired"
	CodeReplaced    = "replaced"
	CodeStopping    = "stopping"
	CodeBusy        = "busy"
	CodePaused      = "paused"
	CodeSpace       = "no-space"
)

// Refuse makes a Refusal.
func Refuse(code, format string, args ...any) *Refusal {
	return &Refusal{Code: code, Reason: fmt.Sprintf(format, args...)}
}

// BoxID names a box by its key: the hex SHA-256 of the certificate's public key (SubjectPublicKeyInfo).
func BoxID(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return hex.EncodeToString(sum[:])
}

// PeerCertificate returns the certificate that the other side has proved to hold the key of.
func PeerCertificate(state tls.ConnectionState) (*x509.Certificate, error) {
	if len(state.PeerCertificates) == 0 {
		return nil, errors.New("the peer showed no certificate")
	}
	return state.PeerCertificates[0], nil
}
