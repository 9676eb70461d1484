package clock

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"mbox/modules"
)

// Where the time comes from.
const (
	sourceNTP     = "NTP"
	sourceHand    = "set by hand"
	sourceMachine = "the machine's own clock"
)

// clockView is the result of `show clock`.
type clockView struct {
	Time         time.Time `json:"time"`
	Timezone     string    `json:"timezone"`
	UTCOffset    string    `json:"utc_offset"` // +01:00
	Source       string    `json:"source"`
	Synchronized bool      `json:"synchronized"` // by NTP, now

	trusted bool // `*` of IOS: NTP is configured and has never said that the time is right
	detail  bool
}

func (m *Module) showClock(_ context.Context, call modules.Call) (modules.View, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.view(call.Values.Has("detail")), nil
}

// view is called with mu held.
func (m *Module) view(detail bool) clockView {
	zone := m.Location()
	now := m.deps.Now().Round(0).In(zone)
	v := clockView{
		Time: now, Timezone: zone.String(), UTCOffset: offsetText(now), Source: sourceMachine, Synchronized: m.client.synced, detail: detail,
		trusted: m.client.discipline.once || len(m.client.servers) == 0,
	}
	switch {
	case m.client.discipline.once:
		v.Source = sourceNTP
	case !m.byHand.IsZero():
		v.Source = sourceHand
	}
	return v
}

// Text is the form of IOS: `*` before a time that NTP is to keep and has not set yet, `.` before one that it has lost.
func (v clockView) Text(w io.Writer, _ int) error {
	mark := ""
	switch {
	case !v.trusted:
		mark = "*"
	case v.Source == sourceNTP && !v.Synchronized:
		mark = "."
	}
	text := mark + v.Time.Format("15:04:05.000 MST Mon Jan 2 2006") + "\n"
	if v.detail {
		text += fmt.Sprintf("Time source is %s\nTimezone is %s, UTC%s\n", v.Source, v.Timezone, v.UTCOffset)
	}
	_, err := io.WriteString(w, text)
	return err
}

// statusView is the result of `show ntp status`.
type statusView struct {
	Synchronized bool       `json:"synchronized"`
	Since        *time.Time `json:"since"`
	Stratum      *int       `json:"stratum"` // of this box: one more than its server's
	Reference    string     `json:"reference"`
	OffsetMS     *float64   `json:"offset_ms"` // of the servers against the clock, when it was last moved
	JitterMS     *float64   `json:"jitter_ms"`
	PollSeconds  float64    `json:"poll_seconds"`
	Updated      *time.Time `json:"updated"`
	Steps        int        `json:"steps"` // since the start, NTP's and those by hand
	LastStep     *float64   `json:"last_step_seconds"`
	Servers      int        `json:"servers"`
	Reason       string     `json:"reason"` // why it is not synchronized

	zone *time.Location
}

func (m *Module) showStatus(context.Context, modules.Call) (modules.View, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := &m.client
	v := statusView{
		Synchronized: c.synced, Reference: c.follows, PollSeconds: c.interval.Seconds(), Steps: c.steps, Servers: len(c.servers), Reason: c.reason,
		zone: m.Location(),
	}
	if !c.since.IsZero() {
		v.Since = wall(c.since)
	}
	if !c.updated.IsZero() {
		v.Updated, v.OffsetMS, v.JitterMS, v.Stratum = wall(c.updated), ms(c.offset), ms(c.jitter), &[]int{c.stratum}[0]
	}
	if c.steps > 0 {
		seconds := c.stepped.Seconds()
		v.LastStep = &seconds
	}
	switch {
	case v.Servers == 0:
		v.Reason = "no NTP server is configured"
	case !c.synced && v.Reason == "":
		v.Reason = "the servers have just been asked"
	}
	return v, nil
}

func wall(t time.Time) *time.Time { t = t.Round(0).UTC(); return &t }

func ms(d time.Duration) *float64 { f := d.Seconds() * 1000; return &f }

// Text follows IOS.
func (v statusView) Text(w io.Writer, _ int) error {
	var b strings.Builder
	if v.Synchronized {
		fmt.Fprintf(&b, "Clock is synchronized, stratum %d, reference is %s\n", *v.Stratum, v.Reference)
	} else {
		fmt.Fprintf(&b, "Clock is unsynchronized: %s\n", v.Reason)
	}
	if v.Updated != nil {
		fmt.Fprintf(&b, "clock offset is %.4f msec, jitter is %.4f msec\n", *v.OffsetMS, *v.JitterMS)
		fmt.Fprintf(&b, "last update was at %s\n", v.Updated.In(v.zone).Format("15:04:05.000 MST Mon Jan 2 2006"))
	}
	if v.Synchronized && v.Reason != "" {
		fmt.Fprintf(&b, "%s\n", v.Reason)
	}
	if v.Servers > 0 {
		fmt.Fprintf(&b, "system poll interval is %.0f s, %s configured\n", v.PollSeconds, modules.Count(v.Servers, "server"))
	}
	if v.LastStep != nil {
		fmt.Fprintf(&b, "the clock was set %d times since the start, the last time by %.3f s\n", v.Steps, *v.LastStep)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
