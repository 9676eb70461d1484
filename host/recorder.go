package host

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Recorder is a Host that writes down each change as a line of text instead of making it, and answers as if it was made.
// Everything else it reads from its Reader.
type Recorder struct {
	reader Reader

	mu       sync.Mutex // guards what follows
	lines    []string
	hostname string // empty: never set
}

// maxLines bounds what a box without privileges remembers; the oldest lines are dropped.
const maxLines = 10_000

// NewRecorder records over a Reader: a real host, or Fixtures.
func NewRecorder(reader Reader) *Recorder { return &Recorder{reader: reader} }

// Lines returns what was done so far, oldest first.
func (r *Recorder) Lines() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.lines)
}

func (r *Recorder) record(line string) {
	if len(r.lines) == maxLines {
		r.lines = slices.Delete(r.lines, 0, maxLines/10)
	}
	r.lines = append(r.lines, line)
}

// SetHostname records "hostname NAME".
func (r *Recorder) SetHostname(_ context.Context, name string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hostname = name
	r.record("hostname " + name)
	return nil
}

// SetTime records "time RFC3339"; the clock stays as it is.
func (r *Recorder) SetTime(_ context.Context, t time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.record("time " + t.UTC().Format(time.RFC3339Nano))
	return nil
}

// SlewTime records "slew DURATION".
func (r *Recorder) SlewTime(_ context.Context, by, _ time.Duration) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.record("slew " + by.String())
	return nil
}

// Hostname is the last one set, or the reader's.
func (r *Recorder) Hostname(ctx context.Context) (string, error) {
	r.mu.Lock()
	name := r.hostname
	r.mu.Unlock()
	if name != "" {
		return name, nil
	}
	return r.reader.Hostname(ctx)
}

// Interfaces are the reader's.
func (r *Recorder) Interfaces(ctx context.Context) ([]Interface, error) {
	return r.reader.Interfaces(ctx)
}

// Uptime is the reader's.
func (r *Recorder) Uptime(ctx context.Context) (time.Duration, error) { return r.reader.Uptime(ctx) }

// Fixtures is a Reader that answers what it holds.
type Fixtures struct {
	Links []Interface
	Name  string
	Up    time.Duration
	Err   error // if set, every answer
}

// Interfaces returns Links.
func (f Fixtures) Interfaces(context.Context) ([]Interface, error) {
	return slices.Clone(f.Links), f.Err
}

// Hostname returns Name.
func (f Fixtures) Hostname(context.Context) (string, error) { return f.Name, f.Err }

// Uptime returns Up.
func (f Fixtures) Uptime(context.Context) (time.Duration, error) { return f.Up, f.Err }
