package hotspotdb

import (
	"bytes"
	"errors"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"mbox/proto/hotspotpb"
)

func drawChange(t *rapid.T) Change {
	c := Change{
		Key:     rapid.SliceOfN(rapid.Byte(), 1, maxKey).Draw(t, "key"),
		Stamp:   Stamp{rapid.Uint64Range(1, maxClock).Draw(t, "clock"), dbID(rapid.Byte().Draw(t, "origin"))},
		Deleted: rapid.Bool().Draw(t, "deleted"),
		Body:    rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "body"),
	}
	for range rapid.IntRange(0, 5).Draw(t, "versions") {
		c.Version = append(c.Version, Version{rapid.Uint64().Draw(t, "actor"), rapid.Uint64().Draw(t, "counter")})
	}
	if rapid.Bool().Draw(t, "has base") {
		c.Base = Stamp{rapid.Uint64Range(1, maxClock).Draw(t, "base"), dbID(3)}
	}
	return c
}

func toProto(c *Change) *hotspotpb.Change {
	pb := &hotspotpb.Change{
		Key: c.Key, ClockUs: c.Stamp.Clock, Origin: c.Stamp.Origin[:], Deleted: c.Deleted, Body: c.Body, BaseClockUs: c.Base.Clock,
	}
	if c.Base.Clock != 0 {
		pb.BaseOrigin = c.Base.Origin[:]
	}
	for _, v := range c.Version {
		pb.Version = append(pb.Version, &hotspotpb.Version{Actor: v.Actor, Counter: v.Counter})
	}
	return pb
}

func TestCodecAgreesWithGeneratedCode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawChange(t)
		raw := AppendChange(nil, &c)
		want, err := proto.MarshalOptions{Deterministic: true}.Marshal(toProto(&c))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(raw, want) {
			t.Fatalf("encoded\n%x, the generated code\n%x", raw, want)
		}
		got, err := DecodeChange(raw)
		if err != nil {
			t.Fatal(err)
		}
		if !proto.Equal(toProto(&got), toProto(&c)) {
			t.Fatalf("decoded %+v, expected %+v", got, c)
		}
	})
}

func FuzzDecodeChange(f *testing.F) {
	c := Change{Key: AccessKey(1), Stamp: Stamp{5, dbID(1)}, Body: []byte("x"), Version: Vector{{1, 2}}, Base: Stamp{4, dbID(2)}}
	f.Add(AppendChange(nil, &c))
	f.Add([]byte{})
	f.Add(protowire.AppendTag(nil, 9, protowire.StartGroupType))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := DecodeChange(raw)
		var pb hotspotpb.Change
		pbErr := proto.Unmarshal(raw, &pb)
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Fatalf("error %v is not ErrInvalid", err)
			}
			return
		}
		if pbErr != nil {
			t.Fatalf("accepted what the generated code refuses: %v", pbErr)
		}
		if !bytes.Equal(pb.Key, c.Key) || pb.ClockUs != c.Stamp.Clock || !bytes.Equal(pb.Body, c.Body) || pb.Deleted != c.Deleted ||
			!bytes.Equal(pb.Origin, c.Stamp.Origin[:]) || pb.BaseClockUs != c.Base.Clock || len(pb.Version) != len(c.Version) {
			t.Fatalf("decoded %+v, the generated code %v", c, &pb)
		}
		for i, v := range c.Version {
			if pb.Version[i].Actor != v.Actor || pb.Version[i].Counter != v.Counter {
				t.Fatalf("version %d is %v, expected %v", i, v, pb.Version[i])
			}
		}
		for _, ds := range Datasets() { // no key and no body may break the index
			var in incoming
			h := newHasher([16]byte{})
			_ = in.prepare(newTestIndex, &h, ds, raw)
		}
		countersOf(c.Body).replaceIn(c.Body)
		withoutPassword(raw)
	})
}

var newTestIndex = newIndex([16]byte{})

func TestDecodeRefusesMalformed(t *testing.T) {
	good := Change{Key: []byte("x1"), Stamp: Stamp{5, dbID(1)}, Body: []byte("b")}
	with := func(edit func(*Change)) []byte {
		c := good
		edit(&c)
		return AppendChange(nil, &c)
	}
	for name, raw := range map[string][]byte{
		"no key":       with(func(c *Change) { c.Key = nil }),
		"long key":     with(func(c *Change) { c.Key = make([]byte, maxKey+1) }),
		"no clock":     with(func(c *Change) { c.Stamp.Clock = 0 }),
		"huge clock":   with(func(c *Change) { c.Stamp.Clock = maxClock + 1 }),
		"big body":     with(func(c *Change) { c.Body = make([]byte, maxBody+1) }),
		"many writers": with(func(c *Change) { c.Version = make(Vector, maxVersions+1) }),
		"short origin": appendBytes(with(func(*Change) {}), fieldOrigin, []byte{1, 2}),
		"bad base":     appendBytes(with(func(*Change) {}), fieldBaseOrigin, []byte{1}),
		"bad version":  appendBytes(with(func(*Change) {}), fieldVersion, []byte{0xff}),
		"cut off":      with(func(*Change) {})[:10],
		"too long":     appendBytes(with(func(*Change) {}), 99, make([]byte, MaxChange)),
	} {
		if _, err := DecodeChange(raw); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: error %v, expected ErrInvalid", name, err)
		}
	}
	if _, err := DecodeChange(AppendChange(nil, &good)); err != nil {
		t.Errorf("good change: %v", err)
	}
}

func TestDecodeDoesNotAllocate(t *testing.T) {
	raw := change("x1", 5, dbID(1), "body")
	var c Change
	if n := testing.AllocsPerRun(100, func() { _ = c.decode(raw) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestVector(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var v Vector
		for range rapid.IntRange(0, 60).Draw(t, "edits") {
			actor := rapid.Uint64Range(1, 30).Draw(t, "actor")
			next := v.edited(actor)
			if len(next) > vectorLimit {
				t.Fatalf("%d writers", len(next))
			}
			if len(v) < vectorLimit && !next.Covers(v) {
				t.Fatalf("%v does not cover %v", next, v)
			}
			if v.Covers(next) {
				t.Fatalf("%v covers its successor %v", v, next)
			}
			v = next
		}
	})
}

func TestReplaceBodyKeepsUnknownFields(t *testing.T) {
	raw := appendBytes(change("S1234567", 5, dbID(1), "old"), 77, []byte("from the future"))
	got := replaceBody(raw, []byte("new"))
	c, err := DecodeChange(got)
	must(t, err)
	if string(c.Body) != "new" || !bytes.Contains(got, []byte("from the future")) {
		t.Errorf("got %q", got)
	}
}
