package sync

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every metric that the alert rules speak of exists, and the rules fire when they should.
func TestAlertRules(t *testing.T) {
	docs, err := filepath.Abs("../../docs")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(docs, "alerts.yml"))
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{fsyncFamily + "_bucket": true, claimsFamily: true, durationFamily + "_bucket": true}
	for _, f := range families {
		known[f.name] = true
	}
	names := regexp.MustCompile(`\bmbox_[a-z_]+`).FindAllString(string(raw), -1)
	if len(names) < 20 {
		t.Fatalf("only %d metrics are named", len(names))
	}
	for _, name := range names {
		if !known[name] {
			t.Errorf("docs/alerts.yml speaks of %s, which does not exist", name)
		}
	}
	for _, m := range regexp.MustCompile(`event=~?"([^"]+)"`).FindAllStringSubmatch(string(raw), -1) {
		for _, event := range strings.Split(m[1], "|") {
			if catalogue[kind(event)] == 0 {
				t.Errorf("docs/alerts.yml speaks of event %s, which does not exist", event)
			}
		}
	}
	for _, m := range regexp.MustCompile(`code=~?"([^"]+)"`).FindAllStringSubmatch(string(raw), -1) {
		for _, code := range strings.Split(m[1], "|") {
			if !knownCode(code) {
				t.Errorf("docs/alerts.yml speaks of code %s, which does not exist", code)
			}
		}
	}
	for _, m := range regexp.MustCompile(`result=~?"([^"]+)"`).FindAllStringSubmatch(string(raw), -1) {
		for _, result := range strings.Split(m[1], "|") {
			known := slices.ContainsFunc(claimRefusals, func(r claimRefusal) bool { return r.name == result })
			if !known && !slices.Contains([]string{resultGranted, resultUnreachable, resultFailed}, result) {
				t.Errorf("docs/alerts.yml speaks of result %s, which does not exist", result)
			}
		}
	}
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool (Debian package prometheus) is not installed: the rules are not run")
	}
	for _, args := range [][]string{{"check", "rules", "alerts.yml"}, {"test", "rules", "alerts_test.yml"}} {
		cmd := exec.Command(promtool, args...)
		cmd.Dir = docs
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}
