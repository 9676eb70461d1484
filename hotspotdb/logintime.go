package hotspotdb

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// LoginTime is when an account may be used: hours of the week, by the clock on the wall.
//
// It is written as UUCP does and FreeRADIUS documents it: a list separated by "," or "|" of a day, several days (MoWe), a
// range of days (Mo-Fr), Wk (Monday to Friday), Al or Any, each followed by hours as hhmm-hhmm, or by nothing for the whole
// day. Hours without a day are those of every day. Hours that cross midnight belong to the day on both of its ends, as in
// FreeRADIUS: Sa2200-0600 is Saturday before 06:00 and from 22:00. Never matches nothing. The last minute is excluded, so that
// Al0800-1800 ends at 18:00.
type LoginTime struct {
	spans []minutes // of the week, ascending, apart from each other
}

// minutes of the week from Sunday 00:00, the end excluded.
type minutes struct{ start, end int }

const (
	minutesOfDay  = 24 * 60
	minutesOfWeek = 7 * minutesOfDay
	maxLoginTime  = 253
)

var loginDays = []struct {
	name        string
	first, last int // Sunday is 0
}{
	{"any", 0, 6}, {"al", 0, 6}, {"wk", 1, 5},
	{"su", 0, 0}, {"mo", 1, 1}, {"tu", 2, 2}, {"we", 3, 3}, {"th", 4, 4}, {"fr", 5, 5}, {"sa", 6, 6},
}

// ParseLoginTime reads a time string; capitals do not matter.
func ParseLoginTime(text string) (LoginTime, error) {
	if text == "" || len(text) > maxLoginTime {
		return LoginTime{}, errLoginTime
	}
	parts := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return r == ',' || r == '|' })
	if len(parts) == 0 {
		return LoginTime{}, errLoginTime
	}
	var l LoginTime
	for _, part := range parts {
		part = strings.TrimSpace(part)
		if part == "never" {
			continue
		}
		if err := l.add(part); err != nil {
			return LoginTime{}, err
		}
	}
	l.join()
	return l, nil
}

var errLoginTime = refuse("Login-Time", "expected days and hours such as Wk0800-1800,Sa,Su1000-1600, at most %d bytes", maxLoginTime)

// add takes one simple time string in.
func (l *LoginTime) add(part string) error {
	hours := strings.IndexAny(part, "0123456789")
	if hours < 0 {
		hours = len(part)
	}
	days, err := parseLoginDays(part[:hours])
	if err != nil {
		return err
	}
	start, end := 0, minutesOfDay
	if part[hours:] != "" {
		if start, end, err = parseLoginHours(part[hours:]); err != nil {
			return err
		}
	}
	for day, wanted := range days {
		at := day * minutesOfDay
		switch {
		case !wanted:
		case start < end:
			l.spans = append(l.spans, minutes{at + start, at + end})
		default:
			l.spans = append(l.spans, minutes{at, at + end}, minutes{at + start, at + minutesOfDay})
		}
	}
	return nil
}

func parseLoginDays(text string) (days [7]bool, err error) {
	if text == "" {
		text = "al"
	}
	for text != "" {
		first, last, rest, found := cutLoginDay(text)
		if !found {
			return days, errLoginTime
		}
		if to, ranged := strings.CutPrefix(rest, "-"); ranged {
			if first != last { // Wk-Sa is no range
				return days, errLoginTime
			}
			_, last, rest, found = cutLoginDay(to)
			if !found {
				return days, errLoginTime
			}
		}
		for day := first; ; day = (day + 1) % 7 {
			days[day] = true
			if day == last {
				break
			}
		}
		text = rest
	}
	return days, nil
}

func cutLoginDay(text string) (first, last int, rest string, found bool) {
	for _, day := range loginDays {
		if rest, found = strings.CutPrefix(text, day.name); found {
			return day.first, day.last, rest, true
		}
	}
	return 0, 0, "", false
}

func parseLoginHours(text string) (start, end int, err error) {
	if len(text) != len("hhmm-hhmm") || text[4] != '-' {
		return 0, 0, errLoginTime
	}
	start, ok1 := parseMinute(text[:4])
	end, ok2 := parseMinute(text[5:])
	if !ok1 || !ok2 || start == end || start == minutesOfDay || end == 0 && start == 0 {
		return 0, 0, errLoginTime
	}
	return start, end, nil
}

// parseMinute reads hhmm, 2400 included.
func parseMinute(text string) (int, bool) {
	n := 0
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	hour, minute := n/100, n%100
	return hour*60 + minute, minute < 60 && hour*60+minute <= minutesOfDay
}

// join sorts the spans and makes one of those that touch.
func (l *LoginTime) join() {
	slices.SortFunc(l.spans, func(a, b minutes) int { return cmp.Compare(a.start, b.start) })
	joined := l.spans[:0]
	for _, s := range l.spans {
		if n := len(joined); n > 0 && s.start <= joined[n-1].end {
			joined[n-1].end = max(joined[n-1].end, s.end)
		} else if s.start < s.end {
			joined = append(joined, s)
		}
	}
	l.spans = joined
}

// Until says until when the account may be used, counting from t, by the wall clock of the zone that t is in; zero if it may not be
// used at t. It looks eight days ahead: a time that lies further away is one that never comes, and is returned as t plus
// eight days.
func (l LoginTime) Until(t time.Time) time.Time {
	end := t.Add(8 * day)
	for at := t; at.Before(end); {
		_, offset := at.Zone()
		left, always := l.left(at.Unix() + int64(offset))
		if left == 0 {
			if at.Equal(t) {
				return time.Time{}
			}
			return at
		}
		_, change := at.ZoneBounds()
		next := at.Add(time.Duration(left)*time.Second - time.Duration(at.Nanosecond()))
		switch {
		case !change.IsZero() && change.Before(end) && (always || change.Before(next)):
			at = change // the clock jumps before the span ends
		case always:
			return end
		default:
			at = next
		}
	}
	return end
}

// left is how many seconds of the span that holds an instant of the wall clock (seconds since 1970) are left. A span that ends with the week goes on
// in the one that begins with it.
func (l LoginTime) left(wall int64) (seconds int64, always bool) {
	const week = minutesOfWeek * 60
	const thursday = 4 * minutesOfDay * 60 // 1970-01-01
	at := ((wall+thursday)%week + week) % week
	for _, s := range l.spans {
		if at < int64(s.start)*60 || at >= int64(s.end)*60 {
			continue
		}
		return int64(s.end)*60 - at, s == minutes{0, minutesOfWeek}
	}
	return 0, false
}
