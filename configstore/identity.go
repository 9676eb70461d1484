package configstore

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// certificateLife is far beyond the life of a box: peers pin the key, and a certificate that ends would only be an outage.
const certificateLife = 20 * 365 * 24 * time.Hour

// earliest is when a box without a clock believes to be made, so that its certificate does not end in 1990.
var earliest = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

// Identity is who this box is: made at first boot, kept for its life.
type Identity struct {
	boxID       string
	certificate tls.Certificate
	signing     ed25519.PrivateKey
	kek         cipher.AEAD // key-encryption key
	encoded     []byte      // as stored
}

// identityRecord is the stored form.
type identityRecord struct {
	TLSKey      []byte `json:"tls_key"`     // PKCS #8
	Certificate []byte `json:"certificate"` // DER
	SigningSeed []byte `json:"signing_seed"`
	KEK         []byte `json:"kek"`
}

// newIdentity makes keys and the self-signed certificate.
func newIdentity(now time.Time) (*Identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader) // P-256 and not Ed25519: browsers use the same listener
	if err != nil {
		return nil, err
	}
	der, err := selfSign(key, now)
	if err != nil {
		return nil, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(identityRecord{
		TLSKey: pkcs8, Certificate: der, SigningSeed: random(ed25519.SeedSize), KEK: random(32),
	})
	if err != nil {
		return nil, err
	}
	return decodeIdentity(raw)
}

func selfSign(key *ecdsa.PrivateKey, now time.Time) ([]byte, error) {
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, err
	}
	if now.Before(earliest) {
		now = earliest
	}
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(random(16)),
		Subject:      pkix.Name{CommonName: boxID(spki)},
		DNSNames:     []string{"mbox"},
		NotBefore:    now.Add(-24 * time.Hour).UTC(), // peers' clocks differ
		NotAfter:     now.Add(certificateLife).UTC(),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},

		BasicConstraintsValid: true,
	}
	return x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
}

func decodeIdentity(raw []byte) (*Identity, error) {
	var r identityRecord
	if err := json.Unmarshal(raw, &r); err != nil {
		return nil, err
	}
	if len(r.SigningSeed) != ed25519.SeedSize || len(r.KEK) != 32 {
		return nil, errors.New("keys of a wrong length")
	}
	key, err := x509.ParsePKCS8PrivateKey(r.TLSKey)
	if err != nil {
		return nil, fmt.Errorf("TLS key: %w", err)
	}
	private, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, errors.New("the TLS key is not an ECDSA key")
	}
	leaf, err := x509.ParseCertificate(r.Certificate)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	if !private.PublicKey.Equal(leaf.PublicKey) {
		return nil, errors.New("the certificate is not of the TLS key")
	}
	return &Identity{
		boxID:       BoxID(leaf),
		certificate: tls.Certificate{Certificate: [][]byte{r.Certificate}, PrivateKey: private, Leaf: leaf},
		signing:     ed25519.NewKeyFromSeed(r.SigningSeed),
		kek:         newAEAD([32]byte(r.KEK)),
		encoded:     raw,
	}, nil
}

func (id *Identity) encode() []byte { return id.encoded }

// BoxID names the box: the hexadecimal SHA-256 of its public key.
func (id *Identity) BoxID() string { return id.boxID }

// Certificate is the box's self-signed certificate with its key, for both ends of TLS.
func (id *Identity) Certificate() tls.Certificate { return id.certificate }

// SigningKey signs the box's tokens (EdDSA).
func (id *Identity) SigningKey() ed25519.PrivateKey { return id.signing }

// BoxID is the box id of whoever holds the key of a certificate: the hexadecimal SHA-256 of its SubjectPublicKeyInfo.
func BoxID(certificate *x509.Certificate) string { return boxID(certificate.RawSubjectPublicKeyInfo) }

func boxID(spki []byte) string {
	digest := sha256.Sum256(spki)
	return hex.EncodeToString(digest[:])
}

// newAEAD is AES-256-GCM.
func newAEAD(key [32]byte) cipher.AEAD {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // only for another key length
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // only for another block size
	}
	return aead
}

// random returns n random bytes; crypto/rand does not fail.
func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}
