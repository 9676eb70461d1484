package freeradius

import (
	"fmt"
	"testing"
	"time"
)

var today = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// session reads a row and checks what holds for every session.
func session(t *testing.T, row Row) (Session, error) {
	t.Helper()
	s, err := ReadSession(row, zone, today)
	if err == nil && (s.Active() || s.Stop.Before(s.Start) || s.Stop.After(today.Add(slack)) || s.MultiSessionID == "" || s.Username == "") {
		t.Fatalf("session %+v", s)
	}
	return s, err
}

func acct(cells ...string) Row {
	columns := []string{"username", "acctstarttime", "acctstoptime", "acctupdatetime", "acctsessiontime", "acctinputoctets", "acctoutputoctets", "callingstationid", "nasipaddress"}
	return NewRow(RadAcct, 1, columns[:len(cells)], cells)
}

func TestReadSession(t *testing.T) {
	for _, tt := range []struct {
		row  Row
		want string
	}{
		{acct("al", "2026-11-01 08:00:00", "2026-11-01 09:00:00", "", "3600", "10", "20", "3a:71:b4:e9:f7:99", "10.0.0.1"),
			"2026-11-01T00:00:00Z 2026-11-01T01:00:00Z 3600 10 20 3A-71-B4-E9-F7-99 10.0.0.1 false"},
		{acct("al", "2026-11-01 08:00:00+00", "2026-11-01 08:00:01.5+00", "NULL", "", "", "", "not a MAC", "10.0.0.1/32"),
			"2026-11-01T08:00:00Z 2026-11-01T08:00:01Z 0 0 0  10.0.0.1 false"},
		{acct("al", "2026-11-01 08:00:00", "0000-00-00 00:00:00", "2026-11-01 08:30:00", "1900"), "2026-11-01T00:00:00Z 2026-11-01T00:30:00Z 1900 0 0   true"},
		{acct("al", "2026-11-01 08:00:00", `\N`, `\N`, "60"), "2026-11-01T00:00:00Z 2026-11-01T00:01:00Z 60 0 0   true"},
		{acct("", "2026-11-01 08:00:00"), "no username"},
		{acct("al", "yesterday"), "acctstarttime cannot be read"},
		{acct("al", "2026-11-01 08:00:00", "2026-11-01 07:00:00"), "it stops before it starts"},
		{acct("al", "2027-11-01 08:00:00", "2027-11-01 09:00:00"), "it lies in the future"},
		{acct("al", "2026-11-01 08:00:00", "2026-11-01 09:00:00", "", "-1"), "a counter is not a number"},
		{acct("al", "2026-11-01 08:00:00", "2026-11-01 09:00:00", "", "1", "18446744073709551615"), "a counter is not a number"},
		{acct("al", "2026-11-01 08:00:00", "", "", "9223372036854775807"), "it lies in the future"},
	} {
		s, err := session(t, tt.row)
		got := fmt.Sprintf("%s %s %d %d %d %s %s %v", s.Start.UTC().Format(time.RFC3339), s.Stop.UTC().Format(time.RFC3339),
			s.SessionTimeTo, s.InputOctetsTo, s.OutputOctetsTo, s.MAC, s.NAS, s.WasOpen)
		if err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%v: got %s, want %s", tt.row, got, tt.want)
		}
	}
}
