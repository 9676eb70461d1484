package policy

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"

	"mbox/hotspotdb"
)

// ErrBusy says that more hashed passwords are waiting to be compared than this box has time for.
var ErrBusy = errors.New("too many passwords are being compared")

// maxWaiting is how many logins wait for their hash at most: more would be given up by their clients before their turn.
const maxWaiting = 128

// hashing bounds what guests make this box compute: half of its cores, and 19 MiB for each.
type hashing struct {
	turn    chan struct{}
	waiting atomic.Int64
	done    atomic.Uint64
}

func newHashing() *hashing {
	return &hashing{turn: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2))}
}

// nobodys is the hash of a password that nobody has: comparing with it takes as long as with any other.
var nobodys = hotspotdb.PasswordHash("$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")

func (h *hashing) verify(ctx context.Context, hash hotspotdb.PasswordHash, password string) (fits bool, err error) {
	err = h.do(ctx, func() { fits = hash.Verify(password) })
	return fits, err
}

func (h *hashing) hash(ctx context.Context, password string) (hash hotspotdb.PasswordHash, err error) {
	err = h.do(ctx, func() { hash = hotspotdb.HashPassword(password) })
	return hash, err
}

func (h *hashing) do(ctx context.Context, work func()) error {
	if h.waiting.Add(1) > maxWaiting {
		h.waiting.Add(-1)
		return ErrBusy
	}
	defer h.waiting.Add(-1)
	return h.inTurn(ctx, work)
}

// inTurn waits however many others do.
func (h *hashing) inTurn(ctx context.Context, work func()) error {
	select {
	case h.turn <- struct{}{}:
		defer func() { <-h.turn }()
		work()
		h.done.Add(1)
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// hashNow replaces the clear password of a guest who has just proved it. A full disk or another edit is no reason to turn him away.
func (p *Policy) hashNow(ctx context.Context, g *hotspotdb.Guest, password string) error {
	hash, err := p.hashing.hash(ctx, password)
	if err != nil {
		return err
	}
	p.store(ctx, g, hash)
	return nil
}

func (p *Policy) store(ctx context.Context, g *hotspotdb.Guest, hash hotspotdb.PasswordHash) {
	err := p.db.UpdateHere(ctx, func(tx *hotspotdb.Tx) error {
		_, err := tx.StorePasswordHash(g, hash)
		return err
	})
	if err != nil && ctx.Err() == nil {
		p.log.Warn("a password could not be hashed", "account", g.ID, "error", err)
	}
}

// hashChanged hashes the passwords that are set on this box while passwords are to be hashed, as soon as they are
// stored.
func (p *Policy) hashChanged(ctx context.Context) error {
	return p.db.Watch(ctx, []hotspotdb.Dataset{hotspotdb.Users}, p.from, func(e hotspotdb.Event) error {
		if e.Deleted || e.Source.Kind != hotspotdb.Local || e.Key[0] != hotspotdb.KindSelf || !p.db.HashedPasswords() {
			return nil
		}
		return p.hashStored(ctx, binary.BigEndian.Uint64(e.Key[1:]))
	})
}

func (p *Policy) hashStored(ctx context.Context, id uint64) error {
	g, err := p.db.GuestByID(id)
	if errors.Is(err, hotspotdb.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("hash the password of account %d: %w", id, err)
	}
	kept, err := p.db.OpenPassword(&g)
	if errors.Is(err, hotspotdb.ErrNotFound) {
		return nil
	}
	if err != nil {
		p.log.Warn("a password could not be hashed", "account", id, "error", err)
		return nil
	}
	clear, readable := kept.Clear()
	if !readable {
		return nil
	}
	var hash hotspotdb.PasswordHash
	if err := p.hashing.inTurn(ctx, func() { hash = hotspotdb.HashPassword(clear) }); err != nil {
		return err
	}
	p.store(ctx, &g, hash)
	return ctx.Err()
}
