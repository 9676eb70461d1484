package policy

import (
	"math"
	"math/bits"
	"time"

	"mbox/hotspotdb"
)

// Period is a time for which there may be a free quota.
type Period int

// The periods. All has no beginning.
const (
	Daily Period = iota
	Weekly
	Monthly
	All
	periods
)

// Quotas are the free quotas of one unit, octets or seconds, by period.
type Quotas [periods]limit

// any says whether there is a quota at all: without one nothing is counted against purchases either.
func (q *Quotas) any() bool {
	for _, l := range q {
		if l.set {
			return true
		}
	}
	return false
}

// Spent is what was used in a period, and how much of that came from purchases.
type Spent struct{ Used, Purchased uint64 }

// Budget is what may still be used: first what is free, then what was purchased. Purchases end with no period; they are
// carried over until they are used.
type Budget struct {
	Limited   bool // false: as much as you like
	Free      uint64
	Purchased uint64
}

// Budget computes what is left. What came from purchases does not count against free quotas. bought and taken are of all times.
func (q *Quotas) Budget(spent [periods]Spent, bought, taken uint64) Budget {
	b := Budget{Purchased: less(bought, taken)}
	for period, quota := range q {
		if !quota.set {
			continue
		}
		free := less(quota.n, less(spent[period].Used, spent[period].Purchased))
		if !b.Limited || free < b.Free {
			b.Free = free
		}
		b.Limited = true
	}
	return b
}

// Left is how much may still be used.
func (b Budget) Left() uint64 {
	if !b.Limited {
		return math.MaxUint64
	}
	return more(b.Free, b.Purchased)
}

// Split says how much of what is used next is free and how much comes from purchases. What exceeds both, because a report came
// late, counts as free: nobody is charged for what was not sold.
func (b Budget) Split(grown uint64) (free, purchased uint64) {
	if !b.Limited {
		return grown, 0
	}
	purchased = min(less(grown, b.Free), b.Purchased)
	return grown - purchased, purchased
}

func less(a, b uint64) uint64 { return a - min(a, b) }

func more(a, b uint64) uint64 {
	sum, carry := bits.Add64(a, b, 0)
	return max(sum, -carry)
}

// ledger is where usage and purchases are read: the database, or a transaction that has changed them.
type ledger interface {
	Usage(account uint64, from, to time.Time) (hotspotdb.Usage, error)
	Purchased(account uint64) (octets, seconds uint64)
}

// book is what somebody used of one unit in each period, and what he bought and has taken of that, ever.
type book struct {
	spent         [periods]Spent
	bought, taken uint64
}

// booksOf reads what was used of octets and of seconds in the periods that are wanted.
func (p *Policy) booksOf(from ledger, account uint64, at time.Time, wanted func(Period) bool) (octets, seconds book, err error) {
	octets.bought, seconds.bought = from.Purchased(account)
	for period, start := range p.periods.Load().starts(at, p.location()) {
		purchases := Period(period) == All && (octets.bought > 0 || seconds.bought > 0)
		if !purchases && !wanted(Period(period)) {
			continue
		}
		// A day that began in the future, by another clock or zone, counts as today.
		used, err := from.Usage(account, start, at.Add(2*24*time.Hour))
		if err != nil {
			return book{}, book{}, err
		}
		octets.spent[period] = Spent{more(used.InputOctets, used.OutputOctets), used.PurchasedOctets}
		seconds.spent[period] = Spent{used.SessionTime, used.PurchasedTime}
		if purchases {
			octets.taken, seconds.taken = used.PurchasedOctets, used.PurchasedTime
		}
	}
	return octets, seconds, nil
}

// budgets are what is left of both units.
type budgets struct{ octets, seconds Budget }

// budgetsOf computes what somebody has left. Only periods with a quota are read.
func (p *Policy) budgetsOf(from ledger, account uint64, r *rules, at time.Time) (budgets, error) {
	if !r.octets.any() && !r.seconds.any() {
		return budgets{}, nil
	}
	octets, seconds, err := p.booksOf(from, account, at, func(period Period) bool { return r.octets[period].set || r.seconds[period].set })
	if err != nil {
		return budgets{}, err
	}
	return budgets{r.octets.Budget(octets.spent, octets.bought, octets.taken), r.seconds.Budget(seconds.spent, seconds.bought, seconds.taken)}, nil
}

// PurchasedPart says how much of what an account uses next comes from its purchases: octets of both directions, and
// seconds. Whoever stores the growth asks before he does, in the same transaction, and charges it with
// Tx.ChargePurchased.
func (p *Policy) PurchasedPart(tx *hotspotdb.Tx, account uint64, at time.Time, grownOctets, grownSeconds uint64) (octets, seconds uint64, err error) {
	if bought, boughtTime := tx.Purchased(account); bought == 0 && boughtTime == 0 {
		return 0, 0, nil
	}
	s, err := p.stateOf(account)
	if err != nil {
		return 0, 0, err
	}
	r, reason, err := p.rulesOf(&s)
	if err != nil || reason != OK {
		return 0, 0, err // nobody knows his quotas, so that nothing is charged
	}
	left, err := p.budgetsOf(tx, account, &r.rules, at)
	if err != nil {
		return 0, 0, err
	}
	_, octets = left.octets.Split(grownOctets)
	_, seconds = left.seconds.Split(grownSeconds)
	return octets, seconds, nil
}
