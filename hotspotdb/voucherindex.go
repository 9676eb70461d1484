package hotspotdb

import (
	"encoding/binary"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// useRef is what memory keeps of a use, so that a voucher can be judged without reading them all.
type useRef struct {
	mac     uint64 // 0: none
	at      int64  // microseconds
	expires int64  // microseconds; 0: never
	erased  bool   // an erasure stands in its place
	again   bool   // of an erasure: it does not count
}

// useTrace keeps uses by their voucher. An erasure is not undone by what else is heard of its use, in whatever order.
type useTrace struct {
	id      uint64
	voucher keyHash // of batch and code
	ref     useRef
	gone    bool // a tombstone
}

func (t *useTrace) put(x *index) {
	if old, found := x.uses.get(t.id); found && old.erased && !t.ref.erased {
		return
	}
	if t.gone {
		x.uses.drop(t.id)
		return
	}
	x.uses.put(t.id, t.voucher, t.ref)
}

func (t *useTrace) remove(x *index) {
	if old, found := x.uses.get(t.id); found && old.erased == t.ref.erased {
		x.uses.drop(t.id)
	}
}

// change does to the uses of one voucher what put or remove does to the index.
func (t *useTrace) change(list []tied[useRef], voucher keyHash, removed bool) []tied[useRef] {
	i := slices.IndexFunc(list, func(one tied[useRef]) bool { return one.id == t.id })
	if i >= 0 && list[i].ref.erased && !t.ref.erased {
		return list
	}
	list = without(list, t.id)
	if t.gone || removed || t.voucher != voucher {
		return list
	}
	return append(list, tied[useRef]{t.id, t.ref})
}

// Field numbers of hotspotpb.VoucherUse and, as far as it has them, hotspotpb.ErasedUse.
const (
	fieldUseCode    = protowire.Number(1)
	fieldUseMAC     = protowire.Number(3)
	fieldUseAgain   = protowire.Number(3) // of ErasedUse
	fieldUseAt      = protowire.Number(4)
	fieldUseExpires = protowire.Number(5)
)

func (x *index) useTrace(c *Change) *useTrace {
	t := &useTrace{id: keyID(c.Key), gone: c.Deleted}
	if t.gone {
		return t
	}
	t.voucher = x.voucherHash(lastBytes(c.Body, fieldBatchOfUse), lastBytes(c.Body, fieldUseCode))
	t.ref.at, t.ref.expires = int64(lastVarint(c.Body, fieldUseAt)), int64(lastVarint(c.Body, fieldUseExpires))
	t.ref.mac, _ = parseDevice(string(lastBytes(c.Body, fieldUseMAC))) // one that is none was refused
	return t
}

// erasedUse is the trace of an erasure. One that names no voucher leaves none: among the audit, or where nobody knows of a use.
func (x *index) erasedUse(c *Change) trace {
	batch, code := lastBytes(c.Body, fieldBatchOfUse), lastBytes(c.Body, fieldUseCode)
	if len(code) == 0 {
		return nil
	}
	ref := useRef{erased: true, again: lastVarint(c.Body, fieldUseAgain) != 0}
	return &useTrace{id: keyID(c.Key), voucher: x.voucherHash(batch, code), ref: ref}
}

// voucherHash identifies a voucher of a batch: the same code may come again in another batch, when the first is deleted.
func (x *index) voucherHash(batch, code []byte) keyHash {
	h := newHasher(x.digestKey)
	h.buf = binary.BigEndian.AppendUint16([]byte{KindVoucher}, uint16(len(batch)))
	return h.key(append(append(h.buf, batch...), code...))
}

// usesOf lists the uses of a voucher, with what is staged.
func (tx *Tx) usesOf(batch, code string) []tied[useRef] {
	voucher := tx.db.index.voucherHash([]byte(batch), []byte(code))
	list := slices.Clone(tx.db.index.uses.lists[voucher])
	tx.staged(func(t trace, removed bool) {
		if use, ok := t.(*useTrace); ok {
			list = use.change(list, voucher, removed)
		}
	})
	return list
}

func (db *DB) usesOf(batch, code string) []tied[useRef] {
	db.mu.RLock()
	defer db.mu.RUnlock()
	return slices.Clone(db.index.uses.lists[db.index.voucherHash([]byte(batch), []byte(code))])
}

// useCount is how many uses a voucher has.
func (db *DB) useCount(batch, code string) int {
	db.mu.RLock()
	defer db.mu.RUnlock()
	return len(distinct(db.index.uses.lists[db.index.voucherHash([]byte(batch), []byte(code))]))
}
