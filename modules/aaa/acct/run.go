package acct

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"mbox/hotspotdb"
)

const (
	// judgeAgain is how long a judgement that failed waits, and a full disk is given.
	judgeAgain = 10 * time.Second
	// soonest keeps a judgement that asks for another one at once from doing nothing else.
	soonest = time.Second
	// batch bounds how much is done before Run looks what else there is to do.
	batch = 256
)

// Run ends sessions that may not go on, and closes those of which nothing is heard any more, until ctx ends. What other boxes
// report of the same sessions is taken into account.
func (a *Accounting) Run(ctx context.Context) error {
	if err := a.resume(ctx); err != nil {
		return fmt.Errorf("follow sessions: %w", err)
	}
	g, inner := errgroup.WithContext(ctx)
	g.Go(func() error { return a.watch(inner) })
	g.Go(func() error { return a.loop(inner) })
	if err := g.Wait(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("follow sessions: %w", err)
	}
	return nil
}

// resume takes over the sessions that this box served when it stopped. The time in which it could not hear of them does not
// count.
func (a *Accounting) resume(ctx context.Context) error {
	active := true
	segments, err := a.db.Segments(ctx, hotspotdb.SegmentFilter{Active: &active})
	if err != nil {
		return err
	}
	now := a.ran()
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range segments {
		if a.mine(&segments[i]) && a.live[segments[i].ID] == nil {
			a.serve(&segments[i], segments[i].NAS, now, now)
		}
	}
	return nil
}

// loop does what is due.
func (a *Accounting) loop(ctx context.Context) error {
	defer a.wait()
	for {
		timer := time.NewTimer(a.untilDue())
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case r := <-a.results:
			a.answered(ctx, r)
		case <-a.wake:
		case <-timer.C:
		}
		timer.Stop()
		if err := a.tick(ctx); err != nil {
			return err
		}
	}
}

// wait waits for the NAS that were asked; ctx has ended, which ends the asking.
func (a *Accounting) wait() {
	a.mu.Lock()
	n := a.asking
	a.asking = 0
	a.mu.Unlock()
	for range n {
		<-a.results
	}
}

func (a *Accounting) untilDue() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	next := a.due.next()
	if a.asking < maxAsking {
		next = min(next, a.tells.next())
	}
	if next == never {
		return time.Hour
	}
	return max(0, next-a.ran())
}

// tick does what is due now.
func (a *Accounting) tick(ctx context.Context) error {
	for ctx.Err() == nil {
		a.tell(ctx)
		stale, judge := a.takeDue()
		if len(stale)+len(judge) == 0 {
			return nil
		}
		if err := a.closeSilent(ctx, stale); err != nil {
			return err
		}
		for _, s := range judge {
			a.judge(ctx, s)
		}
	}
	return ctx.Err()
}

// takeDue takes what is due off the agenda; whoever deals with it puts it back if it goes on.
func (a *Accounting) takeDue() (silent, judge []*served) {
	now, stale := a.ran(), a.staleAfter()
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(silent)+len(judge) < batch {
		s, found := a.due.pop(now)
		switch {
		case !found:
			return silent, judge
		case s.heard+stale <= now || s.gone != "":
			silent = append(silent, s)
		default:
			s.judge = never
			a.due.set(&s.node, s.next(stale))
			if a.endings[s.name] == nil {
				judge = append(judge, s)
			}
		}
	}
	return silent, judge
}

// closeSilent closes sessions of which nothing was heard for too long, at the last report; and those that their NAS does not
// know any more.
func (a *Accounting) closeSilent(ctx context.Context, list []*served) error {
	if len(list) == 0 {
		return nil
	}
	err := a.db.UpdateHere(ctx, func(tx *hotspotdb.Tx) error {
		for _, s := range list {
			if err := a.closeOne(tx, s); err != nil {
				return err
			}
		}
		return nil
	})
	now := a.ran()
	a.mu.Lock()
	defer a.mu.Unlock()
	again, rescue := errors.Is(err, hotspotdb.ErrNoSpace), errors.Is(err, hotspotdb.ErrReadOnly)
	for _, s := range list {
		switch closed := s.closing; {
		case err == nil && closed:
			a.drop(s.id)
			a.settle(s.name, now)
		case rescue:
			a.drop(s.id) // nothing is served
		case again && s.node.index == 0:
			a.due.set(&s.node, now+judgeAgain)
		}
		s.closing = false
	}
	switch {
	case err == nil || rescue || ctx.Err() != nil:
		return nil
	case again:
		a.log.ErrorContext(ctx, "sessions that are over could not be closed; trying again", "sessions", len(list), "error", err)
		return nil
	}
	return fmt.Errorf("close sessions that are over: %w", err)
}

// closeOne closes one, unless something was heard of it since it was listed, or another room closed it, which watch will hear
// of.
func (a *Accounting) closeOne(tx *hotspotdb.Tx, s *served) error {
	segment, err := tx.Segment(s.id)
	gone := errors.Is(err, hotspotdb.ErrNotFound)
	if err != nil && !gone {
		return err
	}
	a.mu.Lock()
	heard := s.node.index != 0 || a.live[s.id] != s
	s.closing = !heard && (gone || segment.Active())
	cause := s.gone
	if e := a.endings[s.name]; e != nil && cause == "" {
		cause = e.cause
	}
	a.mu.Unlock()
	if !s.closing || gone {
		return nil
	}
	if cause == "" {
		cause = causeLost
	}
	if err = tx.CloseSegment(s.id, cause, segment.Updated); errors.Is(err, hotspotdb.ErrErased) {
		return nil
	}
	return err
}

// judge asks whether a session may go on, and has it ended if not.
func (a *Accounting) judge(ctx context.Context, s *served) {
	segment, err := a.db.Segment(s.id)
	if err == nil && !segment.Active() || errors.Is(err, hotspotdb.ErrNotFound) {
		return // who closed it has it dropped
	}
	if err != nil {
		a.judgeLater(ctx, s, err)
		return
	}
	verdict, err := a.policy.Judge(ctx, segment)
	if err != nil {
		a.judgeLater(ctx, s, err)
		return
	}
	now := a.ran()
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.live[s.id] != s:
	case verdict.End:
		a.end(&segment, verdict.Cause, string(verdict.Reason), false)
	default:
		a.renew(ctx, s, &segment, verdict.Limits)
		if !verdict.Next.IsZero() {
			a.judgeAt(s, now+max(verdict.Next.Sub(a.now()), soonest))
		}
	}
}

func (a *Accounting) judgeLater(ctx context.Context, s *served, err error) {
	if ctx.Err() != nil {
		return
	}
	a.log.ErrorContext(ctx, "a session could not be judged; trying again", "session", s.id, "error", err)
	now := a.ran()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.live[s.id] == s {
		a.judgeAt(s, now+judgeAgain)
	}
}

// judgeAt has a session judged at an instant, or before. It needs mu.
func (a *Accounting) judgeAt(s *served, at time.Duration) {
	s.judge = min(s.judge, at)
	a.due.set(&s.node, s.next(a.staleAfter()))
}
