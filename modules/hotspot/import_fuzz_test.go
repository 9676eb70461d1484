package hotspot

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"mbox/hotspotdb"
)

// FuzzImport wants no panic of a file, no secret in an error, and of what goes in the same as comes out.
func FuzzImport(f *testing.F) {
	for _, seed := range []string{
		"username,password\nalice,pw\n", "\ufeffUser Name;Profiles\r\na;\"x,y\"\r\n", "username\texpires\na\t2030-01-01\n",
		"username,usertype\n3a71b4e9f799,mac\n", "username,mobile,disabled,Idle-Timeout\n'=x,+65,yes,5\n",
	} {
		f.Add(seed)
	}
	now := func() time.Time { return time.Unix(1_800_000_000, 0) }
	f.Fuzz(func(t *testing.T, text string) {
		reader, columns, err := readHeader(strings.NewReader(text), accountColumns(now), "username")
		if err != nil {
			return
		}
		for {
			cells, _, err := reader.Read()
			if bad := new(rowError); errors.As(err, &bad) {
				continue
			}
			if err != nil {
				return
			}
			var e, again hotspotdb.AccountEdit
			if len(cells) != len(columns) || setAccount(&e, columns, cells) != nil {
				continue
			}
			written := getCells(&e, columns)
			for i := range written {
				written[i] = guard(written[i])
			}
			if err := setAccount(&again, columns, written); err != nil {
				t.Fatalf("%q is written as %q: %v", cells, written, err)
			}
			if e.Password = nil; fmt.Sprint(getCells(&again, columns)) != fmt.Sprint(getCells(&e, columns)) {
				t.Fatalf("%q is written as %q and read as %q", cells, written, getCells(&again, columns))
			}
		}
	})
}

// BenchmarkImport stores 100,000 accounts in each round.
func BenchmarkImport(b *testing.B) {
	const rows = 100_000
	var text strings.Builder
	text.WriteString("username,password,usertype,profiles,expires,firstname,lastname,email,mobile,Session-Timeout\n")
	for i := range rows {
		fmt.Fprintf(&text, "guest%06d,pw%06d-secret,user,guest,2031-12-31,First%d,Last%d,guest%d@example.com,+65 9%07d,3600\n", i, i, i, i, i, i)
	}
	for _, words := range []string{"", " atomic", " update"} {
		b.Run("rows=100000"+strings.ReplaceAll(words, " ", "/"), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				box := newBox(b)
				box.write("u.csv", text.String())
				b.StartTimer()
				box.must(`hotspot import users u.csv` + words)
			}
			b.ReportMetric(rows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
