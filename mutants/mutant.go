package main

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// mutant is one break: in file, old becomes new.
type mutant struct {
	name     string
	rule     string // its number in rules
	file     string
	old, new string
	killers  []killer // likely to notice
	hangs    bool     // tests that hang have noticed
}

// killer is a package and a -run pattern.
type killer struct{ pkg, run string }

func (k killer) String() string { return path.Base(k.pkg) + ":" + k.run }

// Killers by their package.
func inStore(run string) killer { return killer{"./hotspotdb", run} }
func inFeed(run string) killer  { return killer{"./modules/sync/feed", run} }
func inAuth(run string) killer  { return killer{"./modules/sync/auth", run} }
func inPeer(run string) killer  { return killer{"./modules/sync/peer", run} }
func inSync(run string) killer  { return killer{"./modules/sync", run} }

// everything is the -run pattern of all tests of a package.
const everything = "."

// suite is what is run when the likely killers did not notice: all tests of the package, then those of whole boxes, of AAA those that
// have access points.
func (m mutant) suite() []killer {
	own := killer{"./" + path.Dir(m.file), everything}
	if slices.Contains([]string{"login", "count", "voucher", "rest"}, m.rule) {
		return []killer{own, inScripts("guest-life|policy|rest|radius-.*|voucher-.*")}
	}
	boxes := inSync(everything)
	if own == boxes {
		return []killer{boxes}
	}
	return []killer{own, boxes}
}

// mutants are all breaks, in the order of the rules.
func mutants() []mutant {
	return slices.Concat(feedMutants(), mergeMutants(), proofMutants(), lifeMutants(), securityMutants(), aaaMutants())
}

// check finds entries that are no longer true, before anything is run.
func check(root string, all []mutant) error {
	var errs []error
	seen := map[string]bool{}
	for _, m := range all {
		if seen[m.name] {
			errs = append(errs, fmt.Errorf("%s is listed twice", m.name))
		}
		seen[m.name] = true
		if !slices.ContainsFunc(rules, func(r rule) bool { return r.number == m.rule }) {
			errs = append(errs, fmt.Errorf("%s: there is no rule %s", m.name, m.rule))
		}
		if len(m.killers) == 0 {
			errs = append(errs, fmt.Errorf("%s names no killer", m.name))
		}
		text, err := os.ReadFile(filepath.Join(root, m.file))
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", m.name, err))
			continue
		}
		if n := strings.Count(string(text), m.old); n != 1 {
			errs = append(errs, fmt.Errorf("%s: its old text is found %d times in %s, expected once: %s", m.name, n, m.file, m.old))
		}
	}
	return errors.Join(errs...)
}
