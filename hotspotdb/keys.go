package hotspotdb

import (
	"encoding/binary"
	"fmt"
)

// Kind is the first byte of a record's key. The kinds below are known; others are stored and relayed by the greater stamp.
//
//	A access   id(8)
//	S self     id(8), the same as the account's access
//	P profile  groupname
//	G segment  id(8)
//	K sticky   MAC(6) and the hotspot's name
//	U usage    account(8) origin(16) start of the period in seconds(8)
//	E erasure  id(8) of an account; in users, sessions and sticky
//	X erasure  id(8) of an account or use; in vouchers and audit, where a version that knows only E would refuse that
//	B batch    name
//	V voucher  code
//	R use      id(8)
//	Q purchase id(8)
//	L audit    id(8) of a sheet
//	T attempt  origin(16) slot(4)
//
// Numbers are big endian.
const (
	KindAccess  = 'A'
	KindSelf    = 'S'
	KindProfile = 'P'
	KindSegment = 'G'
	KindSticky  = 'K'
	KindUsage   = 'U'
	KindErasure = 'E'

	KindErasureToo = 'X'
	KindBatch      = 'B'
	KindVoucher    = 'V'
	KindUse        = 'R'
	KindPurchase   = 'Q'
	KindAudit      = 'L'
	KindAttempt    = 'T'
)

// AccessKey is the key of an account's Access.
func AccessKey(id uint64) []byte { return idKey(KindAccess, id) }

// SelfKey is the key of an account's Self.
func SelfKey(id uint64) []byte { return idKey(KindSelf, id) }

// SegmentKey is the key of a session segment.
func SegmentKey(id uint64) []byte { return idKey(KindSegment, id) }

// ProfileKey is the key of a profile.
func ProfileKey(groupname string) []byte { return append([]byte{KindProfile}, groupname...) }

// StickyKey is the key of a device's binding in a hotspot.
func StickyKey(mac [6]byte, hotspot string) []byte {
	return append(append([]byte{KindSticky}, mac[:]...), hotspot...)
}

// UsageKey is the key of what the database origin counted for an account in the period that began at start (Unix seconds).
func UsageKey(account uint64, origin DatabaseID, start int64) []byte {
	key := append(idKey(KindUsage, account), origin[:]...)
	return binary.BigEndian.AppendUint64(key, uint64(start))
}

func idKey(kind byte, id uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{kind}, id)
}

// ErasureKey is the key of the record that says in users, sessions or sticky that an account was erased.
func ErasureKey(account uint64) []byte { return idKey(KindErasure, account) }

// erasureKey is the key of the record that says so in a dataset.
func erasureKey(ds Dataset, account uint64) []byte {
	if ds == Vouchers || ds == Audit {
		return idKey(KindErasureToo, account)
	}
	return ErasureKey(account)
}

// isErasure says whether a key is that of an erasure.
func isErasure(key []byte) bool { return key[0] == KindErasure || key[0] == KindErasureToo }

// BatchKey is the key of a batch of vouchers.
func BatchKey(name string) []byte { return append([]byte{KindBatch}, name...) }

// VoucherKey is the key of a voucher; the code is as NormalCode returns it.
func VoucherKey(code string) []byte { return append([]byte{KindVoucher}, code...) }

// UseKey is the key of a use of a voucher.
func UseKey(id uint64) []byte { return idKey(KindUse, id) }

// PurchaseKey is the key of a purchase.
func PurchaseKey(id uint64) []byte { return idKey(KindPurchase, id) }

// AuditKey is the key of a sheet of audit entries.
func AuditKey(id uint64) []byte { return idKey(KindAudit, id) }

// AttemptKey is the key of a login attempt in the ring of a database.
func AttemptKey(origin DatabaseID, slot uint32) []byte {
	return binary.BigEndian.AppendUint32(append([]byte{KindAttempt}, origin[:]...), slot)
}

// keyID reads the id of a key that idKey made.
func keyID(key []byte) uint64 { return binary.BigEndian.Uint64(key[1:9]) }

// usageStart reads when the period of a usage record began, Unix seconds.
func usageStart(key []byte) uint64 { return binary.BigEndian.Uint64(key[25:]) }

const maxKey = 256

// checkKey refuses keys that no box of any version makes: a known kind has its dataset and its form.
func checkKey(ds Dataset, key []byte) error {
	if len(key) == 0 || len(key) > maxKey {
		return fmt.Errorf("%w key: %d bytes, expected 1 to %d", ErrInvalid, len(key), maxKey)
	}
	home, good := ds, true
	switch key[0] {
	case KindAccess, KindSelf:
		home, good = Users, len(key) == 9
	case KindProfile:
		home, good = Profiles, len(key) > 1
	case KindSegment:
		home, good = Sessions, len(key) == 9
	case KindSticky:
		home, good = Sticky, len(key) >= 7
	case KindUsage:
		home, good = Sessions, len(key) == 33
	case KindErasure:
		good = len(key) == 9 && (ds == Users || ds == Sessions || ds == Sticky)
	default:
		home, good = checkNewerKey(ds, key)
	}
	if home != ds || !good {
		return fmt.Errorf("%w key: kind %q with %d bytes in %s", ErrInvalid, key[0], len(key), ds)
	}
	return nil
}

// checkNewerKey is checkKey for the kinds of vouchers, purchases and the audit; of others it knows nothing.
func checkNewerKey(ds Dataset, key []byte) (home Dataset, good bool) {
	switch key[0] {
	case KindErasureToo:
		return ds, len(key) == 9 && (ds == Vouchers || ds == Audit)
	case KindBatch:
		return Vouchers, CheckGroupname(string(key[1:])) == nil
	case KindVoucher:
		return Vouchers, isCode(key[1:])
	case KindUse:
		return Vouchers, len(key) == 9
	case KindPurchase:
		return Users, len(key) == 9
	case KindAudit:
		return Audit, len(key) == 9
	case KindAttempt:
		return Audit, len(key) == 21 && binary.BigEndian.Uint32(key[17:]) < attemptSlots
	}
	return ds, true
}

// versioned says whether two boxes may edit one record of this kind, so that it carries a version vector.
func versioned(kind byte) bool {
	return kind == KindAccess || kind == KindSelf || kind == KindProfile || kind == KindBatch
}

// Keys of the storage engine; docs/adr/0001 has the table.
const (
	tagRecord   = 'r'
	tagPosition = 'p'
	tagAside    = 'a'
	tagConflict = 'c'
	tagMeta     = 'm'
)

const recordKeyLen = 10

func putRecordKey(dst []byte, ds Dataset, seq uint64) []byte {
	dst = append(dst[:0], tagRecord, byte(ds))
	return binary.BigEndian.AppendUint64(dst, seq)
}

func recordKey(ds Dataset, seq uint64) []byte {
	return putRecordKey(make([]byte, 0, recordKeyLen), ds, seq)
}

// parseRecordKey reads what recordKey made.
func parseRecordKey(key []byte) (Dataset, uint64, error) {
	if len(key) != recordKeyLen || key[0] != tagRecord || !Dataset(key[1]).valid() {
		return 0, 0, fmt.Errorf("%w: record key %x", ErrDamaged, key)
	}
	return Dataset(key[1]), binary.BigEndian.Uint64(key[2:]), nil
}

func (d Dataset) valid() bool { return d >= Profiles && d <= Audit }

func positionKey(from DatabaseID, ds Dataset) []byte {
	return append(append([]byte{tagPosition}, from[:]...), byte(ds))
}

func asideKey(clock, number uint64) []byte {
	key := binary.BigEndian.AppendUint64([]byte{tagAside}, clock)
	return binary.BigEndian.AppendUint64(key, number)
}

func conflictKey(number uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{tagConflict}, number)
}

func metaKey(name string) []byte { return append([]byte{tagMeta}, name...) }
