package sync_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"mbox/boxtest"
	"mbox/configstore"
	"mbox/hotspotdb"
	"mbox/modules/sync/peer"
	"mbox/proto/hotspotpb"
	"mbox/proto/syncpb"
)

// recordedAt is when the transcripts were made: the boxes that hear them believe that it is that day, so that nothing of it has
// expired.
var recordedAt = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

// Every frame of the transcripts reads as it did then, nothing of it is unknown, and it would be written so again.
func TestTranscriptsReadAsTheyWereWritten(t *testing.T) {
	for _, name := range []string{"first-sync-1.txt", "repair-1.txt"} {
		script := transcript(t, name)
		if len(script) < 30 {
			t.Fatalf("%s has %d frames", name, len(script))
		}
		for i, line := range script {
			if got := readable(t, line.frame); got != line.text {
				t.Errorf("%s, frame %d reads\n%s\nand was\n%s", name, i+1, got, line.text)
			}
			if again := wireBytes(t, line.frame); !bytes.Equal(again, line.raw) {
				t.Errorf("%s, frame %d is written %x and was %x", name, i+1, again, line.raw)
			}
		}
	}
}

// What a message was made of in version 1 keeps its number and its type.
func TestSchemaOnlyGrows(t *testing.T) {
	now := map[string]bool{}
	for _, file := range []protoreflect.FileDescriptor{syncpb.File_sync_proto, hotspotpb.File_hotspot_proto} {
		for i := range file.Messages().Len() {
			m := file.Messages().Get(i)
			for j := range m.Fields().Len() {
				f := m.Fields().Get(j)
				kind := f.Kind().String()
				switch {
				case f.Message() != nil:
					kind = string(f.Message().FullName())
				case f.Enum() != nil:
					kind = string(f.Enum().FullName())
				}
				now[fmt.Sprintf("%s.%s = %d %s %s", m.FullName(), f.Name(), f.Number(), f.Cardinality(), kind)] = true
			}
		}
	}
	raw, err := os.ReadFile(filepath.Join("testdata", "transcript", "schema-1.txt"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(raw)) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		if n++; !now[line] {
			t.Errorf("no more: %s", line)
		}
	}
	if n < 190 {
		t.Fatalf("only %d fields were read", n)
	}
}

// versions are the peers that a box of today must get on with: the one of the transcript, and one that is ahead of us.
func versions(t *testing.T, test func(t *testing.T, ahead bool)) {
	t.Run("as recorded", func(t *testing.T) { test(t, false) })
	t.Run("a version ahead", func(t *testing.T) { test(t, true) })
}

// unpacked returns the changes of a recorded batch, decompressed without our help.
func unpacked(t *testing.T, data []byte) *syncpb.Changes {
	t.Helper()
	out := &syncpb.Changes{}
	if len(data) == 0 {
		return out
	}
	d, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	raw, err := d.DecodeAll(data, nil)
	if err == nil {
		err = proto.Unmarshal(raw, out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func dataset(t *testing.T, name string) hotspotdb.Dataset {
	t.Helper()
	ds, err := hotspotdb.ParseDataset(name)
	if err != nil {
		t.Fatal(err)
	}
	return ds
}

// holding puts what one side of a transcript held at its beginning into a box of today.
func holding(t *testing.T, db *hotspotdb.DB, script []said, by byte, kind hotspotdb.SourceKind, most int) {
	t.Helper()
	from := hotspotdb.DatabaseID(first(t, script, by, (*syncpb.Frame).GetHello).Database)
	put := func(name string, data []byte) {
		changes := unpacked(t, data)
		if len(changes.Change) == 0 {
			return
		}
		if _, err := db.Apply(t.Context(), hotspotdb.Batch{
			Dataset: dataset(t, name), From: from, Kind: kind, Changes: changes.Change, Seqs: changes.Seq,
		}); err != nil {
			t.Fatal(err)
		}
	}
	for _, line := range script {
		if b := line.frame.GetBatch(); b != nil && line.by == by && most > 0 {
			put(b.Dataset, b.Changes)
			most--
		}
		if c := line.frame.GetCompared(); c != nil && line.by == by {
			put(c.Dataset, c.Changes)
		}
	}
}

// then makes a box believe that it is the day of the transcripts, in their replication domain if it had it from the start.
func then(t *testing.T, b *boxtest.Box, w *syncpb.Welcome) {
	t.Helper()
	b.Ahead.Store(int64(time.Until(recordedAt)))
	if w == nil {
		return
	}
	domain := configstore.Domain{
		ID: [16]byte(w.Domain.Id), Created: time.UnixMicro(w.Domain.CreatedUs).UTC(), DigestKey: [16]byte(w.Domain.DigestKey), Active: w.Domain.ActiveKey,
	}
	var keys []configstore.DomainKey
	for _, k := range w.Keys {
		keys = append(keys, configstore.DomainKey{ID: k.Id, Key: [32]byte(k.Key), Created: time.UnixMicro(k.CreatedUs).UTC()})
	}
	if err := b.Store.Keyring().Adopt(domain, keys); err != nil {
		t.Fatal(err)
	}
	b.Shutdown()
	b.Start()
}

// A follower of today joins the primary of the transcript: it ends with what the follower of that day had, and proves it.
func TestOldPrimary(t *testing.T) {
	versions(t, func(t *testing.T, ahead bool) {
		script := transcript(t, "first-sync-1.txt")
		follower := boxtest.NewLAN(t).Box("follower")
		then(t, follower, nil)
		holding(t, follower.DB, script, '>', hotspotdb.Below, 1)
		play := oldPrimary(t, script, ahead)
		play.follow(follower, "send all")
		play.play()
		for _, ds := range hotspotdb.Datasets() {
			if got, want := follower.Digest(ds), fmt.Sprintf("%s=%x ", ds, play.digests()[ds.String()]); got != want {
				t.Errorf("the follower's digest is %s, not %s", got, want)
			}
		}
		for _, guest := range []string{"room101", "room102", "late0"} {
			if got, err := follower.DB.Password(guest); err != nil || got != "guestpass" {
				t.Errorf("password of %s: %q, %v", guest, got, err)
			}
		}
		if n := follower.Users(); n != 4 {
			t.Errorf("%d accounts", n)
		}
	})
}

// A follower of today lacks what the old primary knows that it was given: both find out and mend it.
func TestOldPrimaryRepairs(t *testing.T) {
	versions(t, func(t *testing.T, ahead bool) {
		script := transcript(t, "repair-1.txt")
		follower := boxtest.NewLAN(t).Box("follower")
		then(t, follower, nil)
		stands := first(t, script, '>', (*syncpb.Frame).GetSubscribe).Positions[1]
		if err := follower.DB.SetPosition(t.Context(), hotspotdb.DatabaseID(stands.Database), hotspotdb.Users,
			hotspotdb.Position{Incarnation: stands.Incarnation, Seq: stands.Seq}); err != nil {
			t.Fatal(err)
		}
		play := oldPrimary(t, script, ahead)
		play.follow(follower, "datasets users profiles")
		play.play()
		if got, want := follower.Digest(hotspotdb.Users), fmt.Sprintf("users=%x ", play.digests()["users"]); got != want {
			t.Errorf("the follower's digest is %s, not %s", got, want)
		}
		if n := follower.Users(); n != 2 {
			t.Errorf("%d accounts", n)
		}
	})
}

// primaryPlayer is the primary of a transcript; it listens for one box of today.
type primaryPlayer struct {
	player
	listener net.Listener
}

func oldPrimary(t *testing.T, script []said, ahead bool) *primaryPlayer {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{configstore.OpenMemory("old").Identity().Certificate()}, NextProtos: []string{peer.ALPN},
		MinVersion: tls.VersionTLS13, ClientAuth: tls.RequireAnyClientCert,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	p := &primaryPlayer{player: player{t: t, mine: '<', script: script, ahead: ahead}, listener: l}
	p.react = p.answer
	if ahead {
		p.change = func(f *syncpb.Frame) *syncpb.Frame {
			if f.GetHello() != nil {
				f.GetHello().Version, f.GetHello().Datasets = 2, []string{"holograms", "users"}
			}
			if f.GetWelcome() != nil {
				f.GetWelcome().Down = append(f.GetWelcome().Down, "holograms")
			}
			return f
		}
	}
	return p
}

// follow makes the box dial, and proves the password to it as boxes then did.
func (p *primaryPlayer) follow(b *boxtest.Box, options string) {
	p.t.Helper()
	host, port, _ := net.SplitHostPort(p.listener.Addr().String())
	b.Must(fmt.Sprintf("mbox sync primary %s port %s username mboxadmin password %s %s", host, port, boxtest.Password, options))
	conn, err := p.listener.Accept()
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { conn.Close() })
	p.conn = conn.(*tls.Conn)
	if err := p.conn.Handshake(); err != nil {
		p.t.Fatal(err)
	}
	p.listen()
	if hello := p.hear().GetHello(); hello.GetVersion() < 1 || hello.GetAccount() != "mboxadmin" {
		p.t.Fatalf("the follower begins with %v", hello)
	}
	p.say(p.script[1])
	if err := scramServer(p.conn.ConnectionState(), boxtest.Password, p.sayScram, p.hearScram); err != nil {
		p.t.Fatal(err)
	}
	p.script = p.script[6:]
}

func (p *player) sayScram(m string) error {
	p.send(&syncpb.Frame{Kind: &syncpb.Frame_Scram{Scram: &syncpb.Scram{Message: m}}})
	return nil
}

func (p *player) hearScram() (string, error) { return p.hear().GetScram().GetMessage(), nil }

// answer gives what the primary of the transcript answered.
func (p *primaryPlayer) answer(f *syncpb.Frame) {
	switch k := f.Kind.(type) {
	case *syncpb.Frame_Batch:
		p.send(&syncpb.Frame{Kind: &syncpb.Frame_Stored{Stored: storedUpTo(k.Batch, nil)}})
	case *syncpb.Frame_BucketsQuery:
		if k.BucketsQuery.Total {
			return // it only asks for the digest that is coming
		}
		for _, line := range p.script {
			if line.by == p.mine && line.frame.GetBuckets() != nil {
				p.say(line)
				return
			}
		}
	case *syncpb.Frame_Compare:
		for _, line := range p.script {
			if c := line.frame.GetCompared(); c.GetDataset() == k.Compare.Dataset && c.GetBucket() == k.Compare.Bucket && c != nil {
				p.say(line)
				return
			}
		}
		p.t.Errorf("nobody asked for bucket %d of %s then", k.Compare.Bucket, k.Compare.Dataset)
	}
}

// digests are the last ones that the primary stated.
func (p *primaryPlayer) digests() map[string][]byte {
	out := map[string][]byte{}
	for _, line := range p.script {
		if d := line.frame.GetDigest(); d != nil && line.by == '<' {
			out[d.Dataset] = d.Total
		}
	}
	return out
}

func storedUpTo(b *syncpb.Batch, database []byte) *syncpb.Stored {
	return &syncpb.Stored{ClockUs: uint64(recordedAt.UnixMicro()), Positions: []*syncpb.Position{
		{Dataset: b.Dataset, Database: database, Incarnation: b.Incarnation, Seq: b.Last},
	}}
}

// followerPlayer is the follower of a transcript. What it stores is kept in a database of its own, under the digest key of the
// domain that it joined.
type followerPlayer struct {
	player
	db       *hotspotdb.DB
	database []byte // of the primary
	digests  map[string]*syncpb.Digest
	compared []*syncpb.Compared
}

// oldFollower has proved itself to the primary.
func oldFollower(t *testing.T, script []said, primary *boxtest.Box, ahead bool) *followerPlayer {
	t.Helper()
	p := &followerPlayer{player: player{t: t, mine: '>', script: script, ahead: ahead}, digests: map[string]*syncpb.Digest{}}
	p.react = p.answer
	if ahead {
		p.change = func(f *syncpb.Frame) *syncpb.Frame {
			if h := f.GetHello(); h != nil {
				h.Version, h.Datasets, h.Send = 2, append(h.Datasets, "holograms"), append(h.Send, "holograms")
			}
			if s := f.GetSubscribe(); s != nil {
				s.Positions = append(s.Positions, &syncpb.Position{Dataset: "holograms"})
			}
			return f
		}
	}
	conn, err := newStranger(t, primary, "127.9.0.1").tls(nil)
	if err != nil {
		t.Fatal(err)
	}
	p.conn = conn
	p.listen()
	p.say(script[0])
	p.database = p.hear().GetHello().GetDatabase()
	client := boundClient(conn.ConnectionState(), "mboxadmin", boxtest.Password)
	if err := client.run(p.sayScram, p.hearScram); err != nil {
		t.Fatal(err)
	}
	welcome := first(t, script, '<', (*syncpb.Frame).GetWelcome)
	p.db, err = hotspotdb.Open(hotspotdb.Options{
		Dir: t.TempDir(), DigestKey: [16]byte(welcome.Domain.DigestKey), Now: func() time.Time { return recordedAt },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.db.Close() })
	holding(t, p.db, script, '>', hotspotdb.Below, 1)
	p.script = script[6:]
	return p
}

// answer does what the follower of that day did with what it was sent.
func (p *followerPlayer) answer(f *syncpb.Frame) {
	switch k := f.Kind.(type) {
	case *syncpb.Frame_Batch:
		p.store(k.Batch.Dataset, k.Batch.Changes)
		p.send(&syncpb.Frame{Kind: &syncpb.Frame_Stored{Stored: storedUpTo(k.Batch, p.database)}})
	case *syncpb.Frame_Compared:
		p.store(k.Compared.Dataset, k.Compared.Changes)
		p.compared = append(p.compared, k.Compared)
	case *syncpb.Frame_Digest:
		p.digests[k.Digest.Dataset] = k.Digest
	}
}

func (p *followerPlayer) store(name string, data []byte) {
	p.t.Helper()
	changes := unpacked(p.t, data)
	if _, err := p.db.Apply(context.Background(), hotspotdb.Batch{
		Dataset: dataset(p.t, name), From: hotspotdb.DatabaseID(p.database), Kind: hotspotdb.Above, Changes: changes.Change, Seqs: changes.Seq,
	}); err != nil {
		p.t.Fatal(err)
	}
}

// agrees says whether it holds what the primary's last digest of each dataset says.
func (p *followerPlayer) agrees(datasets ...hotspotdb.Dataset) bool {
	view := p.db.View()
	defer view.Close()
	for _, ds := range datasets {
		total := view.Total(ds)
		if d := p.digests[ds.String()]; d == nil || !bytes.Equal(d.Total, total[:]) {
			return false
		}
	}
	return true
}

// until hears the primary until ok.
func (p *followerPlayer) until(ok func() bool) {
	p.t.Helper()
	for !ok() {
		p.hear()
	}
}

// The follower of the transcript joins a primary of today: it gets everything, and what it returns is stored.
func TestOldFollower(t *testing.T) {
	versions(t, func(t *testing.T, ahead bool) {
		script := transcript(t, "first-sync-1.txt")
		primary := boxtest.NewLAN(t).Box("primary")
		then(t, primary, first(t, script, '<', (*syncpb.Frame).GetWelcome))
		holding(t, primary.DB, script, '<', hotspotdb.Above, 4)
		primary.Must("mbox sync allow 127.9.0.0/16 accept all")
		play := oldFollower(t, script, primary, ahead)
		play.play()
		primary.Add("new", 1)
		play.until(func() bool {
			return primary.Users() == 5 && play.db.Statistics().Users == 5 && play.agrees(hotspotdb.Datasets()...)
		})
		if got, err := primary.DB.Password("walkin0"); err != nil || got != "guestpass" {
			t.Errorf("password of the account that it returned: %q, %v", got, err)
		}
		d := play.digests["sticky"]
		if want := first(t, script, '<', func(f *syncpb.Frame) *syncpb.Digest {
			if f.GetDigest().GetDataset() == "sticky" {
				return f.GetDigest()
			}
			return nil
		}); !bytes.Equal(d.Total, want.Total) {
			t.Errorf("today sticky sums up to %x, then it was %x", d.Total, want.Total)
		}
	})
}

// The follower of the transcript asks a primary of today about the buckets that differ, and gets what it got then.
func TestOldFollowerRepairs(t *testing.T) {
	versions(t, func(t *testing.T, ahead bool) {
		script := transcript(t, "repair-1.txt")
		primary := boxtest.NewLAN(t).Box("primary")
		then(t, primary, first(t, script, '<', (*syncpb.Frame).GetWelcome))
		holding(t, primary.DB, script, '<', hotspotdb.Above, 0)
		if err := primary.DB.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		primary.Must("mbox sync allow 127.9.0.0/16")
		play := oldFollower(t, script, primary, ahead)
		future := play.change
		play.change = func(f *syncpb.Frame) *syncpb.Frame {
			if s := f.GetSubscribe(); s != nil { // the one thing that depends on the other side: where it stands
				history := primary.DB.History()
				at := hotspotdb.Position{Incarnation: history[len(history)-1].ID, Seq: primary.DB.Head(hotspotdb.Users)}
				s.Positions[1].Database, s.Positions[1].Incarnation, s.Positions[1].Seq = play.database, at.Incarnation, at.Seq
			}
			if future != nil {
				return future(f)
			}
			return f
		}
		play.play()
		play.until(func() bool { return play.agrees(hotspotdb.Users, hotspotdb.Profiles) && len(play.compared) == 4 })
		got, want := map[uint32][]byte{}, map[uint32][]byte{}
		for _, c := range play.compared {
			got[c.Bucket] = slices.Concat(unpacked(t, c.Changes).Change...)
		}
		for _, line := range script {
			if c := line.frame.GetCompared(); c != nil {
				want[c.Bucket] = slices.Concat(unpacked(t, c.Changes).Change...)
			}
		}
		if !maps.EqualFunc(got, want, bytes.Equal) {
			t.Errorf("the buckets are not what they were then:\n%x\n%x", got, want)
		}
	})
}
