package soak

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// damages are what happens to files in a cellar. Each changes one file of a hotspot database.
var damages = map[string]func(t *testing.T, name string, random *rand.Rand){
	"flipped bit": func(t *testing.T, name string, random *rand.Rand) {
		rewrite(t, name, func(b []byte) []byte {
			if len(b) > 0 {
				b[random.IntN(used(b))] ^= 1 << random.IntN(8)
			}
			return b
		})
	},
	"cut off": func(t *testing.T, name string, random *rand.Rand) {
		rewrite(t, name, func(b []byte) []byte { return b[:random.IntN(used(b)+1)] })
	},
	"zeroed page": func(t *testing.T, name string, random *rand.Rand) {
		rewrite(t, name, func(b []byte) []byte {
			const page = 4096
			at := random.IntN(used(b)+1) / page * page
			clear(b[at:min(at+page, len(b))])
			return b
		})
	},
	"missing": func(t *testing.T, name string, _ *rand.Rand) {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	},
}

// used is the length without the zeros that a log is preallocated with.
func used(b []byte) int { return len(bytes.TrimRight(b, "\x00")) }

func rewrite(t *testing.T, name string, change func([]byte) []byte) {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, change(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// kinds are the files of a hotspot database; LOCK has no content.
var kinds = []string{"*.sst", "*.log", "MANIFEST-*", "marker.manifest.*", "marker.format-version.*", "OPTIONS-*", "confirmed"}

// Whatever is broken in the hotspot database of a box that was killed, the box comes up, never in a loop; either everything
// is there or it says what is gone; and once its primary is reached again, nothing is.
func TestDamagedDatabaseIsRefilled(t *testing.T) {
	primary, follower := newBox(t, "primary"), newBox(t, "follower")
	primary.importUsers("guest", 3000)
	follower.follow(primary, primary.addr, primary.port, "send all", "accept all")
	equal(t, primary, follower)
	follower.must("hotspot user add own1 password guestpass1")
	follower.restart() // what was in the log is in a table now
	primary.must("hotspot user add late password guestpass1")
	equal(t, primary, follower)
	want := primary.usernames()

	seed := uint64(newSeed(t))
	random := rand.New(rand.NewPCG(seed, 1))
	moved, lost, untouched := 0, 0, 0
	for round := range rounds(len(kinds)) {
		kind := kinds[round%len(kinds)]
		ways := slices.Sorted(maps.Keys(damages))
		what := ways[(int(seed%64)+round/len(kinds)+round)%len(ways)] // every pair of them in some run
		follower.kill()
		files, err := filepath.Glob(filepath.Join(follower.dir, "hotspot", kind))
		if err != nil || len(files) == 0 {
			t.Fatalf("no %s: %v", kind, err)
		}
		name := files[random.IntN(len(files))]
		damages[what](t, name, random)
		// The primary must not be there, or it would fill gaps before they are seen.
		primary.kill()
		follower.start()
		said := follower.must("show version")
		missing := 0
		if strings.Contains(said, "there is no hotspot database") {
			missing = len(want)
		} else {
			here := follower.usernames()
			for name := range want {
				if !here[name] {
					missing++
				}
			}
		}
		where := fmt.Sprintf("%s, %s", what, filepath.Base(name))
		aside := strings.Contains(said, "was damaged and is kept in hotspot.damaged-")
		switch {
		case aside:
			moved++
			if missing > 0 && !strings.Contains(said, "could not be") {
				t.Errorf("%s: %d accounts are missing, and it says %s", where, missing, firstNotice(said))
			}
		case strings.Contains(said, "has lost changes"):
			lost++
		case missing > 0:
			t.Fatalf("%s: %d accounts are missing and nothing is said:\n%s", where, missing, said)
		default:
			untouched++
		}
		if aside && what != "missing" && strings.HasPrefix(filepath.Base(name), "M") && missing > 0 {
			t.Errorf("%s: %d accounts are lost though no table or log is broken:\n%s", where, missing, said)
		}
		if missing == len(want) && aside && !regexp.MustCompile(`\.(sst|log)$`).MatchString(name) {
			t.Errorf("%s: nothing was read back:\n%s", where, said)
		}
		t.Logf("%s: %d of %d missing; %s", where, missing, len(want), firstNotice(said))
		primary.start()
		equal(t, primary, follower)
		if got := follower.usernames(); len(got) != len(want) {
			t.Fatalf("%s: %d accounts came back of %d", where, len(got), len(want))
		}
		follower.removeAside(t)
	}
	t.Logf("%d moved aside, %d lost changes, %d did no harm", moved, lost, untouched)
	if moved == 0 {
		t.Error("no damage was noticed")
	}
}

func firstNotice(said string) string {
	for line := range strings.Lines(said) {
		if strings.HasPrefix(line, "Notice: ") {
			return strings.TrimSpace(line)
		}
	}
	return "nothing to say"
}

// restart ends the box in good order and starts it again.
func (b *box) restart() {
	b.t.Helper()
	if err := b.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		b.t.Fatal(err)
	}
	<-b.done
	b.start()
}

func (b *box) aside() []string {
	b.t.Helper()
	names, err := filepath.Glob(filepath.Join(b.dir, "hotspot.damaged-*"))
	if err != nil {
		b.t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

func (b *box) removeAside(t *testing.T) {
	t.Helper()
	for _, name := range b.aside() {
		if err := os.RemoveAll(name); err != nil {
			t.Fatal(err)
		}
	}
}

// A primary that stands alone loses only what is broken, and says how much at each login; a third damage in a row leaves
// it without a database instead of filling the disk.
func TestDamagedDatabaseIsReadBack(t *testing.T) {
	const accounts = 3000
	b := newBox(t, "alone")
	b.importUsers("guest", accounts)
	b.restart()
	breakTable := func() {
		b.kill()
		tables, err := filepath.Glob(filepath.Join(b.dir, "hotspot", "*.sst"))
		if err != nil || len(tables) == 0 {
			t.Fatalf("no table: %v", err)
		}
		slices.SortFunc(tables, func(x, y string) int { return int(fileSize(t, y) - fileSize(t, x)) })
		rewrite(t, tables[0], func(b []byte) []byte { b[len(b)/2] ^= 16; return b })
		b.start()
	}
	breakTable()
	left := b.users()
	if left >= accounts || left < accounts*9/10 {
		t.Errorf("%d accounts of %d are left after one broken block", left, accounts)
	}
	greeting := b.must("show version")
	counts := regexp.MustCompile(`(\d+) records of it are here again, up to (\d+) could not be`).FindStringSubmatch(greeting)
	if counts == nil || counts[2] == "0" || !strings.Contains(greeting, "mbox sync recover from") {
		t.Errorf("the operator is not told: %s", greeting)
	}
	if len(b.aside()) != 1 {
		t.Errorf("kept: %v", b.aside())
	}
	b.must("hotspot user add new password guestpass1")
	b.kill()
	b.start()
	if n := b.users(); n != left+1 {
		t.Errorf("%d accounts after another start, there were %d", n, left+1)
	}
	b.restart()
	breakTable()
	if len(b.aside()) != 2 {
		t.Errorf("kept: %v", b.aside())
	}
	b.restart()
	breakTable()
	if out := b.must("show version"); len(b.aside()) != 2 || !strings.Contains(out, "there is no hotspot database") || !strings.Contains(out, "remove one of") {
		t.Errorf("the third time: %v\n%s", b.aside(), out)
	}
}

func fileSize(t *testing.T, name string) int64 {
	t.Helper()
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// A folder that vanished whole is said to be gone, once.
func TestVanishedDatabaseIsNoticed(t *testing.T) {
	b := newBox(t, "vanished")
	b.must("hotspot user add alice password guestpass1")
	b.kill()
	if err := os.RemoveAll(filepath.Join(b.dir, "hotspot")); err != nil {
		t.Fatal(err)
	}
	b.start()
	if out := b.must("show version"); !strings.Contains(out, "another one than at the last start") {
		t.Errorf("nothing is said: %s", out)
	}
	b.kill()
	b.start()
	if out := b.must("show version"); strings.Contains(out, "Notice") {
		t.Errorf("it is said again: %s", out)
	}
}
