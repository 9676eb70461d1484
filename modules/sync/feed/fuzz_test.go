package feed

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/encoding/protowire"

	"mbox/configstore"
	"mbox/hotspotdb"
	"mbox/hotspotdb/dbtest"
	"mbox/modules/sync/auth"
	"mbox/modules/sync/peer"
	"mbox/proto/syncpb"
)

// nowhere takes frames.
type nowhere struct{}

func (nowhere) Send(*syncpb.Frame) error { return nil }

// anyDomain learns nothing.
type anyDomain struct{}

func (anyDomain) Describe(bool) (*syncpb.Domain, []*syncpb.DomainKey) { return &syncpb.Domain{}, nil }
func (anyDomain) FromPrimary(*syncpb.Welcome, bool) error             { return nil }
func (anyDomain) FromFollower(*syncpb.Welcome) error                  { return nil }
func (anyDomain) Changed() <-chan struct{}                            { return nil }

// scripted is a link whose peer is what the test says, one frame at a time and in one goroutine.
func scripted(db *hotspotdb.DB, primary bool) *Link {
	all := []string{"users", "profiles", "sessions", "sticky"}
	session := &peer.Session{Conn: &peer.Conn{}, Hostname: "peer", Database: hotspotdb.DatabaseID{9}, Grant: auth.Grant{Down: all, Up: all}}
	l := NewLink(Config{
		DB: db, Session: session, Primary: primary, Name: "peer", Cache: NewCache(), Memory: configstore.OpenMemory("fuzz").State("memory"), Domain: anyDomain{},
		Follows: func(string) bool { return false }, Claims: &Claims{}, Token: func(string) {}, Log: slog.New(slog.DiscardHandler),
		Recover: func() bool { return false }, Done: func() {}, Stale: func() {},
	})
	l.out.conn, l.in.conn, l.in.direct = nowhere{}, nowhere{}, nowhere{}
	return l
}

// take does with a frame what the goroutines of a link do.
func (l *Link) take(ctx context.Context, frame *syncpb.Frame) error {
	if err := l.dispatch(ctx, frame); err != nil {
		return err
	}
	for {
		var err error
		select {
		case f := <-l.in.incoming:
			err = l.in.handle(ctx, f)
		case r := <-l.out.requests:
			err = l.out.answer(ctx, r)
		default:
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// recorded are the frames of a transcript, each with its length.
func recorded(f *testing.F, name string) (out [][]byte) {
	f.Helper()
	text, err := os.ReadFile("../testdata/transcript/" + name)
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		raw, err := hex.DecodeString(strings.TrimSpace(line))
		if err != nil || len(raw) == 0 || line[0] != ' ' { // text, or sums of zeros in short
			continue
		}
		out = append(out, append(protowire.AppendVarint(nil, uint64(len(raw))), raw...))
	}
	if len(out) < 20 {
		f.Fatalf("%s has %d frames", name, len(out))
	}
	return out
}

// FuzzDispatch gives a link at work any frames, as a primary and as a follower: whatever they are, nothing breaks, and the
// digests of what is stored stay right.
func FuzzDispatch(f *testing.F) {
	var session []byte
	for _, frame := range recorded(f, "first-sync-1.txt") {
		f.Add(frame, true)
		f.Add(frame, false)
		session = append(session, frame...)
	}
	f.Add(session, true)
	f.Add(session, false)
	f.Add(bytes.Join(recorded(f, "repair-1.txt"), nil), false)
	f.Fuzz(func(t *testing.T, raw []byte, primary bool) {
		options := hotspotdb.Options{CacheBytes: 1 << 20}
		dbtest.NewDisk().Use(&options)
		db, err := hotspotdb.Open(options)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		l := scripted(db, primary)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if err := l.open(ctx, history{{ID: 1, First: 1}}); err != nil {
			t.Fatal(err)
		}
		defer l.release()
		reader := bufio.NewReader(bytes.NewReader(raw))
		for {
			frame := &syncpb.Frame{}
			if (protodelim.UnmarshalOptions{MaxSize: peer.MaxFrame}).UnmarshalFrom(reader, frame) != nil || l.take(ctx, frame) != nil {
				break
			}
			_ = l.Report()
		}
		view := db.View(hotspotdb.WithSums(hotspotdb.Users))
		defer view.Close()
		sums, err := view.Sums(hotspotdb.Users)
		if err != nil {
			t.Fatal(err)
		}
		var total hotspotdb.Sum
		for _, s := range sums {
			total = hotspotdb.AddSum(total, s)
		}
		if total != view.Total(hotspotdb.Users) {
			t.Fatal("the digest is not the sum of its buckets")
		}
	})
}

// FuzzHistory: a history that is accepted says for each of its incarnations where it ends, and a position is never moved forward.
func FuzzHistory(f *testing.F) {
	f.Add([]byte{1, 1, 2, 51}, uint64(1), uint64(50))
	f.Add([]byte{1, 1, 1, 0}, uint64(0), uint64(1<<63))
	f.Fuzz(func(t *testing.T, pairs []byte, incarnation, seq uint64) {
		var list []*syncpb.Incarnation
		for ; len(pairs) >= 2; pairs = pairs[2:] {
			list = append(list, &syncpb.Incarnation{Id: uint64(pairs[0]), First: uint64(pairs[1]) << (pairs[0] % 57)})
		}
		h, err := historyOf(list)
		if err != nil {
			return
		}
		again, err := unmarshalHistory(h.marshal())
		if err != nil || len(again) != len(h) {
			t.Fatalf("kept as %v, %v", again, err)
		}
		at := hotspotdb.Position{Incarnation: incarnation, Seq: seq}
		from, lost := rewind(at, again, h)
		if from.Seq > at.Seq || !lost && from != at {
			t.Fatalf("%v became %v (lost %v) in %v", at, from, lost, h)
		}
		_ = h.at(seq)
	})
}

// FuzzUnpack: what is not a batch is refused, and what is one has the size that it announced.
func FuzzUnpack(f *testing.F) {
	c := newCodec()
	var p packer
	p.add([]byte("one"), 7)
	good := c.pack(&p)
	f.Add(good.data, good.size)
	f.Add([]byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa0, 0x03, 0x00, 0x10, 0x00}, uint32(128<<10))
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(enc.EncodeAll(make([]byte, 8<<20), nil), uint32(8<<20))
	f.Fuzz(func(t *testing.T, data []byte, size uint32) {
		changes, seqs, err := c.unpack(data, size)
		if err != nil {
			return
		}
		n := 0
		for _, change := range changes {
			n += len(change)
		}
		if len(seqs) != len(changes) || n > int(size) || size > maxBatch {
			t.Fatalf("%d changes of %d bytes, %d sequences, announced as %d", len(changes), n, len(seqs), size)
		}
	})
}
