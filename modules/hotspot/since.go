package hotspot

import (
	"errors"
	"strings"
	"time"
)

// past is an instant that bounds a list, as a time.Time. A date alone means its beginning, or its end where the list ends then.
type past struct {
	now func() time.Time
	end bool
}

var errPast = errors.New("expected a date or time such as 2026-12-31, 2026-12-31T18:00, 2026-12-31T18:00:00Z, or a span back from now: -7d, -12h, -30m")

func (t past) Parse(text string) (any, error) {
	if span, ok := strings.CutPrefix(text, "-"); ok {
		now := t.now()
		ahead, err := parseSpan(span, now)
		if err != nil {
			return nil, errPast
		}
		return now.Add(now.Sub(ahead)), nil
	}
	if strings.HasPrefix(text, "+") {
		return nil, errPast
	}
	at, err := parseMoment(text, t.now())
	if err != nil || at.Year() < 1971 || at.Year() > 9998 {
		return nil, errPast
	}
	if _, err := time.Parse(time.DateOnly, text); err == nil && !t.end {
		at = at.AddDate(0, 0, -1) // parseMoment means the end of the day
	}
	return at, nil
}

func (t past) Render(v any) string { return formatExpiry(v.(time.Time)) }
func (t past) Form() string        { return "YYYY-MM-DD[THH:MM:SS]|-N{d|h|m}" }
func (t past) Secret() bool        { return false }

func (t past) Help() string {
	if t.end {
		return "Until then; a date means the end of that day"
	}
	return "From then on; a date means the beginning of that day"
}
