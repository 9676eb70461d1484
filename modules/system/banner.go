package system

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"mbox/modules"
)

// bannerWords are the banners, and when each is shown.
var bannerWords = []modules.Candidate{
	{Text: "login", Help: "Text that is shown before a login; it should name no version"},
	{Text: "motd", Help: "Message of the day, shown to everybody who connects"},
	{Text: "exec", Help: "Text that is shown to an operator who has logged in"},
}

// maxBanner bounds a banner, in bytes.
const maxBanner = 4000

func bannerSyntax(word string) string { return "banner " + word + " TEXT" }

func bannerStatements() []modules.Statement {
	words := map[string]string{"banner": "Text that is shown to operators"}
	for _, w := range bannerWords {
		words[w.Text] = w.Help
	}
	var out []modules.Statement
	for _, w := range bannerWords {
		out = append(out, modules.Statement{
			Syntax: bannerSyntax(w.Text), Help: w.Help, Words: words,
			Args:      map[string]modules.Type{"TEXT": bannerType{modules.Line("#text#, or # and then lines up to another #")}},
			Normalize: func(v modules.Values) (modules.Values, error) { return v, checkBanner(v) },
		})
	}
	return out
}

// checkBanner refuses a delimiter without a text: the lines that were meant are not there.
func checkBanner(v modules.Values) error {
	text := modules.Get[string](v, "TEXT")
	if text != opening(text) {
		return nil
	}
	return &modules.Error{
		Message: "The banner is missing between its delimiters",
		Hint:    fmt.Sprintf("Type it between them, on one line or on several: banner motd %[1]stext%[1]s", text),
	}
}

// readBanners returns the texts by their word, without the lines that it refuses.
func readBanners(tree *modules.Tree) (banners map[string]string, refused []error) {
	banners = map[string]string{}
	for _, w := range bannerWords {
		node, ok := tree.One(bannerSyntax(w.Text))
		if !ok {
			continue
		}
		if err := checkBanner(node.Values); err != nil {
			refused = append(refused, modules.Refuse(node, err))
			continue
		}
		banners[w.Text] = modules.Get[string](node.Values, "TEXT")
	}
	return banners, refused
}

// Banner is the message of the day, lines without a line end at the last; empty if there is none.
func (m *Module) Banner() string { return m.applied.Load().banners["motd"] }

// LoginBanner is shown before a login; see Banner.
func (m *Module) LoginBanner() string { return m.applied.Load().banners["login"] }

// ExecBanner is shown behind a login; see Banner.
func (m *Module) ExecBanner() string { return m.applied.Load().banners["exec"] }

// bannerType is the rest of the line. As on IOS it may stand between two equal characters (or ^C) that are not part of it,
// and go on over further lines up to the second of them. As one line such a text stands in double quotes.
type bannerType struct{ modules.Type }

// Parse takes the delimiters off.
func (bannerType) Parse(s string) (any, error) {
	text := strip(s)
	switch {
	case strings.TrimSpace(text) == "" || len(text) > maxBanner:
		return nil, fmt.Errorf("expected a text of 1 to %d characters", maxBanner)
	case !utf8.ValidString(text) || strings.ContainsFunc(text, forbidden):
		return nil, errors.New("expected text without control characters")
	}
	return text, nil
}

// forbidden: a terminal must not be told what to do by a banner.
func forbidden(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }

// Render is one line: with delimiters where Parse would take away something else, in quotes if it has lines.
func (t bannerType) Render(v any) string {
	text := v.(string)
	_, opens := t.Opens(text)
	switch {
	case strings.Contains(text, "\n"):
		return modules.RenderWord(text)
	case strip(text) == text && strings.TrimSpace(text) == text && !opens:
		return text
	}
	d := delimiterFor(text)
	return d + text + d
}

// Opens says whether the text begins with a delimiter that does not come again.
func (bannerType) Opens(text string) (string, bool) {
	d := opening(text)
	return d, d != "" && !strings.Contains(text[len(d):], d)
}

// Join is Render for a text that nobody has looked at yet.
func (t bannerType) Join(text string) string { return t.Render(text) }

// Split is the form of IOS.
func (bannerType) Split(v any) []string {
	text := v.(string)
	if !strings.Contains(text, "\n") {
		return nil
	}
	d := delimiterFor(text)
	if !strings.Contains(text, "^C") {
		d = "^C"
	}
	return append(append([]string{d}, strings.Split(text, "\n")...), d)
}

// opening is the delimiter that a text begins with; empty if it begins with none.
func opening(text string) string {
	if strings.HasPrefix(text, "^C") {
		return "^C"
	}
	first, size := utf8.DecodeRuneInString(text)
	if unicode.IsPunct(first) || unicode.IsSymbol(first) {
		return text[:size]
	}
	return ""
}

// strip takes quotes off with what is escaped in them, or delimiters.
func strip(s string) string {
	if tokens, err := modules.Tokenize(s); err == nil && len(tokens) == 1 && tokens[0].Quoted {
		return tokens[0].Text
	}
	if d := opening(s); d != "" {
		if inner, ok := between(s, d); ok {
			return inner
		}
	}
	return s
}

// between returns what stands between two delimiters and does not hold a third.
func between(s, delimiter string) (string, bool) {
	inner, opened := strings.CutPrefix(s, delimiter)
	inner, closed := strings.CutSuffix(inner, delimiter)
	return inner, opened && closed && !strings.Contains(inner, delimiter)
}

// delimiterFor is a character that the text does not hold.
func delimiterFor(text string) string {
	for _, r := range "#%~|@$&*+=" {
		if !strings.ContainsRune(text, r) {
			return string(r)
		}
	}
	r := '─' // box drawing and what follows it has more symbols than maxBanner can hold in addition to those above
	for strings.ContainsRune(text, r) {
		r++
	}
	return string(r)
}
