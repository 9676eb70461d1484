package configstore

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// content is everything that a store answers, as one text.
func content(t testing.TB, s *Store) string {
	t.Helper()
	var b bytes.Buffer
	text, found, err := s.Startup()
	fmt.Fprintln(&b, text, found, err)
	revs, err := s.Revisions()
	fmt.Fprintln(&b, revs, err)
	for _, r := range revs {
		text, err := s.Revision(r.Number)
		fmt.Fprintln(&b, text, err)
	}
	for _, name := range []string{"peers", "pins"} {
		all, err := s.State(name).All()
		fmt.Fprintln(&b, len(all), err)
		for _, key := range slices.Sorted(maps.Keys(all)) {
			fmt.Fprintf(&b, "%s=%s\n", key, all[key])
		}
		for key := range all { // by key as well: a misled search would miss it
			if v, found, err := s.State(name).Get(key); !found || err != nil || !bytes.Equal(v, all[key]) {
				t.Fatalf("state %s %s: %t, %v", name, key, found, err)
			}
		}
	}
	fmt.Fprintln(&b, s.Identity().BoxID(), s.Keyring().Domain(), s.Keyring().Keys())
	return b.String()
}

func contentOf(t testing.TB, raw []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), FileName)
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, path)
	defer s.Close()
	return content(t, s)
}

// TestEveryFlippedBitIsFound flips bits all over the file, densely where bbolt keeps its structure. The store is either
// refused and not touched, or every answer is right, also after the next save.
func TestEveryFlippedBitIsFound(t *testing.T) {
	whole := storeBytes(t)
	want := contentOf(t, whole)
	path := filepath.Join(t.TempDir(), FileName)
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	refused, right := 0, 0
	random := rand.New(rand.NewPCG(1, 2))
	for at := 0; at < len(whole); at++ {
		if in := at % pageSize; in >= 40 && random.IntN(199) != 0 {
			continue
		}
		flipped := []byte{whole[at] ^ 1<<random.IntN(8)}
		if _, err := f.WriteAt(flipped, int64(at)); err != nil {
			t.Fatal(err)
		}
		s, err := Open(path, Options{})
		if err != nil {
			refused++
			if !errors.Is(err, ErrDamaged) {
				t.Fatalf("byte %d: %v", at, err)
			}
			flippedFile := bytes.Clone(whole)
			flippedFile[at] = flipped[0]
			if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, flippedFile) {
				t.Fatalf("byte %d: the file was changed", at)
			}
		} else {
			right++
			if got := content(t, s); got != want {
				t.Fatalf("byte %d: a wrong answer:\n%s\nwant\n%s", at, got, want)
			}
			if random.IntN(20) == 0 {
				saveAndCompare(t, s, path, at)
				if err := errors.Join(f.Truncate(0), rewrite(f, whole)); err != nil {
					t.Fatal(err)
				}
			}
			s.Close()
		}
		if _, err := f.WriteAt(whole[at:at+1], int64(at)); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d flips: %d refused, %d harmless", refused+right, refused, right)
	if refused < 100 || right < 100 {
		t.Error("the test looks at too little")
	}
}

func rewrite(f *os.File, content []byte) error {
	_, err := f.WriteAt(content, 0)
	return err
}

// saveAndCompare writes into a store with a harmless flip and reads all of it again.
func saveAndCompare(t *testing.T, s *Store, path string, at int) {
	t.Helper()
	if _, err := s.SaveStartup("after", "", ""); err != nil {
		t.Fatalf("byte %d: save: %v", at, err)
	}
	want := content(t, s)
	s.Close()
	again, err := Open(path, Options{})
	if err != nil {
		t.Fatalf("byte %d: reopen after a save: %v", at, err)
	}
	defer again.Close()
	if got := content(t, again); got != want {
		t.Fatalf("byte %d: a wrong answer after a save", at)
	}
}

// TestPowerLoss builds the files that a power cut can leave in the middle of a save: any part of the new pages is written,
// and the header only after all of them.
func TestPowerLoss(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	s := open(t, path)
	fill(t, s)
	read := func() []byte {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	engine := s.records.engine.(*boltEngine)
	before, oldText := read(), sampleText
	random := rand.New(rand.NewPCG(3, 4))
	for round := range 10 {
		newText := fmt.Sprintf("hostname round%d\n", round)
		steps := []func() error{
			func() error {
				s.records.engine = onlyCommit{engine}
				_, err := s.SaveStartup(newText, "", "")
				return err
			},
			func() error { return engine.update(func(kv) error { return nil }) },
		}
		for step, run := range steps {
			if err := run(); err != nil {
				t.Fatal(err)
			}
			after := read()
			wantOld := oldText
			if step == 1 {
				wantOld = newText
			}
			if step == 0 {
				for range 10 {
					if got := startupOf(t, mixPages(random, before, after)); got != wantOld {
						t.Fatalf("round %d: %q, want %q", round, got, wantOld)
					}
				}
			}
			if got := startupOf(t, after); got != newText {
				t.Fatalf("round %d: %q, want %q", round, got, newText)
			}
			before = after
		}
		oldText = newText
	}
}

// onlyCommit leaves out the second, empty transaction of an update.
type onlyCommit struct{ *boltEngine }

func (e onlyCommit) update(fn func(kv) error) error { return e.commit(fn) }

// mixPages takes each page but the headers from one of two files.
func mixPages(random *rand.Rand, before, after []byte) []byte {
	out := bytes.Clone(after)
	copy(out, before[:2*pageSize])
	for at := 2 * pageSize; at+pageSize <= len(before); at += pageSize {
		if random.IntN(2) == 0 {
			copy(out[at:], before[at:at+pageSize])
		}
	}
	return out
}

func startupOf(t *testing.T, raw []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), FileName)
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, path)
	defer s.Close()
	text, _, err := s.Startup()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestProbeAcceptsWhatIsWritten grows and shrinks a store through several levels of pages.
func TestProbeAcceptsWhatIsWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	s := open(t, path)
	engine := s.records.engine.(*boltEngine)
	engine.db.NoSync = true
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	random := rand.New(rand.NewPCG(5, 6))
	deepest := 0
	for round := range 150 {
		growing := round%50 < 30
		err := s.records.update(func(tx *tx) error {
			for range 60 {
				key := fmt.Sprintf("%s%0*d", keyStates, 20+random.IntN(3)*90, random.IntN(2000))
				if growing == (random.IntN(4) > 0) {
					if err := tx.put(key, make([]byte, random.IntN(6000)/(1+random.IntN(30)))); err != nil {
						return err
					}
				} else if err := tx.delete(key); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := probe(f, slog.New(slog.DiscardHandler)); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		deepest = max(deepest, depthOf(t, engine))
	}
	if deepest < 3 {
		t.Errorf("only %d levels of pages", deepest)
	}
	reopen(t, s, path)
}

func depthOf(t *testing.T, e *boltEngine) (depth int) {
	t.Helper()
	err := e.db.View(func(tx *bolt.Tx) error {
		depth = tx.Bucket(bucketName).Stats().Depth
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return depth
}

// FuzzOpen opens a store of which a part was overwritten, with right checksums of the headers so that what lies behind
// them is reached: never a panic or a hang, never a changed file behind an error, and a store that opens can be read.
func FuzzOpen(f *testing.F) {
	whole := storeBytes(f)
	f.Add(uint32(0), []byte{}, uint32(0))
	f.Add(uint32(pageHeader+16), []byte{9}, uint32(0))
	f.Add(uint32(4*pageSize+8), []byte{1, 0, 9}, uint32(pageSize))
	f.Fuzz(func(t *testing.T, at uint32, patch []byte, cut uint32) {
		raw := bytes.Clone(whole)
		copy(raw[int(at)%len(raw):], patch)
		raw = raw[:len(raw)-int(cut)%len(raw)]
		for page := range 2 {
			if at := page*pageSize + pageHeader; len(raw) >= at+metaSize {
				sum := fnv.New64a()
				sum.Write(raw[at : at+56])
				order.PutUint64(raw[at+56:], sum.Sum64())
			}
		}
		path := filepath.Join(t.TempDir(), FileName)
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(path, Options{})
		if err != nil {
			if now, readErr := os.ReadFile(path); readErr != nil || !bytes.Equal(now, raw) {
				t.Fatalf("the file was changed behind %v", err)
			}
			return
		}
		defer s.Close()
		content(t, s)
	})
}
