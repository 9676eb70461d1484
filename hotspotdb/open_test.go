package hotspotdb

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
)

// filled makes a database on disk with tables and a log, and returns its folder.
func filled(t *testing.T, n int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "db")
	db := mustOpen(t, Options{Dir: dir, DigestKey: key16(7)})
	changes := randomBatch(n, Users, 200)
	_, err := db.Apply(t.Context(), Batch{Dataset: Users, From: dbID(1), Kind: Above, Position: Position{1, 1}, Changes: changes, Seqs: make([]uint64, n)})
	must(t, err)
	must(t, db.Flush(t.Context()))
	must(t, db.engn.Flush())
	put(t, db, "in the log", "")
	must(t, db.Close())
	return dir
}

func readAll(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		must(t, err)
		files[e.Name()] = string(b)
	}
	return files
}

func checkUntouched(t *testing.T, dir string, before map[string]string) {
	t.Helper()
	after := readAll(t, dir)
	if len(after) != len(before) {
		t.Errorf("%d files, there were %d", len(after), len(before))
	}
	for name, content := range before {
		if after[name] != content {
			t.Errorf("%s was changed", name)
		}
	}
}

// TestDamagedTable flips bits all over the tables: what is not noticed has not changed what is read.
func TestDamagedTable(t *testing.T) {
	dir := filled(t, 3000)
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	must(t, err)
	if len(tables) == 0 {
		t.Fatal("no table")
	}
	whole := readAll(t, dir)
	want := func() Sum {
		db := mustOpen(t, Options{Dir: dir, DigestKey: key16(7), ReadOnly: true})
		defer db.Close()
		return total(db, Users)
	}()
	rng := rand.New(rand.NewPCG(3, 4))
	noticed := 0
	for range 60 {
		table := tables[rng.IntN(len(tables))]
		content := []byte(whole[filepath.Base(table)])
		content[rng.IntN(len(content))] ^= 1 << rng.IntN(8)
		must(t, os.WriteFile(table, content, 0o600))
		before := readAll(t, dir)
		db, err := Open(Options{Dir: dir, DigestKey: key16(7), ReadOnly: true})
		if err == nil {
			if total(db, Users) != want {
				t.Error("a flipped bit changed what is read")
			}
			must(t, db.Close())
		} else {
			noticed++
			if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), dir) {
				t.Errorf("error %v", err)
			}
			if _, err := Open(Options{Dir: dir, DigestKey: key16(7)}); !errors.Is(err, ErrDamaged) {
				t.Errorf("opened for writing: %v", err)
			}
			checkUntouched(t, dir, before)
		}
		must(t, os.WriteFile(table, []byte(whole[filepath.Base(table)]), 0o600))
	}
	if noticed < 40 {
		t.Errorf("only %d of 60 flipped bits were noticed", noticed)
	}
}

// TestDamagedLog flips bits in the log as kill -9 leaves it. A flip is noticed if a whole block of 32 KiB follows it; one
// behind looks like what a power cut leaves, and costs what comes after it.
func TestDamagedLog(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "db")
	db := mustOpen(t, Options{Dir: dir, DigestKey: key16(7)})
	const n, size = 300, 500 // all in one log
	for i := range n {
		put(t, db, fmt.Sprint("x", i), strings.Repeat("y", size))
	}
	whole := readAll(t, dir)
	must(t, db.Close())
	copied := t.TempDir()
	for name, content := range whole {
		must(t, os.WriteFile(filepath.Join(copied, name), []byte(content), 0o600))
	}
	logs, err := filepath.Glob(filepath.Join(copied, "*.log"))
	must(t, err)
	log := logs[len(logs)-1]
	content := whole[filepath.Base(log)]
	const used = n * size // the file is longer, and filled with zeros
	for at := size; at < used; at += used / 20 {
		b := []byte(content)
		b[at] ^= 4
		must(t, os.WriteFile(log, b, 0o600))
		before := readAll(t, copied)
		db, err := Open(Options{Dir: copied, DigestKey: key16(7), ReadOnly: true})
		switch {
		case err == nil && at < used-(64<<10):
			t.Errorf("a bit flipped at %d of %d was not noticed; %d records are left", at, used, db.Counts(Users).Live)
		case err != nil && !errors.Is(err, ErrDamaged):
			t.Errorf("a bit flipped at %d: %v", at, err)
		case err == nil && db.Counts(Users).Live < (used-(64<<10))/(size+100):
			t.Errorf("a bit flipped at %d lost all but %d records", at, db.Counts(Users).Live)
		}
		checkUntouched(t, copied, before)
		if err == nil {
			must(t, db.Close())
		}
	}
}

func TestLostFiles(t *testing.T) {
	for _, pattern := range []string{"*.sst", "MANIFEST-*", "marker.manifest.*"} {
		dir := filled(t, 100)
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		must(t, err)
		if len(names) == 0 {
			t.Fatalf("no %s", pattern)
		}
		for _, name := range names {
			must(t, os.Remove(name))
		}
		before := readAll(t, dir)
		if _, err := Open(Options{Dir: dir}); !errors.Is(err, ErrDamaged) {
			t.Errorf("without %s: %v", pattern, err)
		}
		checkUntouched(t, dir, before)
	}
}

func TestFutureVersion(t *testing.T) {
	dir := filled(t, 1)
	engine, err := pebble.Open(dir, &pebble.Options{Logger: quietLog{}, FormatMajorVersion: pebble.FormatNewest})
	must(t, err)
	must(t, engine.Set(metaKey("format"), binary.BigEndian.AppendUint32(nil, formatVersion+1), pebble.Sync))
	must(t, engine.Close())
	before := readAll(t, dir)
	if _, err := Open(Options{Dir: dir}); !errors.Is(err, ErrFuture) || !strings.Contains(err.Error(), fmt.Sprint("format ", formatVersion+1)) {
		t.Errorf("error %v", err)
	}
	checkUntouched(t, dir, before)
}

func TestSecondOpener(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "db")
	db := mustOpen(t, Options{Dir: dir})
	put(t, db, "x", "")
	if _, err := Open(Options{Dir: dir}); !errors.Is(err, ErrInUse) {
		t.Errorf("same process: %v", err)
	}
	if out, err := openInChild(dir); err == nil || !strings.Contains(out, ErrInUse.Error()) {
		t.Errorf("other process: %v: %s", err, out)
	}
	put(t, db, "y", "")
	must(t, db.Close())
	if out, err := openInChild(dir); err != nil {
		t.Errorf("after close: %v: %s", err, out)
	}
}

func openInChild(dir string) (string, error) {
	cmd := exec.Command(os.Args[0], "-test.run=TestOpenChild$", "-test.v")
	cmd.Env = append(os.Environ(), "HOTSPOTDB_CHILD="+dir)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestOpenChild runs in another process, for TestSecondOpener.
func TestOpenChild(t *testing.T) {
	dir := os.Getenv("HOTSPOTDB_CHILD")
	if dir == "" {
		t.Skip("runs in a child process only")
	}
	mustOpen(t, Options{Dir: dir})
}

func TestReadOnly(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	if _, err := Open(Options{Dir: missing, ReadOnly: true}); err == nil {
		t.Error("opened a folder that is not there")
	}
	if _, err := os.Stat(missing); !errors.Is(err, os.ErrNotExist) {
		t.Error("the folder was made")
	}
	empty := t.TempDir()
	if _, err := Open(Options{Dir: empty, ReadOnly: true}); !errors.Is(err, ErrNotFound) {
		t.Errorf("an empty folder: %v", err)
	}
	dir := filled(t, 10)
	before := readAll(t, dir)
	db := mustOpen(t, Options{Dir: dir, DigestKey: key16(7), ReadOnly: true})
	for name, err := range map[string]error{
		"update": db.Update(t.Context(), func(*Tx) error { return nil }),
		"apply": func() error {
			_, err := db.Apply(t.Context(), Batch{Dataset: Users, From: dbID(1), Kind: Above})
			return err
		}(),
		"key":    db.SetDigestKey(key16(8)),
		"rehome": func() error { _, err := db.Rehome(t.Context(), dbID(1), Users, Position{}); return err }(),
	} {
		if !errors.Is(err, ErrReadOnly) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if db.Counts(Users).Live != 11 || db.Durable() != 11 || db.DurablePosition(dbID(1), Users).Seq != 1 || db.Disk() == 0 {
		t.Errorf("%+v, watermark %d, %d octets", db.Counts(Users), db.Durable(), db.Disk())
	}
	var out bytes.Buffer
	must(t, db.Export(t.Context(), &out))
	must(t, db.Close())
	checkUntouched(t, dir, before)
}

// TestNoClearPassword: no password is in any file of the folder, after it was set, changed and lost in a conflict.
func TestNoClearPassword(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "db")
	db := mustOpen(t, Options{Dir: dir, Sealer: testSealer{}})
	const first, second = "Correct-Horse-1", "Battery-Staple-2"
	must(t, db.Update(t.Context(), func(tx *Tx) error {
		_, err := tx.AddAccount(Account{Username: "guest"}, first, "test")
		return err
	}))
	must(t, db.Update(t.Context(), func(tx *Tx) error {
		password := second
		_, err := tx.EditAccount("guest", "test", func(e *AccountEdit) error { e.Password = &password; return nil })
		return err
	}))
	if got, err := db.Password("guest"); got != second || err != nil {
		t.Fatalf("password %q, %v", got, err)
	}
	must(t, db.engn.Flush())
	var export bytes.Buffer
	must(t, db.Export(t.Context(), &export))
	must(t, db.Close())
	files := readAll(t, dir)
	files["export"] = export.String()
	for name, content := range files {
		if strings.Contains(content, first) || strings.Contains(content, second) {
			t.Errorf("a password is in %s", name)
		}
	}
}

func TestExportImport(t *testing.T) {
	clock := newFakeClock()
	dir := filepath.Join(t.TempDir(), "db")
	db := mustOpen(t, Options{Dir: dir, DigestKey: key16(7), Now: clock.Now})
	for i := range 50 {
		put(t, db, fmt.Sprint("x", i%20), fmt.Sprint(i))
	}
	_, err := db.Apply(t.Context(), Batch{Dataset: Users, From: dbID(1), Kind: Below, Position: Position{3, 4}, Seqs: []uint64{1, 2}, Changes: [][]byte{
		change("ahead", clock.micros()+1e12, dbID(1), ""), change("theirs", 5, dbID(1), "")}})
	must(t, err)
	putSelf(t, db, SelfKey(1), "a", "")
	applyOne(t, db, Users, AppendChange(nil, &Change{Key: SelfKey(1), Stamp: Stamp{4, dbID(2)}, Body: []byte{18, 1, 'b'}, Version: Vector{{1, 1}}}))
	if db.ConflictCount() != 1 || db.SetAsideCount() != 1 {
		t.Fatal("the test has no conflict or nothing set aside")
	}
	var out bytes.Buffer
	must(t, db.Export(t.Context(), &out))
	put(t, db, "after", "")

	target := filepath.Join(t.TempDir(), "new")
	must(t, Import(t.Context(), target, bytes.NewReader(out.Bytes())))
	if err := Import(t.Context(), target, bytes.NewReader(out.Bytes())); !errors.Is(err, ErrExists) {
		t.Errorf("imported over a database: %v", err)
	}
	got := mustOpen(t, Options{Dir: target, DigestKey: key16(7), Now: clock.Now})
	history := db.History()
	if got.ID() != db.ID() || len(got.History()) != len(history)+1 || got.History()[0] != history[0] {
		t.Errorf("id or history is another: %v", got.History())
	}
	if got.Position(dbID(1), Users) != (Position{3, 4}) || got.SetAsideCount() != 1 || got.ConflictCount() != 1 {
		t.Error("positions, set-aside or conflicts are missing")
	}
	must(t, db.Update(t.Context(), func(tx *Tx) error { return tx.Delete(Users, []byte("after")) }))
	if total(got, Users) != total(db, Users) {
		t.Error("the imported database holds something else")
	}
	if b := feedOf(t, got, Users, 0); b.Position.Seq != 52 {
		t.Errorf("the feed ends at %d", b.Position.Seq)
	}
}

func TestDamagedExport(t *testing.T) {
	db := openMem(t)
	for i := range 5 {
		put(t, db, fmt.Sprint("x", i), "body")
	}
	var out bytes.Buffer
	must(t, db.Export(t.Context(), &out))
	whole := out.Bytes()
	parent := t.TempDir()
	dir := filepath.Join(parent, "db")
	try := func(what string, b []byte) {
		t.Helper()
		if err := Import(t.Context(), dir, bytes.NewReader(b)); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", what, err)
		}
		if left, err := os.ReadDir(parent); err != nil || len(left) != 0 {
			t.Fatalf("%s left %v behind (%v)", what, left, err)
		}
	}
	step := len(whole)/25 + 1
	for i := 0; i < len(whole); i += step {
		try(fmt.Sprintf("cut at %d", i), whole[:i])
		flipped := bytes.Clone(whole)
		flipped[i] ^= 0x10
		try(fmt.Sprintf("bit flipped at %d", i), flipped)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := db.Export(cancelled, &out); err == nil {
		t.Error("a cancelled export succeeded")
	}
}

func FuzzImport(f *testing.F) {
	var out bytes.Buffer
	e := newExporter(&out)
	e.write([]byte(exportMagic))
	e.bytes([]byte("mformat"))
	e.bytes([]byte{0, 0, 0, 1})
	e.frames = 1
	if err := e.finish(); err != nil {
		f.Fatal(err)
	}
	f.Add(out.Bytes())
	f.Add([]byte(exportMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		in := newImporter(bytes.NewReader(b))
		if in.magic() != nil {
			return
		}
		for {
			key, value, err := in.frame()
			if err != nil {
				return
			}
			if key == nil {
				break
			}
			if len(key) > 64 || len(value) > maxImportValue {
				t.Fatalf("a frame of %d and %d bytes", len(key), len(value))
			}
		}
		if in.checksum() == nil && !bytes.HasPrefix(b, []byte(exportMagic)) {
			t.Fatal("accepted without the magic")
		}
	})
}
