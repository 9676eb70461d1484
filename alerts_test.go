package mbox_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// metricRooms are where the metrics of a prefix are made.
var metricRooms = map[string][]string{
	"mbox_sync_": {"modules/sync"}, "mbox_hotspotdb_": {"modules/sync", "hotspotdb"}, "mbox_radius_": {"modules/aaa"}, "mbox_api_": {"modules/api"},
}

var (
	metricName = regexp.MustCompile(`\b(mbox_[a-z]+_)[a-z_]+`)
	selector   = regexp.MustCompile(`\b(mbox_[a-z]+_)[a-z_]+\{([^}]*)\}`)
	matcher    = regexp.MustCompile(`(\w+)=~?"([^"]*)"`)
)

// TestAlertRules holds docs/alerts.yml to it that every metric, label and value that it speaks of is one that the box has, and that
// the rules fire when they should.
func TestAlertRules(t *testing.T) {
	raw, err := os.ReadFile("docs/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	rules := string(raw)
	sources := map[string]string{}
	for prefix, rooms := range metricRooms {
		for _, room := range rooms {
			sources[prefix] += sourceOf(t, room)
		}
	}
	known := func(prefix, word string) bool { return strings.Contains(sources[prefix], `"`+word+`"`) }
	for _, m := range metricName.FindAllStringSubmatch(rules, -1) {
		if !known(m[1], m[0]) && !known(m[1], strings.TrimSuffix(m[0], "_bucket")) {
			t.Errorf("docs/alerts.yml speaks of %s, which does not exist", m[0])
		}
	}
	selectors := selector.FindAllStringSubmatch(rules, -1)
	if len(selectors) < 20 {
		t.Fatalf("only %d selectors", len(selectors))
	}
	for _, s := range selectors {
		for _, m := range matcher.FindAllStringSubmatch(s[2], -1) {
			for _, word := range append(strings.Split(m[2], "|"), m[1]) {
				if !known(s[1], word) {
					t.Errorf("docs/alerts.yml speaks of %s, but no metric of %s has %q", s[0], s[1], word)
				}
			}
		}
	}
	runRules(t)
}

func runRules(t *testing.T) {
	t.Helper()
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool (Debian package prometheus) is not installed: the rules are not run")
	}
	for _, args := range [][]string{{"check", "rules", "alerts.yml"}, {"test", "rules", "alerts_test.yml"}} {
		cmd := exec.Command(promtool, args...)
		cmd.Dir = "docs"
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// sourceOf is the Go source of a room without its tests.
func sourceOf(t *testing.T, room string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(room, func(name string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return err
		}
		source, err := os.ReadFile(name)
		all.Write(source)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}
