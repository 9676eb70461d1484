package configstore

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// open opens a store and closes it with the test.
func open(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// reopen closes a store and opens it again.
func reopen(t testing.TB, s *Store, path string) *Store {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return open(t, path)
}

func TestFirstBootMakesAnIdentityThatStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	s := open(t, path)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
	id, domain, keys := s.Identity(), s.Keyring().Domain(), s.Keyring().Keys()
	s = reopen(t, s, path)
	if s.Identity().BoxID() != id.BoxID() || !s.Identity().SigningKey().Equal(id.SigningKey()) ||
		!bytes.Equal(s.Identity().Certificate().Certificate[0], id.Certificate().Certificate[0]) {
		t.Error("another identity after reopening")
	}
	if s.Keyring().Domain() != domain || !slices.Equal(s.Keyring().Keys(), keys) {
		t.Error("another keyring after reopening")
	}
	if left, _ := filepath.Glob(path + "?*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestBoxesDiffer(t *testing.T) {
	a, b := OpenMemory(""), OpenMemory("")
	if a.Identity().BoxID() == b.Identity().BoxID() || a.Keyring().Domain().ID == b.Keyring().Domain().ID ||
		a.Keyring().Domain().DigestKey == b.Keyring().Domain().DigestKey || a.Keyring().Keys()[0] == b.Keyring().Keys()[0] {
		t.Fatal("two boxes share something")
	}
}

func TestCertificate(t *testing.T) {
	id := OpenMemory("").Identity()
	leaf, err := x509.ParseCertificate(id.Certificate().Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	if leaf.Subject.CommonName != id.BoxID() || BoxID(leaf) != id.BoxID() || len(id.BoxID()) != 64 {
		t.Errorf("name %q, box id %q, of the certificate %q", leaf.Subject.CommonName, id.BoxID(), BoxID(leaf))
	}
	if err := leaf.CheckSignatureFrom(leaf); err == nil { // it is not a CA
		t.Error("the certificate may sign others")
	}
	if err := leaf.CheckSignature(leaf.SignatureAlgorithm, leaf.RawTBSCertificate, leaf.Signature); err != nil {
		t.Error(err)
	}
	if life := time.Until(leaf.NotAfter); life < 19*365*24*time.Hour {
		t.Errorf("ends in %v", life)
	}
}

func TestCertificateOfABoxWithoutAClock(t *testing.T) {
	id, err := newIdentity(time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	if end := id.Certificate().Leaf.NotAfter; end.Before(earliest.AddDate(19, 0, 0)) {
		t.Fatalf("ends %v", end)
	}
}

func TestInUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	s := open(t, path)
	if _, err := Open(path, Options{}); !errors.Is(err, ErrInUse) {
		t.Fatalf("second opener: %v", err)
	}
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	second, err := Open(path, Options{Timeout: 10 * time.Second})
	if err != nil {
		t.Fatalf("waiting for the first to close: %v", err)
	}
	second.Close()
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
}

func TestClosed(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), FileName))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SaveStartup("x", "", ""); !errors.Is(err, os.ErrClosed) {
		t.Errorf("save: %v", err)
	}
	if _, _, err := s.Startup(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("read: %v", err)
	}
}

// TestRefusedFiles: whatever stands in the place of the store is refused clearly and stays as it is.
func TestRefusedFiles(t *testing.T) {
	whole := storeBytes(t)
	for name, c := range map[string]struct {
		content []byte
		want    error
	}{
		"empty":         {nil, ErrDamaged},
		"text":          {[]byte("hostname mbox\n"), ErrDamaged},
		"zeros":         {make([]byte, len(whole)), ErrDamaged},
		"one page":      {whole[:pageSize], ErrDamaged},
		"cut in half":   {whole[:len(whole)/2], ErrDamaged},
		"headers only":  {whole[:2*pageSize], ErrDamaged},
		"no first page": {whole[pageSize:], ErrDamaged},
		"future":        {futureBytes(t), ErrFuture},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), FileName)
			if err := os.WriteFile(path, c.content, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Open(path, Options{})
			if !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			if !strings.Contains(err.Error(), path) {
				t.Errorf("the error does not name the file: %v", err)
			}
			if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, c.content) {
				t.Error("the file was changed")
			}
			if again, err := os.OpenFile(path, os.O_RDWR, 0); err != nil || unix.Flock(int(again.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
				t.Errorf("the file is still locked: %v", err)
			} else {
				again.Close()
			}
		})
	}
}

func TestPlacesThatCannotHoldAStore(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(dir, Options{}); err == nil {
		t.Error("a folder was opened")
	}
	if _, err := Open(filepath.Join(dir, "missing", FileName), Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in a missing folder: %v", err)
	}
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(fifo, Options{}); !errors.Is(err, ErrDamaged) {
		t.Errorf("a FIFO: %v", err)
	}
}

// TestCreationThatWasCutOff: what a dead first boot left is no store and does not disturb the next.
func TestCreationThatWasCutOff(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	if err := os.WriteFile(path+".new", storeBytes(t)[:3*pageSize], 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, path)
	if _, found, err := s.Startup(); found || err != nil {
		t.Fatalf("startup-config: %t, %v", found, err)
	}
}

// TestOneUnreadableHeader: both headers name the same content, so either may go.
func TestOneUnreadableHeader(t *testing.T) {
	whole := storeBytes(t)
	for page := range 2 {
		path := filepath.Join(t.TempDir(), FileName)
		broken := slices.Clone(whole)
		copy(broken[page*pageSize:], make([]byte, pageSize))
		if err := os.WriteFile(path, broken, 0o600); err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		s, err := Open(path, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatalf("header %d: %v", page, err)
		}
		if text, _, err := s.Startup(); text != sampleText || err != nil {
			t.Errorf("header %d: startup-config %q, %v", page, text, err)
		}
		if !strings.Contains(log.String(), "headers") {
			t.Errorf("header %d: nothing was logged", page)
		}
		s.Close()
	}
}

// TestFileCutShortWhileOpen: bbolt reads through a memory map, and what is not there any more must not end the process.
func TestFileCutShortWhileOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	s := open(t, path)
	fill(t, s)
	if err := os.Truncate(path, 2*pageSize); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Startup(); !errors.Is(err, ErrDamaged) {
		t.Errorf("read: %v", err)
	}
	if _, err := s.SaveStartup("x", "", ""); !errors.Is(err, ErrDamaged) {
		t.Errorf("save: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := Open(path, Options{}); !errors.Is(err, ErrDamaged) {
		t.Errorf("open again: %v", err)
	}
}

func TestOpenMemory(t *testing.T) {
	s := OpenMemory("the config store is damaged")
	if _, err := s.SaveStartup("hostname x", "console", ""); err == nil || !strings.Contains(err.Error(), "the config store is damaged") {
		t.Errorf("save: %v", err)
	}
	if err := s.EraseStartup(); err == nil || !strings.Contains(err.Error(), "the config store is damaged") {
		t.Errorf("erase: %v", err)
	}
	if _, found, err := s.Startup(); found || err != nil {
		t.Errorf("startup: %t, %v", found, err)
	}
	if err := s.State("pins").Put("a", []byte("b")); err != nil {
		t.Error(err)
	}
	if v, found, err := s.State("pins").Get("a"); string(v) != "b" || !found || err != nil {
		t.Errorf("state: %q, %t, %v", v, found, err)
	}
	if err := s.Keyring().Merge([]DomainKey{{ID: 7}}); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

const sampleText = "hostname mbox\nip host mboxprimary.ransnet.com 10.10.10.1\n"

// fill puts something of every kind into a store.
func fill(t testing.TB, s *Store) {
	t.Helper()
	for i := range 5 {
		if _, err := s.SaveStartup(fmt.Sprintf("hostname box%d\n%s", i, strings.Repeat("ip host name 10.0.0.1\n", 80*i)), "console", "c"); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 30 {
		if err := s.State("peers").Put(fmt.Sprintf("peer%d", i), bytes.Repeat([]byte{byte(i)}, 100*i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.State("peers").Delete("peer3"); err != nil {
		t.Fatal(err)
	}
	if err := s.Keyring().Merge([]DomainKey{{ID: 77, Key: [32]byte{1}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SaveStartup(sampleText, "admin", "last"); err != nil {
		t.Fatal(err)
	}
}

// storeBytes is the file of a filled store.
func storeBytes(t testing.TB) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), FileName)
	s := open(t, path)
	fill(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func futureBytes(t testing.TB) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), FileName)
	s := open(t, path)
	err := s.records.update(func(tx *tx) error { return tx.put(keyFormat, fmt.Append(nil, Format+1)) })
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
