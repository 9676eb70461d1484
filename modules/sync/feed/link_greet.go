package feed

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"mbox/hotspotdb"
	"mbox/modules/sync/auth"
	"mbox/proto/syncpb"
)

// How a link begins, and what it says of itself again later: the Welcome, with its domain and token.

// greet exchanges Welcomes, the primary first: a follower joins the primary's domain before it speaks of digests.
func (l *Link) greet(ctx context.Context) error {
	if l.cfg.Primary {
		token, err := l.cfg.Renew()
		if err == nil {
			err = ctx.Err() // revoked meanwhile: not even the keys may go out
		}
		if err != nil {
			return err
		}
		if err := l.welcome(token); err != nil {
			return err
		}
	}
	frame, err := l.cfg.Session.Receive()
	if err != nil {
		return err
	}
	w := frame.GetWelcome()
	if err := l.parted(frame); err != nil {
		return err
	}
	if w == nil {
		return auth.Refuse(auth.CodeProtocol, "the peer sent %T where Welcome was due", frame.Kind)
	}
	current, err := historyOf(w.History)
	if err != nil {
		return err
	}
	if !l.cfg.Primary {
		// The primary may grant less than was asked for, never more.
		grant := &l.cfg.Session.Grant
		grant.Down, grant.Up = Both(grant.Down, w.Down), Both(grant.Up, w.Up)
		l.recover, l.proves = parse(Both(grant.Down, w.Recover)), w.ProvesUpwards
		l.cfg.Token(w.Token)
	}
	if err := l.learn(w); err != nil {
		return err
	}
	if !l.cfg.Primary {
		if err := l.welcome(""); err != nil {
			return err
		}
	}
	return l.open(ctx, current)
}

func (l *Link) welcome(token string) error {
	grant := l.cfg.Session.Grant
	theirs := parse(grant.Up)
	if l.cfg.Primary {
		theirs = parse(grant.Down)
	}
	w := &syncpb.Welcome{
		History: history(l.cfg.DB.History()).proto(), ClockUs: uint64(time.Now().UnixMicro()), Token: token,
		FollowsYou: l.cfg.Follows(l.cfg.Session.BoxID), AnswersClaims: l.sharesVouchers(),
	}
	if l.cfg.Primary {
		w.Down, w.Up, w.ProvesUpwards = grant.Down, grant.Up, true
		for _, ds := range l.recover {
			w.Recover = append(w.Recover, ds.String())
		}
	}
	w.Domain, w.Keys = l.cfg.Domain.Describe(slices.Contains(theirs, hotspotdb.Users))
	return l.cfg.Session.Send(frameOf(w))
}

func (l *Link) learn(w *syncpb.Welcome) error {
	l.claiming.answers.Store(w.AnswersClaims)
	if d := w.Domain.GetDigestKey(); !bytes.Equal(d, l.digestKey) {
		l.digestKey = d
		if l.domains++; l.domains > maxDomains {
			return auth.Refuse(auth.CodeProtocol, "the peer changes its domain again and again")
		}
	}
	users := hotspotdb.Users.String()
	switch {
	case !l.cfg.Primary:
		return l.cfg.Domain.FromPrimary(w, slices.Contains(l.cfg.Session.Grant.Down, users))
	case slices.Contains(l.cfg.Session.Grant.Up, users):
		return l.cfg.Domain.FromFollower(w)
	}
	return nil
}

// maxDomains bounds how often a peer may change its domain on one connection: joining one recomputes all digests. A Welcome
// that only brings another password key does not count; a primary of many branches sends one for each that it learns.
const maxDomains = 16

// announce tells the peer when our domain has changed.
func (l *Link) announce(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-l.changed:
			l.changed = l.cfg.Domain.Changed()
			if err := l.welcome(""); err != nil {
				return err
			}
		}
	}
}

// renew sends a new token before the old one ends; if there may be none, the stream ends.
func (l *Link) renew(ctx context.Context) error {
	return every(ctx, auth.RenewEvery, func() error {
		token, err := l.cfg.Renew()
		if err != nil {
			return fmt.Errorf("renew the token: %w", err)
		}
		return l.cfg.Session.Send(frameOf(&syncpb.Token{Token: token}))
	})
}

// Both returns what two lists have in common, once.
func Both(a, b []string) []string {
	out := []string{}
	for _, s := range a {
		if slices.Contains(b, s) && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

func union(a, b []hotspotdb.Dataset) []hotspotdb.Dataset {
	out := slices.Clone(a)
	for _, ds := range b {
		if !slices.Contains(out, ds) {
			out = append(out, ds)
		}
	}
	return out
}

func parse(names []string) []hotspotdb.Dataset {
	var out []hotspotdb.Dataset
	for _, name := range names {
		if ds, err := hotspotdb.ParseDataset(name); err == nil {
			out = append(out, ds)
		}
	}
	return out
}
