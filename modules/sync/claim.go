package sync

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mbox/hotspotdb"
	"mbox/modules/sync/feed"
	"mbox/modules/sync/peer"
	"mbox/proto/syncpb"
)

// A voucher is redeemed where its batch has its owner, so that its last use has one winner. A box that is not the owner asks
// it: directly if the two are connected, whoever has dialed, or else by way of the box that it follows.

// Partition is what becomes of vouchers whose owner cannot be asked.
type Partition int

const (
	OwnerOnly Partition = iota // the owner alone redeems them
	Deny                       // nobody does, also not the owner, while a box that takes vouchers is out of contact
	Allow                      // every box does: a use too many is found out afterwards
)

// Errors of Claim, beside those of hotspotdb's Redeem.
var (
	// ErrUnreachable: there is no way to the owner, or no answer came. If it was asked, it may have granted the use all the
	// same; the use is then in its database, and the same device gets the same one when it asks again.
	ErrUnreachable = errors.New("the owner of the voucher cannot be reached")
	// ErrApart: a box that takes vouchers is out of contact, and this box or one on the way to the owner grants none then.
	ErrApart = errors.New("a box that takes vouchers is out of contact")
	// ErrClaimsBusy: too many claims at once.
	ErrClaimsBusy = errors.New("too many vouchers are redeemed at once")
)

const (
	// claimHops is how many boxes may pass a claim on: a branch, its region, the centre, another region, and some to spare.
	claimHops = 6
	// claimsAtOnce bounds the claims that this box answers at the same time, of all its peers.
	claimsAtOnce = 4096
)

// Claim redeems a voucher at the owner of its batch, which may be this box, and stores the use here too. If the owner cannot be
// asked it does what Partition says. The errors are those of hotspotdb.Tx.Redeem and those above. Another box has 2 s to answer.
func (m *Module) Claim(ctx context.Context, owner hotspotdb.DatabaseID, code, mac string) (hotspotdb.VoucherUse, error) {
	if m.deps.DB == nil {
		return hotspotdb.VoucherUse{}, fmt.Errorf("%w: sync is off", ErrUnreachable)
	}
	device, err := normalMAC(mac)
	if err != nil {
		return hotspotdb.VoucherUse{}, err
	}
	question := &syncpb.Claim{Owner: owner[:], Code: hotspotdb.NormalCode(code), Mac: device, Hops: claimHops}
	w, turn := wayAsked, m.askOwner
	if owner == m.deps.DB.ID() {
		w, turn = wayOwn, m.redeemOwn
	}
	use, err := m.metered(ctx, w, turn, question)
	if w == wayAsked && errors.Is(err, ErrUnreachable) && m.partition() == Allow {
		use, err = m.metered(ctx, wayAnyhow, m.redeemAnyway, question)
	}
	return use, err
}

// metered counts what came of a claim; nobody is asked while no use may be granted.
func (m *Module) metered(ctx context.Context, w way, turn func(context.Context, *syncpb.Claim) (hotspotdb.VoucherUse, error),
	question *syncpb.Claim) (use hotspotdb.VoucherUse, err error) {
	began := time.Now()
	defer func() { m.claimMeter.count(w, resultOf(err), began) }()
	if m.denied() {
		return hotspotdb.VoucherUse{}, ErrApart
	}
	return turn(ctx, question)
}

// askOwner asks the owner, and stores the use here too.
func (m *Module) askOwner(ctx context.Context, question *syncpb.Claim) (hotspotdb.VoucherUse, error) {
	use, err := m.ask(ctx, question)
	if err == nil {
		err = m.deps.DB.UpdateHere(ctx, func(tx *hotspotdb.Tx) error { return tx.PutUse(use) }) // the owner holds it too
	}
	return use, err
}

func (m *Module) ask(ctx context.Context, question *syncpb.Claim) (hotspotdb.VoucherUse, error) {
	ctx, stop := context.WithTimeout(ctx, feed.ClaimPatience)
	defer stop()
	use, err := useOf(m.passOn(ctx, question, nil))
	otherDevice := use.MAC != "" && question.Mac != "" && use.MAC != question.Mac
	if err == nil && (use.Code != question.Code || otherDevice) {
		return hotspotdb.VoucherUse{}, fmt.Errorf("%w: it answered with the use of another voucher", ErrUnreachable)
	}
	return use, err
}

// normalMAC is a device as its use is stored; empty for none.
func normalMAC(mac string) (string, error) {
	if mac == "" {
		return "", nil
	}
	b, err := hotspotdb.ParseMAC(mac)
	if err != nil {
		return "", err
	}
	return hotspotdb.FormatMAC(b), nil
}

func (m *Module) partition() Partition {
	if m.deps.Partition == nil {
		return OwnerOnly
	}
	return m.deps.Partition()
}

// denied says whether no use may be granted now, by nobody.
func (m *Module) denied() bool { return m.partition() == Deny && len(m.Apart()) > 0 }

// InContact says whether a box with this database could be asked now, as far as this box knows: it may still be out of reach
// behind another one.
func (m *Module) InContact(owner hotspotdb.DatabaseID) bool {
	return m.deps.DB != nil && (owner == m.deps.DB.ID() || m.wayTo(owner, nil) != nil)
}

// passOn asks the owner, or a box that is nearer to it; from is nil if this box asks itself.
func (m *Module) passOn(ctx context.Context, question *syncpb.Claim, from *peer.Session) *syncpb.Claimed {
	link := m.wayTo(hotspotdb.DatabaseID(question.Owner), from)
	if link == nil || question.Hops == 0 {
		return claimed(syncpb.ClaimResult_CLAIM_UNREACHABLE)
	}
	answer, err := link.Claim(ctx, &syncpb.Claim{
		Owner: question.Owner, Code: question.Code, Mac: question.Mac, Hops: min(question.Hops, claimHops) - 1, PatienceMs: patience(ctx),
	})
	switch {
	case errors.Is(err, feed.ErrClaimsFull):
		return claimed(syncpb.ClaimResult_CLAIM_BUSY)
	case err != nil:
		return claimed(syncpb.ClaimResult_CLAIM_UNREACHABLE)
	}
	return answer
}

// patience is what is left of the time that a claim may take, in milliseconds.
func patience(ctx context.Context) uint32 {
	until, ok := ctx.Deadline()
	if !ok {
		return uint32(feed.ClaimPatience.Milliseconds())
	}
	return uint32(max(0, time.Until(until)).Milliseconds())
}

// wayTo finds the link over which a claim for an owner goes: to the owner itself, else to the box that we follow, never back
// to whom it came from. Nil if there is none.
func (m *Module) wayTo(owner hotspotdb.DatabaseID, from *peer.Session) (way *feed.Link) {
	m.mu.Lock()
	defer m.mu.Unlock()
	good := func(s *peer.Session, link *feed.Link) bool {
		return link != nil && (from == nil || s.BoxID != from.BoxID) && link.AnswersClaims()
	}
	for d := range m.downstream {
		if d.session.Database == owner && good(d.session, d.link) {
			return d.link
		}
	}
	for _, u := range m.upstreams {
		if !good(u.session, u.link) {
			continue
		}
		if u.session.Database == owner {
			return u.link
		}
		way = u.link
	}
	return way
}
