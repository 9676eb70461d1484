package sync

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"mbox/hotspotdb"
	"mbox/modules"
	"mbox/modules/sync/peer"
)

// maxConflicts bounds the display; the list itself is kept whole.
const maxConflicts = 1000

// Conflict is one entry of the conflict list: which record, and whose version won over whose.
type Conflict struct {
	Number      uint64            `json:"number"`
	Dataset     hotspotdb.Dataset `json:"dataset"`
	Record      string            `json:"record"`
	Winner      string            `json:"winner"` // the box that made the version that won
	WonAt       time.Time         `json:"winner_time"`
	Loser       string            `json:"loser"`
	LostAt      time.Time         `json:"loser_time"`
	Deleted     bool              `json:"winner_deleted"`
	LostDeleted bool              `json:"loser_deleted"`
	Detected    time.Time         `json:"detected"`
	Reason      string            `json:"reason"`
}

// Conflicts is `show mbox sync conflicts`.
type Conflicts struct {
	Total     int        `json:"total"`
	Conflicts []Conflict `json:"conflicts"`
}

// Text prints two lines for each conflict, the oldest first.
func (c Conflicts) Text(w io.Writer, width int) error {
	p := &page{w: w, width: width}
	if c.Total == 0 {
		p.line("No conflicts.")
		return p.err
	}
	p.line("%-6s %-19s  %s", "NUMBER", "DETECTED", "RECORD")
	for _, x := range c.Conflicts {
		p.line("%6d %s  %s", x.Number, x.Detected.Format(time.DateTime), x.Record)
		p.line("       %s", x.outcome())
	}
	if rest := c.Total - len(c.Conflicts); rest > 0 {
		p.line("and %d more", rest)
	}
	p.line("")
	p.line("Both versions: show mbox sync conflicts NUMBER. Decide for all boxes: mbox sync conflict NUMBER {keep | restore}")
	return p.err
}

func (c Conflict) outcome() string {
	return fmt.Sprintf("%s won (%s) over %s (%s): %s", c.Winner, did(c.Deleted, c.WonAt), c.Loser, did(c.LostDeleted, c.LostAt), c.Reason)
}

func did(deleted bool, at time.Time) string {
	what := "edited"
	if deleted {
		what = "deleted"
	}
	return what + " " + at.Format(time.DateTime)
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
		out.Conflicts = append(out.Conflicts, m.conflict(&c, boxes))
		return len(out.Conflicts) < maxConflicts
	})
	if err != nil {
		return nil, fmt.Errorf("read the conflict list: %w", err)
	}
	return out, nil
}

func (m *Module) conflict(c *hotspotdb.Conflict, boxes func(hotspotdb.DatabaseID) string) Conflict {
	return Conflict{
		Number: c.Number, Dataset: c.Dataset, Record: m.recordName(c.Loser.Key),
		Winner: boxes(c.Winner.Stamp.Origin), WonAt: stampTime(c.Winner.Stamp), Deleted: c.Winner.Deleted,
		Loser: boxes(c.Loser.Stamp.Origin), LostAt: stampTime(c.Loser.Stamp), LostDeleted: c.Loser.Deleted,
		Detected: c.Detected.UTC(), Reason: c.Reason,
	}
}

func stampTime(s hotspotdb.Stamp) time.Time { return time.UnixMicro(int64(s.Clock)).UTC() }

// boxNames turns database ids into the host names of boxes: also of those that are known only by their database.
func (m *Module) boxNames() (func(hotspotdb.DatabaseID) string, error) {
	all, err := m.deps.Peers.All()
	if err != nil {
		return nil, fmt.Errorf("read the known peers: %w", err)
	}
	names := map[string]string{m.deps.DB.ID().String(): m.deps.Hostname()}
	byBox := map[string]string{}
	for key, raw := range all {
		var p KnownPeer
		if !strings.HasPrefix(key, ownerPrefix) && json.Unmarshal(raw, &p) == nil {
			names[p.Database], byBox[p.Box] = p.Hostname, p.Hostname
		}
	}
	for key, raw := range all { // a box that was given a new database made changes with the old one
		if database, ok := strings.CutPrefix(key, ownerPrefix); ok && names[database] == "" {
			names[database] = byBox[string(raw)]
		}
	}
	return func(id hotspotdb.DatabaseID) string {
		if name := names[id.String()]; name != "" {
			return peer.Printable(name)
		}
		return id.String()[:8]
	}, nil
}

// userInfo is the part of an account that the guest writes, his password among it.
const userInfo = "user info"

// recordName says which record a key is, as an operator knows it.
func (m *Module) recordName(key []byte) string {
	if len(key) == 9 && (key[0] == hotspotdb.KindAccess || key[0] == hotspotdb.KindSelf) {
		id := binary.BigEndian.Uint64(key[1:])
		part := "access"
		if key[0] == hotspotdb.KindSelf {
			part = userInfo
		}
		if a, err := m.deps.DB.AccountByID(id); err == nil {
			return fmt.Sprintf("account %s (%s)", peer.Printable(a.Username), part)
		}
		return fmt.Sprintf("account %d (%s)", id, part)
	}
	if len(key) > 1 && key[0] == hotspotdb.KindProfile {
		return "profile " + peer.Printable(string(key[1:]))
	}
	if len(key) > 1 && key[0] == hotspotdb.KindBatch {
		return "batch " + peer.Printable(string(key[1:]))
	}
	return fmt.Sprintf("%x", key)
}
