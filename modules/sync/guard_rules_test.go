package sync_test

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"google.golang.org/protobuf/proto"

	"mbox/boxtest"
	"mbox/hotspotdb"
	"mbox/hotspotdb/dbtest"
	"mbox/modules/sync/peer"
	"mbox/proto/syncpb"
)

// Rule 1: batches follow each other without a gap; the digests find nothing to repair.
func TestFirstSyncNeedsNoRepair(t *testing.T) {
	lan := boxtest.NewLAN(t)
	primary, backup := lan.Box("primary"), lan.Box("backup")
	primary.Add("guest", 5000)
	backup.Follow(primary, "", "")
	boxtest.InSync(primary, backup)
	if log := backup.Log.String(); strings.Contains(log, "gone missing") {
		t.Errorf("records were missing:\n%s", log)
	}
}

// Rule 2: a position is believed if it lies in this database and is durable here; else the feed starts at the beginning.
func TestPositionsThatAreNotBelieved(t *testing.T) {
	primary := allowedPrimary(t)
	id, other := primary.DB.ID(), hotspotdb.DatabaseID{7}
	good := primary.DB.PositionAt(primary.DB.Durable())
	for name, c := range map[string]struct {
		database hotspotdb.DatabaseID
		seq      uint64
		want     uint64
	}{
		"the last one":        {id, good.Seq, good.Seq},
		"beyond the end":      {id, 1 << 62, 0},
		"in another database": {other, good.Seq, 0},
	} {
		s := guest(t, primary, peer.Credentials{Want: []string{"users"}})
		subscribe(t, s, &syncpb.Position{Dataset: "users", Database: c.database[:], Incarnation: good.Incarnation, Seq: c.seq})
		if got := feedStart(t, s).Seq; got != c.want {
			t.Errorf("%s: the feed starts at %d, expected %d", name, got, c.want)
		}
	}
}

// Rule 2: where only differing buckets travel, deletions travel all the same: a third box may hold what was deleted.
func TestDeletionsTravelInEqualBuckets(t *testing.T) {
	lan := boxtest.NewLAN(t)
	primary, backup := lan.Box("primary"), lan.Box("backup")
	primary.Add("guest", 20)
	backup.Follow(primary, "", "")
	boxtest.InSync(primary, backup)
	backup.Must("no mbox sync primary " + primary.Addr.String())
	primary.Add("gone", 1)
	gone, err := primary.DB.Account("gone0")
	if err != nil {
		t.Fatal(err)
	}
	if err := primary.DB.Update(t.Context(), func(tx *hotspotdb.Tx) error { return tx.DeleteAccount("gone0", "test") }); err != nil {
		t.Fatal(err)
	}
	if err := backup.DB.SetPosition(t.Context(), primary.DB.ID(), hotspotdb.Users, hotspotdb.Position{}); err != nil {
		t.Fatal(err)
	}
	backup.Must(backup.FollowLine(primary, ""))
	boxtest.InSync(primary, backup)
	if c, err := backup.DB.Get(hotspotdb.Users, hotspotdb.AccessKey(gone.ID)); err != nil || !c.Deleted {
		t.Errorf("the backup knows of the deletion: %v, %v", c.Deleted, err)
	}
}

// Rule 3: changes and position are stored together or not at all.
func TestRefusedBatchMovesNoPosition(t *testing.T) {
	lan := boxtest.NewLAN(t)
	follower := lan.Box("follower")
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := proto.Marshal(&syncpb.Changes{Change: [][]byte{{0xff}}, Seq: []uint64{5}})
	if err != nil {
		t.Fatal(err)
	}
	type end struct{ sent bool }
	ended := make(chan end, 100)
	addr := roguePrimary(t, func(s *peer.Session) {
		_ = s.Send(&syncpb.Frame{Kind: &syncpb.Frame_Welcome{Welcome: &syncpb.Welcome{
			History: []*syncpb.Incarnation{{Id: 1, First: 1}}, Down: []string{"users"},
			Domain: &syncpb.Domain{Id: bytes.Repeat([]byte{1}, 16), DigestKey: bytes.Repeat([]byte{2}, 16), ActiveKey: 5},
			Keys:   []*syncpb.DomainKey{{Id: 5, Key: bytes.Repeat([]byte{3}, 32)}},
		}}})
		sent := false
		for {
			frame, err := s.Receive()
			if err != nil {
				ended <- end{sent}
				return
			}
			if frame.GetSubscribe() != nil {
				sent = true
				_ = s.Send(&syncpb.Frame{Kind: &syncpb.Frame_FeedStart{FeedStart: &syncpb.FeedStart{Dataset: "users", Head: 5, Incarnation: 1}}})
				_ = s.Send(&syncpb.Frame{Kind: &syncpb.Frame_Batch{Batch: &syncpb.Batch{
					Dataset: "users", Incarnation: 1, Last: 5, Head: 5, Changes: enc.EncodeAll(raw, nil), Size: uint32(len(raw)),
				}}})
			}
		}
	})
	host, port, _ := net.SplitHostPort(addr)
	follower.Must(fmt.Sprintf("mbox sync primary %s port %s username mboxadmin password %s datasets users", host, port, boxtest.Password))
	if e := <-ended; !e.sent {
		t.Fatalf("the follower left before the batch:\n%s", follower.Log)
	}
	if pos := follower.DB.Position(hotspotdb.DatabaseID{9}, hotspotdb.Users); pos != (hotspotdb.Position{}) {
		t.Errorf("nothing was stored, and the position is %v", pos)
	}
}

// Rule 4: what came from one primary is not passed up to another.
func TestOnlyOwnChangesGoUp(t *testing.T) {
	lan := boxtest.NewLAN(t)
	first, second, follower := lan.Box("first"), lan.Box("second"), lan.Box("follower")
	first.Add("theirs", 5)
	follower.Follow(first, "", "")
	boxtest.InSync(first, follower)
	follower.Must("no mbox sync primary " + first.Addr.String())
	follower.Add("own", 1)
	follower.Follow(second, "send all", "accept all")
	boxtest.Eventually(t, "the follower's own account arrives", func() bool { _, err := second.DB.Account("own0"); return err == nil })
	if n := second.Users(); n != 1 {
		t.Errorf("the second primary has %d accounts, expected the follower's only", n)
	}
}

// Rule 4: two boxes that dial each other have two connections, and receive each dataset once.
func TestMutualBoxesFeedOnceEachWay(t *testing.T) {
	lan := boxtest.NewLAN(t)
	a, b := lan.Box("a"), lan.Box("b")
	a.Follow(b, "send all", "accept all")
	b.Follow(a, "send all", "accept all")
	both := func(box *boxtest.Box) bool {
		return box.Status("upstream").State != "connecting" && box.Status("downstream").State != "none"
	}
	boxtest.Eventually(t, "both connections are there", func() bool { return both(a) && both(b) })
	a.Add("guest", 10)
	boxtest.Eventually(t, "the accounts arrive", func() bool { return b.Users() == 10 })
	for _, box := range []*boxtest.Box{a, b} {
		feeds := 0
		for _, p := range box.Sync.Status().Peers {
			for _, d := range p.Datasets {
				if d.Dataset == hotspotdb.Users && d.Direction == "receive" {
					feeds++
				}
			}
		}
		if feeds > 1 {
			t.Errorf("%s receives users %d times", box.Name, feeds)
		}
	}
}

// Rule 5: what was set aside merges by itself when the clock allows.
func TestSetAsideArrivesInTime(t *testing.T) {
	lan := boxtest.NewLAN(t)
	primary, backup := lan.Box("primary"), lan.Box("backup")
	backup.Follow(primary, "", "")
	primary.Ahead.Store(int64(10 * time.Minute))
	primary.Add("guest", 1)
	boxtest.Eventually(t, "the change is set aside", func() bool { return backup.DB.SetAsideCount() > 0 })
	backup.Ahead.Store(int64(10 * time.Minute))
	boxtest.Eventually(t, "the change is merged", func() bool { return backup.Users() == 1 && backup.DB.SetAsideCount() == 0 })
}

// Rule 8: a record that we have from the primary, and that the primary does not have, is an alarm and no local change.
func TestRecordsThatThePrimaryLostAreAnAlarm(t *testing.T) {
	lan := boxtest.NewLAN(t)
	primary, backup := lan.Box("primary"), lan.Box("backup")
	primary.Add("guest", 5)
	c := hotspotdb.Change{Key: []byte("x"), Stamp: hotspotdb.Stamp{Clock: 5, Origin: primary.DB.ID()}}
	_, err := backup.DB.Apply(t.Context(), hotspotdb.Batch{
		Dataset: hotspotdb.Users, From: primary.DB.ID(), Kind: hotspotdb.Above, Changes: [][]byte{hotspotdb.AppendChange(nil, &c)}, Seqs: []uint64{1},
	})
	if err != nil {
		t.Fatal(err)
	}
	backup.Follow(primary, "", "")
	backup.WaitState("upstream", "diverged")
	if log := backup.Log.String(); !strings.Contains(log, "no longer holds") {
		t.Errorf("no alarm was logged:\n%s", log)
	}
}

// Rule 3: what is on a follower, but not on its disk, is not acknowledged.
func TestAcknowledgedWhenDurable(t *testing.T) {
	lan := boxtest.NewLAN(t)
	disk := dbtest.NewDisk()
	primary, backup := lan.Box("primary"), lan.BoxOn("backup", disk)
	backup.Follow(primary, "", "")
	primary.Add("before", 1)
	boxtest.InSync(primary, backup)
	release := disk.HoldSyncs()
	primary.Add("pending", 1)
	boxtest.Eventually(t, "the change is on the backup", func() bool { return backup.DB.Head(hotspotdb.Users) > backup.DB.Durable() })
	const positionsAreToldEvery = time.Second
	told := time.After(3 * positionsAreToldEvery / 2)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for waiting := true; waiting; {
		select {
		case <-told:
			waiting = false
		case <-tick.C:
			if *primary.Status("downstream").BehindChanges == 0 {
				t.Error("acknowledged, and a power cut can take it back")
				waiting = false
			}
		}
	}
	release()
	boxtest.InSync(primary, backup)
}
