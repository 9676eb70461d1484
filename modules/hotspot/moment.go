package hotspot

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// screenTime is how times read on the screen, in the zone of the box.
const screenTime = "2006-01-02 15:04:05"

func (m *Module) displayTime(t time.Time) string { return timeIn(m.zone(), t) }

// zone is that of the box.
func (m *Module) zone() *time.Location { return m.now().Location() }

func timeIn(zone *time.Location, t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(zone).Format(screenTime)
}

// errMoment does not repeat what was typed: in a shifted row of a CSV file that may be a password.
var errMoment = errors.New("expected a date or time such as 2026-12-31, 2026-12-31T18:00:00, 2026-12-31T18:00:00Z, +30d or never")

// parseExpiry reads when an account expires, in whole seconds; the zero time is never. A date alone means the end of that
// day; a time without a zone is in that of now. A span from now counts d(ays), h(ours) or m(inutes).
func parseExpiry(text string, now time.Time) (time.Time, error) {
	if text == "" || strings.EqualFold(text, "never") {
		return time.Time{}, nil
	}
	t, err := parseMoment(text, now)
	if err != nil {
		return time.Time{}, err
	}
	if year := t.UTC().Year(); year < 1971 || year > 9998 {
		return time.Time{}, errMoment
	}
	return t.Truncate(time.Second), nil
}

func parseMoment(text string, now time.Time) (time.Time, error) {
	if span, ok := strings.CutPrefix(text, "+"); ok {
		return parseSpan(span, now)
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	for _, layout := range []string{screenTime, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04"} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return t, nil
		}
	}
	day, err := time.ParseInLocation(time.DateOnly, text, now.Location())
	if err != nil {
		return time.Time{}, errMoment
	}
	return day.AddDate(0, 0, 1), nil
}

func parseSpan(span string, now time.Time) (time.Time, error) {
	units := map[byte]time.Duration{'d': 24 * time.Hour, 'h': time.Hour, 'm': time.Minute}
	if len(span) < 2 {
		return time.Time{}, errMoment
	}
	unit, ok := units[span[len(span)-1]]
	n, err := strconv.ParseUint(span[:len(span)-1], 10, 16) // 65,535 days are 179 years, and fit a Duration
	if !ok || err != nil {
		return time.Time{}, errMoment
	}
	return now.Add(time.Duration(n) * unit), nil
}

// exportTime writes what instant made.
func exportTime(t *time.Time) string {
	if t == nil {
		return ""
	}
	return formatExpiry(*t)
}

// formatExpiry writes a time so that it can be read on a box in another zone.
func formatExpiry(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
