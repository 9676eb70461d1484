package hotspotdb

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"mbox/proto/hotspotpb"
)

// known is a record of each known kind.
func known() map[Dataset][]Change {
	body := func(m proto.Message) []byte {
		b, err := proto.Marshal(m)
		if err != nil {
			panic(err)
		}
		return appendBytes(b, 99, []byte("\xffunknown"))
	}
	attributes := []*hotspotpb.Attribute{{Name: "Idle-Timeout", Value: "7"}}
	return map[Dataset][]Change{
		Users: {
			{Key: AccessKey(1), Body: body(&hotspotpb.Access{Username: "käthe", Attributes: attributes, CreatedUs: 1})},
			{Key: SelfKey(1), Body: body(&hotspotpb.Self{Firstname: "K", Password: []byte{0xff}})},
			{Key: PurchaseKey(2), Body: body(&hotspotpb.Purchase{Account: 1, Username: "k", Octets: 5, AtUs: 1})},
		},
		Profiles: {{Key: ProfileKey("gold"), Body: body(&hotspotpb.Profile{Groupname: "gold", Attributes: attributes})}},
		Sessions: {
			{Key: SegmentKey(2), Body: body(&hotspotpb.Segment{Username: "k", Mac: "3A-71-B4-E9-F7-99", Origin: dbID(1).bytes()})},
			{Key: UsageKey(1, dbID(1), 0), Body: body(&hotspotpb.Usage{Account: 1, InputOctets: 3})},
		},
		Sticky: {{Key: StickyKey([6]byte{1, 2, 3, 4, 5, 6}, "bar"), Body: body(&hotspotpb.Sticky{
			Mac: "01-02-03-04-05-06", Hotspot: "bar", Username: "k", FirstLoginUs: 1,
		})}},
		Vouchers: {
			{Key: BatchKey("lobby"), Body: body(&hotspotpb.VoucherBatch{Name: "lobby", Profile: "gold", MaxUses: 2, CreatedUs: 1})},
			{Key: VoucherKey("ABCD1234"), Body: body(&hotspotpb.Voucher{Batch: "lobby"})},
			{Key: UseKey(3), Body: body(&hotspotpb.VoucherUse{Code: "ABCD1234", Batch: "lobby", Mac: "3A-71-B4-E9-F7-99", AtUs: 1})},
			{Key: erasureKey(Vouchers, 4), Body: body(&hotspotpb.ErasedUse{Code: "ABCD1234", Batch: "lobby"})},
		},
		Audit: {
			{Key: AuditKey(5), Body: body(&hotspotpb.AuditSheet{AtUs: 1, Entries: []*hotspotpb.AuditEntry{{
				AtUs: 1, Author: "admin", Object: "user", Name: "k", Action: "changed", Fields: []*hotspotpb.AuditField{{Name: "disabled", New: "yes"}},
			}}})},
			{Key: AttemptKey(dbID(1), 6), Body: body(&hotspotpb.Attempt{AtUs: 1, Username: "k", Reply: "welcome"})},
		},
	}
}

func messageOf(kind byte) proto.Message {
	switch kind {
	case KindAccess:
		return &hotspotpb.Access{}
	case KindSelf:
		return &hotspotpb.Self{}
	case KindProfile:
		return &hotspotpb.Profile{}
	case KindSegment:
		return &hotspotpb.Segment{}
	case KindSticky:
		return &hotspotpb.Sticky{}
	case KindUsage:
		return &hotspotpb.Usage{}
	case KindBatch:
		return &hotspotpb.VoucherBatch{}
	case KindVoucher:
		return &hotspotpb.Voucher{}
	case KindUse:
		return &hotspotpb.VoucherUse{}
	case KindErasureToo:
		return &hotspotpb.ErasedUse{}
	case KindPurchase:
		return &hotspotpb.Purchase{}
	case KindAudit:
		return &hotspotpb.AuditSheet{}
	case KindAttempt:
		return &hotspotpb.Attempt{}
	}
	return nil
}

const kinds = string(KindAccess) + string(KindSelf) + string(KindProfile) + string(KindSegment) + string(KindSticky) + string(KindUsage) +
	string(KindBatch) + string(KindVoucher) + string(KindUse) + string(KindErasureToo) + string(KindPurchase) + string(KindAudit) + string(KindAttempt)

// TestBodyFormsAgreeWithTheMessages: the forms name exactly the texts, attributes and instants that the messages have.
func TestBodyFormsAgreeWithTheMessages(t *testing.T) {
	messages := map[*bodyForm]proto.Message{
		&attributeForm: &hotspotpb.Attribute{}, &auditForm: &hotspotpb.AuditEntry{}, &changeForm: &hotspotpb.AuditField{},
	}
	for _, kind := range []byte(kinds) {
		messages[formOf(kind)] = messageOf(kind)
	}
	for form, m := range messages {
		d := m.ProtoReflect().Descriptor()
		var want bodyForm
		for i := range d.Fields().Len() {
			f := d.Fields().Get(i)
			set := fieldSet(f.Number())
			switch name := string(f.Name()); {
			case f.Kind() == protoreflect.StringKind:
				want.texts |= set
			case f.Kind() == protoreflect.MessageKind && f.Message().Name() == "Attribute":
				want.attributes |= set
			case f.Kind() == protoreflect.MessageKind && f.Message().Name() == "AuditField":
				want.changes |= set
			case f.Kind() == protoreflect.MessageKind && f.Message().Name() == "AuditEntry":
				want.entries |= set
			case f.Kind() == protoreflect.MessageKind:
				t.Errorf("%s.%s is not checked", d.Name(), name)
			case f.Kind() == protoreflect.Int64Kind && strings.HasSuffix(name, "_us"):
				want.micros |= set
			case f.Kind() == protoreflect.Int64Kind && d.Name() != "Usage":
				want.seconds |= set
			}
		}
		want.required = form.required
		if *form != want {
			t.Errorf("%s: %+v, the message has %+v", d.Name(), *form, want)
		}
	}
}

func TestGoodBodiesAreTaken(t *testing.T) {
	for ds, list := range known() {
		for _, c := range list {
			c.Stamp = Stamp{5, dbID(1)}
			if r := applyOne(t, openMem(t), ds, AppendChange(nil, &c)); r.Stored != 1 {
				t.Errorf("%q: %+v", c.Key, r)
			}
			if isErasure(c.Key) {
				continue // has none
			}
			c.Body, c.Deleted = nil, true
			if r := applyOne(t, openMem(t), ds, AppendChange(nil, &c)); r.Stored != 1 {
				t.Errorf("tombstone of %q: %+v", c.Key, r)
			}
		}
	}
}

func TestBadBodiesAreRefused(t *testing.T) {
	number := func(num protowire.Number, v uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(nil, num, protowire.VarintType), v)
	}
	text := func(num protowire.Number, s string) []byte { return appendBytes(nil, num, []byte(s)) }
	year10k := uint64(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC).Unix())
	mac := [6]byte{1, 2, 3, 4, 5, 6}
	for name, c := range map[string]struct {
		ds   Dataset
		key  []byte
		more []byte // behind a good body
	}{
		"garbage":                   {Sessions, UsageKey(1, dbID(1), 0), []byte{0xff, 0xff, 0xff}},
		"a field that cannot be":    {Users, SelfKey(1), protowire.AppendVarint(nil, (1<<29)<<3)},
		"username not UTF-8":        {Users, AccessKey(1), text(1, "a\xffb")},
		"username with a newline":   {Users, AccessKey(1), text(1, "a\nb")},
		"no username":               {Users, AccessKey(1), text(1, "")},
		"attribute not UTF-8":       {Users, AccessKey(1), appendBytes(nil, 7, text(2, "\xff"))},
		"attribute cut off":         {Users, AccessKey(1), appendBytes(nil, 7, []byte{10, 9})},
		"expires in the year 10000": {Users, AccessKey(1), number(5, year10k)},
		"created in the year 10000": {Users, AccessKey(1), number(8, year10k*1e6)},
		"created before the year 1": {Users, AccessKey(1), number(8, 1<<63)},
		"self not UTF-8":            {Users, SelfKey(1), text(2, "\xff")},
		"profile of another name":   {Profiles, ProfileKey("gold"), text(1, "silver")},
		"segment not UTF-8":         {Sessions, SegmentKey(2), text(1, "\xff")},
		"segment with a long text":  {Sessions, SegmentKey(2), text(6, strings.Repeat("x", maxInfo+1))},
		"segment with a bad MAC":    {Sessions, SegmentKey(2), text(8, "x")},
		"limits not UTF-8":          {Sessions, SegmentKey(2), appendBytes(nil, 21, text(1, "\xff"))},
		"binding of another device": {Sticky, StickyKey(mac, "bar"), text(1, "01-02-03-04-05-07")},
		"binding of another place":  {Sticky, StickyKey(mac, "bar"), text(4, "lobby")},
		"binding of no username":    {Sticky, StickyKey(mac, "bar"), text(2, " ")},
		"code of small letters":     {Vouchers, UseKey(3), text(1, "abcd1234")},
		"use of no batch":           {Vouchers, UseKey(3), text(2, "")},
		"use with a bad MAC":        {Vouchers, UseKey(3), text(3, "x")},
		"batch of another name":     {Vouchers, BatchKey("lobby"), text(1, "bar")},
		"batch with a newline":      {Vouchers, BatchKey("lobby"), text(6, "a\nb")},
		"voucher of no batch":       {Vouchers, VoucherKey("ABCD1234"), text(1, "")},
		"purchase of nobody":        {Users, PurchaseKey(2), text(2, "")},
		"entry with an escape":      {Audit, AuditKey(5), appendBytes(nil, 2, slices.Concat(text(6, "user"), text(9, "added"), text(7, "\x1b[2J")))},
		"entry of a bad field":      {Audit, AuditKey(5), appendBytes(nil, 2, slices.Concat(text(6, "user"), text(9, "added"), appendBytes(nil, 10, text(3, "\xff"))))},
		"entry of no action":        {Audit, AuditKey(5), appendBytes(nil, 2, text(6, "user"))},
		"entry in the year 10000":   {Audit, AuditKey(5), number(1, year10k*1e6)},
		"attempt not UTF-8":         {Audit, AttemptKey(dbID(1), 6), text(2, "\xff")},
		"long attempt":              {Audit, AttemptKey(dbID(1), 6), text(98, strings.Repeat("x", maxAttempt))},
		"long use":                  {Vouchers, UseKey(3), text(98, strings.Repeat("x", maxUsage))},
		"long usage":                {Sessions, UsageKey(1, dbID(1), 0), text(98, strings.Repeat("x", maxUsage))},
	} {
		db := openMem(t)
		body := bytes.Clone(c.more)
		for _, good := range known()[c.ds] {
			if bytes.Equal(good.Key, c.key) {
				body = append(good.Body, c.more...)
			}
		}
		raw := AppendChange(nil, &Change{Key: c.key, Stamp: Stamp{5, dbID(1)}, Body: body})
		good := change("z", 5, dbID(1), "")
		_, err := db.Apply(t.Context(), Batch{Dataset: c.ds, From: dbID(1), Kind: Above, Position: Position{1, 2}, Seqs: []uint64{1, 2}, Changes: [][]byte{good, raw}})
		if !errors.Is(err, ErrInvalid) || db.Head(c.ds) != 0 || db.Position(dbID(1), c.ds) != (Position{}) {
			t.Errorf("%s: error %v, head %d", name, err, db.Head(c.ds))
		}
		if err := db.Update(t.Context(), func(tx *Tx) error { return tx.Put(c.ds, c.key, body) }); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s, made here: error %v", name, err)
		}
	}
	for ds, list := range known() {
		for _, c := range list {
			if form := formOf(c.Key[0]); form.required == 0 {
				continue
			}
			c.Body = nil
			if err := checkBody(&c); !errors.Is(err, ErrInvalid) {
				t.Errorf("%s: an empty body of kind %q: %v", ds, c.Key[0], err)
			}
		}
	}
}

// FuzzCheckBody: what the check lets pass, the generated code reads.
func FuzzCheckBody(f *testing.F) {
	for _, list := range known() {
		for _, c := range list {
			f.Add(c.Key, c.Body)
		}
	}
	f.Add(SelfKey(1), []byte{0x0b, 0x0c})              // a group, although the field is bytes
	f.Add(SelfKey(1), []byte{0x0b, 0x0b, 0x0c})        // one that does not end
	f.Add(UsageKey(1, dbID(1), 0), []byte{0x22, 0x00}) // a counter that is bytes
	f.Fuzz(func(t *testing.T, key, body []byte) {
		for ds := range known() {
			if checkKey(ds, key) != nil {
				continue
			}
			m := messageOf(key[0])
			if m == nil || checkBody(&Change{Key: key, Body: body}) != nil {
				return
			}
			if err := proto.Unmarshal(body, m); err != nil {
				t.Errorf("kind %q, body %x: %v", key[0], body, err)
			}
		}
	})
}

// storeUnchecked stores a change as a version that did not check bodies would have.
func storeUnchecked(t *testing.T, db *DB, ds Dataset, raw []byte) {
	t.Helper()
	must(t, db.Update(t.Context(), func(tx *Tx) error {
		var in incoming
		if err := in.prepare(tx.db.index, &tx.db.hasher, ds, raw); err != nil {
			return err
		}
		return tx.store(&in, Source{Below, dbID(5), 1})
	}))
}

// TestListsLeaveOutWhatCannotBeRead: one bad record does not hide the others.
func TestListsLeaveOutWhatCannotBeRead(t *testing.T) {
	db := openMem(t)
	for ds, list := range known() {
		for _, c := range list {
			c.Stamp = Stamp{5, dbID(1)}
			applyOne(t, db, ds, AppendChange(nil, &c))
		}
	}
	bad := func(ds Dataset, key []byte) {
		storeUnchecked(t, db, ds, AppendChange(nil, &Change{Key: key, Stamp: Stamp{5, dbID(1)}, Body: []byte("\x0a\x03a\xffb\x12\x01\xff")}))
	}
	bad(Users, AccessKey(9))
	bad(Users, SelfKey(9))
	bad(Profiles, ProfileKey("bad"))
	bad(Sessions, SegmentKey(9))
	bad(Sticky, StickyKey([6]byte{9}, "bar"))
	no, yes := false, true
	for _, f := range []AccountFilter{{}, {Disabled: &no}, {Match: "k"}} {
		n := 0
		for a, err := range db.Accounts(t.Context(), f) {
			must(t, err)
			if n++; a.ID != 1 {
				t.Errorf("%+v: account %d", f, a.ID)
			}
		}
		if n != 1 {
			t.Errorf("%+v: %d accounts", f, n)
		}
	}
	if list, err := db.Profiles(); err != nil || len(list) != 1 {
		t.Errorf("%d profiles, %v", len(list), err)
	}
	if _, err := db.ProfileUsers(t.Context(), "gold"); err != nil {
		t.Error(err)
	}
	for _, f := range []SegmentFilter{{}, {Active: &yes}} {
		if list, err := db.Segments(t.Context(), f); err != nil || len(list) != 1 {
			t.Errorf("%+v: %d segments, %v", f, len(list), err)
		}
	}
	if list, err := db.Stickies(); err != nil || len(list) != 1 {
		t.Errorf("%d bindings, %v", len(list), err)
	}
	if _, err := db.AccountByID(9); !errors.Is(err, ErrDamaged) {
		t.Errorf("the bad account itself: %v", err)
	}
}
