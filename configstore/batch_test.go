package configstore

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func revertOf(old, after string) *Revert {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return &Revert{Old: old, New: after, Deadline: now.Add(time.Minute), Left: time.Minute, Length: time.Minute, Armed: now, Author: "ann", From: "10.0.0.1"}
}

func reopened(t *testing.T, path string, s *Store) *Store {
	t.Helper()
	if s != nil {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestRevertIsKeptAndRemoved(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	s := reopened(t, path, nil)
	if _, found, err := s.Pending(); found || err != nil {
		t.Fatalf("in a new store: %t, %v", found, err)
	}
	if _, err := s.SaveStartup("saved\n", "ann", ""); err != nil {
		t.Fatal(err)
	}
	want := revertOf("old\n", "new\n")
	if _, err := s.Write(Batch{Revert: want, Texts: true, Log: []LogEntry{{Line: "new"}}}); err != nil {
		t.Fatal(err)
	}
	s = reopened(t, path, s)
	got, found, err := s.Pending()
	want.Startup = 1
	if err != nil || !found || got != *want {
		t.Fatalf("%+v, %t, %v, want %+v", got, found, err, *want)
	}
	if log, err := s.Log(); err != nil || len(log) != 1 {
		t.Errorf("log %v, %v", log, err)
	}
	if _, err := s.Write(Batch{Revert: &Revert{Deadline: want.Deadline, Left: time.Second, Author: "ann"}}); err != nil {
		t.Fatal(err)
	}
	if got, _, _ := s.Pending(); got.Old != "old\n" || got.New != "new\n" || got.Left != time.Second || got.Void {
		t.Errorf("after noting what is left: %+v", got)
	}
	if _, err := s.SaveStartup("other\n", "", ""); err != nil { // as an older firmware does
		t.Fatal(err)
	}
	if got, _, _ := s.Pending(); !got.Void {
		t.Error("startup-config was written since, and it still counts")
	}
	if _, err := s.Write(Batch{Disarm: true}); err != nil {
		t.Fatal(err)
	}
	s = reopened(t, path, s)
	if _, found, err := s.Pending(); found || err != nil {
		t.Errorf("removed: %t, %v", found, err)
	}
}

// A batch is one transaction: startup-config, log and countdown, all or nothing.
func TestBatchIsWholeOrNothing(t *testing.T) {
	s := reopened(t, filepath.Join(t.TempDir(), FileName), nil)
	huge := revertOf("old\n", strings.Repeat("x", MaxText+1))
	if _, err := s.Write(Batch{Startup: &Text{Text: "text\n"}, Revert: huge, Texts: true, Log: []LogEntry{{Line: "x"}}}); err == nil {
		t.Fatal("taken")
	}
	_, found, err := s.Startup()
	_, armed, err2 := s.Pending()
	log, err3 := s.Log()
	if err := errors.Join(err, err2, err3); err != nil || found || armed || len(log) > 0 {
		t.Errorf("%v, saved %t, armed %t, %d entries", err, found, armed, len(log))
	}
	if _, err := s.Write(Batch{Startup: &Text{Text: strings.Repeat("x", MaxText+1)}}); err == nil {
		t.Error("a text that is too long is taken")
	}
	rescue := OpenMemory("test")
	if _, err := rescue.Write(Batch{Startup: &Text{Text: "x"}}); err == nil {
		t.Error("saved in rescue")
	}
}

func TestConfigLogIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	s := reopened(t, path, nil)
	var entries []LogEntry
	for i := range MaxLog + 10 {
		entries = append(entries, LogEntry{Line: fmt.Sprint("line ", i+1), Name: "ann\n", Context: strings.Repeat("é", maxLogLine)})
	}
	if _, err := s.Write(Batch{Log: entries}); err != nil {
		t.Fatal(err)
	}
	s = reopened(t, path, s)
	log, err := s.Log()
	if err != nil || len(log) != MaxLog || log[0].Number != 11 || log[0].Line != "line 11" || log[0].Name != "ann " {
		t.Fatalf("%d entries, %v, first %.60v", len(log), err, log[0])
	}
	if n := len(log[0].Context); n > maxLogLine || n < maxLogLine-1 || strings.Contains(log[0].Context, "\ufffd") {
		t.Errorf("a text of %d bytes", n)
	}
	if _, err := s.Write(Batch{Log: []LogEntry{{Line: "last"}}, LogSize: 3}); err != nil {
		t.Fatal(err)
	}
	if log, err := s.Log(); err != nil || len(log) != 3 || log[2].Number != MaxLog+11 {
		t.Errorf("%v, %v", log, err)
	}
}

func TestEraseArchiveKeepsStartup(t *testing.T) {
	s := reopened(t, filepath.Join(t.TempDir(), FileName), nil)
	for i := range 3 {
		if _, err := s.SaveStartup(fmt.Sprint(i), "", ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.EraseArchive(); err != nil {
		t.Fatal(err)
	}
	revs, err := s.Revisions()
	text, found, err2 := s.Startup()
	if err := errors.Join(err, err2); err != nil || len(revs) != 1 || revs[0].Number != 3 || text != "2" || !found {
		t.Errorf("%v, %+v, startup %q", err, revs, text)
	}
	if n, err := s.SaveStartup("3", "", ""); err != nil || n != 4 {
		t.Errorf("the next is %d, %v", n, err)
	}
}

// A store without these records is one of an older firmware; a backup leaves the countdown out, because it is about this
// life of this box.
func TestBackupLeavesTheCountdownOut(t *testing.T) {
	dir := t.TempDir()
	s := reopened(t, filepath.Join(dir, FileName), nil)
	if _, err := s.Write(Batch{Revert: revertOf("old", "new"), Texts: true, Log: []LogEntry{{Line: "kept"}}}); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := writeBackup(t.Context(), &out, "passphrase", argon{time: 1, memory: 8, threads: 1}, s, nil); err != nil {
		t.Fatal(err)
	}
	b, err := openBackup(&out, "passphrase")
	if err != nil {
		t.Fatal(err)
	}
	records, err := b.records(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(dir, "other.db")
	if err := importInto(other, records); err != nil {
		t.Fatal(err)
	}
	restored := reopened(t, other, nil)
	if _, found, err := restored.Pending(); found || err != nil {
		t.Errorf("the countdown is in the backup: %v", err)
	}
	if log, err := restored.Log(); err != nil || len(log) != 1 {
		t.Errorf("log %v, %v", log, err)
	}
}
