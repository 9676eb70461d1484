package hotspotdb

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"mbox/proto/hotspotpb"
)

// AddPastSegment stores a session that another system has recorded and that has ended. Its id follows from what identifies it (NAS,
// Acct-Session-Id, username, start), so that storing it again, here or after it came from a peer, changes nothing: added is false then, and
// the usage of its account is raised once. ErrInvalid if it has not ended.
func (tx *Tx) AddPastSegment(s Segment) (added bool, err error) {
	if s.Active() || s.Start.IsZero() {
		return false, fmt.Errorf("store past session of %s: %w: it has no end", s.Username, ErrInvalid)
	}
	s.Origin, s.Updated = tx.db.id, s.Stop
	for s.ID = pastID(&s); ; s.ID = s.ID%maxPastID + 1 {
		old, err := tx.Segment(s.ID)
		switch {
		case err == nil && old.NAS == s.NAS && old.AcctSessionID == s.AcctSessionID && old.Username == s.Username && old.Start.Equal(s.Start.Truncate(time.Microsecond)):
			return false, nil
		case err == nil:
			continue // another session's hash
		case !errors.Is(err, ErrNotFound):
			return false, err
		}
		break
	}
	s.InputOctetsTo = max(s.InputOctetsTo, s.InputOctetsFrom)
	s.OutputOctetsTo = max(s.OutputOctetsTo, s.OutputOctetsFrom)
	s.SessionTimeTo = max(s.SessionTimeTo, s.SessionTimeFrom)
	if err := tx.putSegment(&hotspotpb.Segment{}, &s); err != nil {
		return false, fmt.Errorf("store past session of %s: %w", s.Username, err)
	}
	used := counters{countInput: s.InputOctetsTo - s.InputOctetsFrom, countOutput: s.OutputOctetsTo - s.OutputOctetsFrom, countTime: s.SessionTimeTo - s.SessionTimeFrom}
	return true, tx.raiseUsage(s.Account, s.Stop, used)
}

// Past says whether AddPastSegment stored the segment.
func (s *Segment) Past() bool { return s.ID == pastID(s) }

// maxPastID is the greatest id: 53 bits are exact in JSON.
const maxPastID = 1<<53 - 1

func pastID(s *Segment) uint64 {
	h := sha256.New()
	for _, part := range []string{s.NAS, s.AcctSessionID, s.Username} {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(part))))
		h.Write([]byte(part))
	}
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(s.Start.UnixMicro())))
	return max(1, binary.BigEndian.Uint64(h.Sum(nil))>>11)
}
