package hotspot

import (
	"context"
	"errors"
	"fmt"
	"io"

	"mbox/hotspotdb"
	"mbox/modules"
)

// erased is the View of an erasure. It does not repeat the name.
type erased struct {
	Accounts  int `json:"accounts"`
	Sessions  int `json:"sessions"`
	Usage     int `json:"usage"`
	Sticky    int `json:"sticky"`
	Conflicts int `json:"conflicts"`
}

func (e *erased) add(o hotspotdb.Erasure) {
	e.Accounts++
	e.Sessions += o.Sessions
	e.Usage += o.Usage
	e.Sticky += o.Sticky
	e.Conflicts += o.Conflicts
}

func (e *erased) Text(w io.Writer, _ int) error {
	_, err := fmt.Fprintf(w, "Erased here: %s, %s, %s, %s, %s\nThe other boxes follow; backups and exports made before still hold the person.\n",
		modules.Count(e.Accounts, "account"), modules.Count(e.Sessions, "session"), modules.Count(e.Usage, "usage record"),
		modules.Count(e.Sticky, "sticky binding"), modules.Count(e.Conflicts, "conflict"))
	return err
}

// eraseUser removes all that is known of a person, from all boxes and for good.
func (m *Module) eraseUser(ctx context.Context, call modules.Call) (modules.View, error) {
	name := m.guestName(call.Values)
	ids, err := m.accountsOf(ctx, name)
	if err != nil {
		return nil, err
	}
	if !call.Values.Has("force") {
		if ok, err := confirmErase(ctx, call.Terminal, name); err != nil || !ok {
			return nil, err
		}
	}
	result := &erased{}
	var pending error
	for _, id := range ids {
		e, err := m.db.EraseBy(ctx, id, author(call.Actor))
		if errors.Is(err, hotspotdb.ErrUnconfirmed) {
			pending = &modules.Error{
				Message: "the account is erased here, but other boxes did not confirm it in time",
				Hint:    "Do not type it again: it goes to the other boxes as soon as they can be reached",
			}
		} else if err != nil {
			return nil, m.refusal(err, "account", name)
		}
		result.add(e)
		m.audit(ctx, call.Actor, "hotspot account erased", "account", id) // the log must not keep the name
	}
	return result, pending
}

func confirmErase(ctx context.Context, terminal modules.Terminal, name string) (bool, error) {
	what := fmt.Sprintf("All that is known of %s, sessions and usage too, is removed from all boxes and cannot be brought back",
		modules.Printable(modules.Shorten(name, 64)))
	ok, err := terminal.Confirm(ctx, what+". Erase it?")
	if errors.Is(err, modules.ErrNotInteractive) {
		return false, &modules.Error{Message: what, Hint: "Add force to erase it"}
	}
	return ok, err
}

// accountsOf finds the account of a name, or, if there is none, those of the past whose sessions are still there.
func (m *Module) accountsOf(ctx context.Context, name string) ([]uint64, error) {
	account, err := m.db.Account(name)
	if err == nil {
		return []uint64{account.ID}, nil
	}
	if !errors.Is(err, hotspotdb.ErrNotFound) {
		return nil, m.refusal(err, "account", name)
	}
	past, pastErr := m.db.PastAccounts(ctx, name)
	if pastErr != nil {
		return nil, fmt.Errorf("look for past sessions: %w", pastErr)
	}
	if len(past) == 0 {
		return nil, m.refusal(err, "account", name)
	}
	return past, nil
}
