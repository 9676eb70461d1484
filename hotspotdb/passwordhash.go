package hotspotdb

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"

	"mbox/proto/hotspotpb"
)

// ErrHashed says that only the hash of a password is kept: nobody can read it.
var ErrHashed = errors.New("the password is stored as a hash")

// Cost of argon2id: the least that the OWASP Password Storage Cheat Sheet recommends (19 MiB, 2 passes, 1 lane).
const (
	argonMemory  = 19 << 10 // KiB
	argonTime    = 2
	argonThreads = 1
	argonSalt    = 16 // octets, RFC 9106 section 3.1
	argonHash    = 32
)

// What a hash that came from elsewhere may cost at most, so that no peer can exhaust this box.
const (
	maxArgonMemory  = 64 << 10
	maxArgonTime    = 8
	maxArgonThreads = 4
)

// hashMark begins what is sealed instead of a password if that is hashed. No password has a control character.
const hashMark = "\x00"

// PasswordHash is the argon2id hash of a password, in the form of the Password Hashing Competition.
type PasswordHash string

// HashPassword takes 19 MiB and some 20 ms of one core: bound how many run at a time.
func HashPassword(password string) PasswordHash {
	salt := make([]byte, argonSalt)
	rand.Read(salt)
	hash := argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonThreads, argonHash)
	text := base64.RawStdEncoding
	return PasswordHash(fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonThreads,
		text.EncodeToString(salt), text.EncodeToString(hash)))
}

// Verify says whether a password has this hash; it costs what HashPassword costs. A hash that cannot be read fits no password.
func (h PasswordHash) Verify(password string) bool {
	var version int
	var memory, passes uint32
	var threads uint8
	parts := strings.Split(string(h), "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return false
	}
	if _, err := fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return false
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &passes, &threads); err != nil {
		return false
	}
	if memory < 8 || memory > maxArgonMemory || passes < 1 || passes > maxArgonTime || threads < 1 || threads > maxArgonThreads {
		return false
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(parts[4])
	want, err2 := base64.RawStdEncoding.DecodeString(parts[5])
	if err1 != nil || err2 != nil || len(want) < 16 || len(want) > 64 {
		return false
	}
	got := argon2.IDKey([]byte(password), salt, passes, memory, threads, uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1
}

// Password is a guest's password as it is kept: in clear once it is opened, or as a hash.
type Password struct {
	clear string
	hash  PasswordHash
}

// Clear is the password itself; false if only its hash is kept.
func (p Password) Clear() (string, bool) { return p.clear, p.hash == "" }

// Hash is the password's hash; false if it is kept in clear.
func (p Password) Hash() (PasswordHash, bool) { return p.hash, p.hash != "" }

// OpenPassword opens the password of a guest. ErrNotFound if there is none.
func (db *DB) OpenPassword(g *Guest) (Password, error) {
	return db.openPassword(g.ID, g.Username, g.sealed)
}

func (db *DB) openPassword(id uint64, username string, sealed []byte) (Password, error) {
	if len(sealed) == 0 {
		return Password{}, fmt.Errorf("password of account %s: %w", username, ErrNotFound)
	}
	if db.opts.Sealer == nil {
		return Password{}, fmt.Errorf("open the password of account %s: %w", username, errNoSealer)
	}
	plain, err := db.opts.Sealer.Open(sealed, accountAAD(id))
	if err != nil {
		return Password{}, fmt.Errorf("open the password of account %s: %w", username, err)
	}
	if hash, hashed := strings.CutPrefix(string(plain), hashMark); hashed {
		return Password{hash: PasswordHash(hash)}, nil
	}
	return Password{clear: string(plain)}, nil
}

// SetHashedPasswords says whether passwords are to be kept as hashes from now on. What is stored already stays as it is; whoever
// sees a password in clear then stores its hash with StorePasswordHash.
func (db *DB) SetHashedPasswords(on bool) { db.hashed.Store(on) }

// HashedPasswords is what SetHashedPasswords was told.
func (db *DB) HashedPasswords() bool { return db.hashed.Load() }

// StorePasswordHash keeps the hash of a guest's password instead of the password that g has, and says whether it did: not if
// another one has been stored since. It is not an edit: who set the password and when stays, and an edit that another box made
// at the same time wins against it.
func (tx *Tx) StorePasswordHash(g *Guest, hash PasswordHash) (stored bool, err error) {
	self := &hotspotpb.Self{}
	err = readMessage(tx, Users, SelfKey(g.ID), self)
	if errors.Is(err, ErrNotFound) || err == nil && string(self.Password) != string(g.sealed) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("hash the password of account %s: %w", g.Username, err)
	}
	if tx.db.opts.Sealer == nil {
		return false, fmt.Errorf("hash the password of account %s: %w", g.Username, errNoSealer)
	}
	if self.Password, err = tx.db.opts.Sealer.Seal([]byte(hashMark+string(hash)), accountAAD(g.ID)); err != nil {
		return false, fmt.Errorf("hash the password of account %s: %w", g.Username, err)
	}
	wall := tx.wall
	tx.wall = 0 // the stamp is that of the replaced version and one microsecond: any edit is later
	err = tx.putMessage(Users, SelfKey(g.ID), self)
	tx.wall = wall
	if err != nil {
		return false, fmt.Errorf("hash the password of account %s: %w", g.Username, err)
	}
	return true, nil
}
