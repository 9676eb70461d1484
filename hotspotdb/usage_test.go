package hotspotdb

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"google.golang.org/protobuf/proto"

	"mbox/proto/hotspotpb"
)

// usageBody has counters, then an unknown field that makes it size bytes long.
func usageBody(t *testing.T, size int, c counters) []byte {
	t.Helper()
	body, err := proto.Marshal(&hotspotpb.Usage{InputOctets: c[0], OutputOctets: c[1], SessionTimeS: c[2]})
	must(t, err)
	if size == 0 {
		return body
	}
	for n := size - len(body); ; n-- {
		if long := appendBytes(body, 99, []byte(strings.Repeat("x", n))); len(long) <= size {
			return long
		}
	}
}

func count(t *testing.T, db *DB, octets uint64) {
	t.Helper()
	must(t, db.Update(t.Context(), func(tx *Tx) error {
		_, err := tx.OpenSegment(Segment{Username: "u", Account: 7, InputOctetsTo: octets})
		return err
	}))
}

// TestUsageThatDoesNotFit: a version that another box filled up can be joined with the own one, which is then what counts,
// and does not keep this box from counting on.
func TestUsageThatDoesNotFit(t *testing.T) {
	clock := newFakeClock()
	o := memOptions(vfs.NewMem())
	o.Now = clock.Now
	db := mustOpen(t, o)
	day := clock.Now().UTC().Truncate(usagePeriod).Unix()
	key := UsageKey(7, db.ID(), day)
	full := AppendChange(nil, &Change{Key: key, Stamp: Stamp{clock.micros() + 1e6, dbID(6)}, Body: usageBody(t, maxUsage, counters{0, 1, 0})})
	count(t, db, 100)
	if r := applyOne(t, db, Sessions, full); r.Stored != 1 {
		t.Fatalf("result %+v", r)
	}
	c, err := db.Get(Sessions, key)
	must(t, err)
	if countersOf(c.Body) != (counters{100, 1, 0}) || c.Stamp.Clock != clock.micros()+1e6 || lastBytes(c.Body, 99) != nil {
		t.Errorf("joined to %v at %d, %d bytes", countersOf(c.Body), c.Stamp.Clock, len(c.Body))
	}
	full = AppendChange(nil, &Change{Key: key, Stamp: Stamp{clock.micros() + 2e6, dbID(6)}, Body: usageBody(t, maxUsage, counters{100, 1, 0})})
	applyOne(t, db, Sessions, full)
	if c, err = db.Get(Sessions, key); err != nil || len(c.Body) < maxUsage-2 {
		t.Fatalf("the full version was not stored: %d bytes, %v", len(c.Body), err)
	}
	count(t, db, 1<<40)
	if u, err := db.Usage(7, clock.Now(), clock.Now().Add(time.Hour)); err != nil || u != (Usage{InputOctets: 1<<40 + 100, OutputOctets: 1}) {
		t.Errorf("counted on to %+v, %v", u, err)
	}
	// A stored version longer than peers may send any more.
	storeUnchecked(t, db, Sessions, AppendChange(nil, &Change{Key: key, Stamp: Stamp{clock.micros() + 3e6, dbID(6)}, Body: usageBody(t, maxBody, counters{1, 1, 1})}))
	applyOne(t, db, Sessions, AppendChange(nil, &Change{Key: key, Stamp: Stamp{5, dbID(6)}, Body: usageBody(t, 0, counters{2, 0, 0})}))
	if c, err = db.Get(Sessions, key); err != nil || countersOf(c.Body) != (counters{2, 1, 1}) || len(c.Body) > maxUsage {
		t.Errorf("joined to %v, %d bytes, %v", countersOf(c.Body), len(c.Body), err)
	}
}

func TestUsageDoesNotWrap(t *testing.T) {
	db := openMem(t)
	now := time.Now()
	day := now.UTC().Truncate(usagePeriod).Unix()
	for _, box := range []DatabaseID{db.ID(), dbID(6)} {
		applyOne(t, db, Sessions, AppendChange(nil, &Change{
			Key: UsageKey(7, box, day), Stamp: Stamp{5, dbID(6)}, Body: usageBody(t, 0, counters{math.MaxUint64 - 1, 1, 0}),
		}))
	}
	for _, origin := range []string{"of all boxes", "counted on here"} {
		u, err := db.Usage(7, now, now.Add(time.Second))
		if err != nil || u.InputOctets != math.MaxUint64 || u.OutputOctets != 2 {
			t.Errorf("%s: %+v, %v", origin, u, err)
		}
		must(t, db.Update(t.Context(), func(tx *Tx) error { return tx.raiseUsage(7, now, counters{1000, 0, 0}) }))
	}
	c, err := db.Get(Sessions, UsageKey(7, db.ID(), day))
	if err != nil || countersOf(c.Body) != (counters{math.MaxUint64, 1, 0}) {
		t.Errorf("counted to %v, %v", countersOf(c.Body), err)
	}
}

// TestUsageReadsOnlyTheAccount: what other accounts, boxes and days there are does not count, nor how often a record was
// replaced, and the list in memory is the same after another key and after opening again.
func TestUsageReadsOnlyTheAccount(t *testing.T) {
	clock, fs := newFakeClock(), vfs.NewMem()
	o := memOptions(fs)
	o.Now = clock.Now
	db := mustOpen(t, o)
	day := clock.Now().UTC().Truncate(usagePeriod)
	usage := func(account uint64, box byte, start time.Time, clock uint64, octets uint64) {
		applyOne(t, db, Sessions, AppendChange(nil, &Change{
			Key: UsageKey(account, dbID(box), start.Unix()), Stamp: Stamp{clock, dbID(1)}, Body: usageBody(t, 0, counters{octets}),
		}))
	}
	for i := range 40 {
		usage(uint64(100+i), byte(i), day, 5, 1000)
	}
	for i := range uint64(3) {
		usage(7, 2, day, 5+i, 10+i) // the key's box never made a change
	}
	usage(7, 3, day, 5, 100)
	usage(7, 4, day, 5, 1000)
	usage(7, 2, day.Add(-usagePeriod), 5, 10_000)
	usage(7, 2, day.Add(-2000*usagePeriod), 5, 100_000)
	must(t, db.Update(t.Context(), func(tx *Tx) error { return tx.Delete(Sessions, UsageKey(7, dbID(4), day.Unix())) }))
	check := func(when string) {
		t.Helper()
		for from, want := range map[time.Duration]uint64{0: 112, usagePeriod: 10_112, 2000 * usagePeriod: 110_112} {
			u, err := db.Usage(7, day.Add(-from), day.Add(time.Hour))
			if err != nil || u.InputOctets != want {
				t.Errorf("%s: since %v %+v, %v, expected %d", when, from, u, err, want)
			}
		}
		if seqs := db.index.usageSeqs(7, day.Unix(), day.Add(time.Hour)); len(seqs) != 3 {
			t.Errorf("%s: %d records are read, expected 3", when, len(seqs))
		}
	}
	check("at first")
	must(t, db.SetDigestKey(key16(8)))
	check("with another key")
	must(t, db.Close())
	if _, err := db.Usage(7, day, day.Add(time.Hour)); !errors.Is(err, ErrClosed) {
		t.Error("usage of a closed database")
	}
	db = mustOpen(t, o)
	check("after opening again")
}
