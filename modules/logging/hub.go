package logging

import (
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"mbox/modules"
)

// Options of a Hub.
type Options struct {
	Console io.Writer // where a box in the foreground writes its log; nil: nowhere
	Debug   bool      // everything on the console, whatever is configured
}

// boxModule is who speaks when nobody else is known to.
const boxModule = "system"

// Hub is where every message of the program passes: the console, the buffer, terminals and log hosts get theirs from it. It
// is made before the modules and lives as long as the program, so that the buffer outlives a reload. Its methods may be
// called from many goroutines.
type Hub struct {
	everything bool
	console    slog.Handler
	location   atomic.Pointer[time.Location] // of times on the console; nil: as they come
	box        *speaker

	// What the hot path reads.
	widest       atomic.Int32 // severity of the least severe message below debugging that anybody wants
	consoleLevel atomic.Int32
	debugged     atomic.Int32 // speakers whose debugging is on

	speakers sync.Map // name -> *speaker
	spoken   atomic.Int32
	wake     chan struct{} // there is debugging to watch

	mu           sync.Mutex // guards what follows
	sequence     uint64
	counted      [8]uint64 // messages by severity
	ring         ring
	bufferLevel  int
	monitorLevel int
	monitors     []*monitor
	hosts        []*host
	suppressed   uint64 // debug messages beyond the rate limit
	monitored    uint64 // messages offered to terminals
	consoled     uint64 // messages that the console level lets through
}

// Defaults of a box without a line about logging.
const (
	defaultConsole = informational
	defaultMonitor = debugging
	defaultBuffer  = debugging
	defaultTrap    = informational
	// DefaultBuffer bounds the buffer, in bytes.
	DefaultBuffer = 1 << 20
)

// NewHub makes a hub with the defaults.
func NewHub(o Options) *Hub {
	if o.Console == nil {
		o.Console = io.Discard
	}
	h := &Hub{everything: o.Debug, wake: make(chan struct{}, 1), bufferLevel: defaultBuffer, monitorLevel: defaultMonitor}
	h.ring.limit = DefaultBuffer
	h.console = slog.NewTextHandler(o.Console, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: h.onConsole})
	h.consoleLevel.Store(defaultConsole)
	h.box = h.speaker(boxModule)
	h.widen()
	return h
}

// Handler is what every logger of the program writes to.
func (h *Hub) Handler() slog.Handler { return &handler{hub: h, console: h.console} }

// onConsole keeps secrets off the console, and shows times in the box's zone.
func (h *Hub) onConsole(groups []string, a slog.Attr) slog.Attr {
	switch {
	case len(groups) == 0 && a.Key == slog.TimeKey && a.Value.Kind() == slog.KindTime:
		if zone := h.location.Load(); zone != nil {
			a.Value = slog.TimeValue(a.Value.Time().In(zone))
		}
	case isSecret(a.Key, a.Value):
		a.Value = slog.StringValue(modules.Masked)
	}
	return a
}

// levels of a configuration.
type thresholds struct {
	console, monitor, buffer int
	bytes, entries           int // of the buffer
}

func (h *Hub) configure(t thresholds) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.bufferLevel, h.monitorLevel = t.buffer, t.monitor
	h.ring.bound(t.bytes, t.entries)
	h.consoleLevel.Store(int32(t.console))
	h.widen()
}

// attach replaces the log hosts that are given messages, each of its level.
func (h *Hub) attach(hosts []*host, levels []int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hosts = hosts
	for i, to := range hosts {
		to.level = levels[i]
	}
	h.widen()
}

// widen is called with mu held.
func (h *Hub) widen() {
	widest := max(h.bufferLevel, int(h.consoleLevel.Load()))
	if len(h.monitors) > 0 {
		widest = max(widest, h.monitorLevel)
	}
	for _, to := range h.hosts {
		widest = max(widest, to.level)
	}
	if h.everything {
		widest = debugging
	}
	h.widest.Store(int32(widest))
}

// publish gives a message its number and hands it out. Everybody gets messages in the same order.
func (h *Hub) publish(e *Entry) {
	if e.Attributes == nil {
		e.Attributes = []Attribute{} // [] in JSON
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sequence++
	e.Number = h.sequence
	h.counted[e.Severity]++
	if e.Severity <= int(h.consoleLevel.Load()) {
		h.consoled++
	}
	if e.Severity <= h.bufferLevel {
		h.ring.add(e)
	}
	if e.Severity <= h.monitorLevel && len(h.monitors) > 0 {
		h.monitored++
		for _, m := range h.monitors {
			m.offer(e)
		}
	}
	for _, to := range h.hosts {
		if e.Severity <= to.level && !e.local {
			to.offer(e)
		}
	}
}

// Buffered returns the messages of the buffer, oldest first.
func (h *Hub) Buffered() []*Entry {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ring.all()
}

func (h *Hub) clear() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ring.clear()
}

// Register makes names of modules known, so that messages such as "sync: text" find theirs.
func (h *Hub) Register(names ...string) {
	for _, name := range names {
		h.speaker(name)
	}
}

// maxSpeakers bounds the names that the program logs under.
const maxSpeakers = 256

// speaker is a module, or another part of the program, as the one who logs.
type speaker struct {
	name     string
	prefix   string // "name: ", which need not be said twice
	facility string // of Cisco: the name in capitals
	debug    atomic.Pointer[debugSession]
	limit    limiter
}

func (s *speaker) debugging() bool { return s.debug.Load() != nil }

// speaker returns the one with a name, and makes it if it is new. Names come from the program, never from outside.
func (h *Hub) speaker(name string) *speaker {
	if s, known := h.known(name); known {
		return s
	}
	if name = clean(name, maxKey); h.spoken.Add(1) > maxSpeakers {
		return h.box
	}
	facility := strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToUpper(name))
	s, _ := h.speakers.LoadOrStore(name, &speaker{name: name, prefix: name + ": ", facility: facility})
	return s.(*speaker)
}

func (h *Hub) known(name string) (*speaker, bool) {
	s, known := h.speakers.Load(name)
	if !known {
		return nil, false
	}
	return s.(*speaker), true
}

// names lists the speakers.
func (h *Hub) names() []string {
	all := map[string]bool{}
	h.speakers.Range(func(name, _ any) bool { all[name.(string)] = true; return true })
	return slices.Sorted(maps.Keys(all))
}
