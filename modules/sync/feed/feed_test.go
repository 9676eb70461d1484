package feed

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"mbox/hotspotdb"
	"mbox/proto/syncpb"
)

func TestRewind(t *testing.T) {
	at := func(inc, seq uint64) hotspotdb.Position { return hotspotdb.Position{Incarnation: inc, Seq: seq} }
	h := func(pairs ...uint64) (out history) {
		for i := 0; i < len(pairs); i += 2 {
			out = append(out, hotspotdb.Incarnation{ID: pairs[i], First: pairs[i+1]})
		}
		return out
	}
	for name, c := range map[string]struct {
		pos          hotspotdb.Position
		old, current history
		want         hotspotdb.Position
		lost         bool
	}{
		"beginning":                         {at(0, 0), nil, h(1, 1), at(0, 0), false},
		"same incarnation":                  {at(1, 50), h(1, 1), h(1, 1), at(1, 50), false},
		"an older incarnation, in its time": {at(1, 50), h(1, 1), h(1, 1, 2, 51), at(1, 50), false},
		"copied while running, restored":    {at(1, 150), h(1, 1), h(1, 1, 3, 101), at(1, 100), true},
		"copied while stopped, restored":    {at(2, 150), h(1, 1, 2, 101), h(1, 1, 3, 101), at(1, 100), true},
		"restored twice":                    {at(4, 300), h(1, 1, 2, 101, 4, 200), h(1, 1, 2, 101, 5, 180), at(2, 179), true},
		"an older copy restored":            {at(4, 300), h(1, 1, 2, 101, 4, 200), h(1, 1, 6, 60), at(1, 59), true},
		"nothing in common":                 {at(2, 150), h(2, 1), h(9, 1), at(0, 0), true},
		"history unknown":                   {at(2, 150), nil, h(9, 1), at(0, 0), true},
	} {
		if got, lost := rewind(c.pos, c.old, c.current); got != c.want || lost != c.lost {
			t.Errorf("%s: %v, %v; want %v, %v", name, got, lost, c.want, c.lost)
		}
	}
}

func TestHistoryOfPeerIsChecked(t *testing.T) {
	for name, list := range map[string][]*syncpb.Incarnation{
		"empty": nil, "not in order": {{Id: 1, First: 10}, {Id: 2, First: 5}},
	} {
		if _, err := historyOf(list); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestPackIsTheSchema(t *testing.T) {
	c := newCodec()
	changes, seqs := [][]byte{[]byte("one"), []byte("two")}, []uint64{7, 900}
	var packer packer
	for i := range changes {
		packer.add(changes[i], seqs[i])
	}
	p := c.pack(&packer)
	raw, err := c.dec.DecodeAll(p.data, nil)
	if err != nil {
		t.Fatal(err)
	}
	var msg syncpb.Changes
	if err := proto.Unmarshal(raw, &msg); err != nil {
		t.Fatal(err)
	}
	if len(msg.Change) != 2 || string(msg.Change[1]) != "two" || msg.Seq[1] != 900 || int(p.size) != len(raw) {
		t.Fatalf("%v", &msg)
	}
	got, gotSeqs, err := c.unpack(p.data, p.size)
	if err != nil || !bytes.Equal(got[0], changes[0]) || gotSeqs[1] != 900 {
		t.Fatalf("%q %v %v", got, gotSeqs, err)
	}
}

func TestBombIsRefused(t *testing.T) {
	c := newCodec()
	bomb := c.enc.EncodeAll(make([]byte, 64<<20), nil)
	for _, size := range []uint32{0, 100, maxBatch, 1 << 31} {
		if _, _, err := c.unpack(bomb, size); err == nil {
			t.Errorf("a batch of 64 MiB in %d bytes that announces %d was accepted", len(bomb), size)
		}
	}
}

func FuzzParseChanges(f *testing.F) {
	good, _ := proto.Marshal(&syncpb.Changes{Change: [][]byte{[]byte("x")}, Seq: []uint64{1}})
	f.Add(good)
	f.Add([]byte{0x12, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, raw []byte) {
		changes, seqs, err := parseChanges(raw)
		if err != nil {
			return
		}
		if len(changes) != len(seqs) {
			t.Fatal("counts differ")
		}
		var msg syncpb.Changes
		if proto.Unmarshal(raw, &msg) == nil && (len(msg.Change) != len(changes) || len(msg.Seq) != len(seqs)) {
			t.Fatalf("the schema reads %d changes, we read %d", len(msg.Change), len(changes))
		}
	})
}

func TestClaimPassesOn(t *testing.T) {
	var c Claims
	db := hotspotdb.DatabaseID{1}
	release, _ := c.Try(db, hotspotdb.Users)
	if again, taken := c.Try(db, hotspotdb.Users); again != nil || taken == nil {
		t.Fatal("claimed twice")
	}
	if other, _ := c.Try(db, hotspotdb.Profiles); other == nil {
		t.Fatal("another dataset is not free")
	}
	got := make(chan error, 1)
	go func() {
		_, err := c.Wait(context.Background(), db, hotspotdb.Users)
		got <- err
	}()
	release()
	if err := <-got; err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := c.Wait(ctx, db, hotspotdb.Users); !errors.Is(err, context.Canceled) {
		t.Fatalf("waiting ended with %v", err)
	}
}

func TestSiftWaitsForADifferenceToStay(t *testing.T) {
	p := proof{suspects: map[int]*suspect{}}
	ours, theirs := make([]hotspotdb.Sum, hotspotdb.Buckets), make([]hotspotdb.Sum, hotspotdb.Buckets)
	now := time.Now()
	ours[5], theirs[5] = hotspotdb.Sum{15: 9}, hotspotdb.Sum{15: 2}
	if _, open := p.sift(ours, theirs, now); open != 1 || p.suspects[5].ripe {
		t.Fatalf("at first sight: open %d, %+v", open, p.suspects[5])
	}
	// Both sides stored one more change: the difference is the same, and has stayed long enough to be looked at.
	ours[5], theirs[5] = hotspotdb.Sum{15: 19}, hotspotdb.Sum{15: 12}
	if p.sift(ours, theirs, now.Add(proofEvery)); !p.suspects[5].ripe {
		t.Fatal("it stayed, but is not looked at")
	}
	if ok, _ := p.explains(hotspotdb.Sum{15: 7}); ok {
		t.Fatal("explained before it was looked at")
	}
	p.suspects[5].explained, p.suspects[5].local = true, 1
	if known, open := p.sift(ours, theirs, now.Add(2*proofEvery)); known != (count{local: 1}) || open != 0 {
		t.Fatalf("explained: %+v, open %d", known, open)
	}
	if ok, known := p.explains(hotspotdb.Sum{15: 7}); !ok || known.local != 1 {
		t.Fatal("the whole difference is that of the one bucket")
	}
	if ok, _ := p.explains(hotspotdb.Sum{15: 8}); ok {
		t.Fatal("a larger difference is explained away")
	}
	ours[5] = hotspotdb.Sum{15: 20}
	if _, open := p.sift(ours, theirs, now.Add(3*proofEvery)); open != 1 {
		t.Fatal("a new difference hides behind the explanation of the old one")
	}
	ours[5] = theirs[5]
	if p.sift(ours, theirs, now); len(p.suspects) != 0 {
		t.Fatal("an equal bucket is still suspected")
	}
}

func TestCacheIsBounded(t *testing.T) {
	c := NewCache()
	for i := range uint64(64) {
		c.put(cacheKey{hotspotdb.Users, i}, &batch{packed: packed{data: make([]byte, 1<<20)}})
	}
	if c.bytes > cacheBytes || len(c.entries) != c.order.Len() {
		t.Fatalf("%d bytes in %d entries", c.bytes, len(c.entries))
	}
	if c.get(cacheKey{hotspotdb.Users, 63}) == nil || c.get(cacheKey{hotspotdb.Users, 0}) != nil {
		t.Fatal("the newest must stay and the oldest go")
	}
}

// After an hour of silence a change is on its way: the peer is a moment behind, not an hour.
func TestIdlePeerIsNotLate(t *testing.T) {
	now := time.Now()
	out := Outgoing{Sent: 5, Stored: 5, Head: 5, AtHead: now.Add(-time.Hour)}
	out.advance(6, 6, now)
	if !out.AtHead.Equal(now) {
		t.Errorf("it counts as late since %v", out.AtHead)
	}
	out.advance(7, 7, now.Add(time.Minute))
	if !out.AtHead.Equal(now) {
		t.Error("a peer that has not stored the change before is not at the head")
	}
}
