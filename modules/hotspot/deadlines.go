package hotspot

import "time"

// deadlines are instants at which something is to be looked at, by account. The soonest is known without a search: it is asked for
// with each report of each session.
type deadlines struct {
	at      map[uint64]time.Time
	soonest time.Time // or earlier; zero: there is none
}

func newDeadlines() *deadlines { return &deadlines{at: map[uint64]time.Time{}} }

func (d *deadlines) set(id uint64, at time.Time) {
	d.at[id] = at
	if d.soonest.IsZero() || at.Before(d.soonest) {
		d.soonest = at
	}
}

func (d *deadlines) remove(id uint64) { delete(d.at, id) }

// take removes and returns those whose time has come.
func (d *deadlines) take(now time.Time) (due []uint64) {
	if d.soonest.IsZero() || d.soonest.After(now) {
		return nil
	}
	rest := &deadlines{at: d.at}
	for id, at := range d.at {
		if at.After(now) {
			rest.set(id, at)
			continue
		}
		due = append(due, id)
		delete(d.at, id)
	}
	d.soonest = rest.soonest
	return due
}

// wait is how long nothing is due, a minute at most: so that it does not matter long when the clock is set.
func (d *deadlines) wait(now time.Time) time.Duration {
	if d.soonest.IsZero() {
		return time.Minute
	}
	return min(max(d.soonest.Sub(now), 0), time.Minute)
}
