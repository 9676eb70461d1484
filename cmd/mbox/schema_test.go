package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"mbox/modules"
)

// TestSchemasDocument keeps docs/schema equal to the grammar. `go test ./cmd/mbox -update` rewrites it.
func TestSchemasDocument(t *testing.T) {
	dir := filepath.Join("..", "..", "docs", "schema")
	if *update {
		if err := writeSchemas(dir); err != nil {
			t.Fatal(err)
		}
	}
	want, err := schemas()
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, e := range entries {
		there[e.Name()] = true
		got, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil || !bytes.Equal(got, want[e.Name()]) {
			t.Errorf("%s is out of date (%v): go run ./cmd/mbox schema docs/schema", e.Name(), err)
		}
	}
	for name := range want {
		if !there[name] {
			t.Errorf("%s is missing: go run ./cmd/mbox schema docs/schema", name)
		}
	}
}

// showing are the first words of commands that print what a program may want to read.
var showing = []string{"show", "dir", "who", "more", "verify", "ping", "traceroute", "test"}

func shows(c *modules.Command) bool {
	first, _, _ := strings.Cut(c.Syntax, " ")
	return slices.Contains(showing, first)
}

func grammar(t *testing.T) *modules.Book {
	t.Helper()
	book, err := modules.NewBook(newRooms(parts{log: slog.New(slog.DiscardHandler)}).list()...)
	if err != nil {
		t.Fatal(err)
	}
	return book
}

// TestEveryShowHasADataModel: `| json` of a command that shows something is more than its text in quotes.
func TestEveryShowHasADataModel(t *testing.T) {
	n := 0
	for _, c := range grammar(t).Commands() {
		if !shows(c.Command) {
			continue
		}
		if n++; c.Result == nil {
			t.Errorf("module %s: %q has no Result", c.Module, c.Syntax)
		}
	}
	if n < 30 {
		t.Errorf("only %d commands show something", n)
	}
}

// schemaBox fills a box, so that no list that could hold something is empty.
var schemaBox = []string{
	"configure terminal",
	"hostname edge1",
	"ip host portal 127.0.0.3", "ip host portal 2001:db8::1", "ip name-server 127.0.0.1",
	"mbox sync allow 10.9.0.0/16", "mbox sync primary 127.0.0.2 username sync password longenough",
	"end",
	"write memory", "configure terminal", "hostname edge2", "end", "write memory", "configure terminal", "hostname edge3", "end",
	"hotspot profile add staff description people Session-Timeout 3600",
	"hotspot user add alice password wonderland profile staff profile gone firstname Alice expires +3d",
	"hotspot user add bob usertype pin profile staff disabled",
	"hotspot profile set staff CS-Total-MB-Daily 100", "hotspot quota add bob mb 5 note cash",
	"hotspot export users users.csv", "hotspot voucher create pool count 2 profile staff validity 7d",
}

// anyCode stands for the code of a voucher, which is drawn.
const anyCode = "A-VOUCHER"

var voucherCode = regexp.MustCompile(`"code": "([^"]+)"`)

// schemaLines are what is run of commands that need arguments, or have some that change the result.
var schemaLines = map[string][]string{
	"show hotspot users NAME":        {"show hotspot users alice", "show hotspot users bob"},
	"show hotspot profiles [NAME]":   {"show hotspot profiles", "show hotspot profiles staff"},
	"show hotspot quota NAME":        {"show hotspot quota alice", "show hotspot quota bob"},
	"show hotspot vouchers CODE":     {"show hotspot vouchers " + anyCode},
	"show mbox sync status [detail]": {"show mbox sync status", "show mbox sync status detail"},
	"show hosts [NAME]":              {"show hosts", "show hosts portal"},
	"show file FILE":                 {"show file users.csv"},
	"more FILE":                      {"more users.csv"},
	"dir [PATH]":                     {"dir"},
	"verify sha256 FILE [DIGEST]":    {"verify sha256 users.csv"},
	"show clock [detail]":            {"show clock", "show clock detail"},
	"show archive config differences [FROM [TO]]": {
		"show archive config differences", "show archive config differences 1 2",
	},
	"show running-config [all] [section REGEXP | begin REGEXP]": {"show running-config", "show running-config all", "show running-config section host"},
	"ping [ip | ipv6] HOST [source SOURCE] [repeat N] [size BYTES] [timeout SECONDS] [df]": {
		"ping 127.0.0.1 repeat 1 timeout 1", "ping ip portal timeout 1 repeat 1",
	},
	"traceroute [ip | ipv6] HOST [source SOURCE] [ttl MIN MAX] [probe N] [timeout SECONDS] [port PORT] [icmp] [numeric]": {
		"traceroute 127.0.0.1 timeout 1",
	},
}

// schemaRefusals are commands that cannot succeed on this one box, and why.
var schemaRefusals = map[string]string{
	"test mbox sync NAME": "there is no other box",
	"test authentication radius-server HOST radius-key KEY username USER password PASSWORD [method METHOD] [port PORT] [mac MAC] [nas-identifier NAS]":                                        "there is no RADIUS server",
	"test accounting radius-server HOST radius-key KEY username USER [status STATUS] [session SESSION] [time SECONDS] [upload UP] [download DOWN] [port PORT] [mac MAC] [nas-identifier NAS]": "there is no RADIUS server",
	"show session-config":       "only inside of a configuration session",
	"show session-config diffs": "only inside of a configuration session",
}

// wholeLines are the beginnings of commands whose lines are not folded: they can be pasted, or are read by programs, or each
// is one message.
var wholeLines = []string{
	"more", "show tech-support", "show startup-config", "show running-config", "show archive config differences",
	"show configuration compare", "show logging",
}

func isWhole(syntax string) bool {
	return slices.ContainsFunc(wholeLines, func(begin string) bool { return strings.HasPrefix(syntax, begin) })
}

// usualWidth is that of a terminal as it comes.
const usualWidth = 80

func checkWidth(t *testing.T, line, text string, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v\n%s", line, err, text)
	}
	for shown := range strings.Lines(text) {
		if n := modules.DisplayWidth(strings.TrimSuffix(shown, "\n")); n > usualWidth {
			t.Errorf("%s: a line of %d columns: %s", line, n, shown)
		}
	}
}

// TestResultsMatchTheirSchemas runs every command that shows something on a box that holds something, and checks what
// `| json` prints.
func TestResultsMatchTheirSchemas(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "box")
	var log bytes.Buffer
	box := start(t, nil, &log, "run", "--data", dir, "--record-host")
	run := func(lines ...string) ([]byte, error) {
		args := []string{"shell", "--data", dir, "--wait", fmt.Sprint(patience.Seconds())}
		for _, line := range lines {
			args = append(args, "-c", line)
		}
		cmd := exec.Command(box.Path, args...)
		var said bytes.Buffer
		cmd.Stdout = &said
		err := cmd.Run()
		return said.Bytes(), err
	}
	if out, err := run(schemaBox...); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	vouchers, err := run("show hotspot vouchers | json")
	code := voucherCode.FindSubmatch(vouchers)
	if err != nil || code == nil {
		t.Fatalf("no voucher: %v\n%s", err, vouchers)
	}
	n := 0
	for _, c := range grammar(t).Commands() {
		if !shows(c.Command) || c.Result == nil || schemaRefusals[c.Syntax] != "" {
			continue
		}
		schema := compileSchema(t, c.Command)
		for _, line := range linesOf(c.Syntax) {
			line = strings.ReplaceAll(line, anyCode, string(code[1]))
			out, err := run(line + " | json")
			var exit *exec.ExitError
			if errors.As(err, &exit) && strings.HasPrefix(c.Syntax, "ping") && bytes.Contains(out, []byte("not allowed to send ICMP")) {
				t.Logf("%s: needs root, or a group in net.ipv4.ping_group_range", line)
				continue
			}
			if err != nil {
				t.Errorf("%s: %v\n%s", line, err, out)
				continue
			}
			n++
			checkJSON(t, schema, line, out)
			if !isWhole(c.Syntax) {
				text, err := run(fmt.Sprintf("terminal width %d", usualWidth), line)
				checkWidth(t, line, string(text), err)
			}
		}
	}
	if n < 30 {
		t.Errorf("only %d results were checked", n)
	}
}

// linesOf are the lines of a command: those of the table, or the command without what may be left out.
func linesOf(syntax string) []string {
	if lines, ok := schemaLines[syntax]; ok {
		return lines
	}
	for optionalPart.MatchString(syntax) {
		syntax = optionalPart.ReplaceAllString(syntax, "")
	}
	return []string{strings.Join(strings.Fields(syntax), " ")}
}

func compileSchema(t *testing.T, c *modules.Command) *jsonschema.Schema {
	t.Helper()
	text, err := schemaText(c)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("schema.json", raw); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("schema.json")
	if err != nil {
		t.Fatalf("%s: %v", c.Syntax, err)
	}
	return schema
}

func checkJSON(t *testing.T, schema *jsonschema.Schema, line string, out []byte) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(out))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		t.Errorf("%s | json: %v\n%s", line, err, out)
		return
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		t.Errorf("%s | json prints more than one document:\n%s", line, out)
	}
	if err := schema.Validate(value); err != nil {
		t.Errorf("%s | json: %v\n%s", line, err, out)
	}
}

// TestSchemas: the schemas are strict: what is missing, what is more, and what is of another kind is refused.
func TestSchemas(t *testing.T) {
	type inner struct {
		At *time.Time `json:"at"`
	}
	type result struct {
		Name  string           `json:"name"`
		List  []inner          `json:"list"`
		Count map[string]*int  `json:"count"`
		Sub   *inner           `json:"sub"`
		Any   modules.View     `json:"any"`
		Note  *json.RawMessage `json:"-"`
	}
	schema := compileSchema(t, &modules.Command{Syntax: "show x", Result: modules.OneOf{result{}, []inner{}}})
	const good = `{"name":"a","list":[{"at":"2026-01-02T03:04:05Z"},{"at":null}],"count":{"b":1,"c":null},"sub":null,"any":{"text":"x"}}`
	for text, ok := range map[string]bool{
		good: true, `[]`: true, `[{"at":null}]`: true, `null`: false, `[null]`: false,
		strings.Replace(good, `"name":"a",`, ``, 1):                       false,
		strings.Replace(good, `"name":"a"`, `"name":null`, 1):             false,
		strings.Replace(good, `"name"`, `"more":1,"name"`, 1):             false,
		strings.Replace(good, `"list":[{`, `"list":null,"x":[{`, 1):       false,
		strings.Replace(good, `2026-01-02T03:04:05Z`, `yesterday`, 1):     false,
		strings.Replace(good, `"sub":null`, `"sub":{"at":null}`, 1):       true,
		strings.Replace(good, `"sub":null`, `"sub":{"at":null,"b":1}`, 1): false,
		strings.Replace(good, `"b":1`, `"b":"1"`, 1):                      false,
	} {
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(value); (err == nil) != ok {
			t.Errorf("%s: %v, want valid %v", text, err, ok)
		}
	}
	if _, err := schemaOf(modules.Text("")); err == nil || !strings.Contains(err.Error(), "writes its JSON itself") {
		t.Errorf("a type that writes its own JSON has a schema: %v", err)
	}
	for syntax, want := range map[string]string{
		"show hotspot users [disabled] [match TEXT] [limit N]": "show-hotspot-users.json", "show a [FROM [TO]]": "show-a.json",
		"ping [ip | ipv6] HOST": "ping-host.json", "mbox sync conflict N {keep | restore}": "mbox-sync-conflict-n-keep-restore.json",
		"hotspot user add NAME [profile PROFILE]... [x]": "hotspot-user-add-name.json",
	} {
		if got := schemaFile(syntax); got != want {
			t.Errorf("%s is in %s, want %s", syntax, got, want)
		}
	}
	if index := string(schemaIndex(map[string]string{"show a | b": "a.json"})); !strings.Contains(index, `| `+"`show a \\| b`"+` | [a.json](a.json) |`) {
		t.Errorf("%s", index)
	}
}
