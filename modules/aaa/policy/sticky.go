package policy

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"mbox/hotspotdb"
)

// stickyRule is what `client-sticky` says for a hotspot.
type stickyRule struct {
	mode hotspotdb.StickyMode
	days uint32
}

func (r stickyRule) until(from time.Time) time.Time {
	return from.Add(time.Duration(r.days) * 24 * time.Hour)
}

// identifyBound lets a device in that was bound to an account, or to the use of a voucher, when its guest logged in.
func (p *Policy) identifyBound(a *attempt) (identity, Reason, error) {
	if _, on := (*p.sticky.Load())[a.hotspot]; !on {
		return identity{}, UnknownUser, nil
	}
	bound, err := p.db.Sticky(a.device, a.hotspot)
	if errors.Is(err, hotspotdb.ErrNotFound) {
		return identity{}, UnknownUser, nil
	}
	if err != nil {
		return identity{}, "", err
	}
	who := identity{Subject: Subject{ID: bound.Account, Username: bound.Username, Kind: Bound}}
	who.state, err = p.stateOf(bound.Account)
	switch {
	case errors.Is(err, hotspotdb.ErrNotFound):
		return who, Deleted, nil
	case err != nil:
		return identity{}, "", err
	case who.state.passwordSet != bound.PasswordSet:
		return who, PasswordChanged, nil
	case !bound.Expires.IsZero() && !a.At.Before(bound.Expires):
		return who, StickyExpired, nil
	}
	a.mac = a.device
	who.Username, who.passwordSet, who.Batch = who.state.username, who.state.passwordSet, who.state.batch
	who.matched, _ = a.fitting(append(a.deviceForms(), "")...)
	return who, OK, nil
}

// slack is by how much the end of a binding may be wrong before it is written again.
const slack = time.Hour

// bind binds a device to the account that was just let in with it. A disk that is full is no reason to turn the guest away.
func (p *Policy) bind(ctx context.Context, a *attempt, d *Decision) {
	rule, on := (*p.sticky.Load())[a.hotspot]
	if !on || a.mac == "" || d.Subject.Kind == Device {
		return
	}
	next := hotspotdb.Binding{
		MAC: a.mac, Username: d.Subject.Username, Account: d.Subject.ID, Hotspot: a.hotspot, PasswordSet: d.Subject.passwordSet,
		Mode: rule.mode, Days: rule.days, FirstLogin: a.At, Expires: rule.until(a.At),
	}
	if old, err := p.db.Sticky(a.mac, a.hotspot); err == nil && old.Account == next.Account && old.PasswordSet == next.PasswordSet {
		over := !old.Expires.IsZero() && !a.At.Before(old.Expires)
		same := old.Mode == next.Mode && old.Days == next.Days && !over
		if same && (rule.mode == hotspotdb.StickyStart || next.Expires.Sub(old.Expires).Abs() < slack) {
			return
		}
		if !over {
			next.FirstLogin, next.LastLogout = old.FirstLogin, old.LastLogout
			if rule.mode == hotspotdb.StickyStart {
				next.Expires = rule.until(old.FirstLogin)
			}
		}
	}
	err := p.db.UpdateHere(ctx, func(tx *hotspotdb.Tx) error {
		tx.By(hotspotdb.Author{Via: "radius"}) // the device has bound itself
		return tx.BindSticky(next)
	})
	if err != nil {
		p.log.Warn("a device could not be bound to its account", "account", next.Account, "hotspot", next.Hotspot, "error", err)
	}
}

// followLogouts notes when sessions that this box served have ended, however that came about: the days of `client-sticky last` count
// from then.
func (p *Policy) followLogouts(ctx context.Context) error {
	return p.db.Watch(ctx, []hotspotdb.Dataset{hotspotdb.Sessions}, p.from, func(e hotspotdb.Event) error {
		if e.Source.Kind != hotspotdb.Local || len(*p.sticky.Load()) == 0 || !e.Stopped() {
			return nil
		}
		id := binary.BigEndian.Uint64(e.Key[1:])
		s, err := p.db.Segment(id)
		if err == nil && s.Origin == p.db.ID() {
			err = p.loggedOut(ctx, &s)
		}
		if err != nil && !errors.Is(err, hotspotdb.ErrNotFound) && ctx.Err() == nil {
			p.log.Warn("the end of a session could not be noted for its device", "session", id, "error", err)
		}
		return ctx.Err()
	})
}

func (p *Policy) loggedOut(ctx context.Context, s *hotspotdb.Segment) error {
	hotspot := s.Hotspot
	if hotspot == "" {
		hotspot = s.NAS
	}
	if s.MAC == "" || s.Account == 0 {
		return nil
	}
	bound, err := p.db.Sticky(s.MAC, hotspot)
	if err != nil || bound.Account != s.Account || !s.Stop.After(bound.LastLogout) {
		return err
	}
	return p.db.UpdateHere(ctx, func(tx *hotspotdb.Tx) error {
		return tx.UpdateSticky(s.MAC, hotspot, func(b *hotspotdb.Binding) error {
			if b.Account != s.Account {
				return nil // another guest has the device since
			}
			b.LastLogout = s.Stop
			if b.Mode == hotspotdb.StickyLast {
				b.Expires = stickyRule{b.Mode, b.Days}.until(s.Stop)
			}
			return nil
		})
	})
}
