package policy

import "time"

// Periods say when quotas begin anew, by the clock on the wall: every day at a time, every week on a day at that time, every
// month on its first day at that time.
type Periods struct {
	Weekday      time.Weekday
	Hour, Minute int
}

// SetPeriods says when quotas begin anew from now on.
func (p *Policy) SetPeriods(periods Periods) { p.periods.Store(&periods) }

// UsageDay is when the usage day that holds an instant began, for hotspotdb's SetUsageDay.
func (p *Policy) UsageDay(at time.Time) time.Time { return p.periods.Load().Day(at, p.location()) }

// Day is when the day that holds an instant began. A time that the clock leaves out is later by as much.
func (p Periods) Day(at time.Time, zone *time.Location) time.Time {
	year, month, day := p.date(at, zone)
	return p.on(year, month, day, zone)
}

func (p Periods) on(year int, month time.Month, day int, zone *time.Location) time.Time {
	return time.Date(year, month, day, p.Hour, p.Minute, 0, 0, zone)
}

// date is the day of the calendar on which the day that holds an instant began.
func (p Periods) date(at time.Time, zone *time.Location) (int, time.Month, int) {
	year, month, day := at.In(zone).Date()
	if p.on(year, month, day, zone).After(at) {
		return time.Date(year, month, day-1, 12, 0, 0, 0, zone).Date() // noon is never left out
	}
	return year, month, day
}

// starts are when the periods that hold an instant began.
func (p Periods) starts(at time.Time, zone *time.Location) [periods]time.Time {
	year, month, day := p.date(at, zone)
	today := time.Date(year, month, day, 12, 0, 0, 0, zone).Weekday()
	return [periods]time.Time{
		Daily:   p.on(year, month, day, zone),
		Weekly:  p.on(year, month, day-(int(today)-int(p.Weekday)+7)%7, zone),
		Monthly: p.on(year, month, 1, zone),
		All:     time.Unix(0, 0),
	}
}
