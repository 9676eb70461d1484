package sync_test

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"mbox/proto/syncpb"
)

// said is one frame of a transcript: who said it, how people read it, and its bytes.
type said struct {
	by    byte // '>' the follower, '<' the primary
	text  string
	raw   []byte
	frame *syncpb.Frame
}

var zeros = regexp.MustCompile(`\((\d+)\)`)

// transcript reads testdata/transcript; the format is explained in its first file.
func transcript(t *testing.T, name string) (out []said) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "transcript", name))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimRight(line, "\n")
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '>' || line[0] == '<':
			out = append(out, said{by: line[0], text: line[2:]})
		default:
			last := &out[len(out)-1]
			digits := zeros.ReplaceAllStringFunc(strings.TrimSpace(line), func(m string) string {
				n, _ := strconv.Atoi(m[1 : len(m)-1])
				return strings.Repeat("00", n)
			})
			if last.raw, err = hex.DecodeString(digits); err != nil {
				t.Fatalf("%s: %v", last.text, err)
			}
			last.frame = &syncpb.Frame{}
			if err := proto.Unmarshal(last.raw, last.frame); err != nil {
				t.Fatalf("%s: %v", last.text, err)
			}
		}
	}
	return out
}

var longValue = regexp.MustCompile(`"[^"]{300,}"`)

// readable is a frame as a transcript shows it.
func readable(t *testing.T, frame *syncpb.Frame) string {
	t.Helper()
	raw, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(frame)
	var out bytes.Buffer
	if err = cmp.Or(err, json.Compact(&out, raw)); err != nil {
		t.Fatal(err)
	}
	return longValue.ReplaceAllStringFunc(out.String(), func(m string) string {
		return fmt.Sprintf(`"%s... (%d characters)"`, m[1:41], len(m)-2)
	})
}

// A player is one side of a recorded session, against a box of today. It says what was said then, byte for byte, unless
// change gives it another frame; it waits where its counterpart then spoke first; and it answers what it is asked.
type player struct {
	t      *testing.T
	mine   byte
	script []said
	conn   *tls.Conn
	ahead  bool // speak as a version that does not exist yet

	change func(*syncpb.Frame) *syncpb.Frame // nil: as it was
	react  func(*syncpb.Frame)               // to what the box says

	heard chan *syncpb.Frame
	seen  map[string]bool
}

// listen reads what the box says until the connection ends.
func (p *player) listen() {
	p.heard, p.seen = make(chan *syncpb.Frame, 10_000), map[string]bool{}
	go func() {
		defer close(p.heard)
		reader := bufio.NewReader(p.conn)
		for {
			frame := &syncpb.Frame{}
			if (protodelim.UnmarshalOptions{MaxSize: 8 << 20}).UnmarshalFrom(reader, frame) != nil {
				return
			}
			p.heard <- frame
		}
	}()
}

// hear takes the next frame of the box and reacts to it.
func (p *player) hear() *syncpb.Frame {
	p.t.Helper()
	select {
	case frame, ok := <-p.heard:
		if !ok {
			p.t.Fatalf("the box has ended the connection")
		}
		p.seen[turn(frame)] = true
		if g := frame.GetGoodbye(); g != nil {
			p.t.Fatalf("the box says goodbye: %s", g.Reason)
		}
		if r := frame.GetRefused(); r != nil {
			p.t.Fatalf("the box refuses: %s", r.Reason)
		}
		if p.react != nil {
			p.react(frame)
		}
		return frame
	case <-time.After(time.Minute):
		p.t.Fatal("the box says nothing")
		return nil
	}
}

// turn names the frames for which the other side waits; "" is said at a time of its own.
func turn(f *syncpb.Frame) string {
	switch k := f.Kind.(type) {
	case *syncpb.Frame_Hello, *syncpb.Frame_Scram, *syncpb.Frame_Welcome, *syncpb.Frame_Subscribe:
		return fmt.Sprintf("%T", k)
	case *syncpb.Frame_Verified:
		return fmt.Sprintf("verified %s %d", k.Verified.Dataset, k.Verified.Seq)
	case *syncpb.Frame_Buckets:
		return "buckets " + k.Buckets.Dataset
	case *syncpb.Frame_Compared:
		return fmt.Sprintf("compared %s %d", k.Compared.Dataset, k.Compared.Bucket)
	}
	return ""
}

// answered are the frames that are no part of the course of things but answers, which react gives when they are due.
func answered(f *syncpb.Frame) bool {
	switch f.Kind.(type) {
	case *syncpb.Frame_Scram, *syncpb.Frame_Stored, *syncpb.Frame_Buckets, *syncpb.Frame_Compared, *syncpb.Frame_Heartbeat:
		return true
	}
	return false
}

// play goes through the script.
func (p *player) play() {
	p.t.Helper()
	for _, line := range p.script {
		switch {
		case line.by != p.mine:
			if due := turn(line.frame); due != "" {
				for !p.seen[due] {
					p.hear()
				}
			}
		case !answered(line.frame):
			p.say(line)
		}
	}
}

func (p *player) say(line said) {
	p.t.Helper()
	raw := line.raw
	if p.change != nil {
		if other := p.change(proto.Clone(line.frame).(*syncpb.Frame)); other != nil {
			raw = wireBytes(p.t, other)
		}
	}
	p.write(raw)
}

func (p *player) send(frame *syncpb.Frame) {
	p.t.Helper()
	p.write(wireBytes(p.t, frame))
}

// write sends one frame; from a version ahead with fields and, once both are known to each other, kinds that nobody knows
// today.
func (p *player) write(raw []byte) {
	p.t.Helper()
	var out []byte
	if p.ahead {
		known := bytes.HasPrefix(raw, []byte{0x0a}) || bytes.HasPrefix(raw, []byte{0x1a}) || bytes.HasPrefix(raw, []byte{0x22})
		if !known { // after Hello, Scram and the first Welcome
			strange := protowire.AppendBytes(protowire.AppendTag(nil, 77, protowire.BytesType), []byte("a kind of tomorrow"))
			out = append(prefixed(out, len(strange)), strange...)
		}
		raw = grown(p.t, raw)
	}
	out = append(prefixed(out, len(raw)), raw...)
	if _, err := p.conn.Write(out); err != nil {
		p.t.Fatalf("write to the box: %v", err)
	}
}

func prefixed(out []byte, n int) []byte { return protowire.AppendVarint(out, uint64(n)) }

// grown adds a field that nobody knows to a frame and to the message in it.
func grown(t *testing.T, raw []byte) []byte {
	t.Helper()
	strange := protowire.AppendBytes(protowire.AppendTag(nil, 500, protowire.BytesType), []byte("a field of tomorrow"))
	kind, _, n := protowire.ConsumeTag(raw)
	inner, m := protowire.ConsumeBytes(raw[n:])
	if n < 0 || m < 0 || n+m != len(raw) {
		t.Fatalf("a frame of more than one kind")
	}
	out := protowire.AppendTag(nil, kind, protowire.BytesType)
	out = protowire.AppendBytes(out, append(bytes.Clone(inner), strange...))
	return append(out, strange...)
}

func wireBytes(t *testing.T, frame *syncpb.Frame) []byte {
	t.Helper()
	raw, err := proto.Marshal(frame)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// first returns the first frame of a kind that one side said.
func first[K any](t *testing.T, script []said, by byte, kind func(*syncpb.Frame) *K) *K {
	t.Helper()
	for _, line := range script {
		if k := kind(line.frame); k != nil && line.by == by {
			return k
		}
	}
	t.Fatalf("%c never said %T", by, *new(K))
	return nil
}
