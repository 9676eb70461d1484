package feed

import (
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"google.golang.org/protobuf/proto"

	"mbox/hotspotdb"
	"mbox/proto/syncpb"
)

// Buckets that were equal at one moment say nothing of what was stored later.
func TestEqualBucketsHoldUpToTheirView(t *testing.T) {
	s := &sender{}
	st := &stream{dataset: hotspotdb.Users, equal: make([]bool, hotspotdb.Buckets), equalUpto: 10, bucketOf: func([]byte) int { return 3 }}
	entry := func(seq uint64, deleted bool) hotspotdb.Entry {
		c := hotspotdb.Change{Key: []byte("x"), Stamp: hotspotdb.Stamp{Clock: 1, Origin: hotspotdb.DatabaseID{1}}, Deleted: deleted}
		return hotspotdb.Entry{Seq: seq, Change: hotspotdb.AppendChange(nil, &c)}
	}
	st.equal[3] = true
	for name, c := range map[string]struct {
		entry  hotspotdb.Entry
		wanted bool
	}{
		"an equal record":              {entry(10, false), false},
		"a deletion before":            {entry(10, true), true},
		"a change that was made since": {entry(11, false), true},
	} {
		if got, err := s.wanted(st)(c.entry); err != nil || got != c.wanted {
			t.Errorf("%s: wanted is %v, %v", name, got, err)
		}
	}
	st.equal[3] = false
	if got, err := s.wanted(st)(entry(5, false)); err != nil || !got {
		t.Errorf("a record in another bucket: %v, %v", got, err)
	}
}

// A batch is refused before memory is taken for it, whatever size it has or says that it has.
func TestBombAllocatesLittle(t *testing.T) {
	const bombSize, most = 256 << 20, 32 << 20
	c := newCodec()
	bomb := c.enc.EncodeAll(make([]byte, bombSize), nil)
	for _, size := range []uint32{0, maxBatch, maxBatch + 1, 1 << 30} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, _, err := c.unpack(bomb, size); err == nil {
			t.Errorf("a batch of %d bytes that announces %d was accepted", bombSize, size)
		}
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > most {
			t.Errorf("a batch that announces %d bytes took %d bytes of memory", size, took)
		}
	}
}

func TestBatchOfTooManyChanges(t *testing.T) {
	for _, n := range []int{maxBatchChanges, maxBatchChanges + 1} {
		raw, err := proto.Marshal(&syncpb.Changes{Change: make([][]byte, n), Seq: make([]uint64, n)})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := parseChanges(raw); (err == nil) != (n == maxBatchChanges) {
			t.Errorf("%d changes: %v", n, err)
		}
	}
}

// What a peer asks for before it reads the answers is bounded in bytes as well as in number.
func TestRequestsAreBounded(t *testing.T) {
	s := newSender(nil, nil, NewCache(), hotspotdb.DatabaseID{1})
	big := &syncpb.Compare{Have: make([]uint64, 10_000)}
	for i := range big.Have {
		big.Have[i] = 1 << 63
	}
	accepted := 0
	for ; accepted < maxRequests; accepted++ {
		if err := s.request(big); err != nil {
			if !errors.Is(err, errTooManyRequests) {
				t.Fatal(err)
			}
			break
		}
	}
	if bytes := accepted * proto.Size(big); bytes > maxQueued || accepted == 0 {
		t.Errorf("%d requests of together %d bytes wait", accepted, bytes)
	}
}

// A peer's acknowledgement counts if it is of something that this database, as it is now, has sent, and that the peer has merged.
func TestVouchedPositions(t *testing.T) {
	db, err := hotspotdb.Open(hotspotdb.Options{Dir: "/db", FS: vfs.NewMem(), FreeSpace: func() (uint64, error) { return 1 << 40, nil }})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for range 3 {
		if err := db.Update(t.Context(), func(tx *hotspotdb.Tx) error { return tx.Put(hotspotdb.Users, []byte("x"), nil) }); err != nil {
			t.Fatal(err)
		}
	}
	id, other, now := db.ID(), hotspotdb.DatabaseID{9}, time.Now()
	incarnation := db.PositionAt(1).Incarnation
	for name, c := range map[string]struct {
		position *syncpb.Position
		clock    time.Time
		counts   bool
	}{
		"what we sent":                   {&syncpb.Position{Database: id[:], Incarnation: incarnation, Seq: 3}, now, true},
		"beyond what is durable":         {&syncpb.Position{Database: id[:], Incarnation: incarnation, Seq: 4}, now, false},
		"of a history that is forgotten": {&syncpb.Position{Database: id[:], Incarnation: incarnation + 1, Seq: 2}, now, false},
		"of another database":            {&syncpb.Position{Database: other[:], Incarnation: incarnation, Seq: 2}, now, false},
		"by a clock far behind":          {&syncpb.Position{Database: id[:], Incarnation: incarnation, Seq: 3}, now.Add(-2 * maxBehind), false},
	} {
		counted := false
		l := &Link{cfg: Config{DB: db, Stored: func(hotspotdb.Dataset, uint64) { counted = true }}}
		l.vouch(hotspotdb.Users, c.position, uint64(c.clock.UnixMicro()))
		if counted != c.counts {
			t.Errorf("%s: counted: %v", name, counted)
		}
	}
}
