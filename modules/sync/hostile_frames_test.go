package sync_test

import (
	"bytes"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"mbox/boxtest"
	"mbox/modules/sync/auth"
	"mbox/modules/sync/peer"
	"mbox/proto/hotspotpb"
	"mbox/proto/syncpb"
)

// An attack is what a follower says that is allowed, has an account, may receive users and send users and sessions. Either it ends
// the connection or it is put up with; it never does more.
type attack struct {
	name   string
	ends   bool
	frames []*syncpb.Frame
	raw    []byte // instead: bytes as they are
}

func usersBatch(inner func(*syncpb.Batch)) *syncpb.Frame {
	b := &syncpb.Batch{Dataset: "users", Incarnation: 1, Last: 1, Head: 1}
	inner(b)
	return &syncpb.Frame{Kind: &syncpb.Frame_Batch{Batch: b}}
}

// packedChanges are changes as a batch carries them.
func packedChanges(list ...*hotspotpb.Change) func(*syncpb.Batch) {
	msg := &syncpb.Changes{}
	for i, c := range list {
		raw, _ := proto.Marshal(c)
		msg.Change, msg.Seq = append(msg.Change, raw), append(msg.Seq, uint64(i+1))
	}
	raw, _ := proto.Marshal(msg)
	return packedBytes(raw, len(raw))
}

func packedBytes(raw []byte, size int) func(*syncpb.Batch) {
	enc, _ := zstd.NewWriter(nil)
	defer enc.Close()
	data := enc.EncodeAll(raw, nil)
	return func(b *syncpb.Batch) { b.Changes, b.Size = data, uint32(size) }
}

// account is a change to an account that could be stored, but for what is changed about it.
func account(spoil func(*hotspotpb.Change)) *hotspotpb.Change {
	body, _ := proto.Marshal(&hotspotpb.Access{Username: "intruder", ClaimedUs: 1})
	c := &hotspotpb.Change{Key: []byte{'A', 0, 0, 0, 0, 0, 0, 0, 1}, ClockUs: 1, Origin: bytes.Repeat([]byte{7}, 16), Body: body}
	spoil(c)
	return c
}

func began() *syncpb.Frame {
	return &syncpb.Frame{Kind: &syncpb.Frame_FeedStart{FeedStart: &syncpb.FeedStart{Dataset: "users", Head: 1}}}
}

func times(n int, f *syncpb.Frame) (out []*syncpb.Frame) {
	for range n {
		out = append(out, f)
	}
	return out
}

// bombHeader is a zstd frame that asks for a window of 1 GiB (RFC 8878, 3.1.1.1.2) and holds one byte repeated.
func bombHeader() func(*syncpb.Batch) {
	return func(b *syncpb.Batch) {
		b.Changes = []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa0, 0x03, 0x00, 0x10, 0x00} // RLE block of 128 KiB
		b.Size = 128 << 10
	}
}

func attacks() []attack {
	junk := strings.Repeat("\x1b[2J\r\n\x00\u202e", 12_000)
	never := func(*hotspotpb.Change) {}
	all := func(list ...attack) []attack { return list }
	return all(
		attack{name: "zero-length frames without end", raw: make([]byte, 100_000)},
		attack{name: "a length of 4 GiB", raw: protowire.AppendVarint(nil, 4<<30), ends: true},
		attack{name: "a length that never ends", raw: bytes.Repeat([]byte{0xff}, 64), ends: true},
		attack{name: "ten million digests to compare", raw: append(protowire.AppendVarint(nil, 80_000_000), 0x62), ends: true},
		attack{name: "a frame that is no message", raw: append(protowire.AppendVarint(nil, 4), 0xff, 0xff, 0xff, 0xff), ends: true},
		attack{name: "a kind that nobody knows", raw: grownFrame(77)},
		attack{name: "Hello once more", frames: []*syncpb.Frame{{Kind: &syncpb.Frame_Hello{Hello: &syncpb.Hello{Version: 9}}}}},
		attack{name: "SCRAM once more", frames: []*syncpb.Frame{{Kind: &syncpb.Frame_Scram{Scram: &syncpb.Scram{Message: "n,,n=root,r=x"}}}}},
		attack{name: "a refusal of us", frames: []*syncpb.Frame{{Kind: &syncpb.Frame_Refused{Refused: &syncpb.Refused{Code: junk[:100], Reason: junk}}}}},
		attack{name: "a token for the primary", frames: []*syncpb.Frame{{Kind: &syncpb.Frame_Token{Token: &syncpb.Token{Token: "eyJhbGciOiJub25lIn0.e30."}}}}},

		attack{name: "Welcome again and again", frames: times(300, welcomeWith())},
		attack{name: "Welcome with another domain each time", frames: domains(40), ends: true},
		attack{name: "Welcome with keys of a wrong size", frames: []*syncpb.Frame{welcomeWith(&syncpb.DomainKey{Id: 1, Key: []byte{1}})}, ends: true},
		attack{name: "Welcome that asks back what a follower has no right to", frames: []*syncpb.Frame{{Kind: &syncpb.Frame_Welcome{Welcome: &syncpb.Welcome{
			Recover: []string{"users", "sessions", "vouchers"}, Down: []string{"vouchers"}, Up: []string{"vouchers"}, FollowsYou: true}}}}},

		attack{name: "Subscribe to what was not granted", frames: []*syncpb.Frame{subscribeTo("sessions", "vouchers", "audit", "secrets", "")}},
		attack{name: "Subscribe from beyond the end", frames: []*syncpb.Frame{{Kind: &syncpb.Frame_Subscribe{Subscribe: &syncpb.Subscribe{
			Positions: []*syncpb.Position{{Dataset: "users", Incarnation: 1, Seq: math.MaxUint64}}}}}}},
		attack{name: "Subscribe with sums of a wrong size", frames: []*syncpb.Frame{{Kind: &syncpb.Frame_Subscribe{Subscribe: &syncpb.Subscribe{
			Positions: []*syncpb.Position{{Dataset: "users", Sums: []byte{1, 2, 3}}}}}}}, ends: true},
		attack{name: "Subscribe that starts anew", frames: []*syncpb.Frame{{Kind: &syncpb.Frame_Subscribe{Subscribe: &syncpb.Subscribe{
			Positions: []*syncpb.Position{{Dataset: "users", Reseed: true}}}}}}},
		attack{name: "a comparison of no bucket", frames: []*syncpb.Frame{{Kind: &syncpb.Frame_Compare{Compare: &syncpb.Compare{Dataset: "users", Bucket: math.MaxUint32}}}}},
		attack{name: "a comparison with 70,000 records", frames: []*syncpb.Frame{{Kind: &syncpb.Frame_Compare{Compare: &syncpb.Compare{Dataset: "users", Have: make([]uint64, 70_000)}}}}},
		attack{name: "questions about what was not subscribed", frames: []*syncpb.Frame{
			{Kind: &syncpb.Frame_BucketsQuery{BucketsQuery: &syncpb.BucketsQuery{Dataset: "sessions"}}},
			{Kind: &syncpb.Frame_BucketsQuery{BucketsQuery: &syncpb.BucketsQuery{Dataset: junk[:1000]}}},
			{Kind: &syncpb.Frame_Compare{Compare: &syncpb.Compare{Dataset: "vouchers"}}}}},

		attack{name: "a batch before it began", frames: []*syncpb.Frame{usersBatch(packedChanges(account(never)))}, ends: true},
		attack{name: "a batch of a dataset that is not accepted", frames: []*syncpb.Frame{batch("vouchers", nil, 0)}, ends: true},
		attack{name: "a batch of a dataset that nobody knows", frames: []*syncpb.Frame{batch(junk[:1000], nil, 0)}, ends: true},
		attack{name: "a batch that announces less than it holds", frames: []*syncpb.Frame{began(), usersBatch(packedBytes(make([]byte, 1<<20), 100))}, ends: true},
		attack{name: "a batch that announces more than it holds", frames: []*syncpb.Frame{began(), usersBatch(packedBytes(make([]byte, 100), 1<<20))}, ends: true},
		attack{name: "a batch of 64 MiB in a few bytes", frames: []*syncpb.Frame{began(), usersBatch(packedBytes(make([]byte, 64<<20), 1<<20))}, ends: true},
		attack{name: "a batch that announces 4 GiB", frames: []*syncpb.Frame{began(), usersBatch(func(b *syncpb.Batch) { b.Changes, b.Size = []byte{1}, math.MaxUint32 })}, ends: true},
		attack{name: "a batch that needs a window of 1 GiB", frames: []*syncpb.Frame{began(), usersBatch(bombHeader())}, ends: true},
		attack{name: "a bomb inside a batch", frames: []*syncpb.Frame{began(), usersBatch(nested())}, ends: true},
		attack{name: "a batch of 20,000 empty changes", frames: []*syncpb.Frame{began(), usersBatch(packedBytes(bytes.Repeat([]byte{0x0a, 0}, 20_000), 40_000))}, ends: true},
		attack{name: "a batch with sequences and no changes", frames: []*syncpb.Frame{began(), usersBatch(packedBytes([]byte{0x12, 1, 5}, 3))}, ends: true},

		attack{name: "a change with an empty key", frames: []*syncpb.Frame{began(), usersBatch(packedChanges(account(func(c *hotspotpb.Change) { c.Key = nil })))}, ends: true},
		attack{name: "a change with a key of 300 bytes", frames: []*syncpb.Frame{began(), usersBatch(packedChanges(account(func(c *hotspotpb.Change) { c.Key = make([]byte, 300) })))}, ends: true},
		attack{name: "a change with a key of another dataset", frames: []*syncpb.Frame{began(), usersBatch(packedChanges(account(func(c *hotspotpb.Change) { c.Key[0] = 'G' })))}, ends: true},
		attack{name: "a change of nobody", frames: []*syncpb.Frame{began(), usersBatch(packedChanges(account(func(c *hotspotpb.Change) { c.Origin = nil })))}, ends: true},
		attack{name: "a change whose body is no record", frames: []*syncpb.Frame{began(), usersBatch(packedChanges(account(func(c *hotspotpb.Change) { c.Body = []byte{0xff} })))}, ends: true},
		attack{name: "a stamp at the end of time", frames: []*syncpb.Frame{began(), usersBatch(packedChanges(account(func(c *hotspotpb.Change) { c.ClockUs = math.MaxUint64 })))}, ends: true},
		attack{name: "a stamp years ahead", frames: []*syncpb.Frame{began(), usersBatch(packedChanges(account(func(c *hotspotpb.Change) {
			c.ClockUs = uint64(time.Now().AddDate(3, 0, 0).UnixMicro())
		})))}},
		attack{name: "positions that go backwards and beyond", frames: []*syncpb.Frame{began(),
			usersBatch(func(b *syncpb.Batch) { b.Last, b.Head = math.MaxUint64, 3 }), usersBatch(func(b *syncpb.Batch) { b.Last, b.Head = 2, 1 }),
			usersBatch(func(b *syncpb.Batch) { b.Last, b.Head, b.Incarnation = 0, math.MaxUint64, 0 })}},
		attack{name: "a feed that begins behind its end", frames: []*syncpb.Frame{{Kind: &syncpb.Frame_FeedStart{FeedStart: &syncpb.FeedStart{
			Dataset: "users", Incarnation: 5, Seq: 1 << 63, Head: 1, Rewound: true, Partial: true}}}}},
		attack{name: "a comparison that nobody asked for", frames: []*syncpb.Frame{{Kind: &syncpb.Frame_Compared{Compared: &syncpb.Compared{
			Dataset: "users", Bucket: 5000, Extra: make([]uint64, 1000)}}}}},

		attack{name: "a digest of three bytes", frames: []*syncpb.Frame{{Kind: &syncpb.Frame_Digest{Digest: &syncpb.Digest{Dataset: "users", Total: []byte{1, 2, 3}}}}}, ends: true},
		attack{name: "sums of one byte", frames: []*syncpb.Frame{{Kind: &syncpb.Frame_Buckets{Buckets: &syncpb.Buckets{Dataset: "users", Sums: []byte{1}}}}}, ends: true},

		attack{name: "acknowledgements of what was never sent", frames: []*syncpb.Frame{{Kind: &syncpb.Frame_Stored{Stored: &syncpb.Stored{
			SetAside: math.MaxUint64, ClockUs: math.MaxUint64, Positions: []*syncpb.Position{
				{Dataset: "users", Seq: math.MaxUint64}, {Dataset: "sessions", Seq: 5}, {Dataset: "secrets", Seq: 5}}}}}}},
		attack{name: "proofs of nothing", frames: []*syncpb.Frame{{Kind: &syncpb.Frame_Verified{Verified: &syncpb.Verified{
			Dataset: "users", Seq: math.MaxUint64, LocalChanges: math.MaxUint64, Unexplained: math.MaxUint64}}}}},
		attack{name: "a heartbeat from the end of time", frames: []*syncpb.Frame{{Kind: &syncpb.Frame_Heartbeat{Heartbeat: &syncpb.Heartbeat{
			ClockUs: math.MaxUint64, Heads: []*syncpb.Head{{Dataset: "users", Seq: math.MaxUint64}, {Dataset: junk[:1000], Seq: 1}}}}}}},
		attack{name: "claims without the dataset", frames: times(2000, &syncpb.Frame{Kind: &syncpb.Frame_Claim{Claim: &syncpb.Claim{Owner: make([]byte, 16), Code: "CODE"}}})},
		attack{name: "a claim of 100 kB", frames: []*syncpb.Frame{{Kind: &syncpb.Frame_Claim{Claim: &syncpb.Claim{Code: junk}}}}, ends: true},
		attack{name: "answers that nobody asked for", frames: times(2000, &syncpb.Frame{Kind: &syncpb.Frame_Claimed{Claimed: &syncpb.Claimed{Id: 1, Result: syncpb.ClaimResult_CLAIM_GRANTED}}})},
		attack{name: "a farewell of 100 kB with escape sequences", frames: []*syncpb.Frame{{Kind: &syncpb.Frame_Goodbye{Goodbye: &syncpb.Goodbye{
			Code: junk[:1000], Reason: "GOODBYE" + junk}}}}, ends: true},
	)
}

// grownFrame is a frame of a kind that nobody knows.
func grownFrame(kind protowire.Number) []byte {
	inner := protowire.AppendBytes(protowire.AppendTag(nil, kind, protowire.BytesType), []byte("tomorrow"))
	return append(protowire.AppendVarint(nil, uint64(len(inner))), inner...)
}

func nested() func(*syncpb.Batch) {
	enc, _ := zstd.NewWriter(nil)
	defer enc.Close()
	inner := enc.EncodeAll(make([]byte, 64<<20), nil)
	raw, _ := proto.Marshal(&syncpb.Changes{Change: [][]byte{inner}, Seq: []uint64{1}})
	return packedBytes(raw, len(raw))
}

func domains(n int) (out []*syncpb.Frame) {
	for i := range n {
		w := welcomeWith()
		w.GetWelcome().Domain = &syncpb.Domain{Id: make([]byte, 16), DigestKey: append(make([]byte, 15), byte(i+1))}
		out = append(out, w)
	}
	return out
}

// settled waits until the connections of the attackers have left nothing behind; the box itself may have begun something.
func settled(t *testing.T, before int) {
	t.Helper()
	const own = 8
	boxtest.Eventually(t, fmt.Sprintf("the %d goroutines of before", before), func() bool { return runtime.NumGoroutine() <= before+own })
}

func TestHostileFollower(t *testing.T) {
	primary := boxtest.NewLAN(t).Box("primary")
	primary.Must("mbox sync allow 127.9.0.0/16 accept users sessions")
	keys := len(primary.Store.Keyring().Keys())
	cred := peer.Credentials{Account: "mboxadmin", Password: boxtest.Password, Want: []string{"users", "profiles"}, Send: []string{"users", "sessions"}}
	before := runtime.NumGoroutine()
	for i, a := range attacks() {
		s := newStranger(t, primary, fmt.Sprintf("127.9.0.%d", i+1))
		session := s.inside(cred, welcomeWith())
		ended, told, words := a.run(t, s, session)
		if t.Logf("%s: %.300s", a.name, words); ended != a.ends {
			t.Errorf("%s: the connection ended: %v", a.name, ended)
		}
		if parted := strings.HasPrefix(a.name, "a farewell"); ended && !parted && !told {
			t.Errorf("%s: it was not told why (%s)", a.name, words)
		}
		// Whatever it said, the operator can look.
		for _, p := range primary.Sync.Status().Peers {
			if p.Percent != nil && (*p.Percent < 0 || *p.Percent > 100) || p.EtaSeconds != nil && !(*p.EtaSeconds >= 0) {
				t.Errorf("%s: the status says %s", a.name, p.State)
			}
		}
		session.Close()
	}
	settled(t, before)
	if n := primary.Users() + primary.DB.SetAsideCount(); n != 0 {
		t.Errorf("%d of its changes were stored", n)
	}
	if n := len(primary.Store.Keyring().Keys()); n != keys {
		t.Errorf("%d password keys, there were %d", n, keys)
	}
	for line := range strings.Lines(primary.Log.String()) {
		if strings.ContainsAny(line, "\x1b\x00\u202e\r") || len(line) > 4000 {
			t.Errorf("a line of the log: %.200q (%d bytes)", line, len(line))
		}
	}
	if _, err := newStranger(t, primary, "127.9.1.1").login(cred); err != nil {
		t.Errorf("an honest follower afterwards: %v", err)
	}
}

// run plays the attack behind the subscription to users, and says whether that ended the connection, and the words of farewell.
func (a attack) run(t *testing.T, s *stranger, session *peer.Session) (ended, told bool, words string) {
	t.Helper()
	if err := session.Send(subscribeTo("users")); err != nil {
		t.Fatal(err)
	}
	waitFor(t, session, func(f *syncpb.Frame) bool { return f.GetFeedStart() != nil })
	key := waitFor(t, session, func(f *syncpb.Frame) bool { return f.GetDigest() != nil }).GetDigest().DigestKey
	for _, f := range a.frames {
		if session.Send(f) != nil {
			break // it has ended already
		}
	}
	if a.raw != nil {
		_, _ = s.conn.Write(a.raw)
	}
	// Two questions, one for each goroutine at the other end; their answers stand behind everything that was said.
	const mark = 424242
	_ = session.Send(&syncpb.Frame{Kind: &syncpb.Frame_Digest{Digest: &syncpb.Digest{
		Dataset: "users", Seq: mark, Total: make([]byte, 16), DigestKey: key, Upwards: true}}})
	_ = session.Send(&syncpb.Frame{Kind: &syncpb.Frame_BucketsQuery{BucketsQuery: &syncpb.BucketsQuery{Dataset: "users"}}})
	for proved, counted := false, false; !proved || !counted; {
		f, err := session.Receive()
		switch {
		case err != nil && isTimeout(err):
			t.Fatalf("%s: nothing is heard", a.name)
		case err != nil:
			return true, false, err.Error()
		case f.GetGoodbye() != nil:
			return true, f.GetGoodbye().Reason != "", f.GetGoodbye().Reason
		}
		proved = proved || f.GetVerified().GetSeq() == mark
		counted = counted || f.GetBuckets() != nil
	}
	return false, false, ""
}

func waitFor(t *testing.T, session *peer.Session, ok func(*syncpb.Frame) bool) *syncpb.Frame {
	t.Helper()
	for {
		f, err := session.Receive()
		if err != nil {
			t.Fatal(err)
		}
		if ok(f) {
			return f
		}
	}
}

// Who asks faster than he reads is not served for ever.
func TestFloodsOfRequests(t *testing.T) {
	primary := boxtest.NewLAN(t).Box("primary")
	primary.Must("mbox sync allow 127.9.0.0/16")
	primary.Add("guest", 2000)
	before := runtime.NumGoroutine()
	sums := make([]byte, 4096*16)
	for name, request := range map[string]*syncpb.Frame{
		"buckets":     {Kind: &syncpb.Frame_BucketsQuery{BucketsQuery: &syncpb.BucketsQuery{Dataset: "users"}}},
		"comparisons": {Kind: &syncpb.Frame_Compare{Compare: &syncpb.Compare{Dataset: "users", Have: make([]uint64, 6_000)}}},
		"subscriptions": {Kind: &syncpb.Frame_Subscribe{Subscribe: &syncpb.Subscribe{Positions: []*syncpb.Position{
			{Dataset: "users", Sums: sums}}}}},
	} {
		session := newStranger(t, primary, "127.9.0.1").inside(peer.Credentials{
			Account: "mboxadmin", Password: boxtest.Password, Want: []string{"users", "profiles"}}, welcomeWith())
		if err := session.Send(subscribeTo("users")); err != nil {
			t.Fatal(err)
		}
		sent := 0
		for session.Send(request) == nil { // nothing is read meanwhile
			if sent++; sent > 5_000_000 {
				t.Fatalf("%s: %d requests were taken", name, sent)
			}
		}
		session.Close()
	}
	settled(t, before)
}

// Before the proof of the password there is nothing to be had, and only two kinds of frame to be said.
func TestStrangersBeforeTheProof(t *testing.T) {
	primary := allowedPrimary(t)
	before := runtime.NumGoroutine()
	hello := func(change func(*syncpb.Hello)) *syncpb.Frame {
		h := &syncpb.Hello{Version: 1, Database: make([]byte, 16), Account: "mboxadmin", Hostname: "x"}
		h.Database[0] = 5
		change(h)
		return &syncpb.Frame{Kind: &syncpb.Frame_Hello{Hello: h}}
	}
	plain := hello(func(*syncpb.Hello) {})
	scram := func(m string) *syncpb.Frame {
		return &syncpb.Frame{Kind: &syncpb.Frame_Scram{Scram: &syncpb.Scram{Message: m}}}
	}
	for name, frames := range map[string][]*syncpb.Frame{
		"a batch":                        {usersBatch(packedChanges())},
		"Welcome":                        {welcomeWith()},
		"Subscribe":                      {subscribeTo("users")},
		"SCRAM without Hello":            {scram("n,,n=a,r=b")},
		"a version that is gone":         {hello(func(h *syncpb.Hello) { h.Version = 0 })},
		"a database id of three bytes":   {hello(func(h *syncpb.Hello) { h.Database = []byte{1, 2, 3} })},
		"a database id of zeros":         {hello(func(h *syncpb.Hello) { h.Database = make([]byte, 16) })},
		"a token of garbage":             {hello(func(h *syncpb.Hello) { h.Token = "a.b.c" }), welcomeWith()},
		"Hello, then Subscribe":          {plain, subscribeTo("users")},
		"Hello, then a batch":            {plain, usersBatch(packedChanges())},
		"Hello twice":                    {plain, plain},
		"a SCRAM message of 10 kB":       {plain, scram(strings.Repeat("x", 10_000))},
		"SCRAM without binding":          {plain, scram("n,,n=mboxadmin,r=abcdef")},
		"SCRAM with an offer of binding": {plain, scram("y,,n=mboxadmin,r=abcdef")},
		"Subscribe in the middle of it":  {plain, scram("p=tls-exporter,,n=mboxadmin,r=abcdef"), subscribeTo("users")},
		"Welcome instead of the proof":   {plain, scram("p=tls-exporter,,n=mboxadmin,r=abcdef"), welcomeWith()},
	} {
		s := newStranger(t, primary, "127.9.0.1")
		c, err := s.tls(nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range frames {
			_, _ = c.Write(append(protowire.AppendVarint(nil, uint64(proto.Size(f))), wireBytes(t, f)...))
		}
		_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
		p := &player{t: t, conn: c, seen: map[string]bool{}}
		p.listen()
		for f := range p.heard {
			if f.GetHello() == nil && f.GetScram() == nil && f.GetRefused() == nil {
				t.Errorf("%s: the stranger was told %v", name, f)
			}
			if f.GetRefused().GetCode() == auth.CodeLockout {
				t.Fatalf("%s: locked out", name)
			}
		}
		c.Close()
		primary.Sync.AccountsChanged() // forgets failures
	}
	settled(t, before)
}

// What a box calls itself does not reach the operator's terminal or log as anything but a name.
func TestHostNamesAreNames(t *testing.T) {
	primary := allowedPrimary(t)
	s := newStranger(t, primary, "127.9.0.1")
	c, err := s.tls(nil)
	if err != nil {
		t.Fatal(err)
	}
	evil := "\x1b]0;owned\x07\nlevel=ERROR msg=\"disk\"\u202e\u200b" + strings.Repeat("x", 5000)
	session, err := peer.Dial(c, peer.Self{BoxID: s.id.BoxID(), Database: s.database, Hostname: evil, Software: evil}, sending(), anyPin{})
	if err != nil {
		t.Fatal(err)
	}
	if err := welcome(session); err != nil {
		t.Fatal(err)
	}
	boxtest.Eventually(t, "it is connected", func() bool {
		return primary.Status("downstream").Name != "" && primary.Status("downstream").State != "none"
	})
	view, err := primary.Exec("show mbox sync peers")
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := view.Text(&text, 0); err != nil {
		t.Fatal(err)
	}
	for where, shown := range map[string]string{"status": primary.Status("downstream").Name, "peers": text.String(), "log": primary.Log.String()} {
		if strings.ContainsAny(shown, "\x1b\x07\u202e\u200b") || strings.Contains(shown, strings.Repeat("x", 100)) || strings.Contains(shown, "\nlevel=ERROR") {
			t.Errorf("%s shows %.300q", where, shown)
		}
	}
}
