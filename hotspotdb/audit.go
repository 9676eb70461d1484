package hotspotdb

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Author is who changes something. With Tx.By an audit entry names him; otherwise the argument by of the edit does.
type Author struct {
	Name string `json:"name"`
	From string `json:"from"` // address or terminal
	Via  string `json:"via"`  // console, ssh, api, radius, portal, import or box
}

// By says who makes the edits that follow in this transaction.
func (tx *Tx) By(a Author) { tx.author = &a }

// Bulk has the edits that follow in this transaction counted, and one entry for each kind of object written at its end, instead of
// one for each edit. source says where they come from: a file, as a rule.
func (tx *Tx) Bulk(source string) { tx.bulk = &bulk{source: source} }

// bulk counts the edits of a transaction.
type bulk struct {
	source string
	counts []bulkCount // a few
}

type bulkCount struct {
	by, object, action string
	n                  uint64
}

func (b *bulk) add(by, object, action string) {
	for i := range b.counts {
		if c := &b.counts[i]; c.object == object && c.action == action && c.by == by {
			c.n++
			return
		}
	}
	b.counts = append(b.counts, bulkCount{by, object, action, 1})
}

// AuditEntry says who changed what.
type AuditEntry struct {
	ID      uint64       `json:"id"`
	At      time.Time    `json:"at"`
	Author  Author       `json:"author"`
	Box     DatabaseID   `json:"-"`
	Object  string       `json:"object"`  // user, profile, voucher, batch, quota or sticky
	Name    string       `json:"name"`    // of the object; of a bulk where it came from
	Account uint64       `json:"account"` // that it is about; 0 if about none
	Action  string       `json:"action"`  // added, changed, enabled, disabled, renamed, deleted, erased, restored or imported
	Fields  []AuditField `json:"fields"`  // of passwords and user info the names alone
}

// AuditField is a field that was changed.
type AuditField struct {
	Name string `json:"name"`
	Old  string `json:"old"`
	New  string `json:"new"`
}

// Bounds of one entry.
const (
	maxAuditFields = 8 << 10 // of the fields together,
	maxAuditValue  = 256     // and of each value; what is longer is cut
	maxAuditText   = 1024
)

// record writes the audit entry of an edit, in its transaction. fields is not called if the edit is only counted.
func (tx *Tx) record(by, object, name string, account uint64, action string, fields func() []AuditField) error {
	if tx.bulk != nil {
		tx.bulk.add(by, object, action)
		return nil
	}
	tx.writeAudit(AuditEntry{Author: Author{Name: by}, Object: object, Name: name, Account: account, Action: action, Fields: fields()})
	return nil
}

// recordChange is record for an edit whose action follows from its fields.
func (tx *Tx) recordChange(by, object, name string, account uint64, fields func() []AuditField) error {
	if tx.bulk != nil {
		return tx.record(by, object, name, account, "changed", nil)
	}
	changed := fields()
	return tx.record(by, object, name, account, switched(changed), func() []AuditField { return changed })
}

// writeAudit stages an entry; it is stored with what else the group commits.
func (tx *Tx) writeAudit(e AuditEntry) {
	if tx.author != nil {
		e.Author = *tx.author
	}
	e.Author = Author{tidy(e.Author.Name, maxAuditText), tidy(e.Author.From, maxAuditText), tidy(e.Author.Via, maxAuditText)}
	e.At, e.Box, e.Name, e.Fields = tx.now, tx.db.id, tidy(e.Name, maxAuditText), boundFields(e.Fields)
	g := tx.g
	from := len(g.entries)
	g.entries = appendEntry(g.entries, &e)
	g.audit = append(g.audit, stagedEntry{e.Account, toMicros(e.At), from})
}

// finish writes what was counted.
func (tx *Tx) finish() {
	if tx.bulk == nil {
		return
	}
	counts := tx.bulk.counts
	tx.bulk.counts = nil
	for len(counts) > 0 {
		first := counts[0]
		e := AuditEntry{Author: Author{Name: first.by}, Object: first.object, Name: tx.bulk.source, Action: "imported"}
		rest := counts[:0]
		for _, c := range counts {
			if c.object == first.object && c.by == first.by {
				e.Fields = appendNumber(e.Fields, c.action, 0, c.n)
			} else {
				rest = append(rest, c)
			}
		}
		counts = rest
		tx.writeAudit(e)
	}
}

// boundFields cuts what would make an entry longer than peers accept.
func boundFields(fields []AuditField) []AuditField {
	size := 0
	for i := range fields {
		f := &fields[i]
		f.Name, f.Old, f.New = tidy(f.Name, maxAuditValue), tidy(f.Old, maxAuditValue), tidy(f.New, maxAuditValue)
		if size += len(f.Name) + len(f.Old) + len(f.New) + 16; size > maxAuditFields {
			return append(fields[:i], AuditField{Name: fmt.Sprintf("and %d more", len(fields)-i)})
		}
	}
	return fields
}

// tidy makes a text that records take: UTF-8 of at most so many bytes, without control characters.
func tidy(s string, most int) string {
	s = s[:min(len(s), most)]
	if utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}
