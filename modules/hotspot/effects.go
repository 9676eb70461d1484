package hotspot

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"time"

	"golang.org/x/sync/errgroup"

	"mbox/hotspotdb"
)

// Causes of the end of a session, RFC 2866 section 5.10.
const (
	causeAdminReset     = "Admin-Reset"
	causeSessionTimeout = "Session-Timeout"
)

// retryAfter is how long a full disk is given.
const retryAfter = 10 * time.Second

// serving is what effects know of the sessions that this box serves: the active segments of each account, and when
// the account expires. One goroutine owns it.
type serving struct {
	segments map[uint64]map[uint64]bool // account -> active segments of this box
	account  map[uint64]uint64          // segment -> account
	expires  *deadlines                 // of accounts: when to judge them again
	vouchers voucherSessions            // of the accounts that are uses of vouchers
}

func newServing() *serving {
	return &serving{map[uint64]map[uint64]bool{}, map[uint64]uint64{}, newDeadlines(), newVoucherSessions()}
}

// Run ends the sessions that this box serves as soon as their account or voucher is disabled, deleted or expired, whichever box
// did it. Changes that came while the box was down are caught up with at the start.
func (m *Module) Run(ctx context.Context) error {
	from := m.db.Durable()
	events := make(chan change, 256) // so that not each one wakes somebody
	g, inner := errgroup.WithContext(ctx)
	g.Go(func() error { return m.watch(inner, from, events) })
	g.Go(func() error { return m.act(inner, events) })
	g.Go(func() error { return m.watchOveruse(inner) })
	if err := g.Wait(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("follow the hotspot database: %w", err)
	}
	return nil
}

// change is a record that may matter: an account, a segment, the use of a voucher; or a voucher or batch.
type change struct {
	kind  byte
	id    uint64
	name  string // of a batch, or the code of a voucher
	grown bool   // a segment that goes on: only its counters may be new
}

// changeOf says what an event is about. Segments of other boxes do not matter.
func changeOf(e hotspotdb.Event) (change, bool) {
	if e.Dataset == hotspotdb.Vouchers {
		return voucherChange(e)
	}
	if len(e.Key) != 9 {
		return change{}, false
	}
	c := change{kind: e.Key[0], id: binary.BigEndian.Uint64(e.Key[1:])}
	local := e.Source.Kind == hotspotdb.Local
	if c.kind == hotspotdb.KindErasure {
		c.kind = hotspotdb.KindAccess
	}
	if c.kind == hotspotdb.KindSegment && local {
		c.grown = !e.Deleted && !e.Stopped()
		return c, true
	}
	return c, c.kind == hotspotdb.KindAccess
}

// watch passes on what changes; it blocks the feed of events, not the database, while act is busy.
func (m *Module) watch(ctx context.Context, from uint64, events chan<- change) error {
	datasets := []hotspotdb.Dataset{hotspotdb.Users, hotspotdb.Sessions, hotspotdb.Vouchers}
	return m.db.Watch(ctx, datasets, from, func(e hotspotdb.Event) error {
		c, ok := changeOf(e)
		if !ok {
			return nil
		}
		select {
		case events <- c:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
}

// act follows changes and the clock.
func (m *Module) act(ctx context.Context, events <-chan change) error {
	s := newServing()
	if err := m.catchUp(ctx, s); err != nil {
		return err
	}
	timer := time.NewTimer(s.expires.wait(m.now()))
	defer timer.Stop()
	for {
		var err error
		planned, fired := s.expires.soonest, false
		select {
		case <-ctx.Done():
			return ctx.Err()
		case c := <-events:
			err = m.follow(ctx, s, c)
		case <-timer.C:
			err = m.judgeDue(ctx, s)
			fired = true
		}
		if err != nil {
			return err
		}
		if fired || planned != s.expires.soonest {
			timer.Reset(s.expires.wait(m.now()))
		}
	}
}

// follow does what a change asks for.
func (m *Module) follow(ctx context.Context, s *serving, c change) error {
	switch {
	case c.kind == hotspotdb.KindSegment:
		if _, known := s.account[c.id]; known && c.grown {
			return nil
		}
		return m.segmentChanged(ctx, s, c.id)
	case c.name != "":
		return m.judgeVouchers(ctx, s, c)
	case len(s.segments[c.id]) > 0:
		return m.judge(ctx, s, c.id)
	}
	return nil
}

// catchUp finds the active segments of this box and judges their accounts.
func (m *Module) catchUp(ctx context.Context, s *serving) error {
	active := true
	segments, err := m.db.Segments(ctx, hotspotdb.SegmentFilter{Active: &active})
	if err != nil {
		return err
	}
	for _, segment := range segments {
		if segment.Origin == m.db.ID() && segment.Account != 0 {
			s.add(segment.Account, segment.ID)
		}
	}
	for id := range maps.Clone(s.segments) {
		if err := m.judge(ctx, s, id); err != nil {
			return err
		}
	}
	return nil
}

// segmentChanged learns that a session of this box began or ended.
func (m *Module) segmentChanged(ctx context.Context, s *serving, id uint64) error {
	segment, err := m.db.Segment(id)
	if errors.Is(err, hotspotdb.ErrNotFound) || err == nil && (!segment.Active() || segment.Origin != m.db.ID()) {
		s.remove(id)
		return nil
	}
	if err != nil {
		return fmt.Errorf("read session %d: %w", id, err)
	}
	if segment.Account == 0 {
		return nil
	}
	s.add(segment.Account, id)
	return m.judge(ctx, s, segment.Account)
}

// judgeDue looks at the accounts whose time has come.
func (m *Module) judgeDue(ctx context.Context, s *serving) error {
	for _, id := range s.expires.take(m.now()) {
		if err := m.judge(ctx, s, id); err != nil {
			return err
		}
	}
	return nil
}

// judge ends the sessions of an account that may have none, and otherwise notes when that will be.
func (m *Module) judge(ctx context.Context, s *serving, id uint64) error {
	s.expires.remove(id)
	guest, err := m.db.GuestByID(id) // which is in memory when he has just logged in
	switch {
	case errors.Is(err, hotspotdb.ErrNotFound):
		return m.judgeUse(ctx, s, id)
	case err != nil:
		return fmt.Errorf("read account %d: %w", id, err)
	case guest.Disabled:
		return m.endSessions(ctx, s, id, "disabled", causeAdminReset)
	case guest.Expires.IsZero():
	case guest.Expires.After(m.now()):
		s.expires.set(id, guest.Expires)
	default:
		return m.endSessions(ctx, s, id, "expired", m.expiryCause(id))
	}
	return nil
}

// expiryCause tells an account whose time ran out from one that was set to expire in the past, or is gone.
func (m *Module) expiryCause(id uint64) string {
	a, err := m.db.AccountByID(id)
	if err != nil || a.Updated.After(a.Expires) {
		return causeAdminReset
	}
	return causeSessionTimeout
}

func expired(a hotspotdb.Account, now time.Time) bool {
	return !a.Expires.IsZero() && !a.Expires.After(now)
}

func (m *Module) endSessions(ctx context.Context, s *serving, account uint64, why, cause string) error {
	ids := s.segments[account]
	// Every box ends the sessions that it serves: that must not wait for another one.
	err := m.db.UpdateHere(ctx, func(tx *hotspotdb.Tx) error {
		for id := range ids {
			err := tx.CloseSegment(id, cause, m.now())
			if err != nil && !errors.Is(err, hotspotdb.ErrNotFound) && !errors.Is(err, hotspotdb.ErrErased) {
				return err
			}
		}
		return nil
	})
	switch {
	case errors.Is(err, hotspotdb.ErrReadOnly):
		return nil // rescue: nothing is served
	case errors.Is(err, hotspotdb.ErrNoSpace):
		m.log.ErrorContext(ctx, "hotspot sessions could not be ended; trying again", "account", account, "because", why, "error", err)
		s.expires.set(account, m.now().Add(retryAfter))
		return nil
	case err != nil:
		return fmt.Errorf("end the sessions of account %d: %w", account, err)
	}
	m.log.InfoContext(ctx, "hotspot sessions ended", "account", account, "sessions", len(ids), "because", why, "cause", cause)
	for id := range ids {
		s.remove(id)
	}
	return nil
}

func (s *serving) add(account, segment uint64) {
	s.remove(segment)
	if s.segments[account] == nil {
		s.segments[account] = map[uint64]bool{}
	}
	s.segments[account][segment] = true
	s.account[segment] = account
}

func (s *serving) remove(segment uint64) {
	account, found := s.account[segment]
	if !found {
		return
	}
	delete(s.account, segment)
	delete(s.segments[account], segment)
	if len(s.segments[account]) == 0 {
		delete(s.segments, account)
		s.expires.remove(account)
		s.vouchers.forget(account)
	}
}
