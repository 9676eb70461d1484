package hotspot

import (
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

type csvRow struct {
	line   int
	fields string // joined by |
	err    error
}

func readAll(t testing.TB, src io.Reader) (rows []csvRow) {
	t.Helper()
	r := newCSVReader(src)
	for {
		fields, line, err := r.Read()
		if err == io.EOF {
			return rows
		}
		rows = append(rows, csvRow{line, strings.Join(fields, "|"), err})
		if bad := new(rowError); err != nil && !errors.As(err, &bad) {
			return rows
		}
	}
}

// partReader gives n bytes at a time.
type partReader struct {
	text string
	n    int
}

func (r *partReader) Read(p []byte) (int, error) {
	if r.text == "" {
		return 0, io.EOF
	}
	n := copy(p, r.text[:min(r.n, len(r.text))])
	r.text = r.text[n:]
	return n, nil
}

func TestCSVReader(t *testing.T) {
	long := strings.Repeat("x", maxRecord)
	cases := []struct {
		name, text string
		want       []csvRow
	}{
		{"empty", "", nil},
		{"rows", "a,b\nc,d\n", []csvRow{{1, "a|b", nil}, {2, "c|d", nil}}},
		{"crlf, no line end at the end", "a,b\r\nc,d", []csvRow{{1, "a|b", nil}, {2, "c|d", nil}}},
		{"empty lines", "a\n\n\r\nb\n", []csvRow{{1, "a", nil}, {4, "b", nil}}},
		{"empty fields", ",\n\"\"\n", []csvRow{{1, "|", nil}, {2, "", nil}}},
		{"quotes", "\"a,\"\"b\"\"\",c\r\n", []csvRow{{1, `a,"b"|c`, nil}}},
		{"line ends in quotes are kept", "\"a\r\nb\nc\",d\ne,f\n", []csvRow{{1, "a\r\nb\nc|d", nil}, {4, "e|f", nil}}},
		{"bare quote", "a,b\"c\nd,e\n", []csvRow{{1, "", errBareQuote}, {2, "d|e", nil}}},
		{"text after quote", "\"a\"b,c\nd,e\n", []csvRow{{1, "", errAfter}, {2, "d|e", nil}}},
		{"unclosed costs one line", "\"a,b\nc,d\ne,f\n", []csvRow{{1, "", errUnclosed}, {2, "c|d", nil}, {3, "e|f", nil}}},
		{"unclosed meets the next quote", "\"a,b\nc,\"d\"\ne,f\n", []csvRow{{1, "", errAfter}, {2, "c|d", nil}, {3, "e|f", nil}}},
		{"NUL", "a\x00,b\nc,d\n", []csvRow{{1, "", errNUL}, {2, "c|d", nil}}},
		{"not UTF-8", "a\xff,b\nc,d\n", []csvRow{{1, "", errUTF8}, {2, "c|d", nil}}},
		{"huge field", "a\n" + long + long + long + "\nb\n", []csvRow{{1, "a", nil}, {2, "", errTooLong}, {3, "b", nil}}},
		{"huge field in quotes", "\"" + long + "\"\nb\n", []csvRow{{1, "", errTooLong}, {2, "b", nil}}},
		{"huge last line", long + long, []csvRow{{1, "", errTooLong}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for name, src := range map[string]io.Reader{
				"whole": strings.NewReader(c.text), "in parts": &partReader{c.text, max(1, len(c.text)/64)},
			} {
				if got := readAll(t, src); !slices.Equal(got, c.want) {
					t.Errorf("%s: got %v, want %v", name, got, c.want)
				}
			}
		})
	}
}

func TestCSVReaderDoesNotReturnARowCutOffByAReadError(t *testing.T) {
	broken := errors.New("input/output error")
	src := io.MultiReader(strings.NewReader("a,b\nc,d"), iotest.ErrReader(broken))
	want := []csvRow{{1, "a|b", nil}, {2, "", broken}}
	if got := readAll(t, src); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// FuzzCSV holds the reader against encoding/csv on everything that the latter accepts, and wants it to end, to bound its
// memory and to count lines forward on everything.
func FuzzCSV(f *testing.F) {
	for _, seed := range []string{"a,b\r\n\"c\nd\",e\n", "\"a\"\"b\",\n", "a\"b\n", "\"a\n\"", "\r", "a\r", "\"a\"\r", ",", "\n\n\"\"", "\x00", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rows := readAll(t, iotest.HalfReader(strings.NewReader(text)))
		last := 0
		good := 0
		for _, row := range rows {
			if row.line <= last {
				t.Fatalf("line %d after line %d", row.line, last)
			}
			last = row.line
			if row.err == nil {
				good++
			}
		}
		if again := readAll(t, strings.NewReader(text)); !slices.Equal(rows, again) {
			t.Fatalf("rows depend on how the file is read: %v and %v", rows, again)
		}
		oracle := csv.NewReader(strings.NewReader(text))
		oracle.FieldsPerRecord = -1
		all, err := oracle.ReadAll()
		if err != nil || good != len(rows) {
			return // bytes that only we refuse, or quoting that both refuse
		}
		if len(all) != len(rows) {
			t.Fatalf("%d rows, encoding/csv has %d", len(rows), len(all))
		}
		for i, fields := range all { // encoding/csv makes CRLF in quotes LF
			want := strings.Join(fields, "|")
			if got := strings.ReplaceAll(rows[i].fields, "\r\n", "\n"); got != want {
				t.Fatalf("row %d is %q, encoding/csv has %q", i, got, want)
			}
		}
	})
}
