package hotspotdb

import (
	"encoding/binary"
	"math/bits"

	"github.com/dchest/siphash"
)

// u128 is a 128-bit number; sums are taken modulo 2^128.
type u128 struct{ hi, lo uint64 }

func (a u128) add(b u128) u128 {
	lo, carry := bits.Add64(a.lo, b.lo, 0)
	hi, _ := bits.Add64(a.hi, b.hi, carry)
	return u128{hi, lo}
}

func (a u128) sub(b u128) u128 {
	lo, borrow := bits.Sub64(a.lo, b.lo, 0)
	hi, _ := bits.Sub64(a.hi, b.hi, borrow)
	return u128{hi, lo}
}

func (a u128) less(b u128) bool { return a.hi < b.hi || a.hi == b.hi && a.lo < b.lo }

// sum is the big-endian form that peers exchange.
func (a u128) sum() (s Sum) {
	binary.BigEndian.PutUint64(s[:8], a.hi)
	binary.BigEndian.PutUint64(s[8:], a.lo)
	return s
}

func (s Sum) number() u128 {
	return u128{binary.BigEndian.Uint64(s[:8]), binary.BigEndian.Uint64(s[8:])}
}

// AddSum adds modulo 2^128.
func AddSum(a, b Sum) Sum { return a.number().add(b.number()).sum() }

// SubSum subtracts modulo 2^128.
func SubSum(a, b Sum) Sum { return a.number().sub(b.number()).sum() }

// keyHash identifies a record in memory: SipHash-2-4-128 of its key under the digest key. Nobody outside the replication
// domain knows that key, so nobody can make two records collide.
type keyHash struct{ a, b uint64 }

// bucket is the same on all boxes of a domain: the top 12 bits.
func (h keyHash) bucket() int { return int(h.a >> 52) }

// hasher computes under one digest key. It is not safe for concurrent use: it keeps a scratch buffer.
type hasher struct {
	k0, k1 uint64
	buf    []byte
}

func newHasher(key [16]byte) hasher {
	return hasher{k0: binary.LittleEndian.Uint64(key[:8]), k1: binary.LittleEndian.Uint64(key[8:])}
}

func (h *hasher) key(key []byte) keyHash {
	a, b := siphash.Hash128(h.k0, h.k1, key)
	return keyHash{a, b}
}

// contribution is what a record adds to the sums of its bucket and dataset: SipHash-2-4-128 over the length of the key
// (2 bytes, big endian), key, clock (8 bytes, big endian), origin and body. A tombstone adds nothing.
func (h *hasher) contribution(c *Change) u128 {
	if c.Deleted {
		return u128{}
	}
	h.buf = binary.BigEndian.AppendUint16(h.buf[:0], uint16(len(c.Key)))
	h.buf = append(h.buf, c.Key...)
	h.buf = binary.BigEndian.AppendUint64(h.buf, c.Stamp.Clock)
	h.buf = append(h.buf, c.Stamp.Origin[:]...)
	h.buf = append(h.buf, c.Body...)
	hi, lo := siphash.Hash128(h.k0, h.k1, h.buf)
	return u128{hi, lo}
}
