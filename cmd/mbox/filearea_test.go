package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mbox/modules"
)

func TestFileAreaNames(t *testing.T) {
	area, dir := newArea(t)
	for _, name := range []string{"b.csv", "a.csv", "sub/c.csv"} {
		if err := write(t, area, name, name).Commit(); err != nil {
			t.Fatal(err)
		}
	}
	unfinished := write(t, area, "half", "x")
	defer unfinished.Abort()
	folder, err := area.List("")
	if err != nil || folder.More || folder.Free == nil || *folder.Free == 0 {
		t.Fatalf("%+v %v", folder, err)
	}
	if got := namesOf(folder); got != "a.csv b.csv sub" {
		t.Errorf("the area holds %s", got)
	}
	if folder, err := area.List("sub"); err != nil || namesOf(folder) != "c.csv" {
		t.Errorf("%v %v", folder, err)
	}
	if info, err := area.Stat("sub/c.csv"); err != nil || info.Size() != 9 {
		t.Errorf("%v %v", info, err)
	}
	if err := area.Rename("a.csv", "new/d.csv", false); err != nil || read(t, area, "new/d.csv") != "a.csv" {
		t.Error(err)
	}
	if err := area.Rename("b.csv", "new/d.csv", false); err == nil || !strings.Contains(err.Error(), "Add force") || read(t, area, "new/d.csv") != "a.csv" {
		t.Errorf("a file was replaced: %v", err)
	}
	if err := area.Rename("b.csv", "new/d.csv", true); err != nil || read(t, area, "new/d.csv") != "b.csv" {
		t.Error(err)
	}
	if err := area.Remove("new"); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("a full folder: %v", err)
	}
	for _, name := range []string{"new/d.csv", "new", "sub/c.csv", "sub"} {
		if err := area.Remove(name); err != nil {
			t.Error(err)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 { // what is still being written
		t.Errorf("left: %v %v", entries, err)
	}
}

func namesOf(f modules.Folder) string {
	var names []string
	for _, info := range f.Entries {
		names = append(names, info.Name())
	}
	return strings.Join(names, " ")
}

// TestFileAreaHasNoWayOut: no name and no link leads to what lies outside, and what is still being written is nobody's.
func TestFileAreaHasNoWayOut(t *testing.T) {
	area, dir := newArea(t)
	outside := filepath.Join(filepath.Dir(dir), "outside")
	if err := os.MkdirAll(filepath.Join(outside, "deep"), 0o700); err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(outside, "secret")
	if err := os.WriteFile(secret, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"link": secret, "folder": outside, "up": ".."} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := write(t, area, "mine", "y").Commit(); err != nil {
		t.Fatal(err)
	}
	unfinished := write(t, area, "half", "x").(*pendingFile)
	defer unfinished.Abort()
	console := fileArea{dir: dir, console: true}
	for _, name := range []string{"../outside/secret", "folder/secret", "up/outside/secret", secret, unfinished.temp, "", ".", "sub/.."} {
		for who, area := range map[string]fileArea{"a session": area, "the console": console} {
			for what, err := range map[string]error{
				"remove": area.Remove(name), "rename from": area.Rename(name, "stolen", true), "rename to": area.Rename("mine", name, true),
			} {
				if err == nil {
					t.Errorf("%s may %s %q", who, what, name)
				}
			}
		}
		if _, err := area.Stat(name); err == nil && name != "." && name != "sub/.." {
			t.Errorf("%q is described", name)
		}
	}
	for _, name := range []string{"..", "folder", "up", "folder/deep", outside, "mine", "link", "missing"} {
		if folder, err := area.List(name); err == nil {
			t.Errorf("%q lists %v", name, folder)
		} else if told := new(modules.Error); !errors.As(err, &told) {
			t.Errorf("%q: %v is no mistake of the operator", name, err)
		}
	}
	if folder, err := console.List(outside); err != nil || namesOf(folder) != "deep secret" {
		t.Errorf("the console cannot list: %v", err)
	}
	if err := area.Remove("folder"); err != nil { // the link, not what it is of
		t.Error(err)
	}
	if err := area.Rename("link", "other", false); err != nil {
		t.Error(err)
	}
	if text, err := os.ReadFile(secret); err != nil || string(text) != "x" {
		t.Errorf("%q %v", text, err)
	}
	if got := read(t, area, "mine"); got != "y" {
		t.Errorf("%q", got)
	}
}

func TestRenameOfFolders(t *testing.T) {
	area, _ := newArea(t)
	for _, name := range []string{"a/x", "b/y", "file"} {
		if err := write(t, area, name, name).Commit(); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range [][2]string{{"a", "b"}, {"file", "b"}, {"a", "file"}, {"a", "a/inner"}, {"missing", "c"}} {
		err := area.Rename(c[0], c[1], true)
		if told := new(modules.Error); !errors.As(err, &told) {
			t.Errorf("rename %s to %s: %v", c[0], c[1], err)
		}
	}
	if err := area.Rename("a", "c", false); err != nil || read(t, area, "c/x") != "a/x" || read(t, area, "file") != "file" {
		t.Error(err)
	}
}

// TestListIsBounded: a folder with too many files is listed in part, and says so.
func TestListIsBounded(t *testing.T) {
	area, dir := newArea(t)
	for i := range modules.MaxEntries + 10 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%05d", i)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if folder, err := area.List(""); err != nil || !folder.More || len(folder.Entries) != modules.MaxEntries {
		t.Errorf("%d %v %v", len(folder.Entries), folder.More, err)
	}
}
