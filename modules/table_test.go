package modules

import (
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func tableText(t testing.TB, table Table, width int) string {
	t.Helper()
	var out strings.Builder
	if err := table.Text(&out, width); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// guests is a table as operators see it: too wide for a phone, and for 80 columns if a name is long.
func guests() Table {
	return Table{
		Columns: []Column{
			{Name: "USERNAME", Min: 12}, {Name: "PROFILES", Min: 8, Weight: 4, Cut: true}, {Name: "STATE"}, {Name: "BYTES", Right: true},
			{Name: "UPDATED"},
		},
		Rows: Rows([][]string{
			{"alice", "staff,guests,premium,conference-2026,late-night", "active", "1", "2026-11-23 06:31:22"},
			{"世界", "", "disabled", "12345678", "2026-11-23 06:31:22"},
			{"somebody.with.a.long.name@conference.example.com", "guests", "active", "7", ""},
		}),
	}
}

func TestTableAtUsualWidths(t *testing.T) {
	for width, want := range map[int]string{
		40: `USERNAME : alice
PROFILES : staff,guests,premium,
           conference-2026,late-night
STATE    : active
BYTES    : 1
UPDATED  : 2026-11-23 06:31:22

USERNAME : 世界
STATE    : disabled
BYTES    : 12345678
UPDATED  : 2026-11-23 06:31:22

USERNAME : somebody.with.a.long.name@con
           ference.example.com
PROFILES : guests
STATE    : active
BYTES    : 7
`,
		80: `USERNAME                       PROFILES  STATE        BYTES  UPDATED
alice                          staff,g…  active           1  2026-11-23 06:31:22
世界                                     disabled  12345678  2026-11-23 06:31:22
somebody.with.a.long.name@con  guests    active           7
ference.example.com
`,
		132: `USERNAME                                        PROFILES                                     STATE        BYTES  UPDATED
alice                                           staff,guests,premium,conference-2026,late-…  active           1  2026-11-23 06:31:22
世界                                                                                         disabled  12345678  2026-11-23 06:31:22
somebody.with.a.long.name@conference.example.c  guests                                       active           7
om
`,
		0: `USERNAME                                          PROFILES                                         STATE        BYTES  UPDATED
alice                                             staff,guests,premium,conference-2026,late-night  active           1  2026-11-23 06:31:22
世界                                                                                               disabled  12345678  2026-11-23 06:31:22
somebody.with.a.long.name@conference.example.com  guests                                           active           7
`,
	} {
		if got := tableText(t, guests(), width); got != want {
			t.Errorf("at %d columns:\n%s\nwant:\n%s", width, got, want)
		}
	}
}

// cellText draws words of narrow, wide and combining characters, and some that must not reach a terminal.
var cellText = rapid.Custom(func(t *rapid.T) string {
	return rapid.StringOfN(rapid.RuneFrom([]rune("abcz09.,- é世界\u0301\U0001F680\x1b\n\t\u202e")), 0, 40, -1).Draw(t, "cell")
})

func drawTable(t *rapid.T) (Table, [][]string) {
	columns := make([]Column, rapid.IntRange(1, 7).Draw(t, "columns"))
	for i := range columns {
		columns[i] = Column{
			Name:  rapid.StringMatching(`[A-Z]{1,12}`).Draw(t, "name"),
			Right: rapid.Bool().Draw(t, "right"), Cut: rapid.Bool().Draw(t, "cut"),
			Min: rapid.IntRange(0, 12).Draw(t, "min"), Weight: rapid.IntRange(0, 5).Draw(t, "weight"),
		}
	}
	rows := make([][]string, rapid.IntRange(0, 2*sampled/100).Draw(t, "rows"))
	if rapid.IntRange(0, 9).Draw(t, "long") == 0 {
		rows = make([][]string, sampled+2) // the last are wider than what was sampled
	}
	for i := range rows {
		rows[i] = make([]string, len(columns))
		for j := range rows[i] {
			if len(rows) <= sampled || i >= sampled {
				rows[i][j] = cellText.Draw(t, "cell")
			}
		}
	}
	return Table{Columns: columns, Rows: Rows(rows)}, rows
}

// TestTableFits: whatever is in it, no line is wider than the terminal, none ends in blanks, the same rows give the same
// text, and every character of a column that may not be cut is there.
func TestTableFits(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		table, rows := drawTable(r)
		width := rapid.IntRange(MinTable, 200).Draw(r, "width")
		text := tableText(t, table, width)
		if again := tableText(t, table, width); again != text {
			r.Fatalf("two texts of the same rows:\n%s\n%s", text, again)
		}
		for line := range strings.Lines(text) {
			line = strings.TrimSuffix(line, "\n")
			if n := DisplayWidth(line); n > width {
				r.Fatalf("%d columns of %d: %q", n, width, line)
			}
			if strings.HasSuffix(line, " ") && !strings.HasSuffix(line, colon) {
				r.Fatalf("blanks behind %q", line)
			}
			if !utf8.ValidString(line) || line != Printable(line) {
				r.Fatalf("not printable: %q", line)
			}
		}
		for _, row := range rows {
			for i, cell := range row {
				if table.Columns[i].Cut {
					continue
				}
				for _, c := range strings.ReplaceAll(Printable(cell), " ", "") {
					if !strings.ContainsRune(text, c) {
						r.Fatalf("%q of %q is missing:\n%s", c, cell, text)
					}
				}
			}
		}
	})
}

// TestTableUnlimited: a script, which has no width, sees each row as one line with all of it.
func TestTableUnlimited(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		table, rows := drawTable(r)
		lines := strings.Split(strings.TrimSuffix(tableText(t, table, 0), "\n"), "\n")
		if len(lines) != len(rows)+1 {
			r.Fatalf("%d lines of %d rows", len(lines), len(rows))
		}
		for i, row := range rows {
			at := 0
			for _, cell := range row {
				cell = strings.Trim(Printable(cell), " ")
				n := strings.Index(lines[i+1][at:], cell)
				if n < 0 {
					r.Fatalf("%q is not in %q, or not in its place", cell, lines[i+1])
				}
				at += n + len(cell)
			}
		}
	})
}

// TestWrapCell: nothing but blanks is lost between the lines of a cell.
func TestWrapCell(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		text, width := cellText.Draw(r, "text"), rapid.IntRange(2, 30).Draw(r, "width")
		parts := wrapCell(text, width)
		for _, part := range parts {
			if DisplayWidth(part) > width {
				r.Fatalf("%q is wider than %d", part, width)
			}
		}
		strip := func(s string) string { return strings.ReplaceAll(s, " ", "") }
		if got := strip(strings.Join(parts, "")); got != strip(text) {
			r.Fatalf("%q of %q", parts, text)
		}
	})
}

func TestColumnsOfATerminal(t *testing.T) {
	for text, want := range map[string]int{"": 0, "abc": 3, "世界": 4, "e\u0301": 1, "\U0001F680": 2, "한글": 4, "ａ": 2, "a\u200db": 2, "ü": 1} {
		if got := DisplayWidth(text); got != want {
			t.Errorf("%q takes %d, want %d", text, got, want)
		}
	}
}

func TestShorten(t *testing.T) {
	for _, c := range []struct {
		text string
		n    int
		want string
	}{{"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"世界世界", 4, "世…"}, {"世界世界", 5, "世界…"}, {"ab", 1, "…"}} {
		if got := Shorten(c.text, c.n); got != c.want || DisplayWidth(got) > c.n {
			t.Errorf("%q in %d: %q", c.text, c.n, got)
		}
	}
}

type failingWriter struct{ left int }

func (w *failingWriter) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		return 0, io.ErrClosedPipe
	}
	return len(p), nil
}

// The pager stops a list by refusing what is written: the rest is not read.
func TestTableStopsWithItsReader(t *testing.T) {
	for _, width := range []int{0, 80, MinTable} {
		read := 0
		table := Table{Columns: []Column{{Name: "A"}, {Name: "B"}}, Rows: func(yield func([]string, error) bool) {
			for read = 0; read < 1_000_000; read++ {
				if !yield([]string{"name", "value"}, nil) {
					return
				}
			}
		}}
		err := table.Text(&failingWriter{64 << 10}, width)
		if !errors.Is(err, io.ErrClosedPipe) || read > 20_000 {
			t.Errorf("%v after %d rows", err, read)
		}
	}
}

func TestTableSaysWhatStoppedIt(t *testing.T) {
	broken := errors.New("input/output error")
	table := Table{Columns: []Column{{Name: "A"}, {Name: "B"}}, Rows: func(yield func([]string, error) bool) {
		_ = yield([]string{"first", "x"}, nil) && yield(nil, broken)
	}}
	var out strings.Builder
	if err := table.Text(&out, 0); !errors.Is(err, broken) || !strings.Contains(out.String(), "first") {
		t.Errorf("%v with %q", err, out.String())
	}
}

func TestTableTooWideIsFolded(t *testing.T) {
	table := Table{
		Columns: []Column{{Name: "USERNAME"}, {Name: "TYPE"}, {Name: "PROFILES", Cut: true, Min: 8}, {Name: "STATE"}, {Name: "EXPIRES"}, {Name: "UPDATED"}},
		Rows:    Rows([][]string{{"alice", "user", "", "active", "", "2026-11-23 06:31:22"}, {"bob", "user", "nosuch", "disabled", "", ""}}),
	}
	want := `USERNAME  TYPE  PROFILES  STATE
    EXPIRES  UPDATED
alice     user            active
             2026-11-23 06:31:22
bob       user  nosuch    disabled
`
	if got := tableText(t, table, 40); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
