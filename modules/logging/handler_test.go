package logging

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"mbox/modules"
)

// lockedBuffer is a console that may be written and read at once.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func newLog(t *testing.T) (*Hub, *slog.Logger, *lockedBuffer) {
	t.Helper()
	console := &lockedBuffer{}
	hub := NewHub(Options{Console: console})
	hub.Register("sync", "web")
	return hub, slog.New(hub.Handler()), console
}

func lines(h *Hub) []string {
	var out []string
	for _, e := range h.Buffered() {
		out = append(out, e.Module+" "+e.Line())
	}
	return out
}

func wantLines(t *testing.T, h *Hub, want ...string) {
	t.Helper()
	if got := lines(h); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("buffer:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestMessagesAreGivenACode(t *testing.T) {
	hub, log, _ := newLog(t)
	log.Info("the box is up", "version", "1.2", "set_aside", 0)
	log.Warn("sync: the log cannot be kept", "error", errors.New("disk full"))
	log.Info("%SYNC-5-PEERUP: edge2: it follows this box")
	log.Error("%SYNC-2-NOSPACE: no space")
	log.With("module", "hotspot", "by", "admin").Info("imported", "accounts", 3)
	log.Info("a record says", "module", "web")
	log.With("module", "web").WithGroup("tls").Error("web: a listener failed", "version", 13)
	log.Info("% not a code: but text")
	log.Info("%lower-5-CASE: is text")
	log.Log(context.Background(), slog.LevelInfo+2, "worth knowing")
	wantLines(t, hub,
		"system %SYSTEM-6-INFO: the box is up version=1.2 set_aside=0",
		`sync %SYNC-4-WARNING: the log cannot be kept error="disk full"`,
		"sync %SYNC-5-PEERUP: edge2: it follows this box",
		"sync %SYNC-2-NOSPACE: no space",
		"hotspot %HOTSPOT-6-INFO: imported by=admin accounts=3",
		"web %WEB-6-INFO: a record says",
		"web %WEB-3-ERROR: a listener failed tls.version=13",
		"system %SYSTEM-6-INFO: % not a code: but text",
		"system %SYSTEM-6-INFO: %lower-5-CASE: is text",
		"system %SYSTEM-5-NOTICE: worth knowing",
	)
}

func TestConsoleIsAsBefore(t *testing.T) {
	_, log, console := newLog(t)
	var plain bytes.Buffer
	both := func(to *slog.Logger) {
		to.Info("sync: joined", "domain", "ab cd")
		to.With("user", "x").WithGroup("g").Warn("line\nbreak", slog.Group("in", "n", 1), "d", time.Second)
		to.Debug("not shown")
	}
	both(log)
	both(slog.New(slog.NewTextHandler(&plain, nil)))
	cut := func(s string) string { // the times differ
		var out []string
		for line := range strings.Lines(s) {
			_, rest, _ := strings.Cut(line, " ")
			out = append(out, rest)
		}
		return strings.Join(out, "")
	}
	if got, want := cut(console.String()), cut(plain.String()); got != want || got == "" {
		t.Errorf("console\n%s\nwant\n%s", got, want)
	}
}

// Whatever comes from outside, a message is one line, and what stands in it cannot move the cursor or turn the writing.
func TestNothingForgesALine(t *testing.T) {
	hub, log, console := newLog(t)
	evil := "x\n2026-01-01 00:00:00.000 %SYS-0-FORGED: gone\r\x1b[2J\u202e\u2028\u0085\x9b\x00\xff"
	log.Info("login of "+evil, "user", evil, evil, "value")
	log.Info("sync: "+evil, slog.Group("g", "k", evil))
	all := console.String()
	for _, line := range lines(hub) {
		all += line + "\n"
	}
	if n := strings.Count(all, "\n"); n != 4 {
		t.Errorf("%d lines:\n%q", n, all)
	}
	for _, bad := range []string{"\r", "\x1b", "\u202e", "\u2028", "\u0085", "\x00", "\xff"} {
		if strings.Contains(all, bad) {
			t.Errorf("%q is left in %q", bad, all)
		}
	}
	for _, e := range hub.Buffered() {
		if e.Mnemonic == "FORGED" || e.Severity != informational {
			t.Errorf("forged: %+v", e)
		}
	}
}

func TestNoSecretIsLogged(t *testing.T) {
	hub, log, console := newLog(t)
	keys := []string{"password", "Password", "user_password", "userPassword", "passphrase", "secret", "radius-secret", "psk", "token", "api_key",
		"privateKey", "credentials", "verifier", "Authorization", "set.cookie"}
	for _, key := range keys {
		log.With(key, "hunter2").Info("with")
		log.Info("attr", key, "hunter2")
		log.Info("bytes", key, []byte("hunter2"))
		log.Info("group", slog.Group("login", key, "hunter2"))
		log.WithGroup("g").With(key, "hunter2").Info("open group")
	}
	for _, out := range append(lines(hub), strings.Split(console.String(), "\n")...) {
		if strings.Contains(out, "hunter2") || strings.Contains(out, "[104 117 110") {
			t.Errorf("a secret: %s", out)
		}
		if out != "" && !strings.Contains(out, modules.Masked) {
			t.Errorf("it is not said that something is missing: %s", out)
		}
	}
	log.Info("harmless", "keys", 3, "key", "shown", "passes", "shown", "host_key", "shown", "secretary", "shown", "passwords", true)
	const shown = "keys=3 key=shown passes=shown host_key=shown secretary=shown passwords=true"
	last := lines(hub)
	for _, out := range []string{last[len(last)-1], strings.TrimSpace(console.String())} {
		if !strings.HasSuffix(out, shown) {
			t.Errorf("too much is masked: %s", out)
		}
	}
}

// A message of any size takes a bounded place.
func TestMessagesAreBounded(t *testing.T) {
	hub, log, _ := newLog(t)
	huge := strings.Repeat("ä", 1<<14)
	var attrs []any
	for range 2 * maxAttributes {
		attrs = append(attrs, strings.Repeat("k", 1000), huge)
	}
	log.Info(huge, attrs...)
	e := hub.Buffered()[0]
	if size := e.size(); size > maxMessage+maxAttrBytes+maxValue+4096 {
		t.Errorf("%d bytes", size)
	}
	if !strings.HasSuffix(e.Message, "ä...") || len(e.Message) > maxMessage {
		t.Errorf("the message ends in %q, %d bytes", e.Message[len(e.Message)-10:], len(e.Message))
	}
}

func TestLevelsAndRing(t *testing.T) {
	hub, log, console := newLog(t)
	hub.configure(thresholds{console: errorSeverity, monitor: debugging, buffer: warning, bytes: maxBytes, entries: 3})
	if log.Enabled(context.Background(), slog.LevelInfo) {
		t.Error("nobody wants information, and it is put together all the same")
	}
	for _, n := range []string{"1", "2", "3", "4"} {
		log.Info("i" + n)
		log.Warn("w" + n)
	}
	log.Error("e")
	wantLines(t, hub, "system %SYSTEM-4-WARNING: w3", "system %SYSTEM-4-WARNING: w4", "system %SYSTEM-3-ERROR: e")
	if got := console.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "msg=e") {
		t.Errorf("console: %s", got)
	}
	// An Info that calls itself a notification passes a level of notifications.
	hub.configure(thresholds{console: off, monitor: off, buffer: notice, bytes: maxBytes, entries: 1})
	log.Info("%SYNC-5-PEERUP: up")
	log.Info("%SYNC-6-CATCHUP: behind")
	wantLines(t, hub, "sync %SYNC-5-PEERUP: up")
}

func TestRingIsBoundedInBytes(t *testing.T) {
	var r ring
	r.limit = 10_000
	for i := range 5000 {
		r.add(&Entry{Number: uint64(i), Message: strings.Repeat("x", i%300)})
		used := 0
		for _, e := range r.all() {
			used += e.size()
		}
		if used != r.bytes || used > r.limit {
			t.Fatalf("after %d: %d bytes counted, %d there", i, r.bytes, used)
		}
	}
	if cap(r.list) > 1000 {
		t.Errorf("%d places for %d messages", cap(r.list), r.len())
	}
	if last := r.all()[r.len()-1].Number; last != 4999 {
		t.Errorf("the newest is %d", last)
	}
	if r.dropped+uint64(r.len()) != 5000 {
		t.Errorf("%d dropped, %d kept", r.dropped, r.len())
	}
}

func TestManyWriters(t *testing.T) {
	hub, log, _ := newLog(t)
	hub.configure(thresholds{console: off, monitor: debugging, buffer: debugging, bytes: maxBytes})
	var writers sync.WaitGroup
	for range 8 {
		writers.Go(func() {
			mine := log.With("module", "sync")
			for i := range 500 {
				mine.Info("message", "i", i)
			}
		})
	}
	writers.Wait()
	for i, e := range hub.Buffered() {
		if e.Number != uint64(i+1) {
			t.Fatalf("entry %d has number %d", i, e.Number)
		}
	}
	if n := len(hub.Buffered()); n != 4000 {
		t.Errorf("%d messages", n)
	}
}

func BenchmarkLog(b *testing.B) {
	for _, bench := range []struct {
		name string
		call func(*slog.Logger)
	}{
		{"plain", func(l *slog.Logger) { l.Info("the box is up") }},
		{"code", func(l *slog.Logger) { l.Info("%SYNC-5-PEERUP: edge2: it follows this box") }},
		{"attributes", func(l *slog.Logger) { l.Info("imported", "accounts", 3, "by", "admin", "from", "10.0.0.1") }},
		{"debug off", func(l *slog.Logger) { l.Debug("imported", "accounts", 3) }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			hub := NewHub(Options{})
			hub.configure(thresholds{console: off, monitor: debugging, buffer: debugging, bytes: DefaultBuffer})
			log := slog.New(hub.Handler()).With("module", "sync")
			b.ReportAllocs()
			for b.Loop() {
				bench.call(log)
			}
		})
	}
}
