package feed

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"mbox/hotspotdb"
	"mbox/proto/syncpb"
)

// A voucher is redeemed by the owner of its batch, so that two boxes cannot both give away its last use. Another box asks: a
// claim goes over the link that carries the vouchers anyhow, and its answer comes back the same way.

const (
	// maxClaims bounds the claims that wait for an answer on a link, of each side.
	maxClaims = 512
	// ClaimPatience is the longest that a claim waits: a satellite link takes 0.6 s for a round trip, and the owner's disk some
	// milliseconds, so that there is room for two such links, or for a segment that was lost on one.
	ClaimPatience = 2 * time.Second
)

// Errors of claims.
var (
	// ErrNoAnswer: the link ended, or time ran out. The owner may have granted the use all the same.
	ErrNoAnswer = errors.New("the claim was not answered")
	// ErrClaimsFull: so many claims wait already that this one was not sent.
	ErrClaimsFull = errors.New("too many claims wait for an answer")
)

// claiming is what a link knows of claims, in both directions.
type claiming struct {
	out     *outbox       // of its own: claims must not take the room of what replication says
	work    chan struct{} // holds one thing for each claim of the peer that is being answered
	answers atomic.Bool   // the peer answers claims of ours

	mu      sync.Mutex // guards what follows
	last    uint64
	waiting map[uint64]chan *syncpb.Claimed
	ended   bool
}

func newClaiming(conn frames) *claiming {
	return &claiming{
		out:  &outbox{conn, make(chan *syncpb.Frame, 2*maxClaims)},
		work: make(chan struct{}, maxClaims), waiting: map[uint64]chan *syncpb.Claimed{},
	}
}

// AnswersClaims says whether the peer would answer a claim of ours.
func (l *Link) AnswersClaims() bool { return l.claiming.answers.Load() }

// Claim asks the peer for a use of a voucher and waits for the answer until ctx ends. Its id is chosen here.
func (l *Link) Claim(ctx context.Context, question *syncpb.Claim) (*syncpb.Claimed, error) {
	id, answer, err := l.claiming.begin()
	if err != nil {
		return nil, err
	}
	defer l.claiming.forget(id)
	question.Id = id
	if l.claiming.out.Send(&syncpb.Frame{Kind: &syncpb.Frame_Claim{Claim: question}}) != nil {
		return nil, ErrClaimsFull
	}
	select {
	case <-ctx.Done():
		return nil, ErrNoAnswer
	case a, ok := <-answer:
		if !ok {
			return nil, ErrNoAnswer
		}
		return a, nil
	}
}

func (c *claiming) begin() (id uint64, answer <-chan *syncpb.Claimed, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.ended:
		return 0, nil, ErrNoAnswer
	case len(c.waiting) >= maxClaims:
		return 0, nil, ErrClaimsFull
	}
	c.last++
	ch := make(chan *syncpb.Claimed, 1)
	c.waiting[c.last] = ch
	return c.last, ch, nil
}

func (c *claiming) forget(id uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, id)
}

// answered hands an answer to who waits for it; nobody may, any more.
func (c *claiming) answered(a *syncpb.Claimed) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ch := c.waiting[a.Id]; ch != nil {
		delete(c.waiting, a.Id)
		ch <- a
	}
}

// end lets all who wait go on without an answer.
func (c *claiming) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	for id, ch := range c.waiting {
		delete(c.waiting, id)
		close(ch)
	}
}

// sharesVouchers says whether the peer gets vouchers from us: only then may it claim them.
func (l *Link) sharesVouchers() bool {
	theirs := l.cfg.Session.Grant.Up
	if l.cfg.Primary {
		theirs = l.cfg.Session.Grant.Down
	}
	return l.cfg.Claim != nil && slices.Contains(theirs, hotspotdb.Vouchers.String())
}

// asked answers a claim of the peer. What the peer says behind it does not wait for the owner's disk, or for another box.
func (l *Link) asked(ctx context.Context, question *syncpb.Claim) {
	if !l.sharesVouchers() {
		return // as a box that knows no claims
	}
	select {
	case l.claiming.work <- struct{}{}:
	default:
		l.reply(question, &syncpb.Claimed{Result: syncpb.ClaimResult_CLAIM_BUSY})
		return
	}
	l.group.Go(func() error {
		defer func() { <-l.claiming.work }()
		patience := min(time.Duration(question.PatienceMs)*time.Millisecond, ClaimPatience)
		ctx, stop := context.WithTimeout(ctx, patience)
		defer stop()
		l.reply(question, l.cfg.Claim(ctx, question))
		return nil
	})
}

// reply drops the answer if the peer does not read: it waits no longer than it would for a lost one.
func (l *Link) reply(question *syncpb.Claim, answer *syncpb.Claimed) {
	answer.Id = question.Id
	_ = l.claiming.out.Send(&syncpb.Frame{Kind: &syncpb.Frame_Claimed{Claimed: answer}})
}
