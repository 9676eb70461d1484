package acct

import (
	"context"
	"errors"
	"time"

	"mbox/hotspotdb"
	"mbox/modules/aaa/policy"
)

// ending is a session whose NAS must end it, or was told to. Accounting.mu guards it.
type ending struct {
	node    node[*ending]
	name    name
	segment hotspotdb.Segment
	cause   string // Acct-Terminate-Cause, unless the NAS knows better
	why     string // one word for the log
	began   time.Duration
	tries   int
	erased  bool // nothing about the session may be kept
	over    bool // the NAS has acknowledged it, or reported its end: kept for a while for reports that come late
}

const (
	firstRetry = time.Second
	lastRetry  = time.Minute
	// giveUp is for how long a NAS that does not acknowledge is told again. A session that it goes on to report is judged again.
	giveUp = time.Hour
)

// result is what became of a request to a NAS: to end a session, or to change one.
type result struct {
	ending  *ending
	renewal *renewal
	err     error
}

// end has a NAS told that a session is over, once, however many ask for it. It needs mu.
func (a *Accounting) end(s *hotspotdb.Segment, cause, why string, erased bool) {
	n := nameOf(s)
	if e := a.endings[n]; e != nil {
		e.erased = e.erased || erased
		return
	}
	now := a.ran()
	e := &ending{name: n, segment: *s, cause: cause, why: why, began: now, erased: erased}
	e.node.value = e
	a.endings[n] = e
	a.tells.set(&e.node, now)
	a.signal()
}

// settle notes that a NAS has ended a session. It needs mu.
func (a *Accounting) settle(n name, now time.Duration) {
	e := a.endings[n]
	if e == nil {
		return
	}
	e.over = true
	a.tells.set(&e.node, now)
	if e.erased {
		a.tells.set(&e.node, now+max(a.staleAfter(), lateness))
	}
}

// tell asks NAS to end sessions, as many as are due and may be asked at once.
func (a *Accounting) tell(ctx context.Context) {
	now := a.ran()
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.asking < maxAsking {
		e, found := a.tells.pop(now)
		if !found {
			return
		}
		switch {
		case e.over:
			delete(a.endings, e.name)
			a.unpark(e.name.nas)
		case now-e.began > giveUp:
			a.log.ErrorContext(ctx, "a NAS does not end a session that may not go on", "nas", e.name.nas, "session", e.name.session, "because", e.why, "tries", e.tries)
			delete(a.endings, e.name)
			a.unpark(e.name.nas)
		case !a.mayAsk(e.name.nas):
			a.park(e)
		default:
			a.ask(ctx, e)
		}
	}
}

// ask needs mu.
func (a *Accounting) ask(ctx context.Context, e *ending) {
	a.asks(e.name.nas)
	nas, segment := a.reach(), e.segment
	go func() { // results has room for all; Run waits for them
		a.results <- result{ending: e, err: nas.Disconnect(ctx, segment)}
	}()
}

// reach returns who can tell a NAS something.
func (a *Accounting) reach() NAS {
	if a.nas != nil {
		if nas := a.nas(); nas != nil {
			return nas
		}
	}
	return noNAS{}
}

// noNAS stands for a box that has no way to tell a NAS anything.
type noNAS struct{}

var errNoNAS = errors.New("no NAS can be told")

func (noNAS) Disconnect(context.Context, hotspotdb.Segment) error { return errNoNAS }

func (noNAS) ChangeOfAuthorization(context.Context, hotspotdb.Segment, policy.Limits) error {
	return errNoNAS
}

// answered acts on what a NAS said, or that it said nothing.
func (a *Accounting) answered(ctx context.Context, r result) {
	if r.renewal != nil {
		a.renewed(ctx, r.renewal, r.err)
		return
	}
	e := r.ending
	now := a.ran()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.unask(e.name.nas, r.err)
	if a.endings[e.name] != e {
		return // it has ended by itself
	}
	log := a.log.With("nas", e.name.nas, "session", e.name.session, "because", e.why)
	e.tries++
	switch {
	case e.over:
	case r.err == nil:
		log.InfoContext(ctx, "a NAS was told to end a session", "tries", e.tries)
		e.over = true
		a.tells.set(&e.node, now+max(a.staleAfter(), lateness))
	case errors.Is(r.err, ErrNoSession):
		log.InfoContext(ctx, "a session that may not go on is not there any more", "tries", e.tries)
		e.over = true
		a.tells.set(&e.node, now+max(a.staleAfter(), lateness))
		if s := a.live[e.segment.ID]; s != nil {
			s.gone = e.cause
			a.due.set(&s.node, now)
		}
	default:
		log.WarnContext(ctx, "a NAS did not end a session; trying again", "tries", e.tries, "error", r.err)
		a.tells.set(&e.node, now+retryAfter(e.tries))
	}
}

// retryAfter doubles from a second to a minute.
func retryAfter(tries int) time.Duration {
	return min(firstRetry<<min(tries-1, 10), lastRetry)
}

// isEnding says whether the NAS of a report was told to end the session.
func (a *Accounting) isEnding(r *Request) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.endings[name{r.NAS, r.SessionID}] != nil
}

// isErased says whether a report is of somebody who was erased while the session went on.
func (a *Accounting) isErased(r *Request) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.endings[name{r.NAS, r.SessionID}]
	return e != nil && e.erased
}

// heardOfErased has the NAS told that goes on to report a session of somebody who was erased.
func (a *Accounting) heardOfErased(r *Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := name{r.NAS, r.SessionID}
	if r.Status == Stop {
		a.settle(n, a.ran())
		return
	}
	a.end(&hotspotdb.Segment{NAS: n.nas, AcctSessionID: n.session, Username: r.Username, MAC: r.MAC, IPAddress: r.IP}, causeAdminReset, whyErased, true)
}

const (
	causeAdminReset = "Admin-Reset"
	whyErased       = "erased"
	whyClosed       = "account" // disabled, deleted or expired: see modules/hotspot
)

// causeOf is why a session ended that its NAS reports as ended. A NAS that was told to end it says Admin-Reset; what it was
// told for says more.
func (a *Accounting) causeOf(r *Request) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.endings[name{r.NAS, r.SessionID}]
	if e != nil && (r.TerminateCause == "" || r.TerminateCause == causeAdminReset) {
		return e.cause
	}
	return r.TerminateCause
}
