package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"text/tabwriter"
	"time"

	"go.etcd.io/bbolt"

	"mbox/boxtest"
	"mbox/hotspotdb"
)

// commitTime is how long each commit rate is measured.
const commitTime = 3 * time.Second

// commits measures durable single-record commits: one profile is written by each, and confirmed when it is on disk.
func commits(t *harness, w *tabwriter.Writer) {
	box := boxtest.NewLAN(t).Box("box")
	disk := fdatasyncs(t)
	bolt := openBolt(t)
	record := make([]byte, 300)
	for _, writers := range []int{1, 8, 64} {
		ours := drive(t, writers, func(n uint64) error {
			return box.DB.Update(context.Background(), func(tx *hotspotdb.Tx) error {
				return tx.PutProfile(hotspotdb.Profile{Name: fmt.Sprintf("p%d", n%100_000), Description: strings.Repeat("x", 200)}, "bench")
			})
		})
		theirs := drive(t, writers, func(n uint64) error {
			put := func(tx *bbolt.Tx) error {
				return tx.Bucket([]byte("p")).Put(fmt.Appendf(nil, "p%d", n%100_000), record)
			}
			if writers == 1 {
				return bolt.Update(put) // Batch would only wait for others
			}
			return bolt.Batch(put)
		})
		fmt.Fprintf(w, "durable commits/s, %d writers\t%.0f\tbbolt %.0f\t%.1f\n", writers, ours, theirs, ours/theirs)
		if writers == 1 {
			fmt.Fprintf(w, "\t%.0f\tappend + fdatasync %.0f\t%.2f\n", ours, disk, ours/disk)
		}
	}
}

func openBolt(t *harness) *bbolt.DB {
	db, err := bbolt.Open(filepath.Join(t.TempDir(), "bolt.db"), 0o600, nil)
	t.must(err)
	db.MaxBatchDelay = time.Millisecond
	t.Cleanup(func() { _ = db.Close() })
	t.must(db.Update(func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte("p")); return err }))
	return db
}

// drive runs commit from several writers, each waiting for its own, and returns commits per second.
func drive(t *harness, writers int, commit func(n uint64) error) float64 {
	var count, next atomic.Uint64
	var group sync.WaitGroup
	end := time.Now().Add(commitTime)
	for range writers {
		group.Go(func() {
			for time.Now().Before(end) {
				t.must(commit(next.Add(1)))
				count.Add(1)
			}
		})
	}
	group.Wait()
	return float64(count.Load()) / commitTime.Seconds()
}

// fdatasyncs is the limit of the disk: appending 400 bytes and waiting for them.
func fdatasyncs(t *harness) float64 {
	f, err := os.Create(filepath.Join(t.TempDir(), "disk"))
	t.must(err)
	defer f.Close()
	record := make([]byte, 400)
	return drive(t, 1, func(uint64) error {
		if _, err := f.Write(record); err != nil {
			return err
		}
		return syscall.Fdatasync(int(f.Fd()))
	})
}
