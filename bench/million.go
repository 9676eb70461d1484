package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"text/tabwriter"
	"time"

	"mbox/boxtest"
	"mbox/hotspotdb"
)

// million measures one pair of boxes with so many accounts: loading, first sync, and what a box then takes. It says how far
// it is, because ten million take a quarter of an hour.
func million(t *harness, w *tabwriter.Writer, accounts int) {
	row := func(what, format string, args ...any) {
		fmt.Fprintf(w, "%d accounts: %s\t%s\t\t\n", accounts, what, fmt.Sprintf(format, args...))
	}
	lan := boxtest.NewLAN(t)
	primary, backup := lan.Box("primary"), lan.Box("backup")
	began := time.Now()
	const part = 500_000
	for at := 0; at < accounts; at += part {
		loadRange(t, primary, at, min(at+part, accounts))
		note("loaded %d of %d accounts in %.0f s, %d MiB resident", min(at+part, accounts), accounts, time.Since(began).Seconds(), resident()>>20)
	}
	row("loading", "%.0f accounts/s (%.0f s)", rate(accounts, time.Since(began)), time.Since(began).Seconds())
	disk := primary.DB.Disk()
	row("the database's files", "%d MiB, %d bytes an account", disk>>20, disk/int64(accounts))

	backup.Follow(primary, "", "")
	began = time.Now()
	stop := progress(backup, accounts)
	waitEqual(t, primary, backup)
	took := time.Since(began)
	stop()
	received := backup.Status("upstream").ReceivedBytes
	row("first sync", "%.0f accounts/s (%.0f s), %.0f bytes an account on the wire", rate(accounts, took), took.Seconds(), float64(received)/float64(accounts))

	debug.FreeOSMemory()
	row("both boxes in one process", "%d MiB resident", resident()>>20)
	began = time.Now()
	t.must(toggle(primary, accounts/2))
	waitEqual(t, primary, backup)
	row("a change to both boxes", "%.1f ms", time.Since(began).Seconds()*1000)

	dir := backup.Dir
	backup.Shutdown()
	primary.Shutdown()
	debug.FreeOSMemory()
	note("opening a box's database")
	out, err := exec.Command(os.Args[0], "-memory", dir).Output()
	t.must(err)
	row("opening, resident", "%s", strings.TrimSpace(string(out)))
	row("files of the follower", "%d MiB", folder(t, dir)>>20)
}

// note says on stderr how far a long measurement is.
func note(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s  "+format+"\n", append([]any{time.Now().Format(time.TimeOnly)}, args...)...)
}

// progress notes how many accounts have arrived, every ten seconds until stop is called.
func progress(b *boxtest.Box, accounts int) (stop func()) {
	const every = 10 * time.Second
	end, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-end:
				return
			case <-tick.C:
				note("%d of %d records have arrived, %d MiB resident", b.DB.Counts(hotspotdb.Users).Live, 2*accounts, resident()>>20)
			}
		}
	}()
	return func() { close(end); <-done }
}

// folder is the size of all files in a folder.
func folder(t *harness, dir string) (size int64) {
	t.must(filepath.Walk(dir, func(_ string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			size += info.Size()
		}
		return err
	}))
	return size
}
