package policy

import (
	"context"
	"errors"

	"mbox/hotspotdb"
)

// Claimer asks the box that owns a batch of vouchers for one use of a code. It returns the errors of hotspotdb's Tx.Redeem,
// or ErrUnreachable.
type Claimer interface {
	Claim(ctx context.Context, owner hotspotdb.DatabaseID, code, mac string) (hotspotdb.VoucherUse, error)
}

// ErrUnreachable says that the owner of a voucher could not be asked, or that the configuration does not let this box do
// without.
var ErrUnreachable = errors.New("the owner of the voucher cannot be asked")
