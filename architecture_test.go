package mbox_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// mayImport says for each room which other rooms it may use, beside its own sub-packages, credential and proto. cmd and
// what drives the whole program from outside may use everything.
var mayImport = map[string][]string{
	"configstore": {},
	"credential":  {},
	"hotspotdb":   {},
	"proto":       {},
	"host":        {},
	"host/linux":  {"host"},
	"modules":     {"configstore", "host"},
	"modules/*":   {"modules", "host", "hotspotdb"},
	"shell":       {"modules"},
	"firmware":    {"host", "configstore"},
}

// free are the folders that wire or drive everything.
var free = []string{"cmd", "bench", "demo", "boxtest"}

// keeper is the room that alone imports a library, or the few that do, so that it can be replaced there.
var keeper = map[string]string{
	"github.com/cockroachdb/pebble": "hotspotdb",
	"go.etcd.io/bbolt":              "configstore",
	"github.com/chzyer/readline":    "shell",
	"github.com/vishvananda":        "host/linux",
	"github.com/golang-jwt":         "modules/sync modules/api",
	"github.com/gliderlabs/ssh":     "modules/ssh",
	"github.com/pkg/sftp":           "modules/ssh",
	"github.com/beevik/ntp":         "modules/clock",
	"layeh.com/radius":              "modules/aaa",
	"golang.org/x/time":             "modules/api hotspotdb",
	"github.com/boombuler/barcode":  "modules/hotspot",
	"codeberg.org/go-pdf/fpdf":      "modules/hotspot",
}

// TestRooms keeps docs/ARCHITECTURE.md's "who may import whom". Test files are free to bring rooms together.
func TestRooms(t *testing.T) {
	files := 0
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && name != "." && strings.HasPrefix(entry.Name(), ".") {
			return filepath.SkipDir
		}
		if entry.IsDir() || filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		files++
		checkFile(t, filepath.ToSlash(name))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 10 {
		t.Fatalf("only %d files found", files)
	}
}

func checkFile(t *testing.T, name string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
	if err != nil {
		t.Error(err)
		return
	}
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Error(err)
			continue
		}
		if complaint := refused(path.Dir(name), imported); complaint != "" {
			t.Errorf("%s imports %s: %s", name, imported, complaint)
		}
	}
}

// refused says why a folder may not import a package; empty if it may.
func refused(folder, imported string) string {
	from := roomOf(folder)
	for library, room := range keeper {
		if strings.HasPrefix(imported, library) && !slices.Contains(strings.Fields(room), from) && !isFree(from) {
			return "only " + room + " may"
		}
	}
	inside, ours := strings.CutPrefix(imported, "mbox/")
	if !ours || isFree(from) {
		return ""
	}
	to := roomOf(inside)
	switch {
	case to == from, to == "credential", to == "proto":
		return ""
	case to == "host/linux":
		return "only cmd may"
	}
	rule := from
	if strings.HasPrefix(from, "modules/") {
		rule = "modules/*"
	}
	allowed, known := mayImport[rule]
	switch {
	case !known:
		return "the room " + from + " has no rule yet: decide what it may import"
	case !slices.Contains(allowed, to):
		return from + " may not use " + to
	}
	return ""
}

// roomOf is the room that a folder belongs to: modules/sync/feed is in modules/sync.
func roomOf(folder string) string {
	parts := strings.Split(folder, "/")
	if len(parts) > 1 && (parts[0] == "modules" || parts[0] == "host") {
		return parts[0] + "/" + parts[1]
	}
	return parts[0]
}

func isFree(room string) bool {
	return room == "." || slices.Contains(free, strings.Split(room, "/")[0])
}

// TestRoomsRefuses makes sure that the rules bite.
func TestRoomsRefuses(t *testing.T) {
	for _, tt := range []struct {
		folder, imported string
		ok               bool
	}{
		{"shell", "mbox/modules", true},
		{"shell", "mbox/modules/system", false},
		{"shell", "mbox/hotspotdb", false},
		{"modules", "mbox/modules/system", false},
		{"modules", "mbox/shell", false},
		{"modules/sync", "mbox/modules/hosts", false},
		{"modules/sync/feed", "mbox/hotspotdb", true},
		{"modules/sync", "mbox/modules/sync/peer", true},
		{"modules/sync", "mbox/configstore", false},
		{"modules/hosts", "mbox/host/linux", false},
		{"configstore", "mbox/modules", false},
		{"configstore", "mbox/credential", true},
		{"hotspotdb", "mbox/proto/hotspotpb", true},
		{"hotspotdb", "go.etcd.io/bbolt", false},
		{"hotspotdb", "github.com/cockroachdb/pebble/v2", true},
		{"cmd/mbox", "mbox/modules/sync", true},
		{"attic", "mbox/modules", false},
	} {
		if complaint := refused(tt.folder, tt.imported); (complaint == "") != tt.ok {
			t.Errorf("%s imports %s: %q, want allowed %v", tt.folder, tt.imported, complaint, tt.ok)
		}
	}
}
