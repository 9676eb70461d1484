package main

import (
	"path/filepath"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"mbox/configstore"
)

// lapse lets the time to confirm a change end while its box does not run, as if that had been off for long enough.
func lapse(ts *testscript.TestScript, dir string) {
	store, err := configstore.Open(filepath.Join(ts.MkAbs(dir), configstore.FileName), configstore.Options{})
	ts.Check(err)
	r, found, err := store.Pending()
	ts.Check(err)
	if !found {
		ts.Fatalf("no change of %s waits to be confirmed", dir)
	}
	r.Deadline = time.Now().Add(-time.Second)
	_, err = store.Write(configstore.Batch{Revert: &r})
	ts.Check(err)
	ts.Check(store.Close())
}
