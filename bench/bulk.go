package main

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"text/tabwriter"
	"time"

	"mbox/boxtest"
	"mbox/configstore"
	"mbox/hotspotdb"
)

// bulk measures first sync, catch-up and memory on one pair of boxes.
func bulk(t *harness, w *tabwriter.Writer, accounts, updates int) {
	lan := boxtest.NewLAN(t)
	primary, backup := lan.Box("primary"), lan.Box("backup")
	began := time.Now()
	load(t, primary, accounts)
	fmt.Fprintf(w, "loading %d accounts (two records each)\t%.0f accounts/s\t\t\n", accounts, rate(accounts, time.Since(began)))

	backup.Follow(primary, "", "")
	began = time.Now()
	waitEqual(t, primary, backup)
	took := time.Since(began)
	fmt.Fprintf(w, "first sync of %d accounts\t%.0f accounts/s (%.1f s)\t\t\n", accounts, rate(accounts, took), took.Seconds())
	status := backup.Status("upstream")
	fmt.Fprintf(w, "  bytes on the wire\t%.0f MiB, %.0f bytes an account\t\t\n", float64(status.ReceivedBytes)/(1<<20), float64(status.ReceivedBytes)/float64(accounts))

	line := backup.FollowLine(primary, "")
	backup.Must("no mbox sync primary " + primary.Addr.String())
	change(t, primary, accounts, updates)
	began = time.Now()
	backup.Must(line)
	waitEqual(t, primary, backup)
	took = time.Since(began)
	fmt.Fprintf(w, "catch-up of %d random updates\t%.0f changes/s (%.2f s)\t\t\n", updates, rate(updates, took), took.Seconds())

	dir, disk := backup.Dir, backup.DB.Disk()
	backup.Shutdown()
	primary.Shutdown()
	out, err := exec.Command(os.Args[0], "-memory", dir).Output()
	t.must(err)
	fmt.Fprintf(w, "a box with %d accounts: opening, resident, on disk\t%s, %d MiB\t\t\n", accounts, strings.TrimSpace(string(out)), disk>>20)
}

func waitEqual(t *harness, a, b *boxtest.Box) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		if a.Digest(hotspotdb.Users) == b.Digest(hotspotdb.Users) {
			return
		}
	}
}

// account is about 300 bytes in two records.
func account(i int) hotspotdb.Account {
	return hotspotdb.Account{
		Username: fmt.Sprintf("guest%07d", i), Profiles: []string{"guests"},
		Info: map[string]string{
			"firstname": fmt.Sprintf("First%x", i*7919), "lastname": fmt.Sprintf("Last%x", i*104729),
			"email": fmt.Sprintf("guest.%d@mail%d.example.com", i, i%1000), "mobile": fmt.Sprintf("+65%08d", i), "country": "SG",
		},
	}
}

func load(t *harness, b *boxtest.Box, n int) { loadRange(t, b, 0, n) }

// loadRange makes the accounts from..upto-1.
func loadRange(t *harness, b *boxtest.Box, from, upto int) {
	const chunk = 5000
	for at := from; at < upto; at += chunk {
		t.must(b.DB.Update(context.Background(), func(tx *hotspotdb.Tx) error {
			tx.Bulk("bench")
			for i := at; i < min(at+chunk, upto); i++ {
				if _, err := tx.AddAccount(account(i), fmt.Sprintf("pass-%d", i), "bench"); err != nil {
					return err
				}
			}
			return nil
		}))
	}
}

// change disables or enables random accounts: one record each.
func change(t *harness, b *boxtest.Box, accounts, n int) {
	const chunk = 1000
	random := rand.New(rand.NewSource(1))
	for at := 0; at < n; at += chunk {
		t.must(b.DB.Update(context.Background(), func(tx *hotspotdb.Tx) error {
			for range min(chunk, n-at) {
				name := fmt.Sprintf("guest%07d", random.Intn(accounts))
				_, err := tx.EditAccount(name, "bench", func(e *hotspotdb.AccountEdit) error {
					e.Disabled = !e.Disabled
					return nil
				})
				if err != nil {
					return err
				}
			}
			return nil
		}))
	}
}

// printResident opens a database as a box does and says what that takes.
func printResident(dir string) {
	h := newHarness()
	keyring := configstore.OpenMemory("bench").Keyring()
	began := time.Now()
	db, err := hotspotdb.Open(hotspotdb.Options{Dir: dir, Sealer: keyring, Log: slog.New(slog.DiscardHandler)})
	h.must(err)
	took := time.Since(began)
	debug.FreeOSMemory()
	fmt.Printf("%.1f s, %d MiB\n", took.Seconds(), resident()>>20)
	h.must(db.Close())
}
