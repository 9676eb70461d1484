package logging

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mbox/modules"
	"mbox/modules/moduletest"
)

// running is a module with a log, as a box has it.
type running struct {
	*testing.T
	hub    *Hub
	module *Module
	log    *slog.Logger
	stop   func()
}

func start(t *testing.T, deps Deps) *running {
	t.Helper()
	deps.Hub = NewHub(Options{})
	deps.Facilities = func() []string { return []string{"sync", "web", "hotspot"} }
	r := &running{T: t, hub: deps.Hub, module: New(deps), log: slog.New(deps.Hub.Handler())}
	r.configure("")
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = r.module.Run(ctx) }()
	r.stop = sync.OnceFunc(func() { cancel(); <-ended })
	t.Cleanup(r.stop)
	return r
}

func (r *running) configure(text string) {
	r.Helper()
	if err := r.module.Apply(context.Background(), moduletest.Tree(r, text, r.module)); err != nil {
		r.Fatal(err)
	}
}

// types is an operator who answers every question with yes.
type operator struct {
	modules.Terminal
	asked int
}

func (o *operator) Confirm(context.Context, string) (bool, error) { o.asked++; return true, nil }

func (r *running) run(line string) (modules.View, error) {
	r.Helper()
	book, err := modules.NewBook(r.module)
	if err != nil {
		r.Fatal(err)
	}
	match, err := book.ParseCommand(15, line)
	if err != nil {
		return nil, err
	}
	return match.Command.Run(context.Background(), modules.Call{
		Values: match.Values, Actor: modules.Actor{Name: "admin", From: "10.0.0.9"}, Line: match.Line, Terminal: &operator{},
	})
}

func (r *running) text(line string) string {
	r.Helper()
	view, err := r.run(line)
	if err != nil {
		r.Fatalf("%s: %v", line, err)
	}
	var b strings.Builder
	if err := view.Text(&b, 80); err != nil {
		r.Fatal(err)
	}
	return b.String()
}

func TestGrammar(t *testing.T) {
	moduletest.Grammar(t, New(Deps{Facilities: func() []string { return []string{"sync"} }}),
		"logging buffered 65536 7", "logging buffered entries 500 warnings", "logging buffered debugging", "logging console 3", "logging console off",
		"logging monitor informational", "logging trap errors", "logging facility local0", "logging origin-id ip",
		"logging origin-id string branch7", "logging source 10.0.0.1", "logging host 10.0.0.5",
		"logging host log.example.com transport tls port 6515 level warn fingerprint "+strings.Repeat("ab:", 31)+"AB",
	)
}

func TestNumbersAndWordsAreTheSameLevel(t *testing.T) {
	m := New(Deps{})
	tree := moduletest.Tree(t, "logging buffered 7\nlogging console 4\nlogging trap not\n", m)
	s, err := read(tree)
	if err != nil || s.buffer != debugging || s.bytes != DefaultBuffer || s.console != warning || s.trap != notice {
		t.Errorf("%+v, %v", s, err)
	}
}

// What `show running-config all` says is in force is in force.
func TestDefaults(t *testing.T) {
	m := New(Deps{})
	var typed strings.Builder
	for _, s := range m.Grammar().Statements {
		if s.Default != "" {
			typed.WriteString(s.Default + "\n")
		}
	}
	s, err := read(moduletest.Tree(t, typed.String(), m))
	if err != nil || !reflect.DeepEqual(s, defaults()) || strings.Count(typed.String(), "\n") != 6 {
		t.Errorf("%s gives %+v, %v; want %+v", typed.String(), s, err, defaults())
	}
}

func TestCheckRefuses(t *testing.T) {
	m := New(Deps{})
	for text, want := range map[string]string{
		"logging host 10.0.0.5 fingerprint " + strings.Repeat("ab", 32): "transport tls",
		"logging source 0.0.0.0":                            "not an address",
		strings.Join(manyHosts(MaxHosts+1), "\n"):           "more than 16",
		"logging source 239.1.1.1\nlogging host 10.0.0.5\n": "not an address",
	} {
		err := m.Check(moduletest.Tree(t, text+"\n", m))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	book, err := modules.NewBook(m)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"logging host 10.0.0.300", "logging host a..b", "logging host 0.0.0.0", "logging buffered 100", "logging console 8",
		"logging host x fingerprint abcd", "logging origin-id string \"a b\"", "logging host 10.0.0.5 port 0",
	} {
		if _, err := book.ParseStatement(nil, line); err == nil {
			t.Errorf("%s is taken", line)
		}
	}
}

func manyHosts(n int) (lines []string) {
	for i := range n {
		lines = append(lines, fmt.Sprintf("logging host 10.0.0.%d", i+1))
	}
	return lines
}

func TestShowLoggingFilters(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	r := start(t, Deps{Now: func() time.Time { return now }})
	say := func(at time.Time, level slog.Level, message string) {
		record := slog.NewRecord(at, level, message, 0)
		if err := r.hub.Handler().Handle(context.Background(), record); err != nil {
			t.Fatal(err)
		}
	}
	r.hub.clear()
	say(now.Add(-30*time.Hour), slog.LevelInfo, "sync: yesterday")
	say(now.Add(-90*time.Minute), slog.LevelError, "%SYNC-3-STALE: away")
	say(now.Add(-5*time.Minute), slog.LevelInfo, "web: listening")
	say(now, slog.LevelWarn, "sync: now")
	for line, want := range map[string]string{
		"show logging last 1":                               "now",
		"show logging since 10":                             "listening now",
		"show logging since 10:00":                          "away listening now",
		"show logging since 13:00":                          "away listening now", // yesterday's
		"show logging since 2026-02-28":                     "yesterday away listening now",
		`show logging since "2026-03-01 11:50"`:             "listening now",
		"show logging since 2026-03-01T11:59:00Z":           "now",
		"show logging module sync":                          "yesterday away now",
		"show logging module sync last 2 level 4":           "away now",
		"show logging level errors":                         "away",
		"show logging match 3-STALE|list":                   "away listening",
		"show logging match nothing":                        "",
		"show logging module web match ^%WEB-6 since 10000": "listening",
	} {
		view, err := r.run(line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		var got []string
		for _, e := range view.(logView).Messages {
			got = append(got, e.Message)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
	for _, line := range []string{"show logging since soon", "show logging since 0", "show logging match (", "show logging since 25:00"} {
		if _, err := r.run(line); err == nil {
			t.Errorf("%s is taken", line)
		}
	}
	if got, want := r.text("show logging last 2"), "2026-03-01 11:55:00.000 %WEB-6-INFO: listening\n2026-03-01 12:00:00.000 %SYNC-4-WARNING: now\n"; got != want {
		t.Errorf("text\n%s\nwant\n%s", got, want)
	}
	r.text("clear logging force")
	if n := len(r.hub.Buffered()); n != 1 {
		t.Errorf("%d messages after clear logging", n)
	}
}

func TestShowLoggingFollowsTheZone(t *testing.T) {
	zone := time.FixedZone("CET", 3600)
	r := start(t, Deps{Location: func() *time.Location { return zone }})
	record := slog.NewRecord(time.Date(2026, 3, 1, 12, 0, 0, 5e6, time.UTC), slog.LevelInfo, "hello", 0)
	if err := r.hub.Handler().Handle(context.Background(), record); err != nil {
		t.Fatal(err)
	}
	if got := r.text("show logging"); !strings.HasSuffix(got, "\nLog buffer, times in CET:\n\n2026-03-01 13:00:00.005 %SYSTEM-6-INFO: hello\n") {
		t.Error(got)
	}
}

// For support: no data of guests, and no debugging.
func TestShowLoggingForSupport(t *testing.T) {
	r := start(t, Deps{Private: []string{"hotspot"}})
	r.text("debug all")
	r.log.With("module", "hotspot").Info("account added", "username", "alice")
	r.log.With("module", "sync").Debug("account came", "username", "alice")
	r.log.With("module", "sync").Info("connected", "peer", "edge2")
	got := r.text("show logging support last 10")
	if strings.Contains(got, "alice") || !strings.Contains(got, "%HOTSPOT-6-INFO: account added\n") || !strings.Contains(got, "peer=edge2") {
		t.Error(got)
	}
	if got := r.text("show logging"); strings.Count(got, "alice") != 2 {
		t.Errorf("an operator misses something:\n%s", got)
	}
}

func TestShowLoggingJSON(t *testing.T) {
	r := start(t, Deps{})
	r.configure("logging host 127.0.0.1 port 9\nlogging console off\n")
	r.log.Info("plain")
	view, err := r.run("show logging match plain")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(view)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"console":{"level":"off"`, `"buffer":{"level":"debugging","bytes":1048576,"entries":null`, `"trap":"informational"`,
		`"hosts":[{"host":"127.0.0.1","transport":"udp","port":9,"level":"informational"`,
		`"severity":6,"facility":"SYSTEM","mnemonic":"INFO","module":"system","message":"plain","attributes":[]}`,
	} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("%s is missing in %s", want, raw)
		}
	}
	if !regexp.MustCompile(`"time":"\d{4}-\d\d-\d\dT`).Match(raw) {
		t.Errorf("time: %s", raw)
	}
}

func TestApplyTwice(t *testing.T) {
	var dials atomic.Int32
	r := start(t, Deps{Dial: func(context.Context, netip.Addr, string, string) (net.Conn, error) {
		dials.Add(1)
		return nil, fmt.Errorf("no network")
	}})
	text := "logging host 10.0.0.5\nlogging host 10.0.0.6 transport tcp\nlogging trap warnings\n"
	r.configure(text)
	first := r.module.hosts
	r.configure(strings.Replace(text, "warnings", "errors", 1))
	for i, h := range r.module.hosts {
		if h != first[i] || h.level != errorSeverity {
			t.Errorf("%s: another sender for another level, or the level is %d", h.config, h.level)
		}
	}
	r.configure("logging host 10.0.0.6 transport tcp port 7\n")
	if len(r.module.hosts) != 1 || r.module.hosts[0] == first[1] {
		t.Errorf("%v", r.module.hosts)
	}
}
