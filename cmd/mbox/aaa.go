package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"mbox/hotspotdb"
	"mbox/modules/aaa"
	"mbox/modules/aaa/acct"
	"mbox/modules/aaa/policy"
	"mbox/modules/hotspot"
	boxsync "mbox/modules/sync"
)

// newAAA makes the RADIUS server, and what decides and counts for it. Without a database there is only the grammar.
func newAAA(p parts, r *rooms) (*policy.Policy, *aaa.Module) {
	log := p.logOf("aaa")
	decides := policy.New(policy.Options{DB: p.db, Claimer: claimer{r}, Location: r.clock.Location, Log: log})
	deps := aaa.Deps{Lookup: r.hosts.LookupNetIP, Now: r.clock.Now, Log: log}
	if p.store != nil {
		deps.Sealer = p.store.Identity()
	}
	if p.db != nil {
		deps.Policy, deps.Sessions = decides, p.sessions
		deps.Accounting = acct.New(acct.Options{DB: p.db, Policy: decides, NAS: func() acct.NAS { return r.aaa }, Log: log})
	}
	return decides, aaa.New(deps)
}

// sessions are those of a guest that this box serves.
func (p parts) sessions(ctx context.Context, username string) ([]hotspotdb.Segment, error) {
	active := true
	list, err := p.db.Segments(ctx, hotspotdb.SegmentFilter{Username: username, Active: &active})
	return slices.DeleteFunc(list, func(s hotspotdb.Segment) bool { return s.Origin != p.db.ID() }), err
}

// claimer redeems vouchers over the sync link.
type claimer struct{ rooms *rooms }

func (c claimer) Claim(ctx context.Context, owner hotspotdb.DatabaseID, code, mac string) (hotspotdb.VoucherUse, error) {
	use, err := c.rooms.sync.Claim(ctx, owner, code, mac)
	if errors.Is(err, boxsync.ErrUnreachable) || errors.Is(err, boxsync.ErrApart) || errors.Is(err, boxsync.ErrClaimsBusy) {
		return use, fmt.Errorf("%w: %w", policy.ErrUnreachable, err)
	}
	return use, err
}

// partition is what the configuration says of vouchers whose owner cannot be asked.
func (r *rooms) partition() boxsync.Partition {
	if r.hotspot == nil {
		return boxsync.OwnerOnly
	}
	switch r.hotspot.VoucherPartition() {
	case hotspot.PartitionDeny:
		return boxsync.Deny
	case hotspot.PartitionAllow:
		return boxsync.Allow
	}
	return boxsync.OwnerOnly
}
