package modules

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Word is any single word that check accepts; check may be nil and may return a cleaned form.
func Word(help string, check func(string) (string, error)) Type {
	return wordType{form: "WORD", help: help, check: check}
}

// Line is the rest of the line as one value.
func Line(help string) Type { return wordType{form: "LINE", help: help} }

// Secret is a word that is masked wherever a line is shown.
func Secret(help string, check func(string) (string, error)) Type {
	return wordType{form: "SECRET", help: help, check: check, secret: true}
}

type wordType struct {
	form, help string
	check      func(string) (string, error)
	secret     bool
}

func (t wordType) Parse(s string) (any, error) {
	if t.check == nil {
		return s, nil
	}
	clean, err := t.check(s)
	if err != nil {
		return nil, err
	}
	return clean, nil
}
func (t wordType) Render(v any) string { return v.(string) }
func (t wordType) Form() string        { return t.form }
func (t wordType) Help() string        { return t.help }
func (t wordType) Secret() bool        { return t.secret }

// Int is a whole number from lo to hi, as an int.
func Int(lo, hi int, help string) Type { return intType{lo, hi, help} }

type intType struct {
	lo, hi int
	help   string
}

func (t intType) Parse(s string) (any, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < t.lo || n > t.hi {
		return nil, fmt.Errorf("expected a number from %d to %d", t.lo, t.hi)
	}
	return n, nil
}
func (t intType) Render(v any) string { return strconv.Itoa(v.(int)) }
func (t intType) Form() string        { return fmt.Sprintf("<%d-%d>", t.lo, t.hi) }
func (t intType) Help() string        { return t.help }
func (t intType) Secret() bool        { return false }

// Address is an IPv4 or IPv6 address, as a netip.Addr.
func Address(help string) Type { return addrType{help} }

type addrType struct{ help string }

func (t addrType) Parse(s string) (any, error) {
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		return nil, fmt.Errorf("expected an IPv4 or IPv6 address such as 10.0.0.1 or 2001:db8::1")
	}
	return a.Unmap(), nil
}
func (t addrType) Render(v any) string { return v.(netip.Addr).String() }
func (t addrType) Form() string        { return "A.B.C.D|X:X::X" }
func (t addrType) Help() string        { return t.help }
func (t addrType) Secret() bool        { return false }

// Prefix is an address or a prefix, as a netip.Prefix; a bare address is a prefix of its full length and is rendered
// bare. Host bits must be zero.
func Prefix(help string) Type { return prefixType{help} }

type prefixType struct{ help string }

func (t prefixType) Parse(s string) (any, error) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return nil, fmt.Errorf("expected an address or prefix such as 10.0.0.2, 10.20.0.0/16 or 2001:db8::/32")
	}
	if p != p.Masked() {
		return nil, fmt.Errorf("%s has host bits set; the prefix is %s", s, p.Masked())
	}
	return p, nil
}

func (t prefixType) Render(v any) string {
	p := v.(netip.Prefix)
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}
func (t prefixType) Form() string { return "A.B.C.D[/N]|X:X::X[/N]" }
func (t prefixType) Help() string { return t.help }
func (t prefixType) Secret() bool { return false }

// Enum is one of a few words, as a string; unique prefixes are accepted. choices maps each word to its help.
func Enum(help string, choices ...Candidate) Type { return enumType{help, choices} }

type enumType struct {
	help    string
	choices []Candidate
}

func (t enumType) Parse(s string) (any, error) {
	var match []string
	for _, c := range t.choices {
		if strings.EqualFold(c.Text, s) {
			return c.Text, nil
		}
		if len(s) > 0 && len(s) < len(c.Text) && strings.EqualFold(c.Text[:len(s)], s) {
			match = append(match, c.Text)
		}
	}
	if len(match) == 1 {
		return match[0], nil
	}
	words := make([]string, len(t.choices))
	for i, c := range t.choices {
		words[i] = c.Text
	}
	if len(words) > 8 {
		return nil, fmt.Errorf("expected one of the words that `?` lists here")
	}
	return nil, fmt.Errorf("expected one of: %s", strings.Join(words, ", "))
}
func (t enumType) Render(v any) string { return v.(string) }
func (t enumType) Form() string        { return "WORD" }
func (t enumType) Help() string        { return t.help }
func (t enumType) Secret() bool        { return false }

// List makes the words of an Enum show in `?` and complete with Tab.
func (t enumType) List(prefix string) []Candidate {
	return slices.DeleteFunc(slices.Clone(t.choices), func(c Candidate) bool {
		return len(c.Text) < len(prefix) || !strings.EqualFold(c.Text[:len(prefix)], prefix)
	})
}
