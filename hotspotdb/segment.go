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
	if err := tx.putSegment(&hotspotpb.Segment{}, &s); err != nil {
		return Segment{}, fmt.Errorf("open session of %s: %w", s.Username, err)
	}
	grown := counters{s.InputOctetsTo - s.InputOctetsFrom, s.OutputOctetsTo - s.OutputOctetsFrom, s.SessionTimeTo - s.SessionTimeFrom}
	return s, tx.raiseUsage(s.Account, s.Updated, grown)
}

// UpdateSegment amends a segment of this box. Its counters never go back, its stop is never undone, and what identifies
// it stays; Updated becomes now unless edit sets it.
func (tx *Tx) UpdateSegment(id uint64, edit func(*Segment) error) error {
	pb := &hotspotpb.Segment{}
	if err := readMessage(tx, Sessions, SegmentKey(id), pb); err != nil {
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
	s.ID, s.Origin, s.Account, s.Start = old.ID, old.Origin, old.Account, old.Start
	s.MultiSessionID, s.Number, s.NAS, s.AcctSessionID = old.MultiSessionID, old.Number, old.NAS, old.AcctSessionID
	s.InputOctetsFrom, s.OutputOctetsFrom, s.SessionTimeFrom = old.InputOctetsFrom, old.OutputOctetsFrom, old.SessionTimeFrom
	before := counters{old.InputOctetsTo, old.OutputOctetsTo, old.SessionTimeTo}
	after := before.join(counters{s.InputOctetsTo, s.OutputOctetsTo, s.SessionTimeTo})
	s.InputOctetsTo, s.OutputOctetsTo, s.SessionTimeTo = after[0], after[1], after[2]
	if !old.Active() {
		s.Stop, s.TerminateCause = old.Stop, old.TerminateCause
	}
	if s.Updated.Equal(old.Updated) {
		s.Updated = tx.now
	}
	if err := tx.putSegment(pb, &s); err != nil {
		return fmt.Errorf("session segment %d: %w", id, err)
	}
	for i := range after {
		after[i] -= before[i]
	}
	return tx.raiseUsage(s.Account, s.Updated, after)
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
func (tx *Tx) Segment(id uint64) (Segment, error) { return readSegment(tx, id) }

// Segment finds a segment by its id.
func (db *DB) Segment(id uint64) (Segment, error) { return readSegment(db, id) }

func readSegment(r reader, id uint64) (Segment, error) {
	pb := &hotspotpb.Segment{}
	if err := readMessage(r, Sessions, SegmentKey(id), pb); err != nil {
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
