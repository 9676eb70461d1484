package configstore

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestSaveAndReadBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s, err := Open(path, Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	if text, found, err := s.Startup(); text != "" || found || err != nil {
		t.Fatalf("before the first save: %q, %t, %v", text, found, err)
	}
	for i, text := range []string{"a\n", "b\n", ""} {
		n, err := s.SaveStartup(text, "admin", "line\none")
		if n != i+1 || err != nil {
			t.Fatalf("save %d: %d, %v", i, n, err)
		}
	}
	s = reopen(t, s, path)
	if text, found, err := s.Startup(); text != "" || !found || err != nil {
		t.Errorf("an empty configuration is one: %q, %t, %v", text, found, err)
	}
	revs, err := s.Revisions()
	if err != nil || len(revs) != 3 {
		t.Fatalf("revisions %v, %v", revs, err)
	}
	want := Revision{Number: 1, Time: now, Author: "admin", Comment: "line one", Size: 2,
		SHA256: "87428fc522803d31065e7bce3cf03fe475096631e5e07bbd7a0fde60c4cf25c7"} // printf 'a\n' | sha256sum
	if revs[0] != want {
		t.Errorf("got %+v, want %+v", revs[0], want)
	}
	if text, err := s.Revision(2); text != "b\n" || err != nil {
		t.Errorf("revision 2: %q, %v", text, err)
	}
	if _, err := s.Revision(4); !errors.Is(err, ErrNoRevision) {
		t.Errorf("revision 4: %v", err)
	}
}

func TestEraseKeepsRevisions(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	s := open(t, path)
	if err := s.EraseStartup(); err != nil {
		t.Fatalf("nothing to erase: %v", err)
	}
	if _, err := s.SaveStartup("a", "", ""); err != nil {
		t.Fatal(err)
	}
	if err := s.EraseStartup(); err != nil {
		t.Fatal(err)
	}
	s = reopen(t, s, path)
	if _, found, err := s.Startup(); found || err != nil {
		t.Errorf("still there: %t, %v", found, err)
	}
	if text, err := s.Revision(1); text != "a" || err != nil {
		t.Errorf("revision 1: %q, %v", text, err)
	}
	if n, err := s.SaveStartup("b", "", ""); n != 2 || err != nil {
		t.Errorf("numbers are not used twice: %d, %v", n, err)
	}
}

func TestOldRevisionsGiveWay(t *testing.T) {
	s := OpenMemory("") // the same code over another engine, without two fsyncs a save
	s.rescue = ""
	for i := range MaxRevisions + 5 {
		if _, err := s.SaveStartup(fmt.Sprint(i), "", ""); err != nil {
			t.Fatal(err)
		}
	}
	revs, err := s.Revisions()
	if err != nil || len(revs) != MaxRevisions || revs[0].Number != 6 {
		t.Fatalf("%d revisions from %d, %v", len(revs), revs[0].Number, err)
	}
	if _, err := s.Revision(5); !errors.Is(err, ErrNoRevision) {
		t.Errorf("revision 5: %v", err)
	}
	big := strings.Repeat("x", MaxText)
	for range MaxRevisionsSum/MaxText + 1 {
		if _, err := s.SaveStartup(big, "", ""); err != nil {
			t.Fatal(err)
		}
	}
	if revs, err = s.Revisions(); err != nil || len(revs) != MaxRevisionsSum/MaxText {
		t.Errorf("%d revisions of %d bytes each, %v", len(revs), MaxText, err)
	}
	if err := s.records.view((*tx).verifyAll); err != nil {
		t.Errorf("the sum after dropping: %v", err)
	}
}

func TestTooLongText(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), FileName))
	if _, err := s.SaveStartup("a", "", ""); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SaveStartup(strings.Repeat("x", MaxText+1), "", ""); err == nil {
		t.Fatal("no error")
	}
	if text, _, err := s.Startup(); text != "a" || err != nil {
		t.Errorf("startup-config is %q, %v", text, err)
	}
}

func TestNotesAreBounded(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), FileName))
	if _, err := s.SaveStartup("", strings.Repeat("é", 2000), "\xff\x00"); err != nil {
		t.Fatal(err)
	}
	revs, err := s.Revisions()
	if err != nil || len(revs[0].Author) > maxNote || !strings.HasPrefix(revs[0].Author, "éé") || revs[0].Comment != "� " {
		t.Errorf("%+v, %v", revs, err)
	}
}
