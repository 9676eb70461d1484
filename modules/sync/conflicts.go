package sync

import (
	"encoding/binary"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"mbox/hotspotdb"
	"mbox/modules"
)

// maxConflicts bounds the display; the list itself is kept whole.
const maxConflicts = 1000

// Conflict is one entry of the conflict list: which record, and whose version won over whose.
type Conflict struct {
	Dataset  hotspotdb.Dataset `json:"dataset"`
	Record   string            `json:"record"`
	Winner   string            `json:"winner"` // the box that made the version that is in force
	WonAt    time.Time         `json:"winner_time"`
	Loser    string            `json:"loser"`
	LostAt   time.Time         `json:"loser_time"`
	Deleted  bool              `json:"winner_deleted"`
	Detected time.Time         `json:"detected"`
	Reason   string            `json:"reason"`
}

// Conflicts is `show mbox sync conflicts`.
type Conflicts struct {
	Total     int        `json:"total"`
	Conflicts []Conflict `json:"conflicts"`
}

// Text prints a line for each conflict.
func (c Conflicts) Text(w io.Writer, _ int) error {
	if c.Total == 0 {
		_, err := fmt.Fprintln(w, "No conflicts.")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "DETECTED\tDATASET\tRECORD\tIN FORCE: FROM\tMADE\tLOST: FROM\tMADE\tWHY")
	for _, x := range c.Conflicts {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", x.Detected.Format(time.DateTime), x.Dataset, x.Record, x.Winner,
			x.WonAt.Format(time.DateTime), x.Loser, x.LostAt.Format(time.DateTime), x.Reason)
	}
	if rest := c.Total - len(c.Conflicts); rest > 0 {
		fmt.Fprintf(t, "and %d more\n", rest)
	}
	return t.Flush()
}

func (m *Module) conflicts() (modules.View, error) {
	out := Conflicts{Conflicts: []Conflict{}}
	if m.deps.DB == nil {
		return out, nil
	}
	boxes, err := m.boxNames()
	if err != nil {
		return nil, err
	}
	out.Total = m.deps.DB.ConflictCount()
	err = m.deps.DB.Conflicts(func(c hotspotdb.Conflict) bool {
		out.Conflicts = append(out.Conflicts, Conflict{
			Dataset: c.Dataset, Record: m.recordName(c.Winner.Key), Winner: boxes(c.Winner.Stamp.Origin), Loser: boxes(c.Loser.Stamp.Origin),
			WonAt: stampTime(c.Winner.Stamp), LostAt: stampTime(c.Loser.Stamp), Deleted: c.Winner.Deleted,
			Detected: c.Detected.UTC(), Reason: c.Reason,
		})
		return len(out.Conflicts) < maxConflicts
	})
	if err != nil {
		return nil, fmt.Errorf("read the conflict list: %w", err)
	}
	return out, nil
}

func stampTime(s hotspotdb.Stamp) time.Time { return time.UnixMicro(int64(s.Clock)).UTC() }

// boxNames turns database ids into the host names of boxes that were ever connected.
func (m *Module) boxNames() (func(hotspotdb.DatabaseID) string, error) {
	view, err := m.knownPeers()
	if err != nil {
		return nil, err
	}
	names := map[string]string{m.deps.DB.ID().String(): m.deps.Hostname()}
	for _, p := range view.(KnownPeers) {
		names[p.Database] = p.Hostname
	}
	return func(id hotspotdb.DatabaseID) string {
		if name := names[id.String()]; name != "" {
			return name
		}
		return id.String()[:8]
	}, nil
}

// recordName says which record a key is, as an operator knows it.
func (m *Module) recordName(key []byte) string {
	if len(key) == 9 && (key[0] == 'A' || key[0] == 'S') {
		id := binary.BigEndian.Uint64(key[1:])
		part := map[byte]string{'A': "access", 'S': "user info"}[key[0]]
		if a, err := m.deps.DB.AccountByID(id); err == nil {
			return fmt.Sprintf("account %s (%s)", a.Username, part)
		}
		return fmt.Sprintf("account %d (%s)", id, part)
	}
	if len(key) > 1 && key[0] == 'P' {
		return fmt.Sprintf("profile %s", key[1:])
	}
	return fmt.Sprintf("%x", key)
}
