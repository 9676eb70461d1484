package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"mbox/modules"
)

func newArea(t *testing.T) (fileArea, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "files")
	if err := openFileArea(dir); err != nil {
		t.Fatal(err)
	}
	return fileArea{dir: dir}, dir
}

func write(t *testing.T, area fileArea, name, text string) modules.PendingFile {
	t.Helper()
	f, err := area.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(f, text); err != nil {
		t.Fatal(err)
	}
	return f
}

func read(t *testing.T, area fileArea, name string) string {
	t.Helper()
	f, err := area.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestPendingFileIsWholeOrNothing(t *testing.T) {
	area, dir := newArea(t)
	if err := write(t, area, "sub/a.csv", "old").Commit(); err != nil {
		t.Fatal(err)
	}
	f := write(t, area, "sub/a.csv", "new")
	if got := read(t, area, "sub/a.csv"); got != "old" {
		t.Errorf("before Commit: %q", got)
	}
	if err := f.Abort(); err != nil {
		t.Fatal(err)
	}
	if err := f.Commit(); err == nil {
		t.Error("Commit after Abort")
	}
	if got := read(t, area, "sub/a.csv"); got != "old" {
		t.Errorf("after Abort: %q", got)
	}
	f = write(t, area, "sub/a.csv", "new")
	if err := errors.Join(f.Commit(), f.Abort()); err != nil {
		t.Fatal(err)
	}
	if got := read(t, area, "sub/a.csv"); got != "new" {
		t.Errorf("after Commit: %q", got)
	}
	info, err := os.Stat(filepath.Join(dir, "sub", "a.csv"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	entries, err := os.ReadDir(filepath.Join(dir, "sub"))
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v %v", entries, err)
	}
}

func TestFilesOfADeadBoxAreRemoved(t *testing.T) {
	area, dir := newArea(t)
	write(t, area, "sub/a.csv", "half") // never ends
	if err := openFileArea(dir); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Join(dir, "sub"))
	if err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v %v", entries, err)
	}
}

func TestFileMistakes(t *testing.T) {
	area, dir := newArea(t)
	outside := filepath.Join(filepath.Dir(dir), "outside")
	if err := os.WriteFile(outside, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"missing": "no file", "folder": "directory", "fifo": "not a regular file", "": "not the name", "folder/": "not the name",
		"tftp://10.0.0.1/x": "does not copy to or from tftp:", "SCP:x": "does not copy", "flash:missing": "there is no flash: here",
		"../outside": "outside of the file area", "link": "outside of the file area", outside: "outside of the file area",
	} {
		_, err := area.Open(name)
		var told *modules.Error
		if !errors.As(err, &told) || !strings.Contains(err.Error(), want) {
			t.Errorf("open %q: %v, want %q", name, err, want)
		}
	}
	for _, name := range []string{"folder", "", "tftp://10.0.0.1/x", "flash:x", "../new", "link", outside, "fifo"} {
		if _, err := area.Create(name); err == nil {
			t.Errorf("create %q", name)
		}
	}
	console := fileArea{dir: dir, console: true}
	if got := read(t, console, outside); got != "x" {
		t.Errorf("absolute name on the console: %q", got)
	}
	if err := write(t, console, outside, "y").Commit(); err != nil || read(t, console, outside) != "y" {
		t.Errorf("absolute name on the console: %v", err)
	}
}

func TestLockKeepsASecondBoxOut(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "box")
	first, err := lockDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lockDir(dir); !errors.Is(err, errBusy) || !strings.Contains(err.Error(), "process ") {
		t.Errorf("second box: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := lockDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v %v", info.Mode(), err)
	}
	shared := t.TempDir()
	if err := os.Chmod(shared, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	if _, err := lockDir(shared); err == nil {
		t.Error("a shared folder is taken")
	}
}
