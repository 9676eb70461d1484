package hotspotdb

import (
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// maxUsage bounds the body of a usage record, or of a voucher: a few numbers, and room for what later versions add.
const maxUsage = 4 << 10

// bodyLimit is how long a body of a kind may be.
func bodyLimit(kind byte) int {
	switch kind {
	case KindUsage, KindVoucher, KindUse, KindErasureToo:
		return maxUsage
	case KindPurchase, KindAttempt:
		return maxAttempt
	}
	return maxBody
}

// fields is a set of field numbers of one message, all below 32.
type fields uint32

func fieldSet(numbers ...protowire.Number) (f fields) {
	for _, n := range numbers {
		f |= 1 << n
	}
	return f
}

func (f fields) has(n protowire.Number) bool { return n < 32 && f&(1<<n) != 0 }

// bodyForm says how the message of a kind is to be read. A body that keeps to it unmarshals, and what the typed API
// makes of it can be shown and written again.
type bodyForm struct {
	texts      fields // UTF-8
	attributes fields // messages of texts 1 and 2
	entries    fields // messages that auditForm is of
	changes    fields // messages of texts 1 to 3
	micros     fields // instants
	seconds    fields
	required   fields
}

var (
	accessForm = bodyForm{
		texts: fieldSet(1, 6, 9, 11), attributes: fieldSet(7), micros: fieldSet(2, 8, 10), seconds: fieldSet(5), required: fieldSet(1),
	}
	selfForm = bodyForm{
		texts:  fieldSet(2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 21),
		micros: fieldSet(20, 22),
	}
	profileForm = bodyForm{
		texts: fieldSet(1, 2, 5, 7), attributes: fieldSet(3), micros: fieldSet(4, 6), required: fieldSet(1),
	}
	segmentForm = bodyForm{
		texts: fieldSet(1, 4, 5, 6, 7, 8, 9, 10, 20), attributes: fieldSet(21), micros: fieldSet(11, 12, 13),
		seconds: fieldSet(23),
	}
	stickyForm = bodyForm{
		texts: fieldSet(1, 2, 4), micros: fieldSet(7, 8, 10), seconds: fieldSet(9), required: fieldSet(1, 2, 4),
	}
	batchForm = bodyForm{
		texts: fieldSet(1, 2, 6, 10, 12), micros: fieldSet(4, 9, 11), required: fieldSet(1),
	}
	voucherForm   = bodyForm{texts: fieldSet(1), required: fieldSet(1)}
	useForm       = bodyForm{texts: fieldSet(1, 2, 3), micros: fieldSet(4, 5), required: fieldSet(1, 2)}
	purchaseForm  = bodyForm{texts: fieldSet(2, 6, 7), micros: fieldSet(5), required: fieldSet(2)}
	auditForm     = bodyForm{texts: fieldSet(2, 3, 4, 6, 7, 9), changes: fieldSet(10), micros: fieldSet(1), required: fieldSet(6, 9)}
	sheetForm     = bodyForm{micros: fieldSet(1), entries: fieldSet(2), required: fieldSet(2)}
	attemptForm   = bodyForm{texts: fieldSet(2, 5, 6, 7, 8, 9, 10), micros: fieldSet(1)}
	erasureForm   = bodyForm{texts: fieldSet(1, 2)}
	attributeForm = bodyForm{texts: fieldSet(1, 2)}
	changeForm    = bodyForm{texts: fieldSet(1, 2, 3)}
	usageForm     bodyForm
)

// formOf is nil for a kind that this version does not know.
func formOf(kind byte) *bodyForm {
	switch kind {
	case KindAccess:
		return &accessForm
	case KindSelf:
		return &selfForm
	case KindProfile:
		return &profileForm
	case KindSegment:
		return &segmentForm
	case KindSticky:
		return &stickyForm
	case KindUsage:
		return &usageForm
	case KindBatch:
		return &batchForm
	case KindVoucher:
		return &voucherForm
	case KindUse:
		return &useForm
	case KindPurchase:
		return &purchaseForm
	case KindAudit:
		return &sheetForm
	case KindAttempt:
		return &attemptForm
	case KindErasureToo:
		return &erasureForm
	}
	return nil
}

// checkBody refuses a body that no box of any version makes: this one could not read its record, list it or amend it. It
// is a scan without allocation, because every change from a peer goes through it; fields that it does not know pass.
func checkBody(c *Change) error {
	form := formOf(c.Key[0])
	if c.Deleted || form == nil {
		return nil
	}
	if limit := bodyLimit(c.Key[0]); len(c.Body) > limit {
		return fmt.Errorf("%w body: kind %q with %d bytes, expected at most %d", ErrInvalid, c.Key[0], len(c.Body), limit)
	}
	if err := form.check(c.Key, c.Body); err != nil {
		return fmt.Errorf("%w body of record %x: %w", ErrInvalid, c.Key, err)
	}
	return nil
}

// check reads a message as the generated code does. A nil key is that of an inner message.
func (f *bodyForm) check(key, body []byte) error {
	var seen fields
	for b := body; len(b) > 0; {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		if num > protowire.MaxValidNumber {
			return fmt.Errorf("field %d", num)
		}
		b = b[n:]
		var err error
		switch typ {
		case protowire.VarintType:
			var v uint64
			if v, n = protowire.ConsumeVarint(b); n >= 0 {
				err = f.checkNumber(num, int64(v))
			}
		case protowire.BytesType:
			var v []byte
			if v, n = protowire.ConsumeBytes(b); n >= 0 {
				err = f.checkBytes(key, num, v)
				seen |= f.required & (1 << num) // a shift beyond the set is 0
			}
		default:
			n = protowire.ConsumeFieldValue(num, typ, b)
		}
		if n < 0 {
			err = protowire.ParseError(n)
		}
		if err != nil {
			return fmt.Errorf("field %d: %w", num, err)
		}
		b = b[n:]
	}
	if seen&f.required != f.required {
		return errors.New("a field is missing")
	}
	return nil
}

// Instants outside these have no form in JSON.
var (
	firstSecond = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	lastSecond  = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).Unix()
)

func (f *bodyForm) checkNumber(num protowire.Number, v int64) error {
	var unit int64
	switch {
	case f.micros.has(num):
		unit = 1e6
	case f.seconds.has(num):
		unit = 1
	default:
		return nil
	}
	if s := v / unit; s < firstSecond || s > lastSecond {
		return errors.New("not an instant between the years 1 and 9999")
	}
	return nil
}

func (f *bodyForm) checkBytes(key []byte, num protowire.Number, v []byte) error {
	switch {
	case f.attributes.has(num):
		return attributeForm.check(nil, v)
	case f.entries.has(num):
		return auditForm.check(key, v)
	case f.changes.has(num):
		return changeForm.check(nil, v)
	case !f.texts.has(num):
		return nil
	case !utf8.Valid(v):
		return errors.New("not UTF-8")
	case key == nil:
		return nil
	}
	return checkIdentity(key, num, v)
}

// checkIdentity checks the texts that the typed API checks again, or makes a key of, when it amends a record.
func checkIdentity(key []byte, num protowire.Number, v []byte) error {
	switch kind := key[0]; {
	case kind == KindAccess && num == 1, kind == KindSticky && num == 2:
		return CheckUsername(string(v))
	case kind == KindProfile && num == 1:
		return same(v, key[1:])
	case kind == KindSticky && num == 4:
		return same(v, key[7:])
	case kind == KindSticky && num == 1:
		mac, err := ParseMAC(string(v))
		if err != nil {
			return err
		}
		return same(mac[:], key[1:7])
	case kind == KindSegment && num == 8 && len(v) > 0:
		_, err := ParseMAC(string(v))
		return err
	case kind == KindSegment && num != 8:
		return checkText("text", string(v), 0, maxInfo)
	}
	return checkNewerIdentity(key, num, v)
}

// checkNewerIdentity is checkIdentity for the kinds of vouchers, purchases and the audit.
func checkNewerIdentity(key []byte, num protowire.Number, v []byte) error {
	switch kind := key[0]; {
	case kind == KindBatch && num == 1:
		return same(v, key[1:])
	case kind == KindBatch && num == 2, kind == KindVoucher, kind == KindUse && num == 2:
		return CheckGroupname(string(v))
	case kind == KindUse && num == 1:
		if !isCode(v) {
			return errors.New("not a voucher's code")
		}
	case kind == KindUse && num == 3 && len(v) > 0:
		_, err := ParseMAC(string(v))
		return err
	case kind == KindPurchase && num == 2:
		return CheckUsername(string(v))
	case kind == KindBatch, kind == KindPurchase, kind == KindAudit, kind == KindAttempt, kind == KindErasureToo:
		return checkText("text", string(v), 0, maxInfo)
	}
	return nil
}

func same(v, key []byte) error {
	if string(v) != string(key) {
		return errors.New("differs from the key")
	}
	return nil
}
