package configstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// cheap makes tests fast; what it costs to derive a key is not what they are about.
var cheap = argon{time: 1, memory: 8, threads: 1}

const passphrase = "correct horse battery staple"

// folderPart is a part whose folder holds one file.
func folderPart(name string, data []byte) Part {
	return Part{
		Name: name,
		Export: func(_ context.Context, w io.Writer) error {
			for rest := data; len(rest) > 0; { // in pieces of an odd size
				n := min(len(rest), 10_007)
				if _, err := w.Write(rest[:n]); err != nil {
					return err
				}
				rest = rest[n:]
			}
			return nil
		},
		Import: func(_ context.Context, dir string, r io.Reader) error {
			if err := os.Mkdir(dir, 0o700); err != nil {
				return err
			}
			got, err := io.ReadAll(r)
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dir, "data"), got, 0o600)
		},
	}
}

func backupOf(t testing.TB, s *Store, parts ...Part) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := writeBackup(context.Background(), &b, passphrase, cheap, s, parts); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func stage(dir string, raw []byte, parts ...Part) error {
	return Stage(context.Background(), dir, bytes.NewReader(raw), passphrase, parts...)
}

// leftovers are the names in a data folder.
func leftovers(t testing.TB, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

// TestBackupAndRestore takes everything to another box.
func TestBackupAndRestore(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), FileName))
	fill(t, s)
	if err := s.State("pins").Put("a/b %2F ключ", []byte{0, 1, 2}); err != nil {
		t.Fatal(err)
	}
	want := content(t, s)
	big := make([]byte, 3*pieceSize+17)
	rand.NewChaCha8([32]byte{}).Read(big)
	for _, data := range [][]byte{big, big[:pieceSize], nil} {
		raw := backupOf(t, s, folderPart("hotspot", data), folderPart("other", []byte("o")))
		dir := t.TempDir()
		target := open(t, filepath.Join(dir, FileName))
		if err := stage(dir, raw, folderPart("hotspot", nil), folderPart("other", nil)); err != nil {
			t.Fatal(err)
		}
		if target.Identity().BoxID() == s.Identity().BoxID() || leftovers(t, dir) != "config.db restore.pending" {
			t.Fatalf("before the restart: %s", leftovers(t, dir))
		}
		target.Close()
		if applied, err := ApplyStaged(dir); !applied || err != nil {
			t.Fatalf("apply: %t, %v", applied, err)
		}
		if got := leftovers(t, dir); got != "config.db hotspot other restore.old" {
			t.Errorf("after the restart: %s", got)
		}
		restored := open(t, filepath.Join(dir, FileName))
		if got := content(t, restored); got != want {
			t.Errorf("restored:\n%s\nwant\n%s", got, want)
		}
		if got, err := os.ReadFile(filepath.Join(dir, "hotspot", "data")); err != nil || !bytes.Equal(got, data) {
			t.Errorf("part of %d bytes came back as %d, %v", len(data), len(got), err)
		}
		if again, err := ApplyStaged(dir); again || err != nil {
			t.Errorf("apply again: %t, %v", again, err)
		}
		restored.Close()
	}
}

func TestBackupByItsRealCost(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), FileName))
	var b bytes.Buffer
	if err := WriteBackup(context.Background(), &b, passphrase, s); err != nil {
		t.Fatal(err)
	}
	if err := stage(t.TempDir(), b.Bytes()); err != nil {
		t.Fatal(err)
	}
	if cost, err := parseHeader(b.Bytes()[:headerSize]); err != nil || cost != backupCost {
		t.Errorf("%+v, %v", cost, err)
	}
}

func TestBackupHoldsNothingInClear(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), FileName))
	fill(t, s)
	raw := backupOf(t, s, folderPart("hotspot", []byte("securemboxpass")))
	for _, clear := range []string{"securemboxpass", "hostname", s.Identity().BoxID(), "identity", passphrase} {
		if bytes.Contains(raw, []byte(clear)) {
			t.Errorf("%q is in the backup", clear)
		}
	}
}

// TestRefusedBackups: each is refused for its reason, and nothing of it stays.
func TestRefusedBackups(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), FileName))
	part := folderPart("hotspot", make([]byte, 5*chunkSize))
	whole := backupOf(t, s, part)
	sealedChunk := chunkSize + 16
	chunk := func(i int) []byte { return whole[headerSize+i*sealedChunk : headerSize+(i+1)*sealedChunk] }
	join := func(parts ...[]byte) []byte { return slices.Concat(parts...) }
	for name, c := range map[string]struct {
		raw  []byte
		want error
	}{
		"empty":              {nil, ErrNotBackup},
		"text":               {[]byte("username,password\nguest,x\n" + strings.Repeat("x", 100)), ErrNotBackup},
		"header only":        {whole[:headerSize], ErrBackupDamaged},
		"half a header":      {whole[:20], ErrBackupDamaged},
		"future":             {join([]byte("MBOXBK2\n"), whole[8:]), ErrBackupFuture},
		"cut in a chunk":     {whole[:headerSize+sealedChunk+100], ErrBackupDamaged},
		"cut at a chunk":     {whole[:headerSize+2*sealedChunk], ErrBackupDamaged},
		"last byte missing":  {whole[:len(whole)-1], ErrBackupDamaged},
		"something appended": {join(whole, []byte{0}), ErrBackupDamaged},
		"chunks swapped":     {join(whole[:headerSize], chunk(1), chunk(0), whole[headerSize+2*sealedChunk:]), ErrBackupDamaged},
		"chunk repeated":     {join(whole[:headerSize+sealedChunk], whole[headerSize:]), ErrBackupDamaged},
		"chunk missing":      {join(whole[:headerSize], whole[headerSize+sealedChunk:]), ErrBackupDamaged},
		"costs too much":     {withCost(whole, argon{time: 1000, memory: 1 << 30, threads: 1}), ErrBackupDamaged},
	} {
		dir := t.TempDir()
		if err := stage(dir, c.raw, part); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
		if got := leftovers(t, dir); got != "" {
			t.Errorf("%s: left %s", name, got)
		}
	}
	dir := t.TempDir()
	if err := Stage(context.Background(), dir, bytes.NewReader(whole), "wrong", part); !errors.Is(err, ErrPassphrase) {
		t.Errorf("wrong passphrase: %v", err)
	}
	if err := stage(dir, whole); !errors.Is(err, ErrBackupFuture) {
		t.Errorf("a part that nobody knows: %v", err)
	}
	if got := leftovers(t, dir); got != "" {
		t.Errorf("left %s", got)
	}
}

// withCost rewrites the header with a right checksum.
func withCost(raw []byte, cost argon) []byte {
	out := bytes.Clone(raw)
	binary.BigEndian.PutUint32(out[8:], cost.time)
	binary.BigEndian.PutUint32(out[12:], cost.memory)
	binary.BigEndian.PutUint32(out[headerSize-4:], crc32.ChecksumIEEE(out[:headerSize-4]))
	return out
}

// TestFlippedBitsOfABackup: none is read as something else.
func TestFlippedBitsOfABackup(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), FileName))
	whole := backupOf(t, s, folderPart("hotspot", []byte("x")))
	dir := t.TempDir()
	for at := range len(whole) {
		if at > 2*headerSize && at%97 != 0 && at < len(whole)-20 {
			continue
		}
		raw := bytes.Clone(whole)
		raw[at] ^= 1 << (at % 8)
		if err := stage(dir, raw, folderPart("hotspot", nil)); err == nil {
			t.Errorf("byte %d: no error", at)
		}
		if got := leftovers(t, dir); got != "" {
			t.Fatalf("byte %d: left %s", at, got)
		}
	}
}

// TestStageFailures: a part that fails, a reader that fails and a call that is stopped leave nothing.
func TestStageFailures(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), FileName))
	whole := backupOf(t, s, folderPart("hotspot", []byte("x")))
	broken := errors.New("broken")
	dir := t.TempDir()
	failing := Part{Name: "hotspot", Import: func(_ context.Context, dir string, _ io.Reader) error {
		return errors.Join(os.Mkdir(dir, 0o700), broken)
	}}
	if err := stage(dir, whole, failing); !errors.Is(err, broken) {
		t.Errorf("part: %v", err)
	}
	half := io.MultiReader(bytes.NewReader(whole[:len(whole)/2]), errReader{broken})
	if err := Stage(context.Background(), dir, half, passphrase, folderPart("hotspot", nil)); !errors.Is(err, broken) {
		t.Errorf("reader: %v", err)
	}
	stopped, stop := context.WithCancel(context.Background())
	stop()
	if err := Stage(stopped, dir, bytes.NewReader(whole), passphrase, folderPart("hotspot", nil)); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
	if got := leftovers(t, dir); got != "" {
		t.Errorf("left %s", got)
	}
	var b bytes.Buffer
	if err := writeBackup(stopped, &b, passphrase, cheap, s, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("writing: %v", err)
	}
	if err := writeBackup(context.Background(), &b, passphrase, cheap, s, []Part{{Name: "p", Export: func(context.Context, io.Writer) error { return broken }}}); !errors.Is(err, broken) {
		t.Errorf("export: %v", err)
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

// TestBackupOfAnInconsistentStore: records that do not fit together are found before anything is replaced.
func TestBackupOfAnInconsistentStore(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), FileName))
	fill(t, s)
	for _, key := range []string{keyIdentity, keyKeyring, keyFormat} {
		other := open(t, filepath.Join(t.TempDir(), FileName))
		err := other.records.update(func(tx *tx) error { return tx.delete(key) })
		if err != nil {
			t.Fatal(err)
		}
		if err := stage(t.TempDir(), backupOf(t, other)); !errors.Is(err, ErrDamaged) {
			t.Errorf("without %s: %v", key, err)
		}
	}
	err := s.records.update(func(tx *tx) error { return tx.delete(numbered(keyTexts, 6)) })
	if err != nil {
		t.Fatal(err)
	}
	if err := stage(t.TempDir(), backupOf(t, s)); !errors.Is(err, ErrDamaged) {
		t.Errorf("without the text of startup-config: %v", err)
	}
}

// TestCrashWhileApplying stops after every rename; the next start finishes.
func TestCrashWhileApplying(t *testing.T) {
	names := []string{FileName, "hotspot"}
	for done := range 2*len(names) + 1 {
		dir := t.TempDir()
		write := func(path, text string) {
			full := filepath.Join(dir, path)
			if err := errors.Join(os.MkdirAll(filepath.Dir(full), 0o700), os.WriteFile(full, []byte(text), 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		write(FileName, "old")
		write("hotspot/data", "old")
		write("restore.pending/"+FileName, "new")
		write("restore.pending/hotspot/data", "new")
		if err := os.Mkdir(filepath.Join(dir, oldFolder), 0o700); err != nil {
			t.Fatal(err)
		}
		for step := range done { // what ApplyStaged does before it is stopped
			name := names[step/2]
			from, to := filepath.Join(dir, name), filepath.Join(dir, oldFolder, name)
			if step%2 == 1 {
				from, to = filepath.Join(dir, pendingFolder, name), filepath.Join(dir, name)
			}
			if err := os.Rename(from, to); err != nil {
				t.Fatal(err)
			}
		}
		if applied, err := ApplyStaged(dir); !applied || err != nil {
			t.Fatalf("after %d renames: %t, %v", done, applied, err)
		}
		for path, want := range map[string]string{FileName: "new", "hotspot/data": "new",
			"restore.old/" + FileName: "old", "restore.old/hotspot/data": "old"} {
			if got, err := os.ReadFile(filepath.Join(dir, path)); string(got) != want || err != nil {
				t.Errorf("after %d renames: %s is %q, %v", done, path, got, err)
			}
		}
	}
}

// TestRestoreTwice: the second restore replaces what the first left aside, and one that was staged replaces another.
func TestRestoreTwice(t *testing.T) {
	dir := t.TempDir()
	var last *Store
	for i := range 3 {
		last = open(t, filepath.Join(t.TempDir(), FileName))
		if err := stage(dir, backupOf(t, last)); err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			if _, err := ApplyStaged(dir); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := open(t, filepath.Join(dir, FileName)).Identity().BoxID(); got != last.Identity().BoxID() {
		t.Error("not the last one")
	}
	if got := leftovers(t, dir); got != "config.db restore.old" {
		t.Errorf("left %s", got)
	}
}

func TestApplyStagedForgetsWhatWasNotVerified(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, partialFolder), 0o700); err != nil {
		t.Fatal(err)
	}
	if applied, err := ApplyStaged(dir); applied || err != nil || leftovers(t, dir) != "" {
		t.Fatalf("%t, %v, left %s", applied, err, leftovers(t, dir))
	}
}

// FuzzBackup reads any archive that is sealed rightly, and any bytes behind a right header: never a panic, and nothing
// stays of what is refused.
func FuzzBackup(f *testing.F) {
	s := OpenMemory("")
	seed := func(parts ...Part) {
		whole := backupOf(f, s, parts...)
		plain, err := newOpenReader(bytes.NewReader(whole), passphrase)
		if err != nil {
			f.Fatal(err)
		}
		archive, err := io.ReadAll(plain)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(true, archive)
		f.Add(false, whole[headerSize:])
	}
	seed()
	seed(folderPart("hotspot", []byte("x")))
	f.Fuzz(func(t *testing.T, sealed bool, raw []byte) {
		var b bytes.Buffer
		w, err := newSealWriter(&b, passphrase, cheap)
		if err != nil {
			t.Fatal(err)
		}
		if !sealed {
			b.Write(raw)
		} else if _, err := w.Write(raw); err != nil {
			t.Fatal(err)
		} else if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		if err := stage(dir, b.Bytes(), folderPart("hotspot", nil)); err != nil && leftovers(t, dir) != "" {
			t.Fatalf("behind %v: left %s", err, leftovers(t, dir))
		}
	})
}
