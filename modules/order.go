package modules

import (
	"cmp"
	"net/netip"
	"slices"
)

// compareNodes is the order of running-config: by module, by statement, and for Sorted statements by key. Lines of an
// AsTyped statement are equal, so that a new one goes after those that are there.
func compareNodes(a, b *Node) int {
	if c := cmp.Compare(a.Statement.rank(), b.Statement.rank()); c != 0 || a.Statement.Order == AsTyped {
		return c
	}
	return compareKeys(a, b)
}

func (s *Statement) rank() int {
	if s.pattern == nil {
		return 0
	}
	return s.pattern.rank
}

// compareKeys is 0 exactly for lines that replace each other.
func compareKeys(a, b *Node) int {
	for _, name := range a.Statement.Key {
		if c := compareValues(a.Statement.Args[name], a.Values[name], b.Values[name]); c != 0 {
			return c
		}
	}
	return 0
}

func sameLine(a, b *Node) bool {
	if a.key != "" && b.key != "" && a.Statement == b.Statement {
		return a.key == b.key
	}
	return (a.Statement == b.Statement || a.Statement.In == b.Statement.In && a.Statement.Syntax == b.Statement.Syntax) &&
		compareKeys(a, b) == 0
}

// compareValues orders as people do: addresses and numbers by value, words with the numbers in them by value, what was
// not typed first.
func compareValues(typ Type, a, b any) int {
	if a == nil || b == nil {
		return compareBools(a != nil, b != nil)
	}
	switch a := a.(type) {
	case netip.Addr:
		if b, ok := b.(netip.Addr); ok {
			return a.Compare(b)
		}
	case netip.Prefix:
		if b, ok := b.(netip.Prefix); ok {
			return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
		}
	case int:
		if b, ok := b.(int); ok {
			return cmp.Compare(a, b)
		}
	case string:
		if b, ok := b.(string); ok {
			return compareNatural(a, b)
		}
	case bool:
		return 0
	case []any:
		if b, ok := b.([]any); ok {
			return slices.CompareFunc(a, b, func(x, y any) int { return compareValues(typ, x, y) })
		}
	}
	return compareNatural(typ.Render(a), typ.Render(b))
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// compareNatural orders eth2 before eth10; strings that differ only in leading zeros are ordered as bytes.
func compareNatural(a, b string) int {
	x, y := a, b
	for x != "" && y != "" {
		if isDigit(x[0]) && isDigit(y[0]) {
			m, n := leadingDigits(x), leadingDigits(y)
			if c := compareDigits(x[:m], y[:n]); c != 0 {
				return c
			}
			x, y = x[m:], y[n:]
			continue
		}
		if x[0] != y[0] {
			return cmp.Compare(x[0], y[0])
		}
		x, y = x[1:], y[1:]
	}
	return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(a, b))
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

func leadingDigits(s string) int {
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	return n
}

func compareDigits(a, b string) int {
	for len(a) > 1 && a[0] == '0' {
		a = a[1:]
	}
	for len(b) > 1 && b[0] == '0' {
		b = b[1:]
	}
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}
