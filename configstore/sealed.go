package configstore

import (
	"encoding/base64"
	"errors"
	"fmt"
)

// maxSecret bounds a type-6 secret, in bytes.
const maxSecret = 4096

// ErrSealed is returned for a sealed secret that does not open: it was sealed by another box, for another line of the
// configuration, or it was changed.
var ErrSealed = errors.New("the sealed secret belongs to another box or another line, or is mistyped")

// type6 is the first byte of every sealed secret; another one would be another scheme.
const type6 = 1

// Seal6 encrypts a secret that the box must send to a peer later, for the configuration: AES-256-GCM under the
// key-encryption key, as one word of base64url. The label says what it is for ("mbox sync primary NAME"); the text opens
// with the same label only, so a sealed secret cannot be pasted where it would be sent to somebody else.
func (id *Identity) Seal6(plain []byte, label string) (string, error) {
	if len(plain) > maxSecret {
		return "", fmt.Errorf("a secret has at most %d bytes", maxSecret)
	}
	sealed := append([]byte{type6}, id.wrap(plain, "type 6\x00"+label)...)
	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

// Open6 decrypts what Seal6 returned. The error is ErrSealed.
func (id *Identity) Open6(text, label string) ([]byte, error) {
	if len(text) > 2*maxSecret {
		return nil, ErrSealed
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) == 0 || raw[0] != type6 {
		return nil, ErrSealed
	}
	return id.unwrap(raw[1:], "type 6\x00"+label)
}

// wrap encrypts under the key-encryption key: nonce(12) ciphertext.
func (id *Identity) wrap(plain []byte, label string) []byte {
	nonce := random(id.kek.NonceSize())
	return id.kek.Seal(nonce, nonce, plain, []byte(label))
}

func (id *Identity) unwrap(sealed []byte, label string) ([]byte, error) {
	n := id.kek.NonceSize()
	if len(sealed) < n {
		return nil, ErrSealed
	}
	plain, err := id.kek.Open(nil, sealed[:n], sealed[n:], []byte(label))
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}
