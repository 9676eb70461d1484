package credential

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"strings"

	"golang.org/x/crypto/scrypt"
)

// Cisco's types 8 and 9 are "$8$SALT$HASH" and "$9$SALT$HASH": 14 characters of salt, used as they stand, and 32 bytes of
// hash. Their costs are not in the text, so a pasted hash cannot raise them.
const (
	pbkdf2Prefix = "$8$"
	scryptPrefix = "$9$"

	ciscoSalt  = 14
	pbkdf2Iter = 20_000 // of PBKDF2-HMAC-SHA-256
	scryptN    = 16_384 // with r = 1 and p = 1: 2 MiB of memory
)

var errCisco = errors.New("expected $8$SALT$HASH or $9$SALT$HASH: 14 and 43 characters of ./0-9A-Za-z")

// ciscoAlphabet is that of crypt(3), in the bit order of RFC 4648 and without padding.
var ciscoAlphabet = base64.NewEncoding("./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz").
	WithPadding(base64.NoPadding).Strict()

// ciscoHash is a hash of type 8 or 9.
type ciscoHash struct {
	text   string
	salt   []byte
	key    []byte
	derive func(password string, salt []byte) ([]byte, error)
}

func parseCisco(text, prefix string, derive func(string, []byte) ([]byte, error)) (Hash, error) {
	salt, key64, ok := strings.Cut(strings.TrimPrefix(text, prefix), "$")
	key, err := ciscoAlphabet.DecodeString(key64)
	if !ok || err != nil || len(salt) != ciscoSalt || strings.Trim(salt, cryptAlphabet) != "" || len(key) != sha256.Size ||
		ciscoAlphabet.EncodeToString(key) != key64 { // decoding passes over line ends
		return nil, errCisco
	}
	return ciscoHash{text, []byte(salt), key, derive}, nil
}

func derivePBKDF2(password string, salt []byte) ([]byte, error) {
	return pbkdf2.Key(sha256.New, password, salt, pbkdf2Iter, sha256.Size)
}

func deriveScrypt(password string, salt []byte) ([]byte, error) {
	return scrypt.Key([]byte(password), salt, scryptN, 1, 1, sha256.Size)
}

func (h ciscoHash) Matches(password string) bool {
	if len(password) > maxHashed {
		return false
	}
	key, err := h.derive(password, h.salt)
	return err == nil && subtle.ConstantTimeCompare(key, h.key) == 1
}

func (h ciscoHash) String() string { return h.text }
