package sync

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"mbox/hotspotdb"
	"mbox/modules"
	"mbox/modules/sync/peer"
	"mbox/proto/hotspotpb"
)

// ConflictDetail is `show mbox sync conflicts N`: both versions, field by field.
type ConflictDetail struct {
	Conflict
	Fields       []ConflictField `json:"fields"`
	ChangedSince *time.Time      `json:"changed_since"` // when the record was changed after it was won
	ChangedBy    *string         `json:"changed_by"`
}

// ConflictField is one field of both versions. Passwords are not kept in conflicts.
type ConflictField struct {
	Field   string `json:"field"`
	Winner  string `json:"winner"`
	Loser   string `json:"loser"`
	Differs bool   `json:"differs"`
}

// Text prints both versions side by side; a star marks what differs.
func (c ConflictDetail) Text(w io.Writer, width int) error {
	p := &page{w: w, width: width}
	p.line("Conflict %d: %s: %s, found %s", c.Number, c.Record, c.Reason, c.Detected.Format(time.DateTime))
	rows := []ConflictField{
		{Winner: "WON", Loser: "LOST"}, {Field: "box", Winner: c.Winner, Loser: c.Loser},
		{Field: "made", Winner: did(c.Deleted, c.WonAt), Loser: did(c.LostDeleted, c.LostAt)},
	}
	sideBySide(p, append(rows, c.Fields...))
	if c.onlyPassword() {
		p.line("Nothing else differs, so it was the password; conflicts do not keep passwords.")
	}
	if c.ChangedSince != nil {
		p.line("The record was changed since, by %s at %s.", *c.ChangedBy, c.ChangedSince.Format(time.DateTime))
	}
	p.line("Leave it as it is: mbox sync conflict %d keep. Bring back what was lost: mbox sync conflict %d restore", c.Number, c.Number)
	return p.err
}

// onlyPassword says whether two versions of what a guest writes, both of which exist, differ in nothing that is shown.
func (c ConflictDetail) onlyPassword() bool {
	return strings.HasSuffix(c.Record, "("+userInfo+")") && !c.Deleted && !c.LostDeleted && !slices.ContainsFunc(c.Fields, func(f ConflictField) bool { return f.Differs && !strings.HasPrefix(f.Field, "updated") })
}

// sideBySide prints three columns; what is too long for its own goes on below.
func sideBySide(p *page, rows []ConflictField) {
	name, left := 0, 0
	for _, r := range rows {
		name, left = max(name, len(r.Field)), max(left, len([]rune(r.Winner)))
	}
	right := 1 << 20
	if p.width > 0 {
		half := max(8, (p.width-name-6)/2)
		left, right = min(left, half), half
	}
	for _, r := range rows {
		mark := " "
		if r.Differs {
			mark = "*"
		}
		won, lost := pieces(r.Winner, left), pieces(r.Loser, right)
		for i := range max(len(won), len(lost)) {
			label := r.Field
			if i > 0 {
				mark, label = " ", ""
			}
			p.print(strings.TrimRight(fmt.Sprintf("%s %-*s  %-*s  %s", mark, name, label, left, piece(won, i), piece(lost, i)), " "))
		}
	}
}

// pieces cuts a text into parts of a column's width.
func pieces(text string, width int) []string {
	runes := []rune(text)
	out := []string{}
	for len(runes) > width {
		out = append(out, string(runes[:width]))
		runes = runes[width:]
	}
	return append(out, string(runes))
}

func piece(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return ""
}

func (m *Module) conflictDetail(number uint64) (modules.View, error) {
	c, err := m.findConflict(number)
	if err != nil {
		return nil, err
	}
	boxes, err := m.boxNames()
	if err != nil {
		return nil, err
	}
	out := ConflictDetail{Conflict: m.conflict(&c, boxes), Fields: []ConflictField{}}
	if out.Fields, err = differences(&c); err != nil {
		return nil, fmt.Errorf("read conflict %d: %w", number, err)
	}
	now, err := m.deps.DB.Get(c.Dataset, c.Loser.Key)
	if err != nil && !errors.Is(err, hotspotdb.ErrNotFound) {
		return nil, fmt.Errorf("read the record of conflict %d: %w", number, err)
	}
	oneRecord := string(c.Winner.Key) == string(c.Loser.Key)
	if err == nil && oneRecord && now.Stamp != c.Winner.Stamp {
		at, by := stampTime(now.Stamp), boxes(now.Stamp.Origin)
		out.ChangedSince, out.ChangedBy = &at, &by
	}
	return out, nil
}

func (m *Module) findConflict(number uint64) (hotspotdb.Conflict, error) {
	none := &modules.Error{Message: fmt.Sprintf("there is no conflict %d", number), Hint: "show mbox sync conflicts lists them"}
	if m.deps.DB == nil {
		return hotspotdb.Conflict{}, none
	}
	c, err := m.deps.DB.Conflict(number)
	if errors.Is(err, hotspotdb.ErrNotFound) {
		return c, none
	}
	return c, err
}

// differences lists the fields that one of the versions has, as the schema orders them.
func differences(c *hotspotdb.Conflict) ([]ConflictField, error) {
	won, err := fieldsOf(&c.Winner)
	if err != nil {
		return nil, err
	}
	lost, err := fieldsOf(&c.Loser)
	if err != nil {
		return nil, err
	}
	out := []ConflictField{}
	for i := range won {
		if won[i].value == "" && lost[i].value == "" {
			continue
		}
		out = append(out, ConflictField{
			Field: won[i].name, Winner: cmp.Or(won[i].value, "-"), Loser: cmp.Or(lost[i].value, "-"), Differs: won[i].value != lost[i].value,
		})
	}
	return out, nil
}

type shownField struct{ name, value string }

// fieldsOf lists all fields of a version in the order of the schema, empty ones too. Bytes are left out: they are passwords; and so is when one was set.
func fieldsOf(c *hotspotdb.Change) ([]shownField, error) {
	var m proto.Message
	switch c.Key[0] {
	case hotspotdb.KindAccess:
		m = &hotspotpb.Access{}
	case hotspotdb.KindSelf:
		m = &hotspotpb.Self{}
	case hotspotdb.KindProfile:
		m = &hotspotpb.Profile{}
	case hotspotdb.KindBatch:
		m = &hotspotpb.VoucherBatch{}
	default:
		return nil, fmt.Errorf("records of kind %q are not known", c.Key[0])
	}
	if err := proto.Unmarshal(c.Body, m); err != nil {
		return nil, fmt.Errorf("decode a version: %w", err)
	}
	var out []shownField
	r := m.ProtoReflect()
	for i := range r.Descriptor().Fields().Len() {
		f := r.Descriptor().Fields().Get(i)
		if f.Kind() == protoreflect.BytesKind || f.Name() == "password_us" {
			continue
		}
		name, value := string(f.Name()), ""
		if r.Has(f) {
			value = peer.Printable(shownValue(f, r.Get(f)))
		}
		name = strings.TrimSuffix(strings.TrimSuffix(name, "_us"), "_s")
		out = append(out, shownField{name, value})
	}
	return out, nil
}

func shownValue(f protoreflect.FieldDescriptor, v protoreflect.Value) string {
	if !f.IsList() {
		return shownScalar(f, v)
	}
	var parts []string
	for i := range v.List().Len() {
		parts = append(parts, shownScalar(f, v.List().Get(i)))
	}
	return strings.Join(parts, ", ")
}

func shownScalar(f protoreflect.FieldDescriptor, v protoreflect.Value) string {
	switch {
	case f.Kind() == protoreflect.BoolKind && v.Bool():
		return "yes"
	case f.Kind() == protoreflect.EnumKind:
		return strings.ToLower(string(f.Enum().Values().ByNumber(v.Enum()).Name()))
	case f.Kind() == protoreflect.MessageKind:
		if a, ok := v.Message().Interface().(*hotspotpb.Attribute); ok {
			return a.Name + " " + a.Value
		}
	case f.Kind() == protoreflect.Uint64Kind && strings.HasSuffix(string(f.Name()), "_s"): // a span: an instant has a sign
		return (time.Duration(min(v.Uint(), uint64(math.MaxInt64/time.Second))) * time.Second).String()
	case strings.HasSuffix(string(f.Name()), "_us"):
		return time.UnixMicro(v.Int()).UTC().Format(time.DateTime)
	case strings.HasSuffix(string(f.Name()), "_s"):
		return time.Unix(v.Int(), 0).UTC().Format(time.DateTime)
	}
	return v.String()
}
