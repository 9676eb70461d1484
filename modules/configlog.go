package modules

import (
	"slices"
	"strings"
	"time"

	"mbox/configstore"
)

// logDelay is how long the config log gathers lines before it is written, so that a pasted block is one write. What is
// saved, or waits to be confirmed, is written together with its lines: no change survives a crash without them.
const logDelay = time.Second

// maxDescribed bounds the lines that one command such as `configure replace` writes into the log.
const maxDescribed = 200

// logQueue is the config log that is not on the disk yet.
type logQueue struct {
	waiting []configstore.LogEntry
	size    int  // entries that are kept; 0: as many as the store keeps
	due     bool // a write has been ordered
	failing bool // the last one failed
}

// describe makes log entries of differences. A line that was replaced is the new line, a removed one a `no` line.
func (e *Engine) describe(actor Actor, what string, differences []Difference) []configstore.LogEntry {
	d := describer{entry: configstore.LogEntry{Time: e.clock.Now().UTC().Round(0), Name: actor.Name, From: actor.From, Session: actor.Line}}
	if what != "" {
		d.limit = maxDescribed
		d.add(what)
	}
	d.list(differences)
	return d.out
}

type describer struct {
	entry   configstore.LogEntry
	context []string
	limit   int // 0: none
	out     []configstore.LogEntry
}

func (d *describer) add(line string) {
	entry := d.entry
	entry.Context, entry.Line = strings.Join(d.context, " / "), line
	switch {
	case d.limit == 0 || len(d.out) < d.limit:
	case len(d.out) == d.limit:
		entry.Context, entry.Line = "", "... and more lines"
	default:
		return
	}
	d.out = append(d.out, entry)
}

func (d *describer) list(differences []Difference) {
	for _, x := range differences {
		switch x.Op {
		case Removed:
			d.add("no " + x.Node.Line(true))
			continue
		case Added:
			d.lines(x.Node)
			continue
		case Changed:
			d.add(x.Node.Line(true))
		}
		d.context = append(d.context, x.Node.Line(true))
		d.list(x.Inside)
		d.context = d.context[:len(d.context)-1]
	}
}

// lines adds a line and those inside it.
func (d *describer) lines(n *Node) {
	d.add(n.Line(true))
	d.context = append(d.context, n.Line(true))
	for _, child := range n.Children {
		d.lines(child)
	}
	d.context = d.context[:len(d.context)-1]
}

// record puts entries into the log, which is written a moment later.
func (e *Engine) record(entries []configstore.LogEntry) {
	if len(entries) == 0 {
		return
	}
	e.say(entries)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.entries.waiting = bound(append(e.entries.waiting, entries...))
	if e.journal != nil && !e.entries.due {
		e.entries.due = true
		e.clock.AfterFunc(logDelay, e.flush)
	}
}

// say logs changes, for those who read the log of the box.
func (e *Engine) say(entries []configstore.LogEntry) {
	for _, entry := range entries {
		e.log.Info("configuration changed", "user", entry.Name, "from", entry.From, "context", entry.Context, "line", entry.Line)
	}
}

func bound(entries []configstore.LogEntry) []configstore.LogEntry {
	return slices.Clone(entries[max(0, len(entries)-configstore.MaxLog):])
}

// write adds what waits of the log to a batch and makes both durable.
func (e *Engine) write(b configstore.Batch) (revision int, err error) {
	e.mu.Lock()
	waiting := len(e.entries.waiting)
	b.Log = append(slices.Clone(e.entries.waiting), b.Log...)
	b.LogSize = e.entries.size
	e.mu.Unlock()
	revision, err = e.journal.Write(b)
	if err != nil {
		return 0, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.entries.waiting = slices.Clone(e.entries.waiting[waiting:])
	return revision, nil
}

// flush writes what waits of the log. It holds e.changing, as do all that write, so that no entry is written twice.
func (e *Engine) flush() {
	e.changing.Lock()
	defer e.changing.Unlock()
	if !e.halted {
		e.flushNow()
	}
}

func (e *Engine) flushNow() {
	e.mu.Lock()
	e.entries.due = false
	nothing := len(e.entries.waiting) == 0 || e.journal == nil
	e.mu.Unlock()
	if nothing {
		return
	}
	_, err := e.write(configstore.Batch{})
	if err != nil && !e.entries.failing { // once; the lines wait for the next change
		e.log.Error("the config log was not written", "err", err)
	}
	e.entries.failing = err != nil
}

// SetLogSize says how many entries the config log keeps; 0: as many as the store does.
func (e *Engine) SetLogSize(n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.entries.size = n
}

// ConfigLog returns who changed which line, oldest first.
func (e *Engine) ConfigLog() ([]configstore.LogEntry, error) {
	e.changing.Lock() // nothing moves from what waits to what is written meanwhile
	defer e.changing.Unlock()
	var out []configstore.LogEntry
	if e.journal != nil {
		var err error
		if out, err = e.journal.Log(); err != nil {
			return nil, err
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	next := 1
	if len(out) > 0 {
		next = out[len(out)-1].Number + 1
	}
	for i, entry := range e.entries.waiting {
		entry.Number = next + i
		out = append(out, entry)
	}
	if e.entries.size > 0 {
		out = out[max(0, len(out)-e.entries.size):]
	}
	return out, nil
}
