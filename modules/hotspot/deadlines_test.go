package hotspot

import (
	"slices"
	"testing"
	"time"
)

func TestDeadlines(t *testing.T) {
	d, now := newDeadlines(), time.Unix(1_800_000_000, 0)
	if d.take(now) != nil || d.wait(now) != time.Minute {
		t.Error("something is due of nothing")
	}
	for id, in := range map[uint64]time.Duration{1: 10 * time.Second, 2: 20 * time.Second, 3: time.Hour, 4: 5 * time.Second} {
		d.set(id, now.Add(in))
	}
	d.set(2, now.Add(30*time.Second)) // put off
	d.remove(4)
	if got := d.wait(now); got > 10*time.Second {
		t.Errorf("waits for %v", got)
	}
	if due := d.take(now.Add(9 * time.Second)); due != nil {
		t.Errorf("too early: %v", due)
	}
	if got := d.wait(now.Add(9 * time.Second)); got != time.Second {
		t.Errorf("waits for %v", got)
	}
	due := d.take(now.Add(30 * time.Second))
	slices.Sort(due)
	if !slices.Equal(due, []uint64{1, 2}) || d.take(now.Add(30*time.Second)) != nil {
		t.Errorf("due are %v, once", due)
	}
	if got := d.wait(now.Add(30 * time.Second)); got != time.Minute {
		t.Errorf("waits for %v, clock or not", got)
	}
}
