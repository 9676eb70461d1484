package sync

import (
	"fmt"
	"time"

	"mbox/hotspotdb"
	"mbox/proto/syncpb"
)

// claimRefusal is an answer that says no, and what it is to who asked.
type claimRefusal struct {
	err    error
	result syncpb.ClaimResult
	name   string // in metrics
}

var claimRefusals = []claimRefusal{
	{hotspotdb.ErrNotFound, syncpb.ClaimResult_CLAIM_NOT_FOUND, "not-found"},
	{hotspotdb.ErrVoucherUsedUp, syncpb.ClaimResult_CLAIM_USED_UP, "used-up"},
	{hotspotdb.ErrVoucherExpired, syncpb.ClaimResult_CLAIM_EXPIRED, "expired"},
	{hotspotdb.ErrVoucherDisabled, syncpb.ClaimResult_CLAIM_DISABLED, "disabled"},
	{ErrClaimsBusy, syncpb.ClaimResult_CLAIM_BUSY, "busy"},
	{ErrApart, syncpb.ClaimResult_CLAIM_APART, "apart"},
}

func claimed(result syncpb.ClaimResult) *syncpb.Claimed { return &syncpb.Claimed{Result: result} }

// useOf reads an answer.
func useOf(answer *syncpb.Claimed) (hotspotdb.VoucherUse, error) {
	if answer.Result == syncpb.ClaimResult_CLAIM_GRANTED {
		return useFromWire(answer.Use)
	}
	for _, r := range claimRefusals {
		if answer.Result == r.result {
			return hotspotdb.VoucherUse{}, r.err
		}
	}
	return hotspotdb.VoucherUse{}, ErrUnreachable
}

func useToWire(u hotspotdb.VoucherUse) *syncpb.VoucherUse {
	w := &syncpb.VoucherUse{Id: u.ID, Code: u.Code, Batch: u.Batch, Mac: u.MAC, AtUs: u.At.UnixMicro(), Box: u.Box[:]}
	if !u.Expires.IsZero() {
		w.ExpiresUs = u.Expires.UnixMicro()
	}
	return w
}

func useFromWire(w *syncpb.VoucherUse) (u hotspotdb.VoucherUse, err error) {
	if w.GetId() == 0 || len(w.Box) != len(u.Box) {
		return u, fmt.Errorf("%w: it answered with no use", ErrUnreachable)
	}
	u = hotspotdb.VoucherUse{ID: w.Id, Code: w.Code, Batch: w.Batch, MAC: w.Mac, At: time.UnixMicro(w.AtUs).UTC(), Box: hotspotdb.DatabaseID(w.Box)}
	if w.ExpiresUs != 0 {
		u.Expires = time.UnixMicro(w.ExpiresUs).UTC()
	}
	return u, nil
}
