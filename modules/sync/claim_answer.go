package sync

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"mbox/hotspotdb"
	"mbox/modules/sync/peer"
	"mbox/proto/syncpb"
)

// answerClaim answers a peer.
func (m *Module) answerClaim(ctx context.Context, from *peer.Session, question *syncpb.Claim) *syncpb.Claimed {
	began, w, own := time.Now(), wayPassed, m.deps.DB.ID()
	if bytes.Equal(question.Owner, own[:]) {
		w = wayAnswered
	}
	answer := m.judgeClaim(ctx, from, question)
	m.claimMeter.count(w, resultAnswered(answer), began)
	return answer
}

func (m *Module) judgeClaim(ctx context.Context, from *peer.Session, question *syncpb.Claim) *syncpb.Claimed {
	if !soundClaim(question) {
		return claimed(syncpb.ClaimResult_CLAIM_NOT_FOUND)
	}
	select {
	case m.claiming <- struct{}{}:
		defer func() { <-m.claiming }()
	default:
		return claimed(syncpb.ClaimResult_CLAIM_BUSY)
	}
	switch m.visitors.admit(from.Address, func() bool { return m.knowsVoucher(question.Code) }) {
	case tooOften:
		return claimed(syncpb.ClaimResult_CLAIM_BUSY)
	case guessesTooOften:
		m.record(evGuessing, from.Hostname, "it claims vouchers that do not exist, again and again, and is not answered for a while",
			"see what logs in there")
		return claimed(syncpb.ClaimResult_CLAIM_BUSY)
	case guessed:
		return claimed(syncpb.ClaimResult_CLAIM_NOT_FOUND)
	}
	switch {
	case m.denied():
		return claimed(syncpb.ClaimResult_CLAIM_APART)
	case hotspotdb.DatabaseID(question.Owner) != m.deps.DB.ID():
		return m.passOn(ctx, question, from)
	}
	use, err := m.redeemOwn(ctx, question)
	if err != nil {
		return m.refuseClaim(err)
	}
	return &syncpb.Claimed{Result: syncpb.ClaimResult_CLAIM_GRANTED, Use: useToWire(use)}
}

// Longest values of a claim, in bytes.
const (
	maxClaimCode = 64
	maxClaimMAC  = 32
)

func soundClaim(q *syncpb.Claim) bool {
	return len(q.Owner) == len(hotspotdb.DatabaseID{}) && q.Code != "" && len(q.Code) <= maxClaimCode && len(q.Mac) <= maxClaimMAC
}

// knowsVoucher says whether there is such a voucher here. Who passes a claim on knows what it is about: the boxes behind it
// have their vouchers from it.
func (m *Module) knowsVoucher(code string) bool {
	c, err := m.deps.DB.Get(hotspotdb.Vouchers, hotspotdb.VoucherKey(hotspotdb.NormalCode(code)))
	return !errors.Is(err, hotspotdb.ErrNotFound) && (err != nil || !c.Deleted)
}

// redeemOwn redeems a voucher of a batch that this box owns.
func (m *Module) redeemOwn(ctx context.Context, question *syncpb.Claim) (hotspotdb.VoucherUse, error) {
	return m.redeem(ctx, question, func(tx *hotspotdb.Tx, use hotspotdb.VoucherUse) error {
		batch, err := tx.Batch(use.Batch)
		if err == nil && batch.Owner != m.deps.DB.ID() {
			err = fmt.Errorf("%w: it has another owner now", ErrUnreachable) // who asks hears of that soon
		}
		return err
	})
}

// redeemAnyway redeems a voucher whoever owns its batch.
func (m *Module) redeemAnyway(ctx context.Context, question *syncpb.Claim) (hotspotdb.VoucherUse, error) {
	return m.redeem(ctx, question, func(*hotspotdb.Tx, hotspotdb.VoucherUse) error { return nil })
}

// redeem returns a use once it is on this box's disk, unless may refuses it: then nothing is stored.
func (m *Module) redeem(ctx context.Context, question *syncpb.Claim, may func(*hotspotdb.Tx, hotspotdb.VoucherUse) error) (use hotspotdb.VoucherUse, err error) {
	fresh := false
	err = m.deps.DB.Update(ctx, func(tx *hotspotdb.Tx) (err error) {
		if use, fresh, err = tx.Redeem(question.Code, question.Mac); err != nil {
			return err
		}
		return may(tx, use)
	})
	switch {
	case errors.Is(err, hotspotdb.ErrUnconfirmed):
		err = nil // it is stored here, and to make it again would be to take another use
	case err == nil && !fresh:
		err = m.settled(ctx) // it may have been granted a moment ago, and not be on the disk yet
	}
	if err != nil {
		return hotspotdb.VoucherUse{}, err
	}
	return use, nil
}

// settled waits until all vouchers that are stored are on the disk.
func (m *Module) settled(ctx context.Context) error {
	for head, durable := m.deps.DB.Head(hotspotdb.Vouchers), m.deps.DB.Durable(); durable < head; {
		var err error
		if durable, err = m.deps.DB.Wait(ctx, durable); err != nil {
			return err
		}
	}
	return nil
}

// refuseClaim turns an error of Redeem into an answer.
func (m *Module) refuseClaim(err error) *syncpb.Claimed {
	for _, r := range claimRefusals {
		if errors.Is(err, r.err) {
			return claimed(r.result)
		}
	}
	if !errors.Is(err, ErrUnreachable) && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
		m.deps.Log.Error("sync: a voucher cannot be redeemed for another box", "error", err)
	}
	return claimed(syncpb.ClaimResult_CLAIM_UNREACHABLE)
}
