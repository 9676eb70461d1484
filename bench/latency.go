package main

import (
	"context"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"mbox/boxtest"
	"mbox/hotspotdb"
)

const (
	latencyWrites = 1500
	writeEvery    = 10 * time.Millisecond // 100 writes/s
)

// latency measures how long after its confirmation on the primary an account can be read on the backup.
func latency(t *harness, w *tabwriter.Writer) {
	lan := boxtest.NewLAN(t)
	primary, backup := lan.Box("primary"), lan.Box("backup")
	primary.Add("guest", 10_000)
	backup.Follow(primary, "", "")
	boxtest.InSync(primary, backup)
	var confirm, visible []time.Duration
	tick := time.NewTicker(writeEvery)
	defer tick.Stop()
	for i := range latencyWrites {
		<-tick.C
		name := fmt.Sprintf("live%d", i)
		began := time.Now()
		t.must(primary.DB.Update(context.Background(), func(tx *hotspotdb.Tx) error {
			_, err := tx.AddAccount(hotspotdb.Account{Username: name}, "guestpass", "bench")
			return err
		}))
		confirmed := time.Now()
		confirm = append(confirm, confirmed.Sub(began))
		for {
			if _, err := backup.DB.Account(name); err == nil {
				break
			}
			time.Sleep(20 * time.Microsecond) // the finest that a reader who asks again and again can see
		}
		visible = append(visible, time.Since(confirmed))
	}
	slices.Sort(confirm)
	slices.Sort(visible)
	row := func(what string, d []time.Duration) {
		fmt.Fprintf(w, "%s at 100 writes/s, p50 / p99\t%.2f / %.2f ms\t\t\n", what, percentile(d, 0.5).Seconds()*1000, percentile(d, 0.99).Seconds()*1000)
	}
	row("confirmed", confirm)
	row("confirmed -> visible on the backup", visible)
}
