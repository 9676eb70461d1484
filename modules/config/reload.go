package config

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"mbox/modules"
)

func (m *Module) reloadCommands() []modules.Command {
	help := with(map[string]string{
		"reload": "Restart this box", "in": "After a time", "at": "At a time of the day", "cancel": "Stay after all",
		"force": "Without asking and without saving",
	})
	return []modules.Command{
		{Syntax: "reload [force]", Help: "Restart this box", Words: help, Level: 15, Result: modules.Said{}, Run: m.reload},
		{Syntax: "reload in TIME [force]", Help: "Restart this box after a time", Words: help, Level: 15,
			Args: map[string]modules.Type{"TIME": delayType{}}, Result: planView{}, Run: m.reloadIn},
		{Syntax: "reload at TIME [force]", Help: "Restart this box at a time of the day", Words: help, Level: 15,
			Args: map[string]modules.Type{"TIME": timeOfDayType{}}, Result: planView{}, Run: m.reloadAt},
		{Syntax: "reload cancel", Help: "Call off a planned restart", Words: help, Level: 15, Result: modules.Said{}, Run: m.reloadCancel},
		{Syntax: "show reload", Help: "The restart that is planned", Words: help, Level: 15, Result: planView{}, Run: m.showReload},
	}
}

// reload asks to save first where running and saved configuration differ.
func (m *Module) reload(ctx context.Context, call modules.Call) (modules.View, error) {
	if ok, err := m.askReload(ctx, call, "reload", "Proceed with reload?"); err != nil || !ok {
		return modules.Unchanged, err
	}
	m.deps.Log.Info("reload", "by", call.Actor.Name, "from", call.Actor.From)
	m.deps.Box.Reload()
	return modules.Said{Done: "Reloading"}, nil
}

func (m *Module) askReload(ctx context.Context, call modules.Call, command, question string) (bool, error) {
	_, waits := m.deps.Engine.Countdown() // then nothing can be saved, and the countdown goes on after the restart
	if !call.Values.Has("force") && m.deps.Engine.Dirty() && !waits {
		save, err := modules.YesNo(ctx, call, command, "System configuration has been modified. Save?")
		if err != nil {
			return false, err
		}
		if save {
			view, err := m.save(ctx, call)
			if err != nil {
				return false, err
			}
			if err := view.Text(call.Terminal, 0); err != nil {
				return false, err
			}
		}
	}
	return modules.Confirm(ctx, call, command, question)
}

// plan is a restart that was ordered for later. It is in memory: a box that ends before has no need of it.
type plan struct {
	by    modules.Actor
	at    time.Time // with the box's own time where it was ordered by `in`
	clock bool      // it was ordered for a time of the day
	stops []func() bool
}

// planView is the result of `show reload`.
type planView struct {
	Planned     bool       `json:"planned"`
	At          *time.Time `json:"at"`
	LeftSeconds *int64     `json:"left_seconds"`
	By          *string    `json:"by"`
}

func (p *plan) view(now time.Time) planView {
	at, left, by := p.at.UTC().Round(0), int64(p.at.Sub(now).Round(time.Second)/time.Second), p.by.Name
	return planView{Planned: true, At: &at, LeftSeconds: &left, By: &by}
}

// Text says when, and who ordered it.
func (v planView) Text(w io.Writer, _ int) error {
	if !v.Planned {
		_, err := io.WriteString(w, "No reload is planned\n")
		return err
	}
	_, err := fmt.Fprintf(w, "The box restarts at %s (in %s), as %s ordered\n", v.At.Format("2006-01-02 15:04:05 MST"), hours(time.Duration(*v.LeftSeconds)*time.Second), *v.By)
	return err
}

func hours(d time.Duration) string {
	s := int(d / time.Second)
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}

func (m *Module) reloadIn(ctx context.Context, call modules.Call) (modules.View, error) {
	delay := modules.Get[time.Duration](call.Values, "TIME")
	text := delayType{}.Render(delay)
	return m.order(ctx, call, "reload in "+text, "Reload in "+modules.Count(int(delay/time.Minute), "minute")+"?", plan{at: m.deps.Clock.Now().Add(delay)})
}

func (m *Module) reloadAt(ctx context.Context, call modules.Call) (modules.View, error) {
	day := modules.Get[time.Duration](call.Values, "TIME")
	now := m.deps.Clock.Now()
	at := time.Date(now.Year(), now.Month(), now.Day(), int(day/time.Hour), int(day%time.Hour/time.Minute), 0, 0, now.Location())
	if !at.After(now) {
		at = at.AddDate(0, 0, 1)
	}
	text := timeOfDayType{}.Render(day)
	return m.order(ctx, call, "reload at "+text, "Reload at "+at.Format("2006-01-02 15:04 MST")+"?", plan{at: at, clock: true})
}

// order plans a restart in place of one that was planned before.
func (m *Module) order(ctx context.Context, call modules.Call, command, question string, p plan) (modules.View, error) {
	if ok, err := m.askReload(ctx, call, command, question); err != nil || !ok {
		return modules.Unchanged, err
	}
	p.by = call.Actor
	m.cancelPlan()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.planned = &p
	m.arm(m.planned)
	m.deps.Log.Warn("reload planned", "at", p.at, "by", p.by.Name, "from", p.by.From)
	m.deps.Announce(fmt.Sprintf("%%RELOAD: the box restarts at %s, as %s ordered", p.at.UTC().Format("15:04:05 MST"), p.by.Name))
	return p.view(m.deps.Clock.Now()), nil
}

// told are the times left at which operators are told again.
var told = []time.Duration{time.Hour, 30 * time.Minute, 5 * time.Minute, time.Minute}

// arm sets the timers of a plan; m.mu is held.
func (m *Module) arm(p *plan) {
	left := p.at.Sub(m.deps.Clock.Now())
	p.stops = append(p.stops, m.deps.Clock.AfterFunc(max(left, 0), func() { m.due(p) }))
	for _, before := range told {
		if left > before {
			p.stops = append(p.stops, m.deps.Clock.AfterFunc(left-before, func() {
				m.deps.Announce(fmt.Sprintf("%%RELOAD: the box restarts in %s, as %s ordered", hours(before), p.by.Name))
			}))
		}
	}
}

// due restarts the box. A time of the day that has moved away, because the clock was set, is waited for again.
func (m *Module) due(p *plan) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.planned != p {
		return
	}
	if now := m.deps.Clock.Now(); p.clock && now.Round(0).Before(p.at.Round(0)) {
		p.stops = nil
		m.arm(p)
		return
	}
	m.planned = nil
	m.deps.Log.Warn("reload", "by", p.by.Name, "from", p.by.From)
	m.deps.Announce("%RELOAD: the box restarts now")
	m.deps.Box.Reload()
}

// cancelPlan forgets the planned restart, and says whether there was one.
func (m *Module) cancelPlan() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.planned == nil {
		return false
	}
	for _, stop := range m.planned.stops {
		stop()
	}
	m.planned = nil
	return true
}

func (m *Module) reloadCancel(_ context.Context, call modules.Call) (modules.View, error) {
	if !m.cancelPlan() {
		return nil, modules.Errorf("No reload is planned")
	}
	m.deps.Log.Info("planned reload called off", "by", call.Actor.Name, "from", call.Actor.From)
	m.deps.Announce("%RELOAD: " + call.Actor.Name + " called off the restart")
	return modules.Said{Done: "The planned reload is called off"}, nil
}

func (m *Module) showReload(context.Context, modules.Call) (modules.View, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.planned == nil {
		return planView{}, nil
	}
	return m.planned.view(m.deps.Clock.Now()), nil
}

// maxDelay is that of IOS: 24 days.
const maxDelay = 24 * 24 * time.Hour

// delayType is minutes, or HH:MM, as a time.Duration.
type delayType struct{}

var errDelay = errors.New("expected minutes, or hours and minutes as HH:MM, up to 24 days")

// Parse reads both forms.
func (delayType) Parse(s string) (any, error) {
	first, second, colon := strings.Cut(s, ":")
	hours, minutes := "0", first
	if colon {
		hours, minutes = first, second
	}
	h, err1 := strconv.ParseUint(hours, 10, 16)
	min, err2 := strconv.ParseUint(minutes, 10, 16)
	d := time.Duration(h)*time.Hour + time.Duration(min)*time.Minute
	if err1 != nil || err2 != nil || colon && (len(second) != 2 || min > 59) || d <= 0 || d > maxDelay {
		return nil, errDelay
	}
	return d, nil
}

// Render is minutes.
func (delayType) Render(v any) string { return strconv.Itoa(int(v.(time.Duration) / time.Minute)) }
func (delayType) Form() string        { return "MMM|HH:MM" }
func (delayType) Help() string        { return "Minutes, or hours and minutes" }
func (delayType) Secret() bool        { return false }

// timeOfDayType is HH:MM, as the time.Duration since midnight.
type timeOfDayType struct{}

// Parse reads a time of 24 hours.
func (timeOfDayType) Parse(s string) (any, error) {
	t, err := time.Parse("15:04", s)
	if err != nil {
		return nil, errors.New("expected a time of the day as HH:MM, from 00:00 to 23:59")
	}
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute, nil
}

// Render is HH:MM.
func (timeOfDayType) Render(v any) string {
	d := v.(time.Duration)
	return fmt.Sprintf("%02d:%02d", d/time.Hour, d%time.Hour/time.Minute)
}
func (timeOfDayType) Form() string { return "HH:MM" }
func (timeOfDayType) Help() string { return "Time of the day, by the clock of the box" }
func (timeOfDayType) Secret() bool { return false }
