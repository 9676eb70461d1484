package peer

import (
	"bufio"
	"bytes"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/encoding/protowire"

	"mbox/proto/syncpb"
)

func reading(data []byte, authentic bool) *Conn {
	c := &Conn{reader: bufio.NewReader(bytes.NewReader(data))}
	c.authentic.Store(authentic)
	return c
}

func encode(t testing.TB, frame *syncpb.Frame) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := protodelim.MarshalTo(&b, frame); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// The numbers by which frames are bounded are those of the schema.
func TestKindsAreThoseOfTheSchema(t *testing.T) {
	fields := (&syncpb.Frame{}).ProtoReflect().Descriptor().Fields()
	for name, number := range map[string]protowire.Number{
		"subscribe": kindSubscribe, "batch": kindBatch, "buckets": kindBuckets, "compare": kindCompare, "compared": kindCompared,
	} {
		if f := fields.ByNumber(number); f == nil || string(f.Name()) != name {
			t.Errorf("number %d is %v, not %s", number, f, name)
		}
	}
}

func TestFrameSizes(t *testing.T) {
	batch := func(n int) []byte {
		return encode(t, &syncpb.Frame{Kind: &syncpb.Frame_Batch{Batch: &syncpb.Batch{Changes: make([]byte, n)}}})
	}
	heartbeat := func(n int) []byte {
		return encode(t, &syncpb.Frame{Kind: &syncpb.Frame_Token{Token: &syncpb.Token{Token: strings.Repeat("x", n)}}})
	}
	for name, c := range map[string]struct {
		data      []byte
		authentic bool
		ok        bool
	}{
		"a large batch":                       {batch(3 << 20), true, true},
		"a batch that is too large":           {batch(MaxFrame), true, false},
		"a batch before the proof":            {batch(100_000), false, false},
		"a small frame before the proof":      {heartbeat(1000), false, true},
		"a large frame of another kind":       {heartbeat(maxOther), true, false},
		"a length without an end":             {bytes.Repeat([]byte{0xff}, 11), true, false},
		"4 GiB":                               {protowire.AppendVarint(nil, 4<<30), true, false},
		"a frame that ends before its length": {batch(1000)[:500], true, false},
	} {
		if _, err := reading(c.data, c.authentic).Receive(); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatAPeerSaysIsPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"branch-1": "branch-1", "a\x1b[2Jb": "a[2Jb", "a\u009b\u202eb": "ab", "line\nbreak": "linebreak",
		strings.Repeat("x", 100): strings.Repeat("x", 64),
	} {
		if got := clip(text); got != want {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func FuzzReceive(f *testing.F) {
	f.Add(encode(f, &syncpb.Frame{Kind: &syncpb.Frame_Hello{Hello: &syncpb.Hello{Version: 1}}}), true)
	f.Add([]byte{0}, false)
	f.Add([]byte{0x80, 0x80, 0x04, 0x3a}, true)
	f.Fuzz(func(t *testing.T, data []byte, authentic bool) {
		c := reading(data, authentic)
		for {
			frame, err := c.Receive()
			if err != nil {
				return
			}
			if hello := frame.GetHello(); hello != nil {
				_ = known(hello.Datasets)
				_ = clip(hello.Hostname)
			}
		}
	})
}
