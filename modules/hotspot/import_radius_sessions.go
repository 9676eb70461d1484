package hotspot

import (
	"context"
	"errors"
	"fmt"

	"mbox/hotspotdb"
	"mbox/modules/hotspot/freeradius"
)

// sessions stores the rows of radacct as sessions that have ended, with what they used.
func (i *migration) sessions(ctx context.Context, t *tableFile, bar func(int)) error {
	chunk := make([]moved, 0, chunkRows)
	oldest := i.m.now().AddDate(0, 0, -i.m.db.HistoryDays())
	err := t.eachRow(ctx, nil, func(row freeradius.Row) error {
		if row.Table != freeradius.RadAcct {
			return nil
		}
		s, err := freeradius.ReadSession(row, i.zone, i.m.now())
		if err == nil && i.m.db.HistoryDays() > 0 && s.Stop.Before(oldest) {
			err = fmt.Errorf("it ended more than %d days ago (hotspot history days)", i.m.db.HistoryDays())
		}
		if err != nil {
			i.result.Sessions.LeftOut++
			i.left.add(row.Line, row.Table, s.Username, "", err.Error())
			return nil
		}
		if chunk = append(chunk, i.moveSession(s, row.Line)); len(chunk) < chunkRows {
			return nil
		}
		bar(row.Line)
		err = i.commit(ctx, chunk)
		chunk = chunk[:0]
		return err
	})
	if err != nil {
		return err
	}
	return i.commit(ctx, chunk)
}

// moveSession is a session as a record to store. One without an account is left out: no erasure would find it.
func (i *migration) moveSession(s freeradius.Session, line int) moved {
	r := moved{line: line, table: freeradius.RadAcct, kind: &i.result.Sessions, name: s.Username}
	if s.WasOpen {
		r.notes = []freeradius.Note{{Line: line, Name: "acctstoptime", To: "stop", Reason: "it was open: ended with what was heard last, and goes on when its access point reports it here"}}
	}
	r.store = func(tx *hotspotdb.Tx) (outcome, error) {
		account, err := accountNamed(tx, s.Username)
		switch {
		case errors.Is(err, hotspotdb.ErrNotFound) && i.dry && i.stored[i.hash(accountName(s.Username))]:
			account.ID = 1 // any: the transaction is undone
		case errors.Is(err, hotspotdb.ErrNotFound):
			return unchanged, &rowError{"there is no account of this name"}
		case err != nil:
			return unchanged, err
		default:
			s.Username = account.Username
		}
		s.Account = account.ID
		stored, err := tx.AddPastSegment(s.Segment)
		if err == nil && !stored {
			return unchanged, nil
		}
		return added, err
	}
	return r
}

// accountNamed finds an account by its name, or a device by its address in any form.
func accountNamed(tx *hotspotdb.Tx, name string) (hotspotdb.Account, error) {
	account, err := tx.Account(name)
	if device := accountName(name); errors.Is(err, hotspotdb.ErrNotFound) && device != name {
		return tx.Account(device)
	}
	return account, err
}

// accountName is the name that an account of a device has, or the name itself.
func accountName(name string) string {
	if mac, err := hotspotdb.ParseMAC(name); err == nil {
		return hotspotdb.FormatMAC(mac)
	}
	return name
}
