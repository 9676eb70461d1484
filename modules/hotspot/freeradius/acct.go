package freeradius

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"mbox/hotspotdb"
)

// Session is a row of radacct as a session that has ended.
type Session struct {
	hotspotdb.Segment
	WasOpen bool // radacct has no stop: it ends with what was heard last
}

// Errors of rows of radacct; none repeats what the row holds.
var (
	errNoUser   = errors.New("no username")
	errNoStart  = errors.New("acctstarttime cannot be read")
	errBackward = errors.New("it stops before it starts")
	errFuture   = errors.New("it lies in the future")
	errCounter  = errors.New("a counter is not a number")
)

// causeLost is for sessions whose end was never heard: RFC 2866 section 5.10, Lost Service.
const causeLost = "Lost-Service"

// ReadSession reads a row of radacct. Counters are in the sense of RFC 2866 there as here: input comes from the user. Times without
// a zone are in zone.
func ReadSession(row Row, zone *time.Location, now time.Time) (Session, error) {
	s := Session{Segment: hotspotdb.Segment{
		Username: row.Get("username"), AcctSessionID: row.Get("acctsessionid"), MultiSessionID: row.Get("acctuniqueid"), Number: 1,
		NAS: address(row.Get("nasipaddress")), Hotspot: row.Get("nasidentifier"), CalledStationID: row.Get("calledstationid"),
		IPAddress: address(row.Get("framedipaddress")), TerminateCause: row.Get("acctterminatecause"),
	}}
	if s.Username == "" {
		return s, errNoUser
	}
	if mac, err := hotspotdb.ParseMAC(row.Get("callingstationid")); err == nil {
		s.MAC = hotspotdb.FormatMAC(mac)
	}
	if err := s.counters(row); err != nil {
		return s, err
	}
	if err := s.times(row, zone, now); err != nil {
		return s, err
	}
	if s.MultiSessionID == "" {
		sum := sha256.Sum256([]byte(s.NAS + "\x00" + s.AcctSessionID + "\x00" + s.Username + "\x00" + s.Start.UTC().Format(time.RFC3339)))
		s.MultiSessionID = hex.EncodeToString(sum[:16])
	}
	return s, nil
}

func (s *Session) counters(row Row) error {
	for _, c := range []struct {
		column string
		to     *uint64
	}{{"acctinputoctets", &s.InputOctetsTo}, {"acctoutputoctets", &s.OutputOctetsTo}, {"acctsessiontime", &s.SessionTimeTo}} {
		text := row.Get(c.column)
		if text == "" {
			continue
		}
		n, err := strconv.ParseUint(text, 10, 63)
		if err != nil {
			return errCounter
		}
		*c.to = n
	}
	return nil
}

// slack is how far a clock of the old server may have been ahead.
const slack = 24 * time.Hour

func (s *Session) times(row Row, zone *time.Location, now time.Time) error {
	var ok bool
	if s.Start, ok = parseStamp(row.Get("acctstarttime"), zone); !ok {
		return errNoStart
	}
	if s.Stop, ok = parseStamp(row.Get("acctstoptime"), zone); !ok {
		s.WasOpen = true
		if s.Stop, ok = parseStamp(row.Get("acctupdatetime"), zone); !ok || s.Stop.Before(s.Start) {
			s.Stop = s.Start.Add(time.Duration(min(s.SessionTimeTo, maxSeconds)) * time.Second)
		}
		if s.TerminateCause == "" {
			s.TerminateCause = causeLost
		}
	}
	switch {
	case s.Stop.Before(s.Start):
		return errBackward
	case s.Stop.After(now.Add(slack)):
		return errFuture
	}
	s.Updated = s.Stop
	return nil
}

const maxSeconds = 100 * 366 * 24 * 3600 // keeps a sum of times within time.Duration

// stampForms are how MySQL, PostgreSQL and SQLite write instants.
var stampForms = []string{
	"2006-01-02 15:04:05", "2006-01-02 15:04:05.999999", "2006-01-02 15:04:05.999999-07", "2006-01-02 15:04:05.999999-07:00",
	"2006-01-02 15:04:05-07", "2006-01-02 15:04:05-07:00", "2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05",
}

// parseStamp reads an instant; MySQL writes 0000-00-00 00:00:00 for none.
func parseStamp(text string, zone *time.Location) (time.Time, bool) {
	if text == "" || strings.HasPrefix(text, "0000-") {
		return time.Time{}, false
	}
	for _, form := range stampForms {
		if at, err := time.ParseInLocation(form, text, zone); err == nil && at.Year() >= 1971 && at.Year() <= 9998 {
			return at, true
		}
	}
	return time.Time{}, false
}

// address drops the length that PostgreSQL's inet may show, and writes an address in its one form.
func address(text string) string {
	text = strings.TrimSuffix(strings.TrimSuffix(text, "/32"), "/128")
	addr, err := netip.ParseAddr(text)
	switch {
	case err != nil:
		return text
	case addr == netip.IPv4Unspecified():
		return ""
	}
	return addr.Unmap().String()
}
