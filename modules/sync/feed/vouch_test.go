package feed

import (
	"testing"
	"time"

	"mbox/hotspotdb"
	"mbox/proto/syncpb"
)

// A peer's word counts for what this database, as it is now, has sent: rule 10 of a database that was restored, that another box
// has taken the place of, or whose peer's clock makes it set changes aside.
func TestWhatAPeerVouchesFor(t *testing.T) {
	options := hotspotdb.Options{Dir: t.TempDir()}
	open := func() *hotspotdb.DB {
		db, err := hotspotdb.Open(options)
		if err != nil {
			t.Fatal(err)
		}
		for i := range uint64(10) {
			if err := db.Update(t.Context(), func(tx *hotspotdb.Tx) error { return tx.Put(hotspotdb.Users, hotspotdb.SelfKey(i+1), nil) }); err != nil {
				t.Fatal(err)
			}
		}
		return db
	}
	if err := open().Close(); err != nil {
		t.Fatal(err)
	}
	db := open()
	defer db.Close()
	id, history := db.ID(), db.History()
	first, second := history[len(history)-2], history[len(history)-1]
	clock := func(off time.Duration) uint64 { return uint64(time.Now().Add(off).UnixMicro()) }
	for name, test := range map[string]struct {
		database    []byte
		incarnation uint64
		seq         uint64
		clock       uint64
		counts      bool
	}{
		"now":                             {id[:], second.ID, second.First + 3, clock(0), true},
		"an earlier incarnation":          {id[:], first.ID, second.First - 1, clock(0), true},
		"its clock is a little behind":    {id[:], second.ID, second.First + 3, clock(-maxBehind / 2), true},
		"its clock is ahead":              {id[:], second.ID, second.First + 3, clock(24 * time.Hour), true},
		"its clock is far behind":         {id[:], second.ID, second.First + 3, clock(-2 * maxBehind), false},
		"what an incarnation has lost":    {id[:], first.ID, second.First + 3, clock(0), false},
		"an incarnation that is unknown":  {id[:], second.ID + 1, second.First, clock(0), false},
		"another database":                {make([]byte, 16), second.ID, second.First, clock(0), false},
		"more than this box has on disk":  {id[:], second.ID, db.Durable() + 1, clock(0), false},
		"everything that it has on disk":  {id[:], second.ID, db.Durable(), clock(0), true},
		"no position yet, no incarnation": {id[:], 0, 0, clock(0), false},
	} {
		told := false
		l := &Link{cfg: Config{DB: db, Stored: func(ds hotspotdb.Dataset, seq uint64) { told = ds == hotspotdb.Users && seq == test.seq }}}
		l.vouch(hotspotdb.Users, &syncpb.Position{Database: test.database, Incarnation: test.incarnation, Seq: test.seq}, test.clock)
		if told != test.counts {
			t.Errorf("%s: counts %v, want %v", name, told, test.counts)
		}
	}
	(&Link{cfg: Config{DB: db}}).vouch(hotspotdb.Users, &syncpb.Position{Database: id[:], Incarnation: second.ID, Seq: second.First}, clock(0))
}
