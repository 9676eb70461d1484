package hotspotdb

import (
	"fmt"
	"time"

	"mbox/proto/hotspotpb"
)

// Segment is what one box saw of one session: an absolute range of the NAS's counters. Input is what the NAS received from
// the user (RFC 2866 section 5.3).
type Segment struct {
	ID               uint64
	MultiSessionID   string
	Number           uint32 // 1 for the first segment of the session
	Account          uint64 // 0 if it had none
	Username         string
	Hotspot          string
	NAS              string
	AcctSessionID    string
	MAC              string
	CalledStationID  string
	IPAddress        string
	Start            time.Time
	Updated          time.Time
	Stop             time.Time // zero while active
	InputOctetsFrom  uint64
	InputOctetsTo    uint64
	OutputOctetsFrom uint64
	OutputOctetsTo   uint64
	SessionTimeFrom  uint64 // seconds
	SessionTimeTo    uint64
	TerminateCause   string // RFC 2866 section 5.10
	Limits           []Attribute
	Origin           DatabaseID // the database that wrote it, the only one to amend it

	NASStart int64 // when the session began by the clock of the NAS, Unix seconds; 0: not known
	Started  bool  // the NAS's Start was heard

	// Of the range, what segments before this one hold as well: another box went on counting when this one did not hear of
	// it. It is not counted here.
	InputOctetsElsewhere  uint64
	OutputOctetsElsewhere uint64
	SessionTimeElsewhere  uint64 // seconds
}

// InputOctets is what this segment counts, so that the segments of a session may be added up; likewise the others.
func (s *Segment) InputOctets() uint64 {
	return span64(s.InputOctetsFrom, s.InputOctetsTo, s.InputOctetsElsewhere)
}

// OutputOctets is what this segment counts of what went to the user.
func (s *Segment) OutputOctets() uint64 {
	return span64(s.OutputOctetsFrom, s.OutputOctetsTo, s.OutputOctetsElsewhere)
}

// SessionTime is what this segment counts, seconds.
func (s *Segment) SessionTime() uint64 {
	return span64(s.SessionTimeFrom, s.SessionTimeTo, s.SessionTimeElsewhere)
}

// span64 is 0 for what no box of this domain writes, but a peer may send.
func span64(from, to, elsewhere uint64) uint64 {
	if n := to - min(from, to); n > elsewhere {
		return n - elsewhere
	}
	return 0
}

// Active says whether the session goes on.
func (s *Segment) Active() bool { return s.Stop.IsZero() }

// OpenSegment begins a segment of this box and returns it with its id. Start and Updated default to now.
func (tx *Tx) OpenSegment(s Segment) (Segment, error) {
	id, err := tx.newID(Sessions, SegmentKey)
	if err != nil {
		return Segment{}, err
	}
	s.ID, s.Origin = id, tx.db.id
	if s.Start.IsZero() {
		s.Start = tx.now
	}
	if s.Updated.IsZero() {
		s.Updated = s.Start
	}
	s.InputOctetsTo = max(s.InputOctetsTo, s.InputOctetsFrom)
	s.OutputOctetsTo = max(s.OutputOctetsTo, s.OutputOctetsFrom)
	s.SessionTimeTo = max(s.SessionTimeTo, s.SessionTimeFrom)
	s.InputOctetsElsewhere, s.OutputOctetsElsewhere, s.SessionTimeElsewhere = 0, 0, 0
	if err := tx.putSegment(&hotspotpb.Segment{}, &s); err != nil {
		return Segment{}, fmt.Errorf("open session of %s: %w", s.Username, err)
	}
	grown := counters{s.InputOctetsTo - s.InputOctetsFrom, s.OutputOctetsTo - s.OutputOctetsFrom, s.SessionTimeTo - s.SessionTimeFrom}
	return s, tx.raiseUsage(s.Account, s.Updated, grown)
}

// UpdateSegment amends a segment of this box. Its counters never go back, its stop is never undone, and what identifies
// it stays; Updated becomes now unless edit sets it, or closes the segment.
func (tx *Tx) UpdateSegment(id uint64, edit func(*Segment) error) error {
	pb, err := tx.segmentMessage(id)
	if err != nil {
		return fmt.Errorf("session segment %d: %w", id, err)
	}
	old := segmentOf(id, pb)
	if old.Origin != tx.db.id {
		return fmt.Errorf("session segment %d of database %s: %w here", id, old.Origin, ErrReadOnly)
	}
	s := old
	if err := edit(&s); err != nil {
		return err
	}
	s.ID, s.Origin, s.Account = old.ID, old.Origin, old.Account
	s.MultiSessionID, s.Number, s.NAS, s.AcctSessionID = old.MultiSessionID, old.Number, old.NAS, old.AcctSessionID
	s.InputOctetsFrom, s.OutputOctetsFrom, s.SessionTimeFrom = old.InputOctetsFrom, old.OutputOctetsFrom, old.SessionTimeFrom
	before := counters{old.InputOctetsTo, old.OutputOctetsTo, old.SessionTimeTo}
	after := before.join(counters{s.InputOctetsTo, s.OutputOctetsTo, s.SessionTimeTo})
	s.InputOctetsTo, s.OutputOctetsTo, s.SessionTimeTo = after[0], after[1], after[2]
	s.InputOctetsElsewhere = elsewhere(old.InputOctetsElsewhere, s.InputOctetsElsewhere, s.InputOctetsTo-s.InputOctetsFrom)
	s.OutputOctetsElsewhere = elsewhere(old.OutputOctetsElsewhere, s.OutputOctetsElsewhere, s.OutputOctetsTo-s.OutputOctetsFrom)
	s.SessionTimeElsewhere = elsewhere(old.SessionTimeElsewhere, s.SessionTimeElsewhere, s.SessionTimeTo-s.SessionTimeFrom)
	if !old.Active() {
		s.Stop, s.TerminateCause = old.Stop, old.TerminateCause
	}
	if s.Updated.Equal(old.Updated) && s.Stop.Equal(old.Stop) {
		s.Updated = tx.now
	}
	if err := tx.putSegment(pb, &s); err != nil {
		return fmt.Errorf("session segment %d: %w", id, err)
	}
	return tx.raiseUsage(s.Account, s.Updated, growth(&old, &s))
}

// elsewhere is how much of a segment others count: it never goes back, and is never more than there is.
func elsewhere(old, now, all uint64) uint64 { return min(max(old, now), all) }

// growth is what the account's counters have to be raised by when a segment becomes another. Counters only grow: what turns
// out to be counted elsewhere is counted as returned.
func growth(old, s *Segment) (c counters) {
	for i, count := range [][2]uint64{
		{old.InputOctets(), s.InputOctets()}, {old.OutputOctets(), s.OutputOctets()}, {old.SessionTime(), s.SessionTime()},
	} {
		if before, after := count[0], count[1]; after >= before {
			c[countInput+i] = after - before
		} else {
			c[countInputReturned+i] = before - after
		}
	}
	return c
}

// CloseSegment ends a segment of this box. One that has stopped stays as it is.
func (tx *Tx) CloseSegment(id uint64, cause string, at time.Time) error {
	return tx.UpdateSegment(id, func(s *Segment) error {
		if s.Active() {
			s.Stop, s.Updated, s.TerminateCause = at, at, cause
		}
		return nil
	})
}

// Segment finds a segment by its id.
func (tx *Tx) Segment(id uint64) (Segment, error) {
	pb, err := tx.segmentMessage(id)
	if err != nil {
		return Segment{}, fmt.Errorf("session segment %d: %w", id, err)
	}
	return segmentOf(id, pb), nil
}

// segmentMessage reads a segment. The one that was read last is kept, because it is mostly the one that is amended next.
func (tx *Tx) segmentMessage(id uint64) (*hotspotpb.Segment, error) {
	r, op, found := tx.find(Sessions, tx.db.hasher.key(SegmentKey(id)))
	if !found {
		return nil, ErrNotFound
	}
	if k := &tx.kept; k.pb != nil && k.id == id && k.seq == r.seq {
		return k.pb, nil
	}
	raw, err := tx.load(Sessions, r, op)
	if err != nil {
		return nil, err
	}
	var c Change
	if err := c.decode(raw); err != nil {
		return nil, fmt.Errorf("%w: record of segment %d: %v", ErrDamaged, id, err)
	}
	pb := &hotspotpb.Segment{}
	if err := unmarshal(&c, pb); err != nil {
		return nil, err
	}
	tx.kept = keptSegment{id, r.seq, pb}
	return pb, nil
}

// keptSegment is a segment as it was read, by the sequence of its version.
type keptSegment struct {
	id, seq uint64
	pb      *hotspotpb.Segment
}

// Segment finds a segment by its id.
func (db *DB) Segment(id uint64) (Segment, error) {
	pb := &hotspotpb.Segment{}
	if err := readMessage(db, Sessions, SegmentKey(id), pb); err != nil {
		return Segment{}, fmt.Errorf("session segment %d: %w", id, err)
	}
	return segmentOf(id, pb), nil
}

func segmentOf(id uint64, pb *hotspotpb.Segment) Segment {
	s := Segment{
		ID: id, MultiSessionID: pb.MultiSessionId, Number: pb.Number, Account: pb.Account, Username: pb.Username,
		Hotspot: pb.Hotspot, NAS: pb.Nas, AcctSessionID: pb.AcctSessionId, MAC: pb.Mac, CalledStationID: pb.CalledStationId,
		IPAddress: pb.IpAddress, Start: micros(pb.StartUs), Updated: micros(pb.UpdatedUs), Stop: micros(pb.StopUs),
		InputOctetsFrom: pb.InputOctetsFrom, InputOctetsTo: pb.InputOctetsTo,
		OutputOctetsFrom: pb.OutputOctetsFrom, OutputOctetsTo: pb.OutputOctetsTo,
		SessionTimeFrom: pb.SessionTimeFromS, SessionTimeTo: pb.SessionTimeToS,
		TerminateCause: pb.TerminateCause, Limits: fromAttributes(pb.Limits),
		NASStart: pb.NasStartS, Started: pb.Started,
		InputOctetsElsewhere: pb.InputOctetsElsewhere, OutputOctetsElsewhere: pb.OutputOctetsElsewhere,
		SessionTimeElsewhere: pb.SessionTimeElsewhereS,
	}
	copy(s.Origin[:], pb.Origin)
	return s
}

// putSegment writes s over pb, whose unknown fields are kept.
func (tx *Tx) putSegment(pb *hotspotpb.Segment, s *Segment) error {
	if err := s.check(); err != nil {
		return err
	}
	pb.MultiSessionId, pb.Number, pb.Account, pb.Username = s.MultiSessionID, s.Number, s.Account, s.Username
	pb.Hotspot, pb.Nas, pb.AcctSessionId, pb.Mac = s.Hotspot, s.NAS, s.AcctSessionID, s.MAC
	pb.CalledStationId, pb.IpAddress = s.CalledStationID, s.IPAddress
	pb.StartUs, pb.UpdatedUs, pb.StopUs = toMicros(s.Start), toMicros(s.Updated), toMicros(s.Stop)
	pb.InputOctetsFrom, pb.InputOctetsTo = s.InputOctetsFrom, s.InputOctetsTo
	pb.OutputOctetsFrom, pb.OutputOctetsTo = s.OutputOctetsFrom, s.OutputOctetsTo
	pb.SessionTimeFromS, pb.SessionTimeToS = s.SessionTimeFrom, s.SessionTimeTo
	pb.TerminateCause, pb.Limits, pb.Origin = s.TerminateCause, toAttributes(s.Limits), s.Origin[:]
	pb.NasStartS, pb.Started = s.NASStart, s.Started
	pb.InputOctetsElsewhere, pb.OutputOctetsElsewhere = s.InputOctetsElsewhere, s.OutputOctetsElsewhere
	pb.SessionTimeElsewhereS = s.SessionTimeElsewhere
	tx.kept = keptSegment{}
	return tx.putMessage(Sessions, SegmentKey(s.ID), pb)
}

func (s *Segment) check() error {
	for _, f := range []struct{ name, value string }{
		{"username", s.Username}, {"hotspot", s.Hotspot}, {"nas", s.NAS}, {"acctsessionid", s.AcctSessionID},
		{"multisessionid", s.MultiSessionID}, {"calledstationid", s.CalledStationID}, {"ipaddress", s.IPAddress},
		{"terminatecause", s.TerminateCause},
	} {
		if err := checkText(f.name, f.value, 0, maxInfo); err != nil {
			return err
		}
	}
	if s.MAC != "" {
		mac, err := ParseMAC(s.MAC)
		if err != nil {
			return err
		}
		s.MAC = FormatMAC(mac)
	}
	return nil
}
