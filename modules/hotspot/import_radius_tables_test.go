package hotspot

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"mbox/hotspotdb"
)

// inserts writes rows of radcheck and the like: "table|user|attribute|op|value".
func inserts(lines ...string) string {
	var b strings.Builder
	for n, line := range lines {
		f := strings.Split(line, "|")
		switch f[0] {
		case "radusergroup":
			fmt.Fprintf(&b, "INSERT INTO radusergroup VALUES ('%s','%s',%s);\n", f[1], f[2], f[3])
		case "radacct":
			fmt.Fprintf(&b, "INSERT INTO radacct (username,acctsessionid,nasipaddress,acctstarttime,acctstoptime,acctsessiontime,acctinputoctets,acctoutputoctets) VALUES ('%s','%s','10.0.0.1','%s','%s',%s,%s,%s);\n",
				f[1], f[2], f[3], f[4], f[5], f[6], f[7])
		default:
			fmt.Fprintf(&b, "INSERT INTO %s VALUES (%d,'%s','%s','%s','%s');\n", f[0], n, f[1], f[2], f[3], f[4])
		}
	}
	return b.String()
}

func TestImportRadiusGroups(t *testing.T) {
	b := newBox(t)
	b.must("hotspot profile add taken Session-Timeout 5")
	b.write("d.sql", inserts(
		"radgroupreply|a|Session-Timeout|:=|100", "radgroupreply|a|Fall-Through|=|Yes", "radgroupreply|b|Session-Timeout|=|200", "radgroupreply|b|Idle-Timeout|=|20",
		"radgroupreply|c|Idle-Timeout|=|30", "radgroupreply|a b|Idle-Timeout|=|1", "radgroupreply|a/b|Idle-Timeout|=|2", "radgroupreply|taken|Session-Timeout|=|7",
		"radgroupcheck|open|Auth-Type|:=|Accept", "radgroupcheck|some|NAS-Port-Type|==|Ethernet", "radgroupreply|some|Idle-Timeout|=|9",
		"radcheck|by-priority|Cleartext-Password|:=|x", "radusergroup|by-priority|b|2", "radusergroup|by-priority|a|1", "radusergroup|by-priority|c|3",
		"radcheck|own|Cleartext-Password|:=|x", "radreply|own|Session-Timeout|=|1", "radreply|own|Idle-Timeout|=|2", "radusergroup|own|a|1",
		"radcheck|alone|Cleartext-Password|:=|x", "radreply|alone|Fall-Through|=|No", "radusergroup|alone|a|1",
		"radcheck|renamed|Cleartext-Password|:=|x", "radusergroup|renamed|a b|1", "radcheck|renamed2|Cleartext-Password|:=|x", "radusergroup|renamed2|a/b|1",
		"radcheck|there|Cleartext-Password|:=|x", "radusergroup|there|taken|1",
		"radcheck|profile|Cleartext-Password|:=|x", "radcheck|profile|User-Profile|:=|b", "radcheck|profile2|Cleartext-Password|:=|x", "radcheck|profile2|User-Profile|:=|nowhere",
		"radusergroup|guest-of-group|open|1", "radusergroup|nobody|a|1", "radreply|nobody2|Session-Timeout|=|1",
		"radcheck|wide|Cleartext-Password|:=|x", "radusergroup|wide|some|1",
	))
	b.must("hotspot import radius-sql d.sql")
	b.expect("profiles", b.profiles(), `
a Session-Timeout=100
a_b Idle-Timeout=1
a_b-2 Idle-Timeout=2
b Session-Timeout=200 Idle-Timeout=20
c Idle-Timeout=30
open
some Idle-Timeout=9
taken Session-Timeout=5`)
	b.expect("accounts", b.accounts(), `
alone password=x
by-priority password=x profiles=a,b
guest-of-group pin profiles=open
own password=x profiles=a Idle-Timeout=2
profile password=x profiles=b
profile2 password=x
renamed password=x profiles=a_b
renamed2 password=x profiles=a_b-2
there password=x profiles=taken Session-Timeout=7
wide password=x profiles=some`)
	report := b.read("d.sql.report.csv")
	for _, want := range []string{
		`radcheck,by-priority,(group),c: never reached`, `radcheck,alone,(group),a: never reached`, `radcheck,profile2,(group),nowhere: no table has this group`,
		`,nobody,,"there is no account of this name, and nothing in radcheck to make one"`, `,nobody2,,`, `taken,,"there is a profile of this name already`,
		`some,NAS-Port-Type,a condition`, `own,Session-Timeout,replaced by := of a group`, `some,NAS-Port-Type,the profile holds for every login`,
	} {
		if !strings.Contains(report, want) {
			t.Errorf("no %s in\n%s", want, report)
		}
	}
}

// TestImportRadiusCSV takes one table after the other, as tools export them.
func TestImportRadiusCSV(t *testing.T) {
	b := newBox(t)
	b.in2026()
	for _, f := range []struct{ name, text string }{
		{"radgroupcheck.csv", "id,groupname,attribute,op,value\n1,gold,Simultaneous-Use,:=,3\n"},
		{"radgroupreply.csv", "id;groupname;attribute;op;value\n1;gold;Idle-Timeout;=;60\n"},
		{"radcheck-2026.csv", "\ufeff\"Id\",\"UserName\",\"Attribute\",\"op\",\"Value\"\r\n1,al,Cleartext-Password,:=,\"a,b\"\r\n2,bo,Cleartext-Password,:=,b\r\n3,short\r\n4,11-22-33-44-55-66,Auth-Type,:=,Accept\r\n"},
		{"radreply.csv", "username,attribute,op,value\nal,Session-Timeout,=,60\nal,Idle-Timeout,=,\\N\nghost,Session-Timeout,=,60\n11:22:33:44:55:66,Session-Timeout,=,70\n"},
		{"members.csv", "username,groupname,priority\nal,gold,1\nbo,new,1\n"},
		{"people.csv", "username,firstname,mobilephone,notes\nal,Al,+65 1,x\n"},
		{"sessions.csv", "username,acctsessionid,nasipaddress,acctstarttime,acctstoptime\nal,s1,10.0.0.1,2026-11-01 08:00:00,2026-11-01 09:00:00\n112233445566,s2,10.0.0.1,2026-11-02 08:00:00,NULL\n"},
	} {
		b.write(f.name, f.text)
		b.must("hotspot import radius-sql "+f.name+" dry-run", "hotspot import radius-sql "+f.name)
	}
	b.expect("profiles", b.profiles(), "gold Simultaneous-Use=3 Idle-Timeout=60\nnew")
	b.expect("accounts", b.accounts(), `
11-22-33-44-55-66 mac Session-Timeout=70
al password=a,b profiles=gold Session-Timeout=60 firstname=Al mobile=+65 1
bo password=b profiles=new`)
	if got := b.sessions(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "11-22-33-44-55-66 s2") {
		t.Errorf("sessions\n%s", got)
	}
	if report := b.read("radcheck-2026.csv.report.csv"); !strings.Contains(report, `4,radcheck,,,"2 fields, the header has 5"`) {
		t.Errorf("report\n%s", report)
	}
}

func TestImportRadiusSQLRefusals(t *testing.T) {
	b := newBox(t)
	for _, tt := range []struct{ name, text, want string }{
		{"x.csv", "username,attribute,op,value\nal,A,=,1\n", "which table the file is"},
		{"radcheck.csv", "username,attribute,value\n", "no column op"},
		{"radcheck.csv", "al,Cleartext-Password,:=,sesame\n", "no column username"},
		{"dump.sql", "PGDMP\x01", "PostgreSQL's own format"},
		{"dump.sql", "\x1f\x8b\x08", "compressed"},
		{"radreply.csv", "\xff\xfea\x00", "UTF-16"},
	} {
		b.write(tt.name, tt.text)
		got := b.refused("hotspot import radius-sql " + tt.name)
		if !strings.Contains(got, tt.want) || strings.Contains(got, "sesame") {
			t.Errorf("%q: %s", tt.text, got)
		}
	}
}

// TestImportRadiusSQLTwice: sessions and their usage count once, and accounts stay as they are.
func TestImportRadiusSQLTwice(t *testing.T) {
	b := newBox(t)
	b.in2026()
	b.write("d.sql", inserts("radacct|al|s1|2026-11-01 08:00:00|2026-11-01 09:00:00|3600|1000|2000", "radacct|al|s1|2026-11-01 08:00:00|2026-11-01 09:00:00|3600|1000|2000",
		"radacct|al|s1|2026-11-02 08:00:00|2026-11-02 09:00:00|3600|10|20", "radcheck|al|Cleartext-Password|:=|x"))
	b.must("hotspot import radius-sql d.sql", "hotspot import radius-sql d.sql")
	al, err := b.db.Account("al")
	if err != nil {
		t.Fatal(err)
	}
	from := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	used, err := b.db.Usage(al.ID, from, from.AddDate(0, 3, 0))
	if want := (hotspotdb.Usage{InputOctets: 1010, OutputOctets: 2020, SessionTime: 7200}); err != nil || used != want {
		t.Errorf("usage %+v %v, want %+v", used, err, want)
	}
	if n := b.db.Statistics(); n.Sessions != 2 || n.SessionsActive != 0 {
		t.Errorf("statistics %+v", n)
	}
	var result migrationResult
	b.json("hotspot import radius-sql d.sql", &result)
	if result.Sessions.Unchanged != 3 || result.Sessions.Added != 0 || result.Accounts.LeftOut != 1 {
		t.Errorf("the third time: %+v", result)
	}
}

// TestImportRadiusSQLInParts gives what it gives when all users fit.
func TestImportRadiusSQLInParts(t *testing.T) {
	var lines []string
	for n := range 300 {
		lines = append(lines, fmt.Sprintf("radcheck|u%03d|Cleartext-Password|:=|p%d", n, n))
	}
	for n := range 300 {
		lines = append(lines, fmt.Sprintf("radreply|u%03d|Session-Timeout|=|%d", n, n+1), fmt.Sprintf("radusergroup|u%03d|g%d|1", n, n%3))
	}
	whole, parted := newBox(t), newBox(t)
	parted.mod.holdRadius = 10 * (rowOverhead + 10)
	for _, b := range []*box{whole, parted} {
		b.write("d.sql", inserts(lines...))
		b.must("hotspot import radius-sql d.sql")
	}
	if n := whole.db.Statistics(); n.Users != 300 || n.Profiles != 3 {
		t.Fatalf("statistics %+v", n)
	}
	parted.expect("accounts", parted.accounts(), whole.accounts())
}

// TestHoldingIsBounded whatever the file holds.
func TestHoldingIsBounded(t *testing.T) {
	b := newBox(t)
	b.mod.holdRadius = 4 << 10
	var lines []string
	for n := range 3 * maxUserItems {
		lines = append(lines, fmt.Sprintf("radreply|al|Attribute-%d|=|x", n))
	}
	for n := range 3 * maxUserGroups {
		lines = append(lines, fmt.Sprintf("radusergroup|al|g%d|1", n))
	}
	b.write("d.sql", inserts(append(lines, "radcheck|al|Cleartext-Password|:=|x")...))
	var result migrationResult
	b.json("hotspot import radius-sql d.sql", &result)
	if result.Accounts.LeftOut != 1 || !strings.Contains(b.read("d.sql.report.csv"), "al,,\"more than 1000 attributes, or 1 MiB\"") {
		t.Errorf("%+v accounts", result.Accounts)
	}
	lines = nil
	for n := range maxNotes + 100 {
		lines = append(lines, fmt.Sprintf("radcheck|al%d|Attribute-%d|:=|x", n/100, n))
	}
	b.write("d.sql", inserts(lines...))
	b.json("hotspot import radius-sql d.sql", &result)
	if result.Accounts.Added != 6 || len(result.Attributes) != maxNotes+1 {
		t.Errorf("%+v accounts, %d attributes", result.Accounts, len(result.Attributes))
	}
	b.write("d.sql", "INSERT INTO radusergroup VALUES "+strings.TrimSuffix(strings.Repeat("('a','b',1),", 10)+manyGroups(maxGroups+1), ",")+";")
	if got := b.refused("hotspot import radius-sql d.sql"); !strings.Contains(got, "groups") {
		t.Error(got)
	}
}

func manyGroups(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "('a','g%d',1),", i)
	}
	return b.String()
}

// BenchmarkImportRadiusSQL stores 20,000 accounts and 100,000 sessions in each round.
func BenchmarkImportRadiusSQL(b *testing.B) {
	const users, past = 20_000, 100_000
	var text strings.Builder
	text.WriteString("CREATE TABLE radacct (username text, acctsessionid text, nasipaddress text, acctstarttime datetime, acctstoptime datetime, acctsessiontime int, acctinputoctets bigint, acctoutputoctets bigint);\nINSERT INTO radacct VALUES ")
	for i := range past {
		fmt.Fprintf(&text, "('guest%06d','s%d','10.0.0.%d','2026-%02d-%02d 08:00:00','2026-%02d-%02d 09:00:00',3600,%d,%d),", i%users, i, i%200, 1+i%10, 1+i%28, 1+i%10, 1+i%28, i*7, i*99)
	}
	text.WriteString("(NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);\n")
	for i := range users {
		fmt.Fprintf(&text, "INSERT INTO radcheck VALUES (%d,'guest%06d','Cleartext-Password',':=','pw%06d-x');\nINSERT INTO radusergroup VALUES ('guest%06d','g%d',1);\n", i, i, i, i, i%20)
	}
	for b.Loop() {
		b.StopTimer()
		box := newBox(b)
		box.in2026()
		box.write("d.sql", text.String())
		b.StartTimer()
		box.must("hotspot import radius-sql d.sql")
		b.StopTimer()
		if n := box.db.Statistics(); n.Users != users || n.Sessions != past {
			b.Fatalf("statistics %+v", n)
		}
		b.StartTimer()
	}
	b.ReportMetric((users+past)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

// TestImportRadiusSQLIsStopped also among rows that are of no use.
func TestImportRadiusSQLIsStopped(t *testing.T) {
	b := newBox(t)
	b.write("d.sql", inserts("radcheck|al|Cleartext-Password|:=|x")+"INSERT INTO radpostauth VALUES "+strings.Repeat("(1,'al','x','Access-Accept'),", 200_000)+"(1,2,3,4);")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := b.runContext(ctx, "hotspot import radius-sql d.sql")
	if err == nil || !strings.Contains(err.Error(), "the import was stopped; stored before that: 0 accounts, 0 profiles and 0 sessions") {
		t.Errorf("got %v", err)
	}
	if b.names() != "" {
		t.Errorf("stored %s", b.names())
	}
}
