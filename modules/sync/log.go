package sync

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	stdsync "sync"
	"time"
	"unicode"

	"mbox/modules/sync/peer"
)

const (
	// maxEvents and maxEventBytes bound the log in memory.
	maxEvents     = 1000
	maxEventBytes = 512 << 10
	// maxStrangers bounds entries about addresses that never proved themselves; more of them share one.
	maxStrangers = 100
	// flapping is how long after an event the same one counts as its repetition.
	flapping = 10 * time.Minute
)

// Event is one entry of `show mbox sync log`.
type Event struct {
	Time     time.Time `json:"time"`  // of the last time
	First    time.Time `json:"first"` // differs from Time if it was repeated
	Count    int       `json:"count"`
	Severity int       `json:"severity"` // RFC 5424 section 6.2.1
	Event    kind      `json:"event"`
	Peer     string    `json:"peer"` // empty: the box itself
	Text     string    `json:"text"`
	Reason   string    `json:"reason"`

	stranger bool
}

// code is the name by which log collectors know the event.
func (e Event) code() string { return fmt.Sprintf("%%SYNC-%d-%s", e.Severity, e.Event) }

// sentence is what happened, to whom and why.
func (e Event) sentence() string {
	var b strings.Builder
	if e.Peer != "" {
		b.WriteString(e.Peer + ": ")
	}
	b.WriteString(e.Text)
	if e.Reason != "" {
		b.WriteString(" (" + e.Reason + ")")
	}
	return b.String()
}

// journal keeps the last events. What flaps takes one entry, whatever else happens in between.
type journal struct {
	log *slog.Logger
	now func() time.Time

	mu    stdsync.Mutex // guards what follows
	list  []Event       // the newest last
	bytes int
	total map[kind]uint64 // since the box started
	keep  keeper
}

// record notes an event and sends it to the system log: the first time, and then each time that the number of repetitions has
// doubled.
func (m *Module) record(k kind, peerName, text, reason string) {
	m.events.record(Event{Event: k, Peer: peerName, Text: text, Reason: reason})
}

// recordStranger notes an event about an address that has not proved itself.
func (m *Module) recordStranger(k kind, address, text, reason string) {
	m.events.record(Event{Event: k, Peer: address, Text: text, Reason: reason, stranger: true})
}

func (j *journal) record(e Event) {
	e.Severity, e.Count = catalogue[e.Event], 1
	e.Time = j.now().UTC()
	e.First = e.Time
	e.Peer, e.Text, e.Reason = peer.Printable(e.Peer), peer.Printable(e.Text), peer.Printable(e.Reason)
	e = j.add(e)
	if e.Count&(e.Count-1) != 0 {
		return
	}
	message := e.code() + ": " + e.sentence()
	if e.Count > 1 {
		message += fmt.Sprintf(", %d times since %s", e.Count, e.First.Format(time.DateTime))
	}
	j.log.Log(context.Background(), level(e.Severity), message)
}

// level is the nearest one of log/slog.
func level(severity int) slog.Level {
	switch {
	case severity <= 3:
		return slog.LevelError
	case severity == 4:
		return slog.LevelWarn
	case severity <= 6:
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

// add puts an event at the end, joined with the same one of some minutes before.
func (j *journal) add(e Event) Event {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.total[e.Event]++
	if e.stranger && j.strangers() >= maxStrangers {
		e.Peer = "other addresses"
	}
	if i := j.same(e); i >= 0 {
		old := j.list[i]
		e.First, e.Count = old.First, old.Count+1
		j.drop(i)
	}
	j.list = append(j.list, e)
	j.bytes += size(e)
	for len(j.list) > maxEvents || j.bytes > maxEventBytes {
		j.drop(0)
	}
	j.keep.dirty = true
	return e
}

// same finds a recent event that differs in no more than its numbers; times such as "try again in 4m59s" always do.
func (j *journal) same(e Event) int {
	for i, old := range slices.Backward(j.list) {
		if e.Time.Sub(old.Time) > flapping {
			return -1
		}
		if old.Event == e.Event && old.Peer == e.Peer && withoutDigits(old.Reason) == withoutDigits(e.Reason) {
			return i
		}
	}
	return -1
}

func withoutDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return -1
		}
		return r
	}, s)
}

func (j *journal) strangers() int {
	n := 0
	for _, e := range j.list {
		if e.stranger {
			n++
		}
	}
	return n
}

func (j *journal) drop(i int) {
	j.bytes -= size(j.list[i])
	j.list = slices.Delete(j.list, i, i+1)
}

// size is about what an event takes in memory.
func size(e Event) int {
	const fixed = 128
	return fixed + len(e.Peer) + len(e.Text) + len(e.Reason)
}

// last returns the newest events, the newest at the end; n 0: all.
func (j *journal) last(n int) []Event {
	j.mu.Lock()
	defer j.mu.Unlock()
	list := j.list
	if n > 0 {
		list = last(list, n)
	}
	return append([]Event{}, list...)
}

// counted is how often each kind has happened since the box started.
func (j *journal) counted() map[kind]uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return maps.Clone(j.total)
}
