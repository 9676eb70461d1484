package hotspotdb

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// asKilled copies the files of a database as kill -9 leaves them.
func asKilled(t *testing.T, dir string) string {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "db")
	must(t, os.Mkdir(copied, 0o700))
	for name, content := range readAll(t, dir) {
		must(t, os.WriteFile(filepath.Join(copied, name), []byte(content), 0o600))
	}
	return copied
}

// A bit flipped anywhere in the log is noticed: the store is refused, or what is missing is counted, or nothing is.
func TestNoSilentLossAtTheEndOfTheLog(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "db")
	db := mustOpen(t, Options{Dir: dir, DigestKey: key16(7)})
	const n, body = 300, 400
	for i := range n {
		put(t, db, fmt.Sprint("x", i), strings.Repeat("y", body))
	}
	image := asKilled(t, dir)
	whole := readAll(t, image)
	refused, counted, readBack := 0, 0, 0
	for at := body; at < n*(body+80); at += n * body / 50 {
		fresh := asKilled(t, image)
		logs, err := filepath.Glob(filepath.Join(fresh, "*.log"))
		must(t, err)
		name := logs[len(logs)-1]
		content := []byte(whole[filepath.Base(name)])
		content[at] ^= 4
		must(t, os.WriteFile(name, content, 0o600))
		db, err := Open(Options{Dir: fresh, DigestKey: key16(7)})
		if err != nil {
			if refused++; !errors.Is(err, ErrDamaged) {
				t.Errorf("at %d: %v", at, err)
			}
			continue
		}
		missing := n - db.Counts(Users).Live
		loss := db.Lost()
		if missing != int(loss.Changes)-loss.ReadBack {
			t.Errorf("at %d: %d records are missing, the database says %+v", at, missing, loss)
		}
		if missing > 0 {
			counted++
		}
		if loss.ReadBack > 0 {
			readBack++
		}
		must(t, db.Close())
		db = mustOpen(t, Options{Dir: fresh, DigestKey: key16(7)})
		if db.Lost() != (Loss{}) {
			t.Errorf("the next start says it again: %v", db.Lost())
		}
		must(t, db.Close())
	}
	if refused == 0 || counted == 0 || readBack == 0 {
		t.Errorf("%d refused, %d counted, %d read back: the test does not reach all of them", refused, counted, readBack)
	}
}

// A power cut is no damage, whatever it leaves of what was not synced: the mark is never ahead of the log.
func TestPowerCutIsNoLoss(t *testing.T) {
	fs := vfs.NewCrashableMem()
	db := mustOpen(t, memOptions(fs))
	rng := rand.New(rand.NewPCG(1, 9))
	for round := range 30 {
		for i := range 20 {
			put(t, db, fmt.Sprint("x", round, i), strings.Repeat("y", 700))
		}
		image := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})
		after := mustOpen(t, memOptions(image))
		if after.Lost() != (Loss{}) || after.Counts(Users).Live < (round+1)*20 {
			t.Errorf("round %d: %v, %d records", round, after.Lost(), after.Counts(Users).Live)
		}
	}
}

// A mark that cannot be written, or is torn, or of another database, says nothing.
func TestMarkThatSaysNothing(t *testing.T) {
	var broken atomic.Bool
	mem := vfs.NewMem()
	fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if broken.Load() && strings.HasSuffix(op.Path, markName) && op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			return errors.New("injected: input/output error")
		}
		return nil
	}))
	db := mustOpen(t, memOptions(fs))
	broken.Store(true)
	put(t, db, "x", "") // is confirmed all the same
	must(t, db.Close())
	for name, content := range map[string][]byte{
		"torn": appendMark(nil, db.ID(), 900)[:20], "of another": appendMark(nil, dbID(3), 900),
		"flipped": func() []byte { b := appendMark(nil, db.ID(), 900); b[30] ^= 1; return b }(), "empty": nil,
	} {
		f, err := mem.Create(mem.PathJoin(memOptions(mem).Dir, markName), vfs.WriteCategoryUnspecified)
		must(t, err)
		_, err = f.Write(content)
		must(t, errors.Join(err, f.Close()))
		after := mustOpen(t, memOptions(mem))
		if after.Lost() != (Loss{}) || after.Counts(Users).Live != 1 {
			t.Errorf("%s: %v", name, after.Lost())
		}
		must(t, after.Close())
	}
}
