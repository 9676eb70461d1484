package hotspotdb

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"mbox/proto/hotspotpb"
)

func benchDB(b *testing.B) *DB {
	return mustOpen(b, Options{Dir: b.TempDir(), Sealer: testSealer{}})
}

// BenchmarkUpdate commits single records of 300 bytes durably.
func BenchmarkUpdate(b *testing.B) {
	for _, writers := range []int{1, 8, 64} {
		b.Run(map[int]string{1: "1", 8: "8", 64: "64"}[writers], func(b *testing.B) {
			db := benchDB(b)
			var wg sync.WaitGroup
			took := make([][]time.Duration, writers)
			b.ResetTimer()
			for w := range writers {
				wg.Go(func() {
					body := make([]byte, 300)
					key := make([]byte, 9)
					key[0] = 'x'
					for i := range b.N/writers + 1 {
						binary.BigEndian.PutUint64(key[1:], uint64(w)<<32|uint64(i))
						start := time.Now()
						if err := db.Update(b.Context(), func(tx *Tx) error { return tx.Put(Users, key, body) }); err != nil {
							b.Error(err)
						}
						took[w] = append(took[w], time.Since(start))
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			all := slices.Concat(took...)
			slices.Sort(all)
			b.ReportMetric(float64(len(all))/b.Elapsed().Seconds(), "commits/s")
			b.ReportMetric(float64(all[len(all)/2].Microseconds()), "p50-us")
			b.ReportMetric(float64(all[len(all)*99/100].Microseconds()), "p99-us")
		})
	}
}

const (
	benchRecords = 500_000
	benchBatch   = 1000
)

func applyAll(b *testing.B, db *DB, changes [][]byte, from DatabaseID) {
	seqs := make([]uint64, benchBatch)
	var last uint64
	for i := 0; i < len(changes); i += benchBatch {
		batch := changes[i:min(i+benchBatch, len(changes))]
		r, err := db.Apply(b.Context(), Batch{
			Dataset: Users, From: from, Kind: Above, Position: Position{1, uint64(i + 1)}, Changes: batch, Seqs: seqs[:len(batch)],
		})
		if err != nil || r.Stored != len(batch) {
			b.Fatal(r, err)
		}
		last = r.Seq
	}
	if _, err := db.Wait(b.Context(), last-1); err != nil {
		b.Fatal(err)
	}
}

// accountBatch is n records of accounts as a box with guests has them: Access and Self in turn.
func accountBatch(b *testing.B, n int) [][]byte {
	out := make([][]byte, n)
	for i := range out {
		us := int64(1e15) + int64(i)
		key, m := AccessKey(uint64(i/2+1)), proto.Message(&hotspotpb.Access{
			Username: fmt.Sprintf("guest%07d", i), ClaimedUs: us, Profiles: []string{"gold"}, CreatedUs: us, CreatedBy: "admin",
			UpdatedUs: us, UpdatedBy: "admin", Attributes: []*hotspotpb.Attribute{{Name: "Session-Timeout", Value: "3600"}},
		})
		if i%2 == 1 {
			key, m = SelfKey(uint64(i/2+1)), &hotspotpb.Self{
				Password: make([]byte, 60), Firstname: "Käthe", Lastname: "Mustermann", Email: "kaethe@example.com",
				Mobile: "+49 151 1234567", Country: "DE", UpdatedUs: us, UpdatedBy: "admin",
			}
		}
		body, err := proto.Marshal(m)
		must(b, err)
		out[i] = AppendChange(nil, &Change{Key: key, Stamp: Stamp{uint64(us), dbID(9)}, Body: body, Version: Vector{{1, 1}}})
	}
	return out
}

// BenchmarkApplyAccounts is the first sync of accounts, whose bodies are checked.
func BenchmarkApplyAccounts(b *testing.B) {
	benchFirstSync(b, accountBatch(b, benchRecords))
}

// BenchmarkApplyFirstSync stores new records of 300 bytes in batches of 1,000 until all are durable.
func BenchmarkApplyFirstSync(b *testing.B) {
	benchFirstSync(b, randomBatch(benchRecords, Users, 300))
}

func benchFirstSync(b *testing.B, changes [][]byte) {
	for b.Loop() {
		b.StopTimer()
		db := benchDB(b)
		b.StartTimer()
		applyAll(b, db, changes, dbID(1))
		b.StopTimer()
		db.Close()
		b.StartTimer()
	}
	b.ReportMetric(float64(benchRecords*b.N)/b.Elapsed().Seconds(), "changes/s")
}

// BenchmarkApplyUpdate replaces random ones of 500,000 records, in batches of 1,000.
func BenchmarkApplyUpdate(b *testing.B) {
	changes := randomBatch(benchRecords, Users, 300)
	db := benchDB(b)
	applyAll(b, db, changes, dbID(1))
	clock := uint64(1e15) + benchRecords
	n := 0
	for b.Loop() {
		b.StopTimer()
		updates := make([][]byte, 200_000)
		for i, k := range rand.Perm(benchRecords)[:len(updates)] {
			var c Change
			must(b, c.decode(changes[k]))
			clock++
			c.Stamp.Clock = clock
			updates[i] = AppendChange(nil, &c)
		}
		n += len(updates)
		b.StartTimer()
		applyAll(b, db, updates, dbID(1))
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "changes/s")
}

// BenchmarkAddAccounts imports accounts with passwords and user info in transactions of 2,000.
func BenchmarkAddAccounts(b *testing.B) {
	db := benchDB(b)
	n := 0
	for b.Loop() {
		err := db.Update(b.Context(), func(tx *Tx) error {
			for range 2000 {
				n++
				a := Account{Username: fmt.Sprintf("user%07d", n), Profiles: []string{"gold"}, Info: map[string]string{"email": "a@example.com"}}
				if _, err := tx.AddAccount(a, "secret-password", "bench"); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "accounts/s")
}

// BenchmarkOpen reads a database of 500,000 records at start.
func BenchmarkOpen(b *testing.B) {
	o := Options{Dir: b.TempDir()}
	db := mustOpen(b, o)
	applyAll(b, db, randomBatch(benchRecords, Users, 300), dbID(1))
	must(b, db.Close())
	for b.Loop() {
		db, err := Open(o)
		must(b, err)
		b.StopTimer()
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		must(b, db.Close())
		db = nil
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(before.HeapAlloc-after.HeapAlloc)/benchRecords, "heap-B/record")
		b.StartTimer()
	}
	b.ReportMetric(float64(benchRecords*b.N)/b.Elapsed().Seconds(), "records/s")
}
