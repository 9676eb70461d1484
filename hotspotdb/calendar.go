package hotspotdb

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// calendar ages tombstones and history by more than a clock that may lie: by the days on which this box was seen running.
// It is looked at once an hour, and is durable.
type calendar struct {
	ran      time.Duration // running time since the newest mark
	seen     int64         // Unix seconds of the last look; 0: there was none
	unsteady time.Duration // how long the clock has yet to go on steadily before it is believed
	marks    []dayMark     // the oldest first
}

// dayMark says that everything up to a sequence was stored when a UTC day was first seen.
type dayMark struct {
	day int64 // since 1970
	seq uint64
}

const (
	day = 24 * time.Hour
	// A mark stands for so much running time at least, whatever the clock says in the meantime.
	markSpacing = 20 * time.Hour
	// A clock that moved by more than it ran was set. One day is let pass: whole days are what counts.
	clockStep = 25 * time.Hour
	// At the first look after a start the box may have been off for so long.
	clockGap = 7 * day
	// After a step the clock must go on for so long before history expires by it.
	clockTrial = 7 * day
	// maxMarks bounds a calendar.
	maxMarks = 4096
)

// look notes what time it is, how long the box ran since the last look and which sequence was the last; only days+1 marks
// are kept. first: it is the first look since the start.
func (c *calendar) look(now time.Time, ran time.Duration, first bool, last uint64, days int) {
	ran = max(ran, 0)
	c.ran += ran
	c.believe(now, ran, first, last)
	c.seen = now.Unix()
	today := int64(math.Floor(float64(now.Unix()) / day.Seconds()))
	if n := len(c.marks); n > 0 && (c.ran < markSpacing || last < c.marks[n-1].seq) {
		return
	}
	for _, m := range c.marks {
		if m.day == today {
			return
		}
	}
	c.marks = append(c.marks, dayMark{today, last})
	c.marks = c.marks[max(0, len(c.marks)-days-1):]
	c.ran = 0
}

// believed says whether history may expire by the clock.
func (c *calendar) believed() bool { return c.seen != 0 && c.unsteady == 0 }

// believe decides whether the clock went on steadily since the last look.
func (c *calendar) believe(now time.Time, ran time.Duration, first bool, last uint64) {
	ahead := clockStep
	if first {
		ahead = clockGap
	}
	moved := now.Sub(time.Unix(c.seen, 0)) - ran
	switch {
	case c.seen == 0 && last > 0: // an older version left records: nothing is known of the clock yet
		c.unsteady = clockTrial
	case c.seen == 0:
	case moved > ahead || moved < -clockStep:
		c.unsteady = clockTrial
	default:
		c.unsteady = max(0, c.unsteady-ran)
	}
}

// limit is the last sequence that was stored before that many distinct days were seen.
func (c *calendar) limit(days int) (seq uint64, found bool) {
	i := len(c.marks) - 1 - days
	if i < 0 {
		return 0, false
	}
	return c.marks[i].seq, true
}

func (c *calendar) encode() []byte {
	var b []byte
	for _, v := range []int64{int64(c.ran / time.Second), c.seen, int64(c.unsteady / time.Second)} {
		b = binary.BigEndian.AppendUint64(b, uint64(v))
	}
	for _, m := range c.marks {
		b = binary.BigEndian.AppendUint64(b, uint64(m.day))
		b = binary.BigEndian.AppendUint64(b, m.seq)
	}
	return b
}

func decodeCalendar(b []byte) (c calendar, err error) {
	const head = 3 * 8
	if len(b) < head || (len(b)-head)%16 != 0 || (len(b)-head)/16 > maxMarks {
		return c, fmt.Errorf("%w: calendar of %d bytes", ErrDamaged, len(b))
	}
	number := func(i int) int64 { return int64(binary.BigEndian.Uint64(b[8*i:])) }
	const longest = int64(math.MaxInt64 / time.Second)
	if r, u := number(0), number(2); r < 0 || r > longest || u < 0 || u > longest {
		return c, fmt.Errorf("%w: calendar with spans of %d and %d s", ErrDamaged, r, u)
	}
	c.ran, c.seen, c.unsteady = time.Duration(number(0))*time.Second, number(1), time.Duration(number(2))*time.Second
	for i := 3; 8*i < len(b); i += 2 {
		m := dayMark{number(i), uint64(number(i + 1))}
		if n := len(c.marks); n > 0 && m.seq < c.marks[n-1].seq {
			return c, fmt.Errorf("%w: calendar goes back from %d to %d", ErrDamaged, c.marks[n-1].seq, m.seq)
		}
		c.marks = append(c.marks, m)
	}
	return c, nil
}
