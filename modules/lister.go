package modules

import (
	"slices"
	"strings"
)

// Known is a Type for which there are values now: `?` shows them and Tab completes to them, but others are accepted as well.
// list is asked at each key, so it must be quick; its order does not matter, and all that begins with prefix may be among it.
func Known(t Type, list func(prefix string) []Candidate) Type { return knownType{t, list} }

type knownType struct {
	Type
	list func(prefix string) []Candidate
}

// List returns the values that begin with prefix in alphabetical order, some of them.
func (t knownType) List(prefix string) []Candidate {
	out := slices.DeleteFunc(t.list(prefix), func(c Candidate) bool {
		return !strings.HasPrefix(c.Text, prefix) || Printable(c.Text) != c.Text
	})
	slices.SortFunc(out, func(a, b Candidate) int { return strings.Compare(a.Text, b.Text) })
	out = slices.CompactFunc(out, func(a, b Candidate) bool { return a.Text == b.Text })
	return out[:min(len(out), maxListed)]
}
