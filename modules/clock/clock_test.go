package clock

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"log/slog"
	"strings"
	"testing"
	"time"

	"mbox/host"
	"mbox/modules"
	"mbox/modules/moduletest"
)

var errPermission = fs.ErrPermission

func callOf() modules.Call { return modules.Call{Values: modules.Values{}} }

func apply(t *testing.T, m *Module, text string) {
	t.Helper()
	if err := m.Apply(context.Background(), moduletest.Tree(t, text, m)); err != nil {
		t.Fatal(err)
	}
}

func TestGrammar(t *testing.T) {
	moduletest.Grammar(t, New(Deps{}),
		"clock timezone Europe/Berlin", "clock timezone CET 1", "clock timezone NST -3 30", "ntp server 10.0.0.1",
		"ntp server ntp.example.com version 3 port 1123 source 10.0.0.9 prefer", "ntp allow-large-step",
	)
}

func TestApplyTwice(t *testing.T) {
	r := host.NewRecorder(host.Fixtures{})
	moduletest.ApplyTwice(t, New(Deps{Host: r}), "clock timezone Europe/Berlin\nntp server 10.0.0.1\n", func() int { return len(r.Lines()) })
}

func TestTimezone(t *testing.T) {
	summer, winter := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC), time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string][2]string{
		"":                              {"12:00 UTC", "12:00 UTC"},
		"clock timezone Europe/Berlin":  {"14:00 CEST", "13:00 CET"},
		"clock timezone Asia/Kathmandu": {"17:45 +0545", "17:45 +0545"},
		"clock timezone CET 1":          {"13:00 CET", "13:00 CET"},
		"clock timezone NST -3 30":      {"08:30 NST", "08:30 NST"},
		"clock timezone X 0 30":         {"12:30 X", "12:30 X"},
	} {
		m := New(Deps{})
		if err := m.Apply(context.Background(), moduletest.Tree(t, text+"\n", m)); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		for i, at := range []time.Time{summer, winter} {
			if got := at.In(m.Location()).Format("15:04 MST"); got != want[i] {
				t.Errorf("%s: %s, want %s", text, got, want[i])
			}
		}
	}
	for _, text := range []string{"clock timezone Mars/Olympus", "clock timezone Local", "clock timezone ../etc/passwd", "clock timezone CET"} {
		m := New(Deps{})
		book, err := modules.NewBook(m)
		if err != nil {
			t.Fatal(err)
		}
		tree, err := book.LoadStrict(text + "\n")
		if err == nil {
			err = m.Check(tree)
		}
		if known := text == "clock timezone CET"; (err == nil) != known { // CET is in the IANA database as well
			t.Errorf("%s: %v", text, err)
		}
	}
}

func run(t *testing.T, m *Module, line string) (modules.View, string, error) {
	t.Helper()
	book, err := modules.NewBook(m)
	if err != nil {
		t.Fatal(err)
	}
	match, err := book.ParseCommand(15, line)
	if err != nil {
		return nil, "", err
	}
	var said bytes.Buffer
	view, err := match.Command.Run(context.Background(), modules.Call{
		Values: match.Values, Actor: modules.Actor{Name: "admin", From: "10.0.0.9"}, Line: match.Line, Terminal: terminal{Buffer: &said},
	})
	if err != nil {
		return nil, said.String(), err
	}
	if err := view.Text(&said, 0); err != nil {
		t.Fatal(err)
	}
	return view, said.String(), nil
}

type terminal struct {
	modules.Terminal
	*bytes.Buffer
}

func (t terminal) Write(p []byte) (int, error) { return t.Buffer.Write(p) }

func TestShowClock(t *testing.T) {
	now := time.Date(2026, 1, 3, 5, 7, 5, 42e6, time.UTC)
	m := New(Deps{Now: func() time.Time { return now }})
	_, text, err := run(t, m, "show clock")
	if want := "05:07:05.042 UTC Sat Jan 3 2026\n"; text != want || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	if err := m.Apply(context.Background(), moduletest.Tree(t, "clock timezone CET 1\nntp server 10.0.0.1\n", m)); err != nil {
		t.Fatal(err)
	}
	view, text, err := run(t, m, "show clock detail")
	if want := "*06:07:05.042 CET Sat Jan 3 2026\nTime source is the machine's own clock\nTimezone is CET, UTC+01:00\n"; text != want || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	raw, err := json.Marshal(view)
	if want := `{"time":"2026-01-03T06:07:05.042+01:00","timezone":"CET","utc_offset":"+01:00","source":"the machine's own clock","synchronized":false}`; string(raw) != want || err != nil {
		t.Errorf("%s, %v", raw, err)
	}
	m.client.discipline.once = true
	if _, text, _ := run(t, m, "show clock"); !strings.HasPrefix(text, ".06") {
		t.Errorf("a clock that NTP has lost: %q", text)
	}
	m.client.synced = true
	if _, text, _ := run(t, m, "show clock detail"); !strings.HasPrefix(text, "06") || !strings.Contains(text, "source is NTP") {
		t.Errorf("a clock that NTP keeps: %q", text)
	}
}

func TestClockSet(t *testing.T) {
	w := &machine{}
	var log bytes.Buffer
	built := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	m := New(Deps{Host: w, Now: w.now, Built: built, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err := m.Apply(context.Background(), moduletest.Tree(t, "clock timezone CET 1\n", m)); err != nil {
		t.Fatal(err)
	}
	view, text, err := run(t, m, "clock set 14:30 5 jun 2027")
	if err != nil || !strings.HasPrefix(text, "14:30:0") {
		t.Fatalf("%q, %v", text, err)
	}
	if got := view.(clockView); got.Source != sourceHand || w.now().Round(0).Sub(time.Date(2027, 6, 5, 13, 30, 0, 0, time.UTC)).Abs() > 10*time.Second {
		t.Errorf("%+v, the machine says %v", got, w.now())
	}
	if got := log.String(); !strings.Contains(got, "%CLOCK-5-STEP: the clock was set ") || !strings.Contains(got, "by hand, admin from 10.0.0.9") {
		t.Errorf("log: %s", got)
	}
	before := w.off()
	for line, want := range map[string]string{
		"clock set 00:00:00 28 february 2026": "cannot be earlier than 2026-03-01",
		"clock set 00:00:00 31 june 2027":     "June 2027 has no day 31",
		"clock set 24:00:00 1 june 2027":      "time of day",
		"clock set 10:00:00 1 ju 2027":        "expected",
	} {
		if _, _, err := run(t, m, line); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", line, err)
		}
	}
	if w.off() != before {
		t.Error("a refused line has set the clock")
	}
	w.err = errPermission
	if _, _, err := run(t, m, "clock set 10:00:00 1 june 2027"); err == nil || !strings.Contains(err.Error(), "does not let the box change its clock") {
		t.Errorf("without privilege: %v", err)
	}
	w.err, w.frozen = nil, true
	if _, _, err := run(t, m, "clock set 10:00:00 1 june 2027"); err == nil || !strings.Contains(err.Error(), "does not let the box change its clock") {
		t.Errorf("recorded only: %v", err)
	}
}
