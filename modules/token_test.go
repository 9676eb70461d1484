package modules

import (
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestTokenize(t *testing.T) {
	for _, tt := range []struct {
		line string
		want []string
	}{
		{"", nil},
		{"  \t ", nil},
		{"a bc\td ", []string{"a", "bc", "d"}},
		{`a "b c" d`, []string{"a", "b c", "d"}},
		{`"" x`, []string{"", "x"}},
		{`"q\"\\\n"`, []string{"q\"\\\n"}},
		{`pa"ss w\rd`, []string{`pa"ss`, `w\rd`}},
		{"ünï 名前", []string{"ünï", "名前"}},
	} {
		tokens, err := Tokenize(tt.line)
		var got []string
		for _, tok := range tokens {
			got = append(got, tok.Text)
			if raw := tt.line[tok.Start:tok.End]; (raw[0] == '"') != tok.Quoted {
				t.Errorf("%q: token %q at %d-%d", tt.line, tok.Text, tok.Start, tok.End)
			}
		}
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%q: %q, %v", tt.line, got, err)
		}
	}
}

func TestDisplayWidth(t *testing.T) {
	for s, want := range map[string]int{"abc": 3, "名前": 4, "e\u0301": 1, "ｆｕ": 4, "": 0, "😀": 2} {
		if got := displayWidth(s); got != want {
			t.Errorf("%q: %d, want %d", s, got, want)
		}
	}
}

func TestNearest(t *testing.T) {
	words := []string{"version", "hosts", "running-config", "ip"}
	for typed, want := range map[string]string{"vresion": "version", "host": "hosts", "hsots": "hosts", "runing-confg": "running-config",
		"x": "", "ipp": "ip", "frobnicate": "", "": ""} {
		if got := nearest(typed, words); got != want {
			t.Errorf("%q: %q, want %q", typed, got, want)
		}
	}
}

func FuzzTokenize(f *testing.F) {
	for _, s := range []string{"a b", `"a b" c`, `"\\\"\n"`, `"open`, "\x00", "\xff", `a"b`, strings.Repeat("x ", 100), "名前 x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		tokens, err := Tokenize(line)
		if err != nil {
			if e, ok := err.(*LineError); !ok || e.Column < 0 || e.Detail == "" {
				t.Fatalf("%q: %#v", line, err)
			}
			return
		}
		var words []string
		end := 0
		for _, tok := range tokens {
			if tok.Start < end || tok.End <= tok.Start || tok.End > len(line) {
				t.Fatalf("%q: token %+v", line, tok)
			}
			end = tok.End
			words = append(words, RenderWord(tok.Text))
		}
		again, err := Tokenize(strings.Join(words, " "))
		if err != nil && len(strings.Join(words, " ")) <= MaxLine {
			t.Fatalf("%q renders as %q: %v", line, words, err)
		}
		for i := range again {
			if again[i].Text != tokens[i].Text {
				t.Fatalf("%q renders as %q", tokens[i].Text, words[i])
			}
		}
	})
}

func FuzzRenderWord(f *testing.F) {
	f.Add("a b\\\"\n\t")
	f.Fuzz(func(t *testing.T, word string) {
		if !utf8.ValidString(word) || len(word) > MaxLine/3 || strings.ContainsFunc(word, func(r rune) bool {
			return unicode.IsControl(r) && r != '\n' && r != '\t'
		}) {
			t.Skip("a word that types refuse")
		}
		tokens, err := Tokenize(RenderWord(word))
		if err != nil || len(tokens) != 1 || tokens[0].Text != word {
			t.Fatalf("%q renders as %q, which reads %+v, %v", word, RenderWord(word), tokens, err)
		}
	})
}
