package policy

import (
	"context"
	"errors"
	"strings"

	"mbox/hotspotdb"
)

// identifyVoucher takes the username for the code of a voucher and redeems it.
func (p *Policy) identifyVoucher(ctx context.Context, a *attempt) (identity, Reason, error) {
	if !p.failures.admitPlace(a) {
		return identity{}, TooManyAttempts, p.noPassword(ctx, a) // as long as an account's password takes
	}
	v, b, err := p.db.VoucherTerms(a.Username)
	if errors.Is(err, hotspotdb.ErrNotFound) {
		return identity{}, UnknownUser, p.noPassword(ctx, a)
	}
	if err != nil {
		return identity{}, "", err
	}
	matched, fits := a.voucherPassword(v.Code)
	if !fits {
		return identity{}, WrongPassword, p.noPassword(ctx, a)
	}
	who := identity{Subject: Subject{Username: v.Code, Kind: Voucher, Batch: b.Name}, matched: matched}
	use, err := p.db.OwnUse(&v, &b, a.mac, a.At)
	if err != nil && !errors.Is(err, hotspotdb.ErrNotFound) {
		return identity{}, "", err
	}
	who.state = voucherState(&v, &b, use.Expires)
	if err != nil || v.Disabled || b.Disabled {
		if reason, err := p.wouldAdmit(&who.state, a); err != nil || reason != OK {
			return who, reason, err // no use is spent on somebody who does not get in
		}
		var reason Reason
		if use, reason, err = p.redeem(ctx, b.Owner, v.Code, a.mac); err != nil || reason != OK {
			return who, reason, err
		}
	}
	who.ID, who.state.expires = use.ID, use.Expires
	return who, OK, nil
}

// voucherPassword says whether the password is what guests give with a voucher: nothing, or the code again.
func (a *attempt) voucherPassword(code string) (matched string, fits bool) {
	if pap, isPAP := a.Proof.(PAP); isPAP {
		return pap.Password, pap.Password == "" || equal(hotspotdb.NormalCode(pap.Password), code)
	}
	return a.fitting("", a.Username, code, strings.ToLower(code), strings.ToUpper(a.Username), strings.ToLower(a.Username))
}

// wouldAdmit is what can be said of a use before there is one.
func (p *Policy) wouldAdmit(s *state, a *attempt) (Reason, error) {
	if reason := s.barred(a.At); reason != OK {
		return reason, nil
	}
	r, reason, err := p.rulesOf(s)
	if err != nil || reason != OK {
		return reason, err
	}
	if reason := r.place(a.hotspot, a.NAS); reason != OK {
		return reason, nil
	}
	_, reason = p.limits(s, &r, budgets{r.octets.Budget([periods]Spent{}, 0, 0), r.seconds.Budget([periods]Spent{}, 0, 0)}, progress{at: a.At})
	return reason, nil
}

// redeem asks for one use of a voucher.
func (p *Policy) redeem(ctx context.Context, owner hotspotdb.DatabaseID, code, mac string) (use hotspotdb.VoucherUse, reason Reason, err error) {
	if p.claimer != nil {
		use, err = p.claimer.Claim(ctx, owner, code, mac)
	} else {
		err = p.db.Update(ctx, func(tx *hotspotdb.Tx) error {
			use, _, err = tx.Redeem(code, mac)
			return err
		})
	}
	switch {
	case err == nil:
		return use, OK, nil
	case errors.Is(err, hotspotdb.ErrVoucherUsedUp):
		return use, VoucherUsedUp, nil
	case errors.Is(err, hotspotdb.ErrVoucherExpired):
		return use, VoucherExpired, nil
	case errors.Is(err, hotspotdb.ErrVoucherDisabled):
		return use, VoucherDisabled, nil
	case errors.Is(err, hotspotdb.ErrNotFound): // its owner has deleted it
		return use, VoucherDisabled, nil
	case errors.Is(err, ErrUnreachable):
		reason, err = p.knownOf(code)
		return use, reason, err
	}
	return use, "", err
}

// knownOf is why a voucher is refused whose owner cannot be asked: this box may know that it is used up.
func (p *Policy) knownOf(code string) (Reason, error) {
	v, _, err := p.db.Voucher(code)
	switch {
	case errors.Is(err, hotspotdb.ErrNotFound): // deleted meanwhile
		return VoucherDisabled, nil
	case err != nil:
		return "", err
	case v.State == hotspotdb.VoucherUsedUp || v.State == hotspotdb.VoucherOverused:
		return VoucherUsedUp, nil
	}
	return VoucherElsewhere, nil
}
