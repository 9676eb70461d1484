package hotspotdb

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var newYear = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// TestCalendarOfAnHonestClock: a box that runs on has a mark for every day, and keeps as many as it needs.
func TestCalendarOfAnHonestClock(t *testing.T) {
	var c calendar
	const days = 5
	for hour := range 24 * 20 {
		c.look(newYear.Add(time.Duration(hour)*time.Hour), time.Hour, hour == 0, uint64(hour), days)
	}
	if len(c.marks) != days+1 || !c.believed() {
		t.Fatalf("calendar %+v", c)
	}
	first, found := c.limit(days)
	newest := c.marks[days].seq
	if !found || newest-first < 24*days-24 || newest-first > 24*days+24 {
		t.Errorf("%d days back: %d, %v, the newest mark is %d", days, first, found, newest)
	}
	if _, found := c.limit(days + 1); found {
		t.Error("more days than were seen")
	}
}

// TestClockThatFlaps: whatever a clock shows, once an hour and across starts, a box that ran for some hours has no more
// days than it could have run for, and none twice.
func TestClockThatFlaps(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var c calendar
		var ran time.Duration
		for i := range rapid.IntRange(1, 200).Draw(rt, "hours") {
			clock := newYear.AddDate(rapid.IntRange(-60, 60).Draw(rt, "year"), 0, rapid.IntRange(0, 300).Draw(rt, "day"))
			step := time.Duration(rapid.IntRange(0, 90).Draw(rt, "minutes")) * time.Minute
			c.look(clock, step, rapid.IntRange(0, 5).Draw(rt, "restart") == 0, uint64(i), 180)
			ran += step
			decoded, err := decodeCalendar(c.encode())
			if err != nil {
				rt.Fatal(err)
			}
			c = decoded
		}
		if most := int(ran/markSpacing) + 1; len(c.marks) > most {
			rt.Fatalf("%d marks in %s", len(c.marks), ran)
		}
		seen := map[int64]bool{}
		for _, m := range c.marks {
			if seen[m.day] {
				rt.Fatalf("day %d is marked twice", m.day)
			}
			seen[m.day] = true
		}
	})
}

// TestClockIsBelieved: only a clock that goes on steadily is.
func TestClockIsBelieved(t *testing.T) {
	for _, test := range []struct {
		name  string
		step  time.Duration // beyond the hour that passed
		first bool
		want  bool
	}{
		{"steady", 0, false, true},
		{"changed by a day", day, false, true},
		{"a year ahead", 365 * day, false, false},
		{"a year back", -365 * day, false, false},
		{"off over the weekend", 3 * day, true, true},
		{"a weekend ahead while running", 3 * day, false, false},
		{"off for a month", 30 * day, true, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			var c calendar
			c.look(newYear, 0, true, 0, 180)
			c.look(newYear.Add(time.Hour+test.step), time.Hour, test.first, 1, 180)
			if c.believed() != test.want {
				t.Errorf("believed: %v", c.believed())
			}
			at := newYear.Add(time.Hour + test.step)
			for range clockTrial / time.Hour {
				at = at.Add(time.Hour)
				c.look(at, time.Hour, false, 2, 180)
			}
			if !c.believed() {
				t.Error("not believed after going on steadily")
			}
		})
	}
	var c calendar
	if c.look(newYear, 0, true, 1, 180); c.believed() {
		t.Error("the first clock that a database with records sees is believed")
	}
}

func TestCalendarIsDecoded(t *testing.T) {
	for _, bad := range [][]byte{nil, make([]byte, 23), make([]byte, 32), make([]byte, 24+16*(maxMarks+1)),
		(&calendar{marks: []dayMark{{1, 5}, {2, 4}}}).encode(), (&calendar{ran: -time.Second}).encode()} {
		if _, err := decodeCalendar(bad); !errors.Is(err, ErrDamaged) {
			t.Errorf("%d bytes: error %v", len(bad), err)
		}
	}
}

func FuzzCalendar(f *testing.F) {
	f.Add((&calendar{ran: time.Hour, seen: 5, marks: []dayMark{{1, 2}, {3, 2}}}).encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := decodeCalendar(b)
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
			return
		}
		again, err := decodeCalendar(c.encode())
		if err != nil || fmt.Sprint(again) != fmt.Sprint(c) {
			t.Fatalf("%v became %v: %v", c, again, err)
		}
		c.look(newYear, time.Hour, true, 9, 180)
		c.limit(180)
	})
}
