package acct

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mbox/hotspotdb"
)

// benchSessions go on while the benchmark reports of them.
const benchSessions = 50_000

// BenchmarkHandle records interim updates of 50,000 sessions, each durably, on the disk.
func BenchmarkHandle(b *testing.B) {
	for _, flight := range []int{1, 8, 64} {
		b.Run(fmt.Sprint(flight), func(b *testing.B) {
			db, err := hotspotdb.Open(hotspotdb.Options{Dir: b.TempDir()})
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			a := New(Options{DB: db, Policy: &rules{}})
			begin(b, a)
			var n atomic.Int64
			took := make([][]time.Duration, flight)
			var wg sync.WaitGroup
			cpu := cpuTime(b)
			b.ResetTimer()
			for w := range flight {
				wg.Go(func() {
					for {
						i := n.Add(1)
						if i > int64(b.N) {
							return
						}
						start := time.Now()
						if err := a.Handle(b.Context(), benchReport(InterimUpdate, int(i%benchSessions), int(1+i/benchSessions))); err != nil {
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
			b.ReportMetric(float64((cpuTime(b)-cpu).Microseconds())/float64(len(all)), "cpu-us/request")
			b.ReportMetric(float64(len(all))/b.Elapsed().Seconds(), "requests/s")
			b.ReportMetric(float64(all[len(all)/2].Microseconds()), "p50-us")
			b.ReportMetric(float64(all[len(all)*99/100].Microseconds()), "p99-us")
		})
	}
}

// BenchmarkSessions is what 50,000 sessions take in memory, with the index of the database, and in a tick in which nothing is due.
func BenchmarkSessions(b *testing.B) {
	db, err := hotspotdb.Open(hotspotdb.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	a := New(Options{DB: db})
	before := heapBytes()
	begin(b, a)
	grown := heapBytes() - before
	for b.Loop() {
		if err := a.tick(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(grown)/benchSessions, "heap-B/session")
}

func heapBytes() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// cpuTime is what the process has used so far; unlike what it took, it does not depend on what else the machine does.
func cpuTime(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func begin(b *testing.B, a *Accounting) {
	var wg sync.WaitGroup
	for w := range 64 {
		wg.Go(func() {
			for i := w; i < benchSessions; i += 64 {
				if err := a.Handle(b.Context(), benchReport(Start, i, 0)); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func benchReport(status Status, session, minute int) Request {
	return Request{
		Status: status, NAS: fmt.Sprint("ap", session%200), SessionID: fmt.Sprintf("%08X", session), Username: fmt.Sprint("guest", session),
		Account: uint64(session + 1), MAC: fmt.Sprintf("02-00-00-%02X-%02X-%02X", session>>16, session>>8&255, session&255), Hotspot: "lobby",
		CalledStation: "0A-00-00-00-00-01:guests", IP: "10.1.2.3", Input: wide(uint64(minute) * 10_000_000), Output: wide(uint64(minute) * 70_000_000),
		SessionTime: uint32(60 * minute), HasSessionTime: status != Start, EventTimestamp: time.Unix(1_780_000_000+int64(60*minute), 0),
	}
}
