package hotspotdb

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// wrecked makes a database whose records were edited and deleted, with tables at two levels and a log as kill -9 leaves
// it, and returns its folder and what it holds.
func wrecked(t *testing.T) (dir string, bodies map[string]string, sum Sum) {
	t.Helper()
	live := filepath.Join(t.TempDir(), "db")
	db := mustOpen(t, Options{Dir: live, DigestKey: key16(7)})
	peer := dbID(1)
	for round := range 4 {
		var b Batch
		b.Dataset, b.From, b.Kind, b.Position = Users, peer, Above, Position{1, uint64(round + 1)}
		for part := range 15 {
			b.Changes, b.Seqs = nil, nil
			for i := range 100 {
				key := fmt.Sprint("theirs", part*100+i+round*700)
				b.Changes = append(b.Changes, change(key, uint64(round+1), peer, strings.Repeat(fmt.Sprint(round), 150)))
				b.Seqs = append(b.Seqs, uint64(i))
			}
			_, err := db.Apply(t.Context(), b)
			must(t, err)
		}
		put(t, db, "mine", fmt.Sprint(round))
		must(t, db.Update(t.Context(), func(tx *Tx) error { return tx.Delete(Users, fmt.Appendf(nil, "theirs%d", round)) }))
		if round < 3 {
			must(t, db.Flush(t.Context()))
			must(t, db.engn.Flush())
		}
	}
	must(t, db.Flush(t.Context()))
	bodies, sum = bodiesOf(t, db), total(db, Users)
	dir = filepath.Join(t.TempDir(), "wreck")
	must(t, os.Mkdir(dir, 0o700))
	for name, content := range readAll(t, live) { // it is still open: nothing is flushed
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	return dir, bodies, sum
}

func bodiesOf(t *testing.T, db *DB) map[string]string {
	t.Helper()
	bodies := map[string]string{}
	v := db.View()
	defer v.Close()
	must(t, v.Scan(Users, 0, v.Seq, func(e Entry) (bool, error) {
		c, err := DecodeChange(e.Change)
		if err == nil && !c.Deleted {
			bodies[string(c.Key)] = string(c.Body)
		}
		return true, err
	}))
	return bodies
}

func salvageOf(t *testing.T, dir string) (*DB, Salvaged) {
	t.Helper()
	fresh := mustOpen(t, memOptions(vfs.NewMem()))
	fresh.opts.FS = vfs.Default // the wreck is on the real disk
	got, err := fresh.Salvage(t.Context(), dir)
	must(t, err)
	return fresh, got
}

// Files that say how the others belong together can be lost: nothing else is.
func TestSalvageWithoutManifest(t *testing.T) {
	dir, want, sum := wrecked(t)
	for _, pattern := range []string{"MANIFEST-*", "marker.*", "OPTIONS-*"} {
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		must(t, err)
		for _, name := range names {
			must(t, os.Remove(name))
		}
	}
	fresh, got := salvageOf(t, dir)
	if !maps.Equal(bodiesOf(t, fresh), want) || total(fresh, Users) != sum {
		t.Error("what was read back is not what was there")
	}
	if got.Unreadable != 0 || got.Missing != 0 || len(got.Broken) != 0 || got.Stored < len(want) {
		t.Errorf("%+v", got)
	}
	if fresh.Position(dbID(1), Users) != (Position{}) {
		t.Error("a position was taken over: the peer would not be asked for what is missing")
	}
	again, err := fresh.Salvage(t.Context(), dir)
	must(t, err)
	if again.Stored != 0 || again.Records != got.Records || total(fresh, Users) != sum {
		t.Errorf("the second time: %+v", again)
	}
	if fresh.ConflictCount() != 0 {
		t.Errorf("%d conflicts were made up", fresh.ConflictCount())
	}
}

// Where bytes are broken, only what lies in them is missing, and it is said.
func TestSalvageAroundDamage(t *testing.T) {
	dir, want, _ := wrecked(t)
	whole := readAll(t, dir)
	var files []string
	for name := range whole {
		if ext := filepath.Ext(name); ext == ".sst" || ext == ".log" && strings.Contains(whole[name], "theirs") {
			files = append(files, name)
		}
	}
	slices.Sort(files)
	if len(files) < 3 {
		t.Fatalf("only %v", files)
	}
	rng := rand.New(rand.NewPCG(5, 6))
	const blockRecords = 300 // more than fit into a block of a table or of the log
	damaged := 0
	for range 14 { // the engine looks for the flipped bit, which takes long under the race detector
		name := files[rng.IntN(len(files))]
		content := []byte(whole[name])
		at := rng.IntN(len(strings.TrimRight(whole[name], "\x00"))) // behind a log's end are zeros
		content[at] ^= 1 << rng.IntN(8)
		must(t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
		fresh, got := salvageOf(t, dir)
		lost := 0
		for key, body := range want {
			c, err := fresh.Get(Users, []byte(key))
			switch {
			case err != nil:
				lost++
			case string(c.Body) != body && !strings.HasPrefix(key, "theirs") && key != "mine":
				t.Errorf("%s: a body that never was", key)
			case string(c.Body) != body:
				lost++ // an older version is back
			}
		}
		where := fmt.Sprintf("%s at %d of %d", name, at, len(content))
		structural := at > len(content)-8192 && strings.HasSuffix(name, ".sst") // index and footer: all of the table
		if lost > blockRecords && !structural {
			t.Errorf("%s: %d records are lost: %+v", where, lost, got)
		}
		if lost > 0 {
			damaged++
			if len(got.Broken) == 0 && got.Missing == 0 {
				t.Errorf("%s: %d records are lost and nothing is said", where, lost)
			}
		}
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(whole[name]), 0o600))
	}
	if damaged < 4 {
		t.Errorf("only %d of the damages did any", damaged)
	}
}

// Two broken blocks do not hide what lies between them.
func TestSalvageBetweenTwoHoles(t *testing.T) {
	dir := filled(t, 3000)
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	must(t, err)
	slices.SortFunc(tables, func(a, b string) int { return int(size(t, b) - size(t, a)) })
	content, err := os.ReadFile(tables[0])
	must(t, err)
	for _, part := range []int{1, 3} {
		content[len(content)*part/4] ^= 1
	}
	must(t, os.WriteFile(tables[0], content, 0o600))
	_, got := salvageOf(t, dir)
	if got.Records < 2600 || got.Unreadable == 0 || got.Records+got.Unreadable < 3001 || len(got.Broken) != 1 {
		t.Errorf("%+v", got)
	}
}

func size(t *testing.T, name string) int64 {
	t.Helper()
	info, err := os.Stat(name)
	must(t, err)
	return info.Size()
}

// What is set aside and the conflicts come along, and entries keep where they came from.
func TestSalvageKeepsTheRest(t *testing.T) {
	clock := newFakeClock()
	dir := filepath.Join(t.TempDir(), "db")
	db := mustOpen(t, Options{Dir: dir, DigestKey: key16(7), Now: clock.Now})
	put(t, db, "mine", "")
	_, err := db.Apply(t.Context(), Batch{Dataset: Users, From: dbID(1), Kind: Below, Position: Position{3, 4}, Seqs: []uint64{8, 9}, Changes: [][]byte{
		change("ahead", clock.micros()+1e12, dbID(1), ""), change("theirs", 5, dbID(1), "")}})
	must(t, err)
	putSelf(t, db, SelfKey(1), "a", "")
	applyOne(t, db, Users, AppendChange(nil, &Change{Key: SelfKey(1), Stamp: Stamp{4, dbID(2)}, Body: []byte{18, 1, 'b'}, Version: Vector{{1, 1}}}))
	conflicts := db.ConflictCount()
	must(t, db.Close())
	o := memOptions(vfs.NewMem())
	o.Now = clock.Now
	fresh := mustOpen(t, o)
	fresh.opts.FS = vfs.Default
	_, err = fresh.Salvage(t.Context(), dir)
	must(t, err)
	if conflicts != 1 || fresh.ConflictCount() != 1 || fresh.SetAsideCount() != 1 {
		t.Errorf("%d conflicts of %d, %d set aside", fresh.ConflictCount(), conflicts, fresh.SetAsideCount())
	}
	sources := map[string]Source{}
	v := fresh.View()
	defer v.Close()
	must(t, v.Scan(Users, 0, v.Seq, func(e Entry) (bool, error) {
		c, err := DecodeChange(e.Change)
		sources[string(c.Key)] = e.Source
		return true, err
	}))
	if sources["mine"] != (Source{}) || sources["theirs"] != (Source{Below, dbID(1), 9}) {
		t.Errorf("sources %v", sources)
	}
}

// A disk that fails is not a damaged database: the next start may do better.
func TestFailingDiskIsNotDamage(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EIO, syscall.EACCES, syscall.EMFILE} {
		noticed := 0
		for n := range 40 {
			mem := vfs.NewMem()
			db := mustOpen(t, memOptions(mem))
			put(t, db, "x", "")
			must(t, db.Close())
			var reads atomic.Int64
			fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
				if op.Kind.ReadOrWrite() != errorfs.OpIsRead {
					return nil
				}
				if reads.Add(1) == int64(n+1) {
					return errno
				}
				return nil
			}))
			db, err := Open(memOptions(fs))
			if err == nil {
				must(t, db.Close())
				continue
			}
			noticed++
			if errors.Is(err, ErrDamaged) {
				t.Errorf("%v at read %d: %v", errno, n, err)
			}
		}
		if noticed < 5 {
			t.Errorf("%v was noticed %d times", errno, noticed)
		}
	}
}
