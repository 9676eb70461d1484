package configstore

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// These make the test binary the program that is killed, and one whose disk is full.
const (
	crashEnv    = "CONFIGSTORE_TEST_CRASH"
	fullDiskEnv = "CONFIGSTORE_TEST_FULL_DISK"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(crashEnv); path != "" {
		saveForEver(path)
	}
	if path := os.Getenv(fullDiskEnv); path != "" {
		saveOnAFullDisk(path)
	}
	os.Exit(m.Run())
}

// saveForEver prints a number when the text of that number is saved.
func saveForEver(path string) {
	s, err := Open(path, Options{})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	revs, err := s.Revisions()
	n := len(revs)
	for err == nil {
		n++
		if _, err = s.SaveStartup(crashText(n), "child", ""); err == nil {
			err = s.State("peers").Put("saved", []byte(strconv.Itoa(n)))
			fmt.Println(n)
		}
	}
	fmt.Println(err)
	os.Exit(1)
}

// crashText has a length that makes pages come and go.
func crashText(n int) string { return fmt.Sprintln(n) + strings.Repeat("line\n", n*7919%9000) }

// TestKill9 kills a box that saves all the time. What it acknowledged is there; what it was saving is there or not.
func TestKill9(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	acknowledged := 0
	for round := range 12 {
		acknowledged = saveAndKill(t, path, acknowledged+1+round%4)
		s, err := Open(path, Options{})
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		text, _, err := s.Startup()
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if text != crashText(acknowledged) && text != crashText(acknowledged+1) {
			t.Fatalf("round %d: neither %d nor %d was found but %.20q", round, acknowledged, acknowledged+1, text)
		}
		revs, err := s.Revisions()
		if err != nil || len(revs) < acknowledged {
			t.Fatalf("round %d: %d revisions of %d, %v", round, len(revs), acknowledged, err)
		}
		acknowledged = len(revs)
		s.Close()
	}
}

// saveAndKill runs the child until it acknowledged a number and returns the last that it did.
func saveAndKill(t *testing.T, path string, until int) int {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashEnv+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	last, killed := 0, false
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		n, err := strconv.Atoi(lines.Text())
		if err != nil {
			t.Fatalf("child: %s", lines.Text())
		}
		if last = n; n >= until && !killed {
			killed = true
			if err := cmd.Process.Kill(); err != nil { // what it printed before it died is read below
				t.Fatal(err)
			}
		}
	}
	cmd.Wait()
	return last
}

// TestFullDisk: a save that finds no room fails, everything old stays, and with room again it succeeds. A limit on the
// size of files stands for the full disk: the kernel refuses to extend the file alike.
func TestFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	s := open(t, path)
	fill(t, s)
	want := content(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fullDiskEnv+"="+path)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s = open(t, path)
	if got := content(t, s); got != want {
		t.Fatalf("afterwards:\n%s\nwant\n%s", got, want)
	}
	if _, err := s.SaveStartup(bigText, "", ""); err != nil {
		t.Fatalf("with room again: %v", err)
	}
}

var bigText = strings.Repeat("ip host name 10.0.0.1\n", 100_000)

// saveOnAFullDisk exits with 0 if a big save fails and, in the same process, everything old can be read and a small one
// that finds room among what is there still works.
func saveOnAFullDisk(path string) {
	check := func(err error) {
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	s, err := Open(path, Options{})
	check(err)
	before, _, err := s.Startup()
	check(err)
	info, err := os.Stat(path)
	check(err)
	check(unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: uint64(info.Size()), Max: unix.RLIM_INFINITY}))
	if _, err := s.SaveStartup(bigText, "", ""); err == nil {
		check(errors.New("2 MB found room"))
	}
	after, _, err := s.Startup()
	check(err)
	if after != before {
		check(errors.New("another startup-config"))
	}
	check(s.State("peers").Put("small", nil))
	check(s.State("peers").Delete("small"))
	check(s.Close())
	os.Exit(0)
}
