package sync

import (
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	stdsync "sync"
	"testing"
	"time"
)

// memory is a State that counts writes.
type memory struct {
	mu     stdsync.Mutex
	values map[string][]byte
	writes int
}

func (m *memory) Get(key string) ([]byte, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.values[key]
	return v, ok, nil
}

func (m *memory) Put(key string, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.values == nil {
		m.values = map[string][]byte{}
	}
	m.values[key] = slices.Clone(value)
	m.writes++
	return nil
}

func (m *memory) Delete(key string) error         { delete(m.values, key); return nil }
func (m *memory) All() (map[string][]byte, error) { return m.values, nil }

type clock struct{ now time.Time }

func (c *clock) pass(d time.Duration) { c.now = c.now.Add(d) }

func recorder(store State) (*Module, *bytes.Buffer, *clock) {
	c, log := &clock{judged}, &bytes.Buffer{}
	return &Module{events: newJournal(store, slog.New(slog.NewTextHandler(log, nil)), func() time.Time { return c.now })}, log, c
}

func TestEventsAreLoggedAndShown(t *testing.T) {
	m, log, c := recorder(nil)
	m.record(evPeerUp, "hq", "this box follows hq", "with the password")
	c.pass(time.Minute)
	m.record(evDiverged, "hq", "the boxes hold different records", "3 records\nforged: line")
	if n := strings.Count(log.String(), "\n"); n != 2 {
		t.Errorf("%d lines in the system log:\n%s", n, log)
	}
	for _, want := range []string{
		`level=INFO msg="%SYNC-5-PEERUP: hq: this box follows hq (with the password)"`, `level=ERROR msg="%SYNC-3-DIVERGED: hq: the boxes hold different records (3 recordsforged: line)"`,
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the system log does not have %s:\n%s", want, log)
		}
	}
	var text bytes.Buffer
	if err := (Log{m.events.last(1)}).Text(&text, 40); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(text.String()) {
		if len(line) > 41 {
			t.Errorf("wider than 40: %q", line)
		}
	}
	if !strings.HasPrefix(text.String(), "2026-03-01 12:01:00 %SYNC-3-DIVERGED:") || strings.Contains(text.String(), "PEERUP") {
		t.Errorf("the last entry is\n%s", text.String())
	}
}

// A peer that comes and goes takes an entry each for coming and going, and the system log hears of it ever less often.
func TestFlappingIsCoalesced(t *testing.T) {
	store := &memory{}
	m, log, c := recorder(store)
	for i := range 1000 {
		m.record(evPeerUp, "hq", "this box follows hq", "with a token")
		m.record(evPeerDown, "hq", "the connection has ended", fmt.Sprintf("nothing heard for %ds", i))
		m.events.save(c.now)
		c.pass(time.Second)
	}
	list := m.events.last(0)
	if len(list) != 2 || list[1].Event != evPeerDown || list[1].Count != 1000 || !list[1].First.Equal(judged) {
		t.Fatalf("%d entries: %+v", len(list), list)
	}
	if n := strings.Count(log.String(), "\n"); n > 2*11 {
		t.Errorf("%d lines in the system log", n)
	}
	if most := 1000/int(saveEvery/time.Second) + 1; store.writes > most {
		t.Errorf("%d writes in 1000 s, want at most %d", store.writes, most)
	}
	c.pass(flapping + time.Second)
	m.record(evPeerUp, "hq", "this box follows hq", "with a token")
	if list := m.events.last(0); len(list) != 3 {
		t.Errorf("what happens later is no repetition: %+v", list)
	}
}

func TestLogIsBounded(t *testing.T) {
	m, _, c := recorder(nil)
	for i := range 3 * maxEvents {
		c.pass(time.Second)
		m.record(evPeerDown, fmt.Sprintf("peer%d", i), "the connection has ended", strings.Repeat("x", 300))
	}
	if n := len(m.events.last(0)); n > maxEvents {
		t.Errorf("%d entries", n)
	}
	if m.events.bytes > maxEventBytes {
		t.Errorf("%d bytes", m.events.bytes)
	}
	// Strangers cannot push out what matters, nor flood the system log.
	m, log, _ := recorder(nil)
	m.record(evDiverged, "hq", "the boxes hold different records", "")
	for i := range 10 * maxEvents {
		m.recordStranger(evRejected, fmt.Sprintf("10.%d.%d.%d", i/65536, i/256%256, i%256), "a connection was refused", "not allowed")
	}
	list := m.events.last(0)
	if list[0].Event != evDiverged || len(list) > maxStrangers+2 {
		t.Errorf("%d entries, the first is %+v", len(list), list[0])
	}
	if n := strings.Count(log.String(), "\n"); n > maxStrangers+20 {
		t.Errorf("%d lines in the system log", n)
	}
}

func TestLogSurvivesARestart(t *testing.T) {
	store := &memory{}
	m, _, _ := recorder(store)
	m.record(evPeerUp, "hq", "this box follows hq", "")
	m.record(evStale, "hq", "stale: nothing flows", "away")
	m.events.flush()
	before := m.events.last(0)
	again, _, c := recorder(store)
	if got := again.events.last(0); !slices.Equal(got, before) {
		t.Errorf("after the restart: %+v, before: %+v", got, before)
	}
	c.pass(time.Minute)
	again.record(evPeerUp, "hq", "this box follows hq", "")
	if got := again.events.last(1)[0]; got.Count != 2 {
		t.Errorf("the repetition after the restart is %+v", got)
	}
	// What cannot be read does not keep the box from starting.
	store.values[logKey] = []byte("nonsense")
	if broken, log, _ := recorder(store); len(broken.events.last(0)) != 0 || !strings.Contains(log.String(), "cannot be read") {
		t.Errorf("a damaged log: %v, %s", broken.events.last(0), log)
	}
}

// However long the texts, what is kept fits the place that it is kept in.
func TestKeptLogIsBounded(t *testing.T) {
	random := func() string {
		b := make([]byte, 300)
		for i := range b {
			b[i] = byte(33 + rand.IntN(90))
		}
		return string(b)
	}
	var list []Event
	for range maxEvents {
		list = append(list, Event{Event: evPeerDown, Text: random(), Reason: random()})
	}
	raw, err := pack(list)
	if err != nil || len(raw) > maxKept {
		t.Errorf("%d bytes, %v", len(raw), err)
	}
}

// docs/monitoring.md explains every event with its severity, every metric, and none that does not exist.
func TestMonitoringDocument(t *testing.T) {
	raw, err := os.ReadFile("../../docs/monitoring.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	var want []string
	for k, severity := range catalogue {
		want = append(want, fmt.Sprintf("%%SYNC-%d-%s", severity, k))
	}
	for _, code := range want {
		if !strings.Contains(text, "`"+code+"`") {
			t.Errorf("docs/monitoring.md does not explain %s", code)
		}
	}
	for _, code := range regexp.MustCompile(`%SYNC-\d-[A-Z]+`).FindAllString(text, -1) {
		if !slices.Contains(want, code) {
			t.Errorf("docs/monitoring.md explains %s, which does not exist", code)
		}
	}
	known := map[string]bool{fsyncFamily: true, claimsFamily: true, durationFamily: true}
	for _, f := range families {
		known[f.name] = true
	}
	for name := range known {
		if !strings.Contains(text, "`"+name+"`") {
			t.Errorf("docs/monitoring.md does not list %s", name)
		}
	}
	for _, name := range regexp.MustCompile("mbox_(sync|hotspotdb)_[a-z_]+").FindAllString(text, -1) {
		if !known[name] {
			t.Errorf("docs/monitoring.md lists %s, which does not exist (%v)", name, slices.Sorted(maps.Keys(known)))
		}
	}
}
