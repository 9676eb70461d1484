package hotspot

import (
	"testing"
	"time"
)

func TestParseExpiry(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, singapore)
	local := func(y int, m time.Month, d, h, min, s int) time.Time {
		return time.Date(y, m, d, h, min, s, 0, singapore)
	}
	for text, want := range map[string]time.Time{
		"":                          {},
		"never":                     {},
		"2026-12-31":                local(2027, 1, 1, 0, 0, 0),
		"2026-12-31T18:30":          local(2026, 12, 31, 18, 30, 0),
		"2026-12-31 18:30:15":       local(2026, 12, 31, 18, 30, 15),
		"2026-12-31T18:00:00Z":      time.Date(2026, 12, 31, 18, 0, 0, 0, time.UTC),
		"2026-12-31T18:00:00+08:00": time.Date(2026, 12, 31, 10, 0, 0, 0, time.UTC),
		"+30d":                      now.Add(30 * 24 * time.Hour),
		"+90m":                      now.Add(90 * time.Minute),
		"+12h":                      now.Add(12 * time.Hour),
	} {
		got, err := parseExpiry(text, now)
		if err != nil || !got.Equal(want) {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
		if back, err := parseExpiry(formatExpiry(got), now); err != nil || !back.Equal(got) {
			t.Errorf("%q: written as %q it is %v, %v", text, formatExpiry(got), back, err)
		}
	}
	for _, text := range []string{"soon", "31.12.2026", "2026-02-30", "+d", "+5", "+5y", "+-5d", "+99999d", "1960-01-01", "0000-01-01", "9999-12-31", "2026-12-31T25:00", "12/31/2026"} {
		if got, err := parseExpiry(text, now); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

func FuzzExpiry(f *testing.F) {
	for _, seed := range []string{"never", "2026-12-31", "+30d", "2026-12-31T18:00:00Z", "+65535d", "9998-12-31"} {
		f.Add(seed)
	}
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseExpiry(text, now)
		if err != nil {
			return
		}
		if back, err := parseExpiry(formatExpiry(got), now); err != nil || !back.Equal(got) {
			t.Fatalf("%q is %v, written as %q it is %v, %v", text, got, formatExpiry(got), back, err)
		}
	})
}
