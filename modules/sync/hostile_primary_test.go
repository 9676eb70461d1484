package sync_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"math"
	"net"
	"slices"
	"strings"
	"testing"

	"mbox/boxtest"
	"mbox/hotspotdb"
	boxsync "mbox/modules/sync"
	"mbox/modules/sync/peer"
	"mbox/proto/syncpb"
)

// What a primary can do that knows the password, and what somebody can who stands between.

// domainOf is a domain as a primary describes its own.
func domainOf(active uint32, keys int) *syncpb.Welcome {
	w := &syncpb.Welcome{
		History: []*syncpb.Incarnation{{Id: 1, First: 1}}, Down: []string{"users", "profiles"},
		Domain: &syncpb.Domain{Id: bytes.Repeat([]byte{1}, 16), CreatedUs: 1, DigestKey: bytes.Repeat([]byte{2}, 16), ActiveKey: active},
	}
	for i := range keys {
		w.Keys = append(w.Keys, &syncpb.DomainKey{Id: active + uint32(i), Key: bytes.Repeat([]byte{byte(i)}, 32), CreatedUs: 1})
	}
	return w
}

func frameWith(w *syncpb.Welcome) *syncpb.Frame {
	return &syncpb.Frame{Kind: &syncpb.Frame_Welcome{Welcome: w}}
}

// followLine is the line that follows a rogue primary.
func followLine(addr, options string) string {
	host, port, _ := net.SplitHostPort(addr)
	return fmt.Sprintf("mbox sync primary %s port %s username mboxadmin password %s %s", host, port, boxtest.Password, options)
}

// Each of these ends the connection, tells the operator of the follower why, and changes nothing on it.
func TestHostileWelcomeOfAPrimary(t *testing.T) {
	long := domainOf(5, 1)
	for i := range 2001 {
		long.History = append(long.History, &syncpb.Incarnation{Id: uint64(i + 2), First: uint64(i + 2)})
	}
	disordered := domainOf(5, 1)
	disordered.History = []*syncpb.Incarnation{{Id: 1, First: 10}, {Id: 2, First: 5}}
	short := domainOf(5, 1)
	short.Domain.DigestKey = []byte{1}
	nameless := domainOf(5, 1)
	nameless.Domain.Id = make([]byte, 16)
	keyless := domainOf(5, 1)
	keyless.Keys[0].Key = []byte{1, 2, 3}
	zero := domainOf(0, 1)
	for name, c := range map[string]struct {
		frame *syncpb.Frame
		says  string
	}{
		"a history of 2,002 incarnations": {frameWith(long), "history"},
		"a history out of order":          {frameWith(disordered), "history"},
		"no history":                      {frameWith(&syncpb.Welcome{Domain: long.Domain}), "history"},
		"no domain":                       {frameWith(&syncpb.Welcome{History: short.History}), "domain"},
		"a short digest key":              {frameWith(short), "domain"},
		"a domain without an id":          {frameWith(nameless), "domain"},
		"more keys than a ring has":       {frameWith(domainOf(5, 70)), "keys"},
		"a key of three bytes":            {frameWith(keyless), "key"},
		"a key without an id":             {frameWith(zero), "key"},
		"a batch instead":                 {batch("users", nil, 0), "Welcome"},
	} {
		follower := boxtest.NewLAN(t).Box("follower")
		follower.Add("guest", 1)
		domain, keys, digest := follower.Store.Keyring().Domain(), len(follower.Store.Keyring().Keys()), follower.Digest(hotspotdb.Users)
		addr := roguePrimary(t, func(s *peer.Session) {
			_ = s.Send(c.frame)
			_, _ = io.Copy(io.Discard, frameReader{s})
		})
		follower.Must(followLine(addr, ""))
		boxtest.Eventually(t, name+": the operator is told", func() bool {
			return strings.Contains(boxtest.Text(follower.Status("upstream").Reason), c.says)
		})
		if now := follower.Store.Keyring().Domain(); now != domain || len(follower.Store.Keyring().Keys()) != keys || follower.Digest(hotspotdb.Users) != digest {
			t.Errorf("%s: the follower was changed", name)
		}
		follower.Shutdown()
		follower.Start() // the end of the test stops it
	}
}

// frameReader reads frames until the connection ends.
type frameReader struct{ s *peer.Session }

func (r frameReader) Read([]byte) (int, error) {
	_, err := r.s.Receive()
	return 0, err
}

// After a proper Welcome, a primary that asks back, starts or answers what it has no right to gets nothing.
func TestPrimaryAsksBackOnlyWhatItGave(t *testing.T) {
	follower := boxtest.NewLAN(t).Box("follower")
	follower.Add("secret", 20)
	said := make(chan *syncpb.Frame, 1000)
	addr := roguePrimary(t, func(s *peer.Session) {
		w := domainOf(5, 0)
		w.Down, w.Up = []string{"profiles"}, []string{"users", "sessions"}
		w.Recover = []string{"users", "sessions", "profiles", "secrets"}
		frames := []*syncpb.Frame{
			frameWith(w), subscribeTo("users", "profiles", "sessions", "secrets"),
			{Kind: &syncpb.Frame_Token{Token: &syncpb.Token{Token: strings.Repeat("x", 100_000)}}},
			{Kind: &syncpb.Frame_Stored{Stored: &syncpb.Stored{Positions: []*syncpb.Position{{Dataset: "users", Seq: math.MaxUint64}}}}},
			{Kind: &syncpb.Frame_BucketsQuery{BucketsQuery: &syncpb.BucketsQuery{Dataset: "users"}}},
			{Kind: &syncpb.Frame_Compare{Compare: &syncpb.Compare{Dataset: "users", Bucket: 1}}},
			{Kind: &syncpb.Frame_FeedStart{FeedStart: &syncpb.FeedStart{Dataset: "profiles"}}},
		}
		for _, f := range frames {
			_ = s.Send(f)
		}
		for {
			f, err := s.Receive()
			if err != nil {
				return
			}
			said <- f
		}
	})
	follower.Must(followLine(addr, "datasets profiles"))
	for {
		f := <-said
		for _, name := range mentions(f) {
			if name != "profiles" {
				t.Errorf("the follower speaks of %s: %v", name, f)
			}
		}
		if f.GetWelcome() != nil && len(f.GetWelcome().Keys) > 0 {
			t.Error("it gave away password keys")
		}
		if f.GetHeartbeat() != nil {
			break
		}
	}
	if n := follower.Users(); n != 20 {
		t.Errorf("%d accounts are left on the follower", n)
	}
}

// mentions are the datasets of which a frame carries something.
func mentions(f *syncpb.Frame) (out []string) {
	out = append(out, f.GetFeedStart().GetDataset(), f.GetBatch().GetDataset(), f.GetBuckets().GetDataset(), f.GetCompared().GetDataset(), f.GetDigest().GetDataset())
	for _, h := range f.GetHeartbeat().GetHeads() {
		out = append(out, h.Dataset)
	}
	return slices.DeleteFunc(out, func(name string) bool { return name == "" })
}

// Somebody between the two boxes, with a certificate of his own and everything that is said at hand: neither side lets him in,
// and he is the one whose address is locked out.
func TestManInTheMiddle(t *testing.T) {
	lan := boxtest.NewLAN(t)
	primary, follower := lan.Box("primary"), lan.Box("follower")
	primary.Must("mbox sync allow 127.0.0.0/8 accept all")
	primary.Add("guest", 5)
	eve := newStranger(t, primary, "127.9.0.66")
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{eve.id.Certificate()}, NextProtos: []string{peer.ALPN}, MinVersion: tls.VersionTLS13, ClientAuth: tls.RequireAnyClientCert,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go relay(c, eve)
		}
	}()
	follower.Must(followLine(l.Addr().String(), "send all"))
	boxtest.Eventually(t, "the follower refuses", func() bool {
		s := follower.Status("upstream")
		return s.State == "refused" && strings.Contains(boxtest.Text(s.Reason), "password")
	})
	if n := follower.Users() + int(follower.DB.Counts(hotspotdb.Users).Tombstones); n != 0 {
		t.Errorf("%d accounts came through", n)
	}
	if _, pinned, _ := follower.Store.State("pins").Get("127.0.0.1"); pinned {
		t.Error("his key was pinned")
	}
	boxtest.Eventually(t, "the primary knows where it came from", func() bool {
		r := primary.Sync.Status().Refused
		return slices.ContainsFunc(r, func(p boxsync.RefusedPeer) bool { return p.Address == "127.9.0.66" })
	})
	// With the primary's key pinned, not even the name of the account is said to him.
	honest := lan.Box("honest")
	honest.Must(fmt.Sprintf("mbox sync fingerprint 127.0.0.1 sha256:%s", primary.Store.Identity().BoxID()))
	honest.Must(followLine(l.Addr().String(), ""))
	boxtest.Eventually(t, "a configured fingerprint is compared first", func() bool {
		return strings.Contains(boxtest.Text(honest.Status("upstream").Reason), "not the configured fingerprint")
	})
}

// relay carries everything between a follower and the primary over two TLS connections of its own.
func relay(c net.Conn, eve *stranger) {
	defer c.Close()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(eve.from)}}
	raw, err := d.Dial("tcp", eve.to)
	if err != nil {
		return
	}
	up := tls.Client(raw, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{peer.ALPN}, Certificates: []tls.Certificate{eve.id.Certificate()}})
	defer up.Close()
	go func() {
		_, _ = io.Copy(up, c)
		up.Close()
	}()
	_, _ = io.Copy(c, up)
}
