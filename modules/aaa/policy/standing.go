package policy

import "time"

// Standing is what somebody may use of one unit, octets or seconds, and has used.
type Standing struct {
	Budget
	Free   []FreeQuota // none: not limited
	Bought uint64      // of all times
	Taken  uint64      // of what was bought
}

// FreeQuota is one free quota.
type FreeQuota struct {
	Period Period
	Limit  uint64
	Used   uint64    // of it: what purchases paid for does not count
	Resets time.Time // when the next period begins; zero: never
}

var periodNames = [periods]string{"daily", "weekly", "monthly", "all"}

func (p Period) String() string { return periodNames[p] }

// Standings tell what an account, or the use of a voucher, has left. ErrNotFound if there is neither. The reason is OK, or why nothing
// of it may be used.
func (p *Policy) Standings(id uint64, at time.Time) (octets, seconds Standing, reason Reason, err error) {
	s, err := p.stateOf(id)
	if err != nil {
		return octets, seconds, OK, err
	}
	r, reason, err := p.rulesOf(&s)
	if err != nil {
		return octets, seconds, OK, err
	}
	octets.Bought, seconds.Bought = p.db.Purchased(id)
	if reason != OK {
		return octets, seconds, reason, nil
	}
	left, err := p.budgetsOf(p.db, id, &r.rules, at)
	if err != nil {
		return octets, seconds, OK, err
	}
	octets.Budget, seconds.Budget = left.octets, left.seconds
	present := p.periods.Load()
	starts, ends := present.starts(at, p.location()), present.ends(at, p.location())
	for period, start := range starts {
		used, err := p.db.Usage(id, start, at.Add(2*24*time.Hour))
		if err != nil {
			return octets, seconds, OK, err
		}
		octets.add(Period(period), r.octets[period], less(more(used.InputOctets, used.OutputOctets), used.PurchasedOctets), ends[period])
		seconds.add(Period(period), r.seconds[period], less(used.SessionTime, used.PurchasedTime), ends[period])
		if Period(period) == All {
			octets.Taken, seconds.Taken = used.PurchasedOctets, used.PurchasedTime
		}
	}
	return octets, seconds, s.barred(at), nil
}

func (s *Standing) add(period Period, quota limit, used uint64, resets time.Time) {
	if quota.set {
		s.Free = append(s.Free, FreeQuota{period, quota.n, used, resets})
	}
}

// ends are when the periods that hold an instant end; All has no end.
func (p Periods) ends(at time.Time, zone *time.Location) [periods]time.Time {
	year, month, day := p.date(at, zone)
	today := time.Date(year, month, day, 12, 0, 0, 0, zone).Weekday()
	return [periods]time.Time{
		Daily:   p.on(year, month, day+1, zone),
		Weekly:  p.on(year, month, day-(int(today)-int(p.Weekday)+7)%7+7, zone),
		Monthly: p.on(year, month+1, 1, zone),
	}
}
