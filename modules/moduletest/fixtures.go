package moduletest

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"sync"
	"testing"
)

// Log is what was written to it, by several goroutines.
type Log struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// Sealer is the key of a box, for a hotspot database.
type Sealer struct{ aead cipher.AEAD }

// NewSealer makes the same key each time: a database can be opened again.
func NewSealer(t testing.TB) Sealer {
	t.Helper()
	block, err := aes.NewCipher([]byte("an AES key of 32 bytes for tests"))
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		t.Fatal(err)
	}
	return Sealer{aead}
}

// Seal encrypts.
func (s Sealer) Seal(plain, aad []byte) ([]byte, error) {
	return s.aead.Seal(nil, nil, plain, aad), nil
}

// Open is the reverse of Seal.
func (s Sealer) Open(sealed, aad []byte) ([]byte, error) {
	return s.aead.Open(nil, nil, sealed, aad)
}
