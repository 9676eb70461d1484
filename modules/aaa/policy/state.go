package policy

import (
	"errors"
	"slices"
	"time"

	"mbox/hotspotdb"
)

// state is what is known of somebody who may have sessions: of an account, or of the use of a voucher.
type state struct {
	username    string
	voucher     bool
	batch       string
	disabled    bool
	expires     time.Time // zero: never
	profiles    []string
	attributes  []hotspotdb.Attribute
	passwordSet int64
}

func guestState(g *hotspotdb.Guest) state {
	return state{
		username: g.Username, disabled: g.Disabled, expires: g.Expires, profiles: g.Profiles, attributes: g.Attributes,
		passwordSet: g.PasswordSet,
	}
}

func voucherState(v *hotspotdb.Voucher, b *hotspotdb.VoucherBatch, expires time.Time) state {
	s := state{username: v.Code, voucher: true, batch: b.Name, disabled: v.Disabled || b.Disabled, expires: expires}
	if b.Profile != "" {
		s.profiles = []string{b.Profile}
	}
	return s
}

// stateOf finds an account or the use of a voucher by its id. ErrNotFound if there is neither.
func (p *Policy) stateOf(id uint64) (state, error) {
	guest, err := p.db.GuestByID(id)
	if err == nil {
		return guestState(&guest), nil
	}
	if !errors.Is(err, hotspotdb.ErrNotFound) {
		return state{}, err
	}
	use, err := p.db.VoucherUse(id)
	if err != nil {
		return state{}, err
	}
	v, b, err := p.db.VoucherTerms(use.Code)
	if err == nil && v.Batch != use.Batch {
		err = hotspotdb.ErrNotFound // the code has come again
	}
	if err != nil {
		return state{}, err
	}
	return voucherState(&v, &b, use.Expires), nil
}

// allowances are the rules for somebody, and the attributes that they were read from.
type allowances struct {
	rules
	attributes []hotspotdb.Attribute
}

// rulesOf reads what somebody may do. Whose profiles or attributes cannot be read is denied, not unlimited.
func (p *Policy) rulesOf(s *state) (allowances, Reason, error) {
	attributes, there, err := p.merged(s.attributes, s.profiles)
	if err != nil {
		return allowances{}, "", err
	}
	if !there {
		return allowances{}, ProfileMissing, nil
	}
	r, err := parseRules(attributes)
	if err != nil {
		return allowances{}, BadAttribute, nil
	}
	return allowances{r, attributes}, OK, nil
}

// barred says why somebody may not be here at all.
func (s *state) barred(at time.Time) Reason {
	over := !s.expires.IsZero() && !at.Before(s.expires)
	switch {
	case s.disabled && s.voucher:
		return VoucherDisabled
	case s.disabled:
		return Disabled
	case over && s.voucher:
		return VoucherExpired
	case over:
		return Expired
	}
	return OK
}

// place says whether the account may be used where it is.
func (r *rules) place(hotspot, nas string) Reason {
	switch {
	case r.hotspots != nil && !slices.Contains(r.hotspots, hotspot):
		return HotspotNotAllowed
	case r.nas != nil && !slices.Contains(r.nas, nas):
		return NASNotAllowed
	}
	return OK
}
