package freeradius

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// rows reads a dump to its end: each row of a wanted table on a line, refused ones with their reason.
func rows(t *testing.T, text string) string {
	t.Helper()
	var out []string
	for d := NewDump(strings.NewReader(text)); ; {
		row, err := d.Next()
		line := new(LineError)
		switch {
		case err == io.EOF:
			return strings.Join(out, "\n")
		case errors.As(err, &line):
			out = append(out, fmt.Sprintf("! %s %v", line.Table, err))
		case err != nil:
			t.Fatal(err)
		default:
			var cells []string
			for _, column := range row.Columns() {
				cells = append(cells, fmt.Sprintf("%s=%q", column, row.Get(column)))
			}
			out = append(out, fmt.Sprintf("%d %s %s", row.Line, row.Table, strings.Join(cells, " ")))
		}
	}
}

const alice = `radcheck id="1" username="alice" attribute="A" op=":=" value="x"`

func TestDump(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"mysqldump", "-- MySQL dump 10\n/*!40101 SET NAMES utf8 */;\nDROP TABLE IF EXISTS `radcheck`;\nCREATE TABLE `radcheck` (\n  `id` int(11) unsigned NOT NULL AUTO_INCREMENT,\n" +
			"  `username` varchar(64) NOT NULL DEFAULT '',\n  `attribute` varchar(64) DEFAULT 'a,(b',\n  `op` char(2) NOT NULL DEFAULT '==',\n  `value` varchar(253),\n  PRIMARY KEY (`id`),\n  KEY `username` (`username`(32))\n) ENGINE=InnoDB;\n" +
			"LOCK TABLES `radcheck` WRITE;\nINSERT INTO `radcheck` VALUES (1,'alice','A',':=','x'),\n(2,'bob','B',':=','y');\nUNLOCK TABLES;\n",
			"14 " + alice + "\n15 " + `radcheck id="2" username="bob" attribute="B" op=":=" value="y"`},
		{"escapes of MySQL", `INSERT INTO radcheck VALUES (1,'alice','A',':=','a\'b''c\\d\n\t\0\Z\%;--/*');`, `1 radcheck id="1" username="alice" attribute="A" op=":=" value="a'b'c\\d\n\t\x00\x1a\\%;--/*"`},
		{"double quotes of MySQL", `INSERT INTO radcheck VALUES (1,"alice","A",":=","x");`, "1 " + alice},
		{"columns in another order", "INSERT INTO radcheck (value, `op`, attribute, username, id) VALUES ('x',':=','A','alice',1);", `1 radcheck value="x" op=":=" attribute="A" username="alice" id="1"`},
		{"database and table", "INSERT IGNORE INTO `radius`.`radcheck` VALUES (1,'alice','A',':=','x');REPLACE INTO radius.radcheck VALUES (1,'alice','A',':=','x')", "1 " + alice + "\n1 " + alice + "\n! radcheck line 1: the file ends in the middle of this statement"},
		{"names in quotes", `INSERT INTO "public"."radcheck" ("id","username","attribute","op","value") VALUES (1,'alice','A',':=','x');`, "1 " + alice},
		{"introducers and numbers", `INSERT INTO radcheck VALUES (-1.5e3,_binary 'alice',N'A',_utf8mb4':=',0x78);`, `1 radcheck id="-1.5e3" username="alice" attribute="A" op=":=" value="x"`},
		{"hexadecimal text", `INSERT INTO radcheck VALUES (+1,X'616c696365','A',':=',TRUE);`, `1 radcheck id="1" username="alice" attribute="A" op=":=" value="1"`},
		{"NULL", `INSERT INTO radcheck VALUES (1,'alice','A',':=',NULL);`, `1 radcheck id="1" username="alice" attribute="A" op=":="`},
		{"what follows the rows", "INSERT INTO radcheck VALUES (1,'alice','A',':=','x') ON DUPLICATE KEY UPDATE value='a;b';\nINSERT INTO radcheck VALUES (1,'alice','A',':=','x');", "1 " + alice + "\n2 " + alice},
		{"comments", "# one ' \n-- two '\n/* three ' ; */ INSERT /* four */ INTO radcheck VALUES (1, /* five */ 'alice','A',':=','x') ; -- six", "3 " + alice},
		{"conditional comments are passed over", "/*!50003 CREATE TRIGGER t INSERT INTO radcheck VALUES (1,'mallory','A',':=','x'); */;\n", ""},
		{"other tables", "INSERT INTO nas VALUES (1,'10.0.0.1','se;cret)');INSERT INTO radcheck VALUES (1,'alice','A',':=','x');", "1 " + alice},
		{"a call is no value", "INSERT INTO radcheck VALUES (1,'mallory','A',':=',CONCAT('a',(')'),\"b\")),(1,'alice','A',':=','x');", "! radcheck line 1: a value is not a plain number or text\n1 " + alice},
		{"an expression is no value", "INSERT INTO radcheck VALUES (1,'m','A',':=','x'||'y'),(1,'alice','A',':=','x');", "! radcheck line 1: a value is not a plain number or text\n1 " + alice},
		{"too few values", "INSERT INTO radcheck (username,attribute,op,value) VALUES ('x'),('alice','A',':=','x');", "! radcheck line 1: 1 values for 4 columns\n" + `1 radcheck username="alice" attribute="A" op=":=" value="x"`},
		{"an empty row", "INSERT INTO radcheck VALUES (),(1,'alice','A',':=','x');", "! radcheck line 1: an empty row\n1 " + alice},
		{"unknown columns", "INSERT INTO radacct VALUES (1,2);", "! radacct line 1: the file does not name the columns: dump the table with its CREATE TABLE"},
		{"a column is missing", "INSERT INTO radcheck (id,username) VALUES (1,'alice');", "! radcheck line 1: there is no column attribute"},
		{"INSERT ... SELECT", "INSERT INTO radcheck SELECT * FROM old;\nINSERT INTO radcheck VALUES (1,'alice','A',':=','x');", "! radcheck line 1: an INSERT without VALUES\n2 " + alice},
		{"cut off in a value", "INSERT INTO radcheck VALUES (1,'alice','A',':=','x'),\n(2,'bo", "1 " + alice + "\n! radcheck line 2: the file ends in the middle of this statement"},
		{"a long value costs its row", "INSERT INTO radcheck VALUES (1,'" + strings.Repeat("m", maxValue+1) + "','A',':=','x'),(1,'alice','A',':=','x');", "! radcheck line 1: a value is longer than 65536 bytes\n1 " + alice},
		{"COPY of PostgreSQL", "-- PostgreSQL database dump\nSET standard_conforming_strings = on;\nCREATE FUNCTION f() RETURNS trigger AS $_$ begin; INSERT INTO radcheck VALUES (1,'m','A',':=','x'); end $_$;\n" +
			"COPY public.radcheck (id, username, attribute, op, value) FROM stdin;\n1\talice\tA\t:=\tx\n2\tb\\tob\\\\\tB\t:=\t\\N\n3\tc\\x41\\101\\n\tB\t:=\ty\n\\.\n\nSELECT 1;\n",
			"5 " + alice + "\n6 " + `radcheck id="2" username="b\tob\\" attribute="B" op=":="` + "\n7 " + `radcheck id="3" username="cAA\n" attribute="B" op=":=" value="y"`},
		{"COPY with a bad line", "COPY radcheck (id, username, attribute, op, value) FROM stdin;\n1\tm\n1\talice\tA\t:=\tx\n\\.\n", "! radcheck line 2: 2 values for 5 columns\n3 " + alice},
		{"COPY that is cut off", "COPY radcheck (id, username, attribute, op, value) FROM stdin;\n1\talice\tA\t:=\tx\n1\tbo", "2 " + alice + "\n! radcheck line 3: the file ends in the middle of this statement"},
		{"pg_dump --inserts", "-- PostgreSQL database dump\n\\restrict abc;d'e\nCREATE TABLE public.radcheck (\n id integer NOT NULL,\n username text DEFAULT ''::text NOT NULL,\n attribute text,\n op character varying(2) DEFAULT '=='::character varying NOT NULL,\n value text,\n CONSTRAINT c CHECK ((id > 0))\n);\n" +
			"INSERT INTO public.radcheck OVERRIDING SYSTEM VALUE VALUES (1, 'alice', 'A', ':=', 'x'::text);\nINSERT INTO public.radcheck VALUES (2, 'b\\', E'a\\'', ':=', '''');\n",
			"11 " + alice + "\n12 " + `radcheck id="2" username="b\\" attribute="a'" op=":=" value="'"`},
		{"SQLite", "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCREATE TABLE radcheck(id integer primary key, username text, attribute text, op text, value text);\nINSERT INTO radcheck VALUES(1,'alice','A',':=','x');\nINSERT INTO \"radcheck\" VALUES(2,'b\\','A',':=','it''s');\nCOMMIT;\n",
			"4 " + alice + "\n5 " + `radcheck id="2" username="b\\" attribute="A" op=":=" value="it's"`},
		{"DELIMITER", "DELIMITER ;;\nCREATE TRIGGER t BEGIN x; END ;;\nDELIMITER ;\nINSERT INTO radcheck VALUES (1,'alice','A',':=','x');", "4 " + alice},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := rows(t, tt.text); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestOtherTablesAreCounted(t *testing.T) {
	d := NewDump(strings.NewReader("INSERT INTO nas VALUES (1),(2);\nCOPY radpostauth (id) FROM stdin;\n1\n2\n3\n\\.\n"))
	if _, err := d.Next(); err != io.EOF {
		t.Fatal(err)
	}
	if d.Others["nas"] != 2 || d.Others["radpostauth"] != 3 {
		t.Errorf("others are %v", d.Others)
	}
}

func FuzzDump(f *testing.F) {
	for _, seed := range []string{
		"INSERT INTO `radcheck` VALUES (1,'alice','A',':=','a\\'b''c'),(2,NULL,0x41,-1,NOW());", "COPY radcheck (id, username, attribute, op, value) FROM stdin;\n1\ta\\tb\t\\N\t\\x41\t\\101\n\\.\n",
		"CREATE TABLE radacct (`radacctid` int, `acctstarttime` datetime, username text, PRIMARY KEY (a));INSERT INTO radacct VALUES (1,'2025-01-01 00:00:00','x');",
		"-- PostgreSQL\nDO $a$ ; $a$; INSERT INTO public.radreply (username,attribute,op,value) VALUES (E'\\'','b'::text,'=',X'41');", "/*!1 x */ # c\nDELIMITER ;;\n\\connect x\nREPLACE INTO \"radusergroup\" VALUES ('a','b',1) ON x;",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d := NewDump(strings.NewReader(text))
		for range 2*len(text) + 2 {
			row, err := d.Next()
			if err == io.EOF {
				return
			}
			line := new(LineError)
			if errors.As(err, &line) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if !Wanted(row.Table) || len(row.columns) != len(row.values) || lacks(row.Table, row.columns) != "" || row.Line < 1 {
				t.Fatalf("row %+v", row)
			}
			if row.Table == RadAcct {
				session(t, row)
			}
		}
		t.Fatal("it does not end")
	})
}
