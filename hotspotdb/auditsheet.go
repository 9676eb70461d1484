package hotspotdb

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// Audit entries of what is committed together share a record, a sheet: a record of its own for each would cost as much as the edit.
// docs/adr/0013 has the rules.

// stagedEntry is an entry of an edit that the group will commit.
type stagedEntry struct {
	account uint64
	at      int64 // microseconds
	from    int   // where it begins in group.entries
}

// appendEntry encodes an entry as one of a sheet's, exactly as the generated code would.
func appendEntry(dst []byte, e *AuditEntry) []byte {
	texts := [...]struct {
		num  protowire.Number
		text string
	}{{2, e.Author.Name}, {3, e.Author.From}, {4, e.Author.Via}, {6, e.Object}, {7, e.Name}, {9, e.Action}}
	at, size := uint64(toMicros(e.At)), 0
	size += sizeVarint(fieldAt, at) + sizeVarint(fieldEntryAccount, e.Account) + sizeText(string(e.Box[:]))
	for _, t := range texts {
		size += sizeText(t.text)
	}
	for _, f := range e.Fields {
		size += 1 + protowire.SizeBytes(f.size())
	}
	dst = protowire.AppendTag(dst, fieldEntries, protowire.BytesType)
	dst = protowire.AppendVarint(dst, uint64(size))
	dst = appendNonZero(dst, fieldAt, at)
	for _, t := range texts[:3] {
		dst = appendText(dst, t.num, t.text)
	}
	dst = appendBytes(dst, fieldEntryBox, e.Box[:])
	for _, t := range texts[3:5] {
		dst = appendText(dst, t.num, t.text)
	}
	dst = appendNonZero(dst, fieldEntryAccount, e.Account)
	dst = appendText(dst, 9, e.Action)
	for _, f := range e.Fields {
		dst = protowire.AppendTag(dst, fieldEntryFields, protowire.BytesType)
		dst = protowire.AppendVarint(dst, uint64(f.size()))
		dst = appendText(appendText(appendText(dst, 1, f.Name), 2, f.Old), 3, f.New)
	}
	return dst
}

func (f *AuditField) size() int { return sizeText(f.Name) + sizeText(f.Old) + sizeText(f.New) }

// The tags of all these fields take one octet. What is empty or 0 is left out.

func sizeText(s string) int {
	if s == "" {
		return 0
	}
	return 1 + protowire.SizeBytes(len(s))
}

func appendText(dst []byte, num protowire.Number, s string) []byte {
	if s == "" {
		return dst
	}
	return protowire.AppendString(protowire.AppendTag(dst, num, protowire.BytesType), s)
}

func sizeVarint(num protowire.Number, v uint64) int {
	if v == 0 {
		return 0
	}
	return protowire.SizeTag(num) + protowire.SizeVarint(v)
}

func appendNonZero(dst []byte, num protowire.Number, v uint64) []byte {
	if v == 0 {
		return dst
	}
	return protowire.AppendVarint(protowire.AppendTag(dst, num, protowire.VarintType), v)
}

// maxSheet ends a sheet; one more entry may follow behind it.
const maxSheet = 32 << 10

// Field numbers of hotspotpb.AuditSheet and hotspotpb.AuditEntry.
const (
	fieldAt           = protowire.Number(1) // of an entry too, and of hotspotpb.Attempt
	fieldEntries      = protowire.Number(2)
	fieldEntryName    = protowire.Number(7)
	fieldEntryBox     = protowire.Number(5)
	fieldEntryAccount = protowire.Number(8)
	fieldEntryFields  = protowire.Number(10)
)

// writeAudit writes the entries of the group's edits, behind the last of them. If it fails nothing of the group is stored: there
// would be edits of which nobody knows who made them.
func (g *group) writeAudit() {
	if len(g.audit) == 0 {
		return
	}
	before := g.last.batch.Len()
	if err := g.last.writeSheets(); err != nil {
		g.abandon(fmt.Errorf("record who has changed what: %w", err))
		g.jobs = nil
		return
	}
	g.bytes += g.last.batch.Len() - before
}

func (tx *Tx) writeSheets() error {
	var body []byte
	at := int64(math.MinInt64)
	for i, e := range tx.g.audit {
		end := len(tx.g.entries)
		if i+1 < len(tx.g.audit) {
			end = tx.g.audit[i+1].from
		}
		if e.account == 0 || !tx.isErased(e.account, Audit) { // by a later job of the group
			body, at = append(body, tx.g.entries[e.from:end]...), max(at, e.at)
		}
		if len(body) == 0 || len(body) < maxSheet && i+1 < len(tx.g.audit) {
			continue
		}
		if err := tx.putSheet(append(sheetHead(at), body...)); err != nil {
			return err
		}
		body, at = body[:0], math.MinInt64
	}
	return nil
}

// putSheet is Put for what is known to be new, and such as peers take: it is most of what an entry costs.
func (tx *Tx) putSheet(body []byte) error {
	id, err := tx.newID(Audit, AuditKey)
	if err != nil {
		return err
	}
	c := Change{Key: AuditKey(id), Stamp: Stamp{tx.wall, tx.db.id}, Body: body}
	var in incoming
	if err := in.prepare(tx.db.index, &tx.db.hasher, Audit, AppendChange(nil, &c)); err != nil {
		return err
	}
	return tx.store(&in, Source{})
}

func sheetHead(at int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, fieldAt, protowire.VarintType), uint64(at))
}

// eachEntry calls fn with the entries of a sheet until it returns false. It passes over what cannot be read.
func eachEntry(sheet []byte, fn func(i int, entry []byte) bool) {
	i := 0
	for b := sheet; len(b) > 0; {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return
		}
		b = b[n:]
		if n = protowire.ConsumeFieldValue(num, typ, b); n < 0 {
			return
		}
		if num == fieldEntries && typ == protowire.BytesType {
			entry, _ := protowire.ConsumeBytes(b)
			if !fn(i, entry) {
				return
			}
			i++
		}
		b = b[n:]
	}
}

// entryID names an entry of a sheet, and the sheet that it has to itself when that is cut up.
func entryID(sheet uint64, i, of int) uint64 {
	if of == 1 {
		return sheet
	}
	sum := sha256.Sum256(binary.BigEndian.AppendUint32(AuditKey(sheet), uint32(i)))
	return max(1, binary.BigEndian.Uint64(sum[:])>>11) // 53 bits, as of newID
}

func entryCount(sheet []byte) (n int) {
	eachEntry(sheet, func(int, []byte) bool { n++; return true })
	return n
}

// namesErased says whether a sheet has an entry about somebody who was erased.
func namesErased(sheet []byte, erased func(account uint64) bool) (found bool) {
	eachEntry(sheet, func(_ int, entry []byte) bool {
		account := lastVarint(entry, fieldEntryAccount)
		found = account != 0 && erased(account)
		return !found
	})
	return found
}

// cut is a sheet of several as sheets of one entry each, of the same stamp. Every box comes to the same.
func cut(c *Change) []Change {
	of := entryCount(c.Body)
	if of < 2 {
		return nil
	}
	var list []Change
	eachEntry(c.Body, func(i int, entry []byte) bool {
		one := Change{Key: AuditKey(entryID(keyID(c.Key), i, of)), Stamp: c.Stamp}
		one.Body = appendBytes(sheetHead(int64(lastVarint(entry, fieldAt))), fieldEntries, entry)
		list = append(list, one)
		return true
	})
	return list
}

// mergeCut merges the entries of a sheet that names somebody who was erased; his are ignored like anything about him.
func (tx *Tx) mergeCut(c *Change, source Source, result *Result) error {
	for _, one := range cut(c) {
		var in incoming
		if err := in.admit(tx.db.index, &tx.db.hasher, Audit, AppendChange(nil, &one)); err != nil {
			return err
		}
		if err := tx.merge(&in, source, result); err != nil {
			return err
		}
	}
	return nil
}

// cutSheets takes entries about erased accounts off sheets, given by their sequences, and says how many there were of whom.
func (tx *Tx) cutSheets(seqs []uint64, gone map[uint64]int) error {
	for _, seq := range seqs {
		value, closer, err := tx.db.engn.Get(recordKey(Audit, seq))
		if isNotFound(err) {
			continue // expired
		}
		if err != nil {
			return err
		}
		source, _, raw, err := parseHeader(value)
		raw = append([]byte{}, raw...)
		closer.Close()
		if err != nil {
			return err
		}
		var c Change
		if err := c.decode(raw); err != nil {
			return fmt.Errorf("%w: audit entry %d: %v", ErrDamaged, seq, err)
		}
		r, op, found := tx.find(Audit, tx.db.hasher.key(c.Key))
		if !found || r.seq != seq || op >= 0 {
			continue
		}
		eachEntry(c.Body, func(_ int, entry []byte) bool {
			if account := lastVarint(entry, fieldEntryAccount); account != 0 && tx.isErased(account, Audit) {
				gone[account]++
			}
			return true
		})
		if err := tx.remove(Audit, r, tx.db.index.traitsOf(&c)); err != nil {
			return err
		}
		if err := tx.mergeCut(&c, source, &Result{}); err != nil {
			return err
		}
	}
	return nil
}
