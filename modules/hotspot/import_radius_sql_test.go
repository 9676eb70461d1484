package hotspot

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mbox/hotspotdb"
)

// sessions writes all sessions, the oldest first.
func (b *box) sessions() string {
	b.t.Helper()
	list, err := b.db.Segments(b.t.Context(), hotspotdb.SegmentFilter{})
	if err != nil {
		b.t.Fatal(err)
	}
	var out []string
	for n := len(list) - 1; n >= 0; n-- {
		s := list[n]
		out = append(out, fmt.Sprintf("%s %s %s-%s %ds in %d out %d %s %s %s", s.Username, s.AcctSessionID, s.Start.UTC().Format("2006-01-02T15:04"), s.Stop.UTC().Format("15:04"),
			s.SessionTimeTo, s.InputOctetsTo, s.OutputOctetsTo, s.MAC, s.NAS, s.TerminateCause))
	}
	return strings.Join(out, "\n")
}

// in2026 sets the clock so that the sessions of the dumps are neither old nor in the future.
func (b *box) in2026() {
	b.clock.Store(int64(time.Until(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC))))
}

// TestImportRadiusSQL reads what mariadb-dump, pg_dump and sqlite3 made of the same rows in FreeRADIUS's own schemas, with
// daloRADIUS's userinfo beside them.
func TestImportRadiusSQL(t *testing.T) {
	for _, tt := range []struct{ file, format string }{
		{"mysql.sql", "MySQL"}, {"ansi.sql", "MySQL"}, {"postgresql.sql", "PostgreSQL"}, {"postgresql-inserts.sql", "PostgreSQL"}, {"sqlite.sql", "SQLite"},
	} {
		t.Run(tt.file, func(t *testing.T) {
			b := newBox(t)
			b.in2026()
			b.in(singapore) // what MySQL and SQLite write is local time
			b.db.SetHistory(defaultHistory)
			text, err := os.ReadFile(filepath.Join("testdata", "radius", tt.file))
			if err != nil {
				t.Fatal(err)
			}
			b.write("dump", string(text))
			dry := b.must("hotspot import radius-sql dump dry-run")
			if b.names()+b.profiles()+b.sessions() != "" {
				t.Fatal("a dry run has stored something")
			}
			report := b.read("dump.report.csv")
			if real := b.must("hotspot import radius-sql dump"); real+"Dry run: nothing was stored.\n" != dry {
				t.Errorf("dry run\n%s\nreal run\n%s", dry, real)
			}
			if again := b.read("dump.report.csv"); again != report {
				t.Errorf("report of the dry run\n%s\nof the real run\n%s", report, again)
			}
			b.expect("profiles", b.profiles(), "Gold_Plan CS-Total-MB=1500\nempty\nguest Simultaneous-Use=1 Session-Timeout=3600 WISPr-Bandwidth-Max-Up=1000 WISPr-Bandwidth-Max-Down=5000")
			alice, bob := "", ""
			if tt.format != "SQLite" {
				address := "1 Main Street, Flat 2, Oxford"
				if tt.format == "PostgreSQL" {
					address = `1 Main Street\nFlat 2, Oxford`
				}
				alice, bob = " firstname=Alice lastname=Liddell email=alice@example.com mobile=+44 1865 address="+address+" country=UK zip=OX1", " firstname=Bob"
			}
			zoe := "\nzoë password=pässwörd profiles=empty"
			if tt.file == "ansi.sql" {
				zoe = "" // mariadb-dump --compatible=ansi writes Latin-1
				if !strings.Contains(report, "username: must be UTF-8") {
					t.Errorf("report\n%s", report)
				}
			}
			b.expect("accounts", b.accounts(), `
3A-71-B4-E9-F7-99 mac
alice password=won'der"la\nd;),( expires=2031-12-31T00:00:00 profiles=guest,Gold_Plan`+alice+`
bob password=builder profiles=guest WISPr-Bandwidth-Max-Down=2000`+bob+`
carol
dave disabled password=d profiles=guest
erin disabled password=e`+zoe)
			b.expect("sessions", b.sessions(), `
alice s1 2026-11-01T00:00-01:00 3600s in 1000000 out 5000000000 3A-71-B4-E9-F7-01 10.0.0.1 User-Request
bob s2 2026-11-02T00:00-00:30 1800s in 10 out 20 3A-71-B4-E9-F7-02 10.0.0.1 Lost-Service`)
		})
	}
}
