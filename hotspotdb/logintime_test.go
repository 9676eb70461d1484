package hotspotdb

import (
	"errors"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"
)

func mustLoginTime(t testing.TB, text string) LoginTime {
	t.Helper()
	l, err := ParseLoginTime(text)
	must(t, err)
	return l
}

func TestLoginTimeHours(t *testing.T) {
	// 2026-11-22 is a Sunday.
	at := func(day, hour, minute int) time.Time { return time.Date(2026, 11, day, hour, minute, 0, 0, time.UTC) }
	for _, test := range []struct {
		text  string
		at    time.Time
		until time.Time // zero: not allowed
	}{
		{"Al", at(22, 3, 4), at(30, 3, 4)},
		{"Any0000-2400", at(22, 3, 4), at(30, 3, 4)},
		{"Never", at(22, 3, 4), time.Time{}},
		{"Al0800-1800", at(22, 17, 30), at(22, 18, 0)},
		{"Al0800-1800", at(22, 18, 0), time.Time{}},
		{"Al0800-1800", at(22, 7, 59), time.Time{}},
		{"0800-1800", at(24, 8, 0), at(24, 18, 0)},
		{"wk0800-1800", at(23, 8, 0), at(23, 18, 0)},
		{"Wk0800-1800", at(22, 8, 0), time.Time{}},
		{"Wk2305-0855,Sa,Su2305-1655", at(22, 16, 54), at(22, 16, 55)},
		{"Wk2305-0855,Sa,Su2305-1655", at(22, 23, 5), at(23, 8, 55)},
		{"Wk2305-0855|Sa|Su2305-1655", at(28, 1, 0), at(29, 16, 55)},
		{"MoWe0900-1000", at(25, 9, 30), at(25, 10, 0)},
		{"MoWe0900-1000", at(24, 9, 30), time.Time{}},
		{"Fr-Mo", at(27, 0, 0), at(31, 0, 0)},
		{"Mo-Fr0900-1000", at(27, 9, 0), at(27, 10, 0)},
		{"Sa2200-2400,Su0000-0200", at(28, 23, 0), at(29, 2, 0)},
		{"Su,Sa", at(28, 0, 0), at(30, 0, 0)},
		{"Al1000-1100,Al1100-1200,Al1030-1130", at(23, 10, 0), at(23, 12, 0)},
	} {
		until := mustLoginTime(t, test.text).Until(test.at)
		if test.until.Equal(at(31, 0, 0)) {
			test.until = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
		}
		if !until.Equal(test.until) {
			t.Errorf("%s at %s: until %s, want %s", test.text, test.at, until, test.until)
		}
	}
}

func TestLoginTimeRefused(t *testing.T) {
	for _, text := range []string{
		"", ",", "|", "Xx", "Wk-Sa", "Mo-", "Mo0800", "Mo0800-", "Mo08:00-18:00", "Mo0800-1860", "Mo0800-2401", "Mo2400-0800", "Mo0800-0800",
		"Mo0800-1800x", "Mo 0800-1800", "Al0000-0000", "8-18", strings.Repeat("Mo,", 100),
	} {
		if _, err := ParseLoginTime(text); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// When the clock is set, the wall counts: 10:00 to 11:00 is that hour by the clock, an hour that is left out is over at once, and one
// that comes twice lasts twice as long.
func TestLoginTimeOverSummerTime(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	must(t, err)
	utc := func(month time.Month, day, hour, minute int) time.Time {
		return time.Date(2026, month, day, hour, minute, 0, 0, time.UTC)
	}
	for _, test := range []struct {
		text      string
		at, until time.Time
	}{
		// 2026-03-29 02:00 becomes 03:00, at 01:00 UTC.
		{"Al0100-0400", utc(3, 29, 0, 30), utc(3, 29, 2, 0)},
		{"Al0100-0230", utc(3, 29, 0, 30), utc(3, 29, 1, 0)},
		{"Al0230-0330", utc(3, 29, 1, 0), utc(3, 29, 1, 30)},
		// 2026-10-25 03:00 becomes 02:00, at 01:00 UTC.
		{"Al0100-0400", utc(10, 24, 23, 30), utc(10, 25, 3, 0)},
		{"Al0100-0230", utc(10, 24, 23, 30), utc(10, 25, 0, 30)},
		{"Al0100-0230", utc(10, 25, 0, 45), time.Time{}},
		{"Al0100-0230", utc(10, 25, 1, 0), utc(10, 25, 1, 30)},
		{"Al0200-0300", utc(10, 25, 0, 15), utc(10, 25, 2, 0)},
		{"Su-Sa", utc(10, 24, 0, 0), utc(11, 1, 0, 0)},
	} {
		if until := mustLoginTime(t, test.text).Until(test.at.In(berlin)); !until.Equal(test.until) {
			t.Errorf("%s at %s: until %s, want %s", test.text, test.at.In(berlin), until, test.until)
		}
	}
}

// Until is where minute after minute would find it.
func TestLoginTimeUntilIsTheFirstMinuteThatIsNot(t *testing.T) {
	zones := []*time.Location{time.UTC}
	for _, name := range []string{"Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns"} {
		zone, err := time.LoadLocation(name)
		must(t, err)
		zones = append(zones, zone)
	}
	texts := []string{"Al0100-0400", "Al0230-0330", "Su0000-0215|Al0145-0155", "Wk2200-0230", "Sa-Su", "Mo-Fr0700-1900,Sa", "Never"}
	rapid.Check(t, func(t *rapid.T) {
		l := mustLoginTimeIn(t, rapid.SampledFrom(texts).Draw(t, "text"))
		zone := rapid.SampledFrom(zones).Draw(t, "zone")
		minute := rapid.Int64Range(0, 366*24*60).Draw(t, "minute")
		at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(minute) * time.Minute).In(zone)
		want := time.Time{}
		if l.allows(at) {
			for want = at; l.allows(want) && want.Sub(at) < 8*day; {
				want = want.Add(time.Minute)
			}
		}
		if until := l.Until(at); !until.Equal(want) {
			t.Fatalf("%v at %s: until %s, want %s", l.spans, at, until, want)
		}
	})
}

func mustLoginTimeIn(t *rapid.T, text string) LoginTime {
	l, err := ParseLoginTime(text)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// allows looks at one instant alone, by the calendar.
func (l LoginTime) allows(at time.Time) bool {
	minute := int(at.Weekday())*minutesOfDay + at.Hour()*60 + at.Minute()
	for _, s := range l.spans {
		if minute >= s.start && minute < s.end {
			return true
		}
	}
	return false
}

func FuzzLoginTime(f *testing.F) {
	for _, seed := range []string{"Wk2305-0855,Sa,Su2305-1655", "Al", "Never", "Fr-Mo0000-2400", "any0100-0200|wk", ",", "Mo-"} {
		f.Add(seed)
	}
	at := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		l, err := ParseLoginTime(text)
		if err != nil {
			return
		}
		last := -1
		for _, s := range l.spans {
			if s.start <= last || s.end <= s.start || s.end > minutesOfWeek {
				t.Fatalf("%q: spans %v", text, l.spans)
			}
			last = s.end
		}
		if until := l.Until(at); until.IsZero() == l.allows(at) || !until.IsZero() && !until.After(at) {
			t.Fatalf("%q: until %s", text, until)
		}
		if again, err := ParseLoginTime(strings.ToUpper(text)); err != nil || len(again.spans) != len(l.spans) {
			t.Fatalf("%q in capitals: %v", text, err)
		}
	})
}
