package hotspot

import (
	"context"
	"errors"
	"fmt"

	"mbox/hotspotdb"
	"mbox/modules"
)

// store makes a change for an operator, under whose name it stands in the audit log. pending is what to answer if the change is stored here, but other boxes have not
// confirmed it: it is to be treated as made in everything else.
func (m *Module) store(ctx context.Context, actor modules.Actor, kind, name string, change func(*hotspotdb.Tx) error) (pending, err error) {
	err = m.db.Update(ctx, func(tx *hotspotdb.Tx) error {
		tx.By(author(actor))
		return change(tx)
	})
	switch {
	case err == nil:
		return nil, nil
	case errors.Is(err, hotspotdb.ErrUnconfirmed):
		return unconfirmed(err, kind, name), nil
	}
	return nil, m.refusal(err, kind, name)
}

// unconfirmed is the answer to a change that is stored here alone so far.
func unconfirmed(err error, kind, name string) error {
	return &modules.Error{
		Message: fmt.Sprintf("%s %s: %v", kind, modules.Printable(modules.Shorten(name, 64)), err),
		Hint:    "Do not type it again: it goes to the other boxes as soon as they can be reached",
	}
}
