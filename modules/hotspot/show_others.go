package hotspot

import (
	"context"
	"fmt"
	"io"

	"mbox/hotspotdb"
	"mbox/modules"
)

func (m *Module) showStatistics(context.Context, modules.Call) (modules.View, error) {
	return statistics(m.db.Statistics()), nil
}

// statistics counts what the database holds.
type statistics hotspotdb.Statistics

func (s statistics) Text(w io.Writer, _ int) error {
	_, err := fmt.Fprintf(w, "Users           : %d\nProfiles        : %d\nSessions active : %d\n  not heard of  : %d\nSessions        : %d\nSticky          : %d\nVouchers        : %d\n",
		s.Users, s.Profiles, s.SessionsActive, s.SessionsUnheard, s.Sessions, s.Sticky, s.Vouchers)
	return err
}
