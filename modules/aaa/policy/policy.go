// Package policy decides: who may log in, with what limits, and which session must end. It knows accounts, profiles, vouchers
// and devices, and nothing of packets; package aaa speaks RADIUS and asks it. docs/aaa.md is the operator's view.
package policy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"mbox/hotspotdb"
)

// Options is what a Policy needs of the rest of the box.
type Options struct {
	DB       *hotspotdb.DB // nil: only the grammar is wanted
	Claimer  Claimer       // redeems vouchers; nil: this box does for all batches
	Location func() *time.Location
	Now      func() time.Time // nil: time.Now
	Log      *slog.Logger
}

// Policy decides about logins and sessions. Its methods may be called from many goroutines.
type Policy struct {
	db       *hotspotdb.DB
	claimer  Claimer
	location func() *time.Location
	now      func() time.Time
	log      *slog.Logger

	periods  atomic.Pointer[Periods]
	sticky   atomic.Pointer[map[string]stickyRule] // by hotspot; never changed
	failures *failures
	hashing  *hashing
	from     uint64 // the database's sequence when this was made: passwords that are set since then are heard of
}

// New makes a policy.
func New(o Options) *Policy {
	p := &Policy{db: o.DB, claimer: o.Claimer, location: o.Location, now: o.Now, log: o.Log, failures: newFailures(), hashing: newHashing()}
	if p.location == nil {
		p.location = func() *time.Location { return time.UTC }
	}
	if p.now == nil {
		p.now = time.Now
	}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	p.periods.Store(&Periods{Weekday: time.Monday})
	p.sticky.Store(&map[string]stickyRule{})
	if p.db != nil {
		p.from = p.db.Durable()
	}
	return p
}

// attempt is a login with everything about it in its one form.
type attempt struct {
	Login
	mac     string // of the device, as the database writes it; empty: unknown
	device  string // the username as an address, if it is one
	hotspot string
}

// Login decides about a login, and does what goes with it: a voucher is redeemed, a device is bound, a password that is
// to be hashed is hashed, the attempt is recorded. An error says that nothing could be decided: the client should get no
// answer, so that it tries again or asks another server.
func (p *Policy) Login(ctx context.Context, l Login) (Decision, error) {
	a := p.prepare(l)
	d, err := p.decide(ctx, &a)
	if err != nil {
		return Decision{}, fmt.Errorf("decide about the login of %q: %w", readable(l.Username), err)
	}
	p.failures.settle(&a, d.Reason)
	if d.Accept {
		p.bind(ctx, &a, &d)
	}
	p.db.RecordAttempt(hotspotdb.Attempt{
		At: a.At, Username: readable(a.Username), Account: d.Subject.ID, Accepted: d.Accept, Reason: string(d.Reason), Reply: d.Message,
		MAC: a.mac, NAS: readable(a.NAS), Hotspot: readable(a.Hotspot), CalledStationID: readable(a.CalledStationID),
	})
	return d, nil
}

func (p *Policy) prepare(l Login) attempt {
	if l.At.IsZero() {
		l.At = p.now()
	}
	a := attempt{Login: l, hotspot: l.Hotspot}
	if a.hotspot == "" {
		a.hotspot = l.NAS
	}
	if mac, err := hotspotdb.ParseMAC(l.MAC); err == nil {
		a.mac = hotspotdb.FormatMAC(mac)
	}
	if mac, err := hotspotdb.ParseMAC(l.Username); err == nil {
		a.device = hotspotdb.FormatMAC(mac)
	}
	return a
}

// readable makes of what came from outside what the database keeps.
func readable(s string) string {
	const most = 253 // octets, RFC 2865 section 5
	s = strings.ToValidUTF8(s[:min(len(s), most)], "?")
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '?'
		}
		return r
	}, s)
}

func (p *Policy) decide(ctx context.Context, a *attempt) (Decision, error) {
	if hotspotdb.CheckUsername(a.Username) != nil || !sound(a.Proof) {
		return refuse(Malformed, Subject{}, a), nil
	}
	if !p.failures.admitDevice(a) {
		return refuse(TooManyAttempts, Subject{}, a), nil
	}
	who, reason, err := p.identify(ctx, a)
	if err != nil {
		return Decision{}, err
	}
	if reason != OK {
		return p.withoutProof(refuse(reason, who.Subject, a), a), nil
	}
	limits, reason, err := p.admit(who, a)
	if err != nil {
		return Decision{}, err
	}
	if reason != OK {
		return refuse(reason, who.Subject, a), nil
	}
	return accept(who, limits, a), nil
}

// identity is who proved to be there, and what is known of him.
type identity struct {
	Subject
	state   state
	matched string // the password that fitted, for an MS-CHAPv2 answer
}

// identify finds out whose login it is and whether he proves it.
func (p *Policy) identify(ctx context.Context, a *attempt) (identity, Reason, error) {
	guest, err := p.db.Guest(a.Username)
	if errors.Is(err, hotspotdb.ErrNotFound) && a.device != "" && a.device != a.Username {
		guest, err = p.db.Guest(a.device)
	}
	switch {
	case errors.Is(err, hotspotdb.ErrNotFound):
		return p.identifyOther(ctx, a)
	case err != nil:
		return identity{}, "", err
	}
	who := identity{Subject: Subject{ID: guest.ID, Username: guest.Username, Kind: Account, passwordSet: guest.PasswordSet}}
	who.state = guestState(&guest)
	reason := OK
	switch guest.UserType {
	case hotspotdb.UserMAC:
		if a.claimsDevice() && !p.failures.admitPlace(a) {
			return identity{}, TooManyAttempts, p.noPassword(ctx, a)
		}
		who.Kind = Device
		who.matched, reason, err = p.proveDevice(ctx, &guest, a)
	case hotspotdb.UserPIN:
		if !p.failures.admitPlace(a) {
			return identity{}, TooManyAttempts, p.noPassword(ctx, a)
		}
		who.matched, reason = provePIN(guest.Username, a)
	default:
		who.matched, reason, err = p.provePassword(ctx, &guest, a)
	}
	return who, reason, err
}

// identifyOther tries what a name can be that no account has: a device that is bound to one, or the code of a voucher, which may
// look like an address.
func (p *Policy) identifyOther(ctx context.Context, a *attempt) (identity, Reason, error) {
	if a.device != "" && a.provesDevice() && (!a.claimsDevice() || p.failures.admitPlace(a)) {
		who, reason, err := p.identifyBound(a)
		if err != nil || reason != UnknownUser || a.vouched() {
			return who, reason, err
		}
	}
	return p.identifyVoucher(ctx, a)
}

// withoutProof gives a refusal of somebody who has proved nothing the one text that says nothing.
func (p *Policy) withoutProof(d Decision, a *attempt) Decision {
	switch {
	case d.Subject.Kind == Voucher || d.Reason == NeedsPAP:
		return d // who has the code may know what becomes of it
	case p.db.HashedPasswords() && needsClear(a.Proof):
		// Nobody can tell a hashed password from a wrong one or a name that is not there.
		d.Message = NeedsPAP.Message()
	default:
		d.Message = stranger
	}
	return d
}

func refuse(reason Reason, who Subject, a *attempt) Decision {
	d := Decision{Reason: reason, Message: reason.Message(), Subject: who}
	if m, ok := a.Proof.(MSCHAP2); ok {
		d.MSCHAPError = m.failure(reason)
	}
	return d
}

func accept(who identity, limits Limits, a *attempt) Decision {
	d := Decision{Accept: true, Reason: OK, Subject: who.Subject, Limits: limits}
	if m, ok := a.Proof.(MSCHAP2); ok {
		d.MSCHAP2Success, d.SendKey, d.RecvKey = m.success(a.Username, who.matched)
	}
	return d
}
