package acct

import (
	"context"
	"errors"
	"fmt"

	"mbox/hotspotdb"
)

// guest is whose session it is.
type guest struct {
	account uint64                // or the use of a voucher; 0: nobody's
	limits  []hotspotdb.Attribute // in force when it began
}

// owner finds whose session it is: who the Class says that the NAS was given, or else the account of that name, or the use of
// the voucher by that device.
func (a *Accounting) owner(ctx context.Context, r *Request) (*guest, error) {
	account, err := a.accountOf(r)
	if err != nil || account == 0 || a.policy == nil {
		return &guest{account: account}, err
	}
	verdict, err := a.policy.Judge(ctx, hotspotdb.Segment{
		Account: account, Username: r.Username, NAS: r.NAS, AcctSessionID: r.SessionID, Hotspot: r.Hotspot, MAC: r.MAC, Start: r.at(), Updated: r.at(),
	})
	if err != nil {
		return nil, fmt.Errorf("find the limits of account %d: %w", account, err)
	}
	return &guest{account, verdict.Limits.Attributes}, nil
}

func (a *Accounting) accountOf(r *Request) (uint64, error) {
	if r.Account != 0 || r.Username == "" {
		return r.Account, nil
	}
	account, err := a.db.Guest(r.Username)
	if err == nil {
		return account.ID, nil
	}
	if !errors.Is(err, hotspotdb.ErrNotFound) {
		return 0, err
	}
	return a.voucherUse(r)
}

// voucherUse finds the use of a voucher whose code is the username: the newest by this device.
func (a *Accounting) voucherUse(r *Request) (uint64, error) {
	voucher, _, err := a.db.Voucher(hotspotdb.NormalCode(r.Username))
	if errors.Is(err, hotspotdb.ErrNotFound) || errors.Is(err, hotspotdb.ErrInvalid) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	var use hotspotdb.VoucherUse
	for _, u := range voucher.Uses {
		if (u.MAC == r.MAC || u.MAC == "") && !u.At.Before(use.At) {
			use = u
		}
	}
	return use.ID, nil
}
