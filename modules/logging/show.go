package logging

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"time"

	"mbox/modules"
)

// logView is the result of `show logging`.
type logView struct {
	Console  levelView  `json:"console"`
	Monitor  levelView  `json:"monitor"`
	Buffer   bufferView `json:"buffer"`
	Trap     string     `json:"trap"`
	Hosts    []hostView `json:"hosts"`
	Messages []*Entry   `json:"messages"`

	filtered bool
	zone     *time.Location
}

type levelView struct {
	Level    string `json:"level"`
	Logged   uint64 `json:"logged"`   // messages
	Sessions int    `json:"sessions"` // terminals that follow; 0 for the console
}

type bufferView struct {
	Level   string `json:"level"`
	Bytes   int    `json:"bytes"`   // bound
	Entries *int   `json:"entries"` // bound; null: none
	Kept    int    `json:"kept"`    // messages
	Used    int    `json:"used"`    // bytes
	Dropped uint64 `json:"dropped"` // messages that gave way to newer ones
}

// hostView is a log host.
type hostView struct {
	Host      string    `json:"host"`
	Transport string    `json:"transport"`
	Port      int       `json:"port"`
	Level     string    `json:"level"`
	State     string    `json:"state"` // connecting, connected, sending, failed
	Reason    string    `json:"reason"`
	Since     time.Time `json:"since"`
	Sent      uint64    `json:"sent"`
	Queued    int       `json:"queued"`
	Dropped   uint64    `json:"dropped"` // for want of room while it could not be reached
	Attempts  uint64    `json:"attempts"`
}

func (m *Module) showLogging(_ context.Context, call modules.Call) (modules.View, error) {
	wanted, err := filterOf(call.Values)
	if err != nil {
		return nil, err
	}
	if call.Values.Has("support") {
		wanted.level, wanted.private = min(wanted.level, informational), m.deps.Private
	}
	hub := m.deps.Hub
	hub.mu.Lock()
	view := logView{
		Console: levelView{Level: levelName(int(hub.consoleLevel.Load())), Logged: hub.consoled},
		Monitor: levelView{Level: levelName(hub.monitorLevel), Logged: hub.monitored, Sessions: len(hub.monitors)},
		Buffer: bufferView{
			Level: levelName(hub.bufferLevel), Bytes: hub.ring.limit, Kept: hub.ring.len(), Used: hub.ring.bytes, Dropped: hub.ring.dropped,
		},
		Trap: levelName(m.applied.Load().trap), Hosts: []hostView{}, filtered: wanted.any, zone: m.deps.Location(),
	}
	if n := hub.ring.entries; n > 0 {
		view.Buffer.Entries = &n
	}
	for _, h := range hub.hosts {
		view.Hosts = append(view.Hosts, h.view())
	}
	all := hub.ring.all()
	hub.mu.Unlock()
	view.Messages = wanted.apply(all)
	return view, nil
}

// view is called with Hub.mu held.
func (h *host) view() hostView {
	h.mu.Lock()
	defer h.mu.Unlock()
	return hostView{
		Host: h.config.Name, Transport: h.config.Transport, Port: h.config.Port, Level: levelName(h.level), State: h.state,
		Reason: h.reason, Since: h.since.Round(0), Sent: h.sent, Queued: len(h.queue), Dropped: h.dropped, Attempts: h.attempts,
	}
}

// filter is what `show logging` was asked for.
type filter struct {
	any    bool
	last   int // 0: all
	level  int
	since  time.Time
	module string
	match  *regexp.Regexp

	private []string // modules whose attributes are left out
}

func filterOf(v modules.Values) (filter, error) {
	f := filter{any: len(v) > 0, level: debugging}
	f.last = modules.Get[int](v, "N")
	f.since = modules.Get[time.Time](v, "SINCE")
	f.module = modules.Get[string](v, "MODULE")
	if v.Has("LEVEL") {
		f.level = modules.Get[int](v, "LEVEL")
	}
	if v.Has("REGEXP") {
		var err error
		if f.match, err = modules.CompileRegexp(modules.Get[string](v, "REGEXP")); err != nil {
			return f, err
		}
	}
	return f, nil
}

func (f filter) apply(all []*Entry) []*Entry {
	out := []*Entry{}
	for _, e := range all {
		e = f.withhold(e)
		if e.Severity <= f.level && !e.Time.Before(f.since) && (f.module == "" || e.Module == f.module) &&
			(f.match == nil || f.match.MatchString(e.Line())) {
			out = append(out, e)
		}
	}
	if f.last > 0 && len(out) > f.last {
		out = out[len(out)-f.last:]
	}
	return out
}

// withhold leaves out what may name guests.
func (f filter) withhold(e *Entry) *Entry {
	if !slices.Contains(f.private, e.Module) || len(e.Attributes) == 0 {
		return e
	}
	public := *e
	public.Attributes = []Attribute{}
	return &public
}

func (m *Module) clearLogging(ctx context.Context, call modules.Call) (modules.View, error) {
	if !call.Values.Has("force") {
		ok, err := call.Terminal.Confirm(ctx, "Clear logging buffer")
		if errors.Is(err, modules.ErrNotInteractive) {
			return nil, &modules.Error{
				Message: "clear logging needs a terminal to confirm", Hint: "Type clear logging force to do it without asking.",
			}
		}
		if err != nil || !ok {
			return modules.Text(""), err
		}
	}
	m.deps.Hub.clear()
	m.log.Info("%LOGGING-5-CLEARED: the buffer was emptied", "by", call.Actor.Name, "from", call.Actor.From)
	return modules.Text(""), nil
}
