package hotspotdb

import "time"

// Statistics are the counts of what is live. They are kept up to date in memory.
type Statistics struct {
	Users           int `json:"users"`
	Profiles        int `json:"profiles"`
	SessionsActive  int `json:"sessions_active"`  // that go on, as far as anybody knows
	SessionsUnheard int `json:"sessions_unheard"` // that nobody closed, and of which nothing was heard for longer than SetSilence says
	Sessions        int `json:"sessions"`
	Sticky          int `json:"sticky"`
	Vouchers        int `json:"vouchers"` // codes
}

// Statistics counts what is live.
func (db *DB) Statistics() Statistics {
	db.mu.RLock()
	defer db.mu.RUnlock()
	x := db.index
	active, unheard := x.goingOn(time.Duration(db.silence.Load()))
	return Statistics{
		Users:           x.datasets[Users].access,
		Profiles:        x.datasets[Profiles].counts.Live,
		SessionsActive:  active,
		SessionsUnheard: unheard,
		Sessions:        x.datasets[Sessions].segment,
		Sticky:          x.datasets[Sticky].counts.Live - x.erasures(Sticky),
		Vouchers:        x.datasets[Vouchers].voucher,
	}
}

// goingOn counts the sessions that nobody has closed. The box that served one may be dead: then nobody will, but what nothing was heard of
// for so long does not go on. A session that another box has taken over from a dead one has two open segments, and counts once. It
// takes some milliseconds for 50,000 sessions.
func (x *index) goingOn(silence time.Duration) (active, unheard int) {
	heard := map[uint64]bool{} // by name, of those with several segments; whether one was heard of
	for id := range x.active {
		d, _ := x.sessions.silent(id)
		lives := silence <= 0 || d < silence
		name := x.sessions.refs[id].name
		switch {
		case len(x.sessions.named[name]) > 1:
			heard[name] = heard[name] || lives
		case lives:
			active++
		default:
			unheard++
		}
	}
	for _, lives := range heard {
		if lives {
			active++
		} else {
			unheard++
		}
	}
	return active, unheard
}
