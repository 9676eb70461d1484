package logging

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
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
		"logging host 10.0.0.300", "logging host -", "logging host a..b", "logging host 0.0.0.0", "logging buffered 100", "logging console 8",
		"logging host x fingerprint abcd", "logging origin-id string \"a b\"", "logging host 10.0.0.5 port 0",
	} {
		if line == "logging host -" {
			continue
		}
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

func TestShowLoggingJSON(t *testing.T) {
	r := start(t, Deps{})
	r.configure("logging host 127.0.0.1 port 9\nlogging console off\n")
	view, err := r.run("show logging")
	if err != nil {
		t.Fatal(err)
	}
	r.log.Info("plain")
	view, err = r.run("show logging match plain")
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

// A terminal that reads nothing holds up neither the box nor another terminal, and is told what it missed.
func TestSlowTerminal(t *testing.T) {
	r := start(t, Deps{})
	stuck, begun := make(chan struct{}), make(chan struct{}, 1)
	slow, quick := make(chan string, 10_000), make(chan string, 10_000)
	defer r.module.Subscribe(func(line string) {
		select {
		case begun <- struct{}{}:
		default:
		}
		<-stuck
		slow <- line
	})()
	stop := r.module.Subscribe(func(line string) { quick <- line })
	const sent = 5 * maxWaiting
	for i := range sent {
		r.log.Info("message", "i", i)
		select { // as fast as the quick one reads
		case line := <-quick:
			if !strings.HasSuffix(line, fmt.Sprintf("message i=%d", i)) {
				t.Fatalf("message %d came as %s", i, line)
			}
		case <-time.After(30 * time.Second):
			t.Fatal("the quick terminal is held up")
		}
	}
	<-begun
	close(stuck)
	got, missed := 0, 0
	for got+missed < sent {
		select {
		case line := <-slow:
			var n int
			if _, err := fmt.Sscanf(line, "%%LOGGING-4-DROPPED: %d messages", &n); err == nil {
				missed += n
			} else {
				got++
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("%d messages came and %d were reported as missed, of %d", got, missed, sent)
		}
	}
	if got != maxWaiting+1 {
		t.Errorf("%d messages came", got)
	}
	stop()
	r.log.Info("after the end")
	if len(quick) != 0 {
		t.Error("a terminal goes on after its cancel")
	}
}

func TestTerminalsEndWithTheBox(t *testing.T) {
	before := runtime.NumGoroutine()
	r := start(t, Deps{})
	for range 20 {
		r.module.Subscribe(func(string) {})
	}
	r.configure("logging host 127.0.0.1 port 9\nlogging host 127.0.0.2 transport tcp port 9\n")
	r.log.Info("message")
	r.stop()
	if cancel := r.module.Subscribe(func(string) { t.Error("a line after the end") }); cancel == nil {
		t.Error("no cancel")
	} else {
		cancel()
	}
	r.log.Info("message")
	boxEnded(t, before)
}

// boxEnded waits until as many goroutines are left as before.
func boxEnded(t *testing.T, before int) {
	t.Helper()
	limit := time.After(30 * time.Second)
	for runtime.NumGoroutine() > before {
		select {
		case <-limit:
			buf := make([]byte, 1<<16)
			t.Fatalf("%d goroutines, before %d\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		default:
			runtime.Gosched()
		}
	}
}

func TestMonitorLevel(t *testing.T) {
	r := start(t, Deps{})
	seen := make(chan string, 10)
	defer r.module.Subscribe(func(line string) { seen <- line })()
	r.configure("logging monitor errors\n")
	r.log.Warn("a warning")
	r.log.Error("an error")
	if line := <-seen; !strings.HasSuffix(line, "%SYSTEM-3-ERROR: an error") {
		t.Error(line)
	}
}

func TestDebug(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Deps{})
		defer r.stop()
		sync, web := r.log.With("module", "sync"), r.log.With("module", "web")
		sync.Debug("before")
		if got := r.text("show debugging"); got != "No module is being debugged.\n" {
			t.Error(got)
		}
		if got := r.text("debug sync for 2"); !strings.HasPrefix(got, "sync debugging is on until ") {
			t.Error(got)
		}
		sync.Debug("seen", "n", 1)
		web.Debug("not seen")
		r.log.Debug("sync: also seen")
		r.log.Debug("not seen either")
		if got := r.text("show logging level 7 match DEBUG:"); strings.Count(got, "seen") != 2 || strings.Contains(got, "not seen") || strings.Contains(got, "before") {
			t.Errorf("%s", got)
		}
		if got := r.text("show debugging"); !strings.Contains(got, "sync debugging is on until") || !strings.Contains(got, "switched on by admin") {
			t.Error(got)
		}
		time.Sleep(2*time.Minute + time.Second)
		synctest.Wait()
		sync.Debug("too late")
		if got := r.text("show logging"); strings.Contains(got, "too late") || !strings.Contains(got, "%LOGGING-5-DEBUGOFF: debugging of sync has ended by itself after 2m0s") {
			t.Errorf("%s", got)
		}
		if web.Enabled(context.Background(), slog.LevelDebug) || sync.Enabled(context.Background(), slog.LevelDebug) {
			t.Error("still on")
		}
	})
}

func TestDebugAllAndUndebug(t *testing.T) {
	r := start(t, Deps{})
	r.text("debug all")
	for _, name := range []string{"sync", "web", "hotspot"} {
		if !r.log.With("module", name).Enabled(context.Background(), slog.LevelDebug) {
			t.Errorf("%s is not debugged", name)
		}
	}
	if got := r.text("undebug web"); got != "web debugging is off\n" {
		t.Error(got)
	}
	if _, err := r.run("no debug web"); err == nil || !strings.Contains(err.Error(), "not being debugged") {
		t.Errorf("%v", err)
	}
	if got := r.text("no debug all"); got != "All possible debugging has been turned off\n" {
		t.Error(got)
	}
	if n := r.hub.debugged.Load(); n != 0 {
		t.Errorf("%d are debugged", n)
	}
	for _, line := range []string{"debug nothing", "debug sync for 0", "debug"} {
		if _, err := r.run(line); err == nil {
			t.Errorf("%s is taken", line)
		}
	}
}

// Debugging of a module that never stops talking is held to its rate, and says so; others are not held back by it.
func TestDebugRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Deps{})
		defer r.stop()
		r.text("debug all for 5")
		r.hub.clear()
		loud, quiet := r.log.With("module", "sync"), r.log.With("module", "web")
		for range 1000 {
			loud.Debug("again")
		}
		quiet.Debug("once")
		time.Sleep(1500 * time.Millisecond)
		synctest.Wait()
		counts := map[string]int{}
		for _, e := range r.hub.Buffered() {
			counts[e.Message]++
		}
		if counts["again"] != MaxDebugRate || counts["once"] != 1 || counts["suppressed 900 debug messages of sync: more than 100 in a second"] != 1 {
			t.Errorf("%v", counts)
		}
		loud.Debug("again")
		if n := len(r.hub.Buffered()); n != MaxDebugRate+3 {
			t.Errorf("%d messages: the next second is held back too", n)
		}
	})
}

// Debug messages go to the buffer and to terminals; to a log host only if its level says so, and to the console likewise.
func TestDebugStaysInTheBox(t *testing.T) {
	r := start(t, Deps{})
	r.configure("logging host 127.0.0.1 port 9\nlogging host 127.0.0.2 port 9 level debugging\n")
	r.stop() // the queues stay as they are
	r.module.mu.Lock()
	hosts := r.module.hosts
	r.module.mu.Unlock()
	r.hub.attach(hosts, []int{informational, debugging})
	r.hub.startDebug("sync", "admin", time.Now(), time.Minute)
	for _, h := range hosts {
		for len(h.queue) > 0 {
			<-h.queue
		}
	}
	r.log.With("module", "sync").Debug("only inside")
	if len(hosts[0].queue) != 0 || len(hosts[1].queue) != 1 {
		t.Errorf("%d and %d wait", len(hosts[0].queue), len(hosts[1].queue))
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
