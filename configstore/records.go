package configstore

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/bits"
)

// The keys of the store. They are paths, so that a backup can name its entries after them.
const (
	keyFormat    = "format"
	keySum       = "sum"
	keyIdentity  = "identity"
	keyKeyring   = "keyring"
	keyStartup   = "config/startup"    // number of the revision that is startup-config
	keyRevisions = "config/revisions/" // + number: Revision as JSON
	keyTexts     = "config/texts/"     // + number: the text
	keyStates    = "state/"            // + name + "/" + key
)

// kv is what a storage engine gives within one transaction. A value is valid until the transaction ends.
type kv interface {
	get(key string) []byte // nil if there is none
	put(key string, value []byte) error
	delete(key string) error
	scan(prefix string, fn func(key string, value []byte) error) error // in the order of keys
}

// engine runs transactions: all of an update is kept, durably, or nothing.
type engine interface {
	view(func(kv) error) error
	update(func(kv) error) error
	close() error
}

// records adds the checksums to an engine.
type records struct{ engine engine }

func (r records) close() error { return r.engine.close() }

func (r records) view(fn func(*tx) error) error {
	return r.engine.view(func(kv kv) error { return fn(&tx{kv: kv}) })
}

func (r records) update(fn func(*tx) error) error {
	return r.engine.update(func(kv kv) error {
		tx := &tx{kv: kv}
		raw, found, err := tx.get(keySum)
		if err != nil {
			return err
		}
		if found {
			if tx.sum, err = parseSum(raw); err != nil {
				return err
			}
		}
		if err := fn(tx); err != nil {
			return err
		}
		return kv.put(keySum, seal(keySum, tx.sum.bytes()))
	})
}

// tx is one transaction on checked records.
type tx struct {
	kv  kv
	sum sum // over all records but itself
}

func (tx *tx) get(key string) ([]byte, bool, error) {
	raw := tx.kv.get(key)
	if raw == nil {
		return nil, false, nil
	}
	value, err := unseal(key, raw)
	return bytes.Clone(value), err == nil, err
}

func (tx *tx) put(key string, value []byte) error {
	if err := tx.forget(key); err != nil {
		return err
	}
	record := seal(key, value)
	tx.sum = tx.sum.plus(sumOf(record))
	return tx.kv.put(key, record)
}

func (tx *tx) delete(key string) error {
	if err := tx.forget(key); err != nil {
		return err
	}
	return tx.kv.delete(key)
}

// forget takes the present record of a key out of the sum.
func (tx *tx) forget(key string) error {
	old := tx.kv.get(key)
	if old == nil {
		return nil
	}
	if _, err := unseal(key, old); err != nil {
		return err
	}
	tx.sum = tx.sum.minus(sumOf(old))
	return nil
}

// scan calls fn for each record whose key has the prefix, in order. The value is valid during the call.
func (tx *tx) scan(prefix string, fn func(key string, value []byte) error) error {
	return tx.kv.scan(prefix, func(key string, raw []byte) error {
		value, err := unseal(key, raw)
		if err != nil {
			return err
		}
		return fn(key, value)
	})
}

// verifyAll reads every record and compares their sum, which finds a record that is missing or was there before.
func (tx *tx) verifyAll() error {
	var total sum
	err := tx.kv.scan("", func(key string, raw []byte) error {
		if _, err := unseal(key, raw); err != nil {
			return err
		}
		if key != keySum {
			total = total.plus(sumOf(raw))
		}
		return nil
	})
	if err != nil {
		return err
	}
	raw, _, err := tx.get(keySum)
	if err != nil {
		return err
	}
	if want, err := parseSum(raw); err != nil || want != total {
		return fmt.Errorf("%w: records are missing", ErrDamaged)
	}
	return nil
}

// seal puts the SHA-256 of key and value before the value.
func seal(key string, value []byte) []byte {
	out := make([]byte, sha256.Size, sha256.Size+len(value))
	digest := recordDigest(key, value)
	copy(out, digest[:])
	return append(out, value...)
}

func unseal(key string, record []byte) ([]byte, error) {
	if len(record) < sha256.Size {
		return nil, fmt.Errorf("%w: record %q is too short", ErrDamaged, key)
	}
	value := record[sha256.Size:]
	if digest := recordDigest(key, value); !bytes.Equal(digest[:], record[:sha256.Size]) {
		return nil, fmt.Errorf("%w: checksum of record %q", ErrDamaged, key)
	}
	return value, nil
}

func recordDigest(key string, value []byte) [sha256.Size]byte {
	h := sha256.New()
	h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(key))))
	h.Write([]byte(key))
	h.Write(value)
	return [sha256.Size]byte(h.Sum(nil))
}

// sum adds up record checksums modulo 2^256, so that one put or delete changes it without reading the others.
type sum [4]uint64

func sumOf(record []byte) sum {
	var s sum
	for i := range s {
		s[i] = binary.BigEndian.Uint64(record[8*i:])
	}
	return s
}

func parseSum(raw []byte) (sum, error) {
	if len(raw) != sha256.Size {
		return sum{}, fmt.Errorf("%w: no sum of the records", ErrDamaged)
	}
	return sumOf(raw), nil
}

func (s sum) bytes() []byte {
	var out []byte
	for _, word := range s {
		out = binary.BigEndian.AppendUint64(out, word)
	}
	return out
}

func (s sum) plus(o sum) (out sum) {
	var carry uint64
	for i := range s {
		out[i], carry = bits.Add64(s[i], o[i], carry)
	}
	return out
}

func (s sum) minus(o sum) (out sum) {
	var borrow uint64
	for i := range s {
		out[i], borrow = bits.Sub64(s[i], o[i], borrow)
	}
	return out
}
