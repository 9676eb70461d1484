package hotspotdb

import (
	"fmt"
	"sync"
	"syscall"
	"testing"
)

// cpu is how much processor time this process has used, in microseconds: of a machine that does other things too it says more
// than the clock.
func cpu(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return (u.Utime.Nano() + u.Stime.Nano()) / 1e3
}

// BenchmarkRecordedEdits commits typed edits of one record each, by 64 writers: what the audit entry costs.
func BenchmarkRecordedEdits(b *testing.B) {
	const writers = 64
	db := benchDB(b)
	var wg sync.WaitGroup
	b.ResetTimer()
	before := cpu(b)
	for w := range writers {
		wg.Go(func() {
			for i := range b.N/writers + 1 {
				p := Profile{Name: fmt.Sprintf("p%d-%d", w, i%1000), Description: fmt.Sprintf("%0200d", i)}
				if err := db.Update(b.Context(), func(tx *Tx) error { return tx.PutProfile(p, "bench") }); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(cpu(b)-before)/float64(b.N), "cpu-us/op")
	b.ReportMetric(float64(b.N)/float64(max(1, db.Counts(Audit).Live)), "edits/sheet")
}

// BenchmarkImport adds accounts, 2,000 in a transaction, as an import does.
func BenchmarkImport(b *testing.B) {
	const chunk = 2000
	db := benchDB(b)
	b.ResetTimer()
	before := cpu(b)
	for from := 0; from < b.N; from += chunk {
		err := db.Update(b.Context(), func(tx *Tx) error {
			tx.Bulk("guests.csv")
			for i := from; i < min(from+chunk, b.N); i++ {
				a := Account{Username: fmt.Sprintf("guest%07d", i), Profiles: []string{"guest"}, Info: map[string]string{"email": "a@example.com"}}
				if _, err := tx.AddAccount(a, "", "bench"); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(cpu(b)-before)/float64(b.N), "cpu-us/op")
}
