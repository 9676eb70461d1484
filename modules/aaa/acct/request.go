package acct

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"mbox/hotspotdb"
)

// Status is an Acct-Status-Type; the numbers are those of RFC 2866 section 5.1.
type Status uint32

// The status types that are recorded. A request with another one is refused with ErrInvalid.
const (
	Start         Status = 1
	Stop          Status = 2
	InterimUpdate Status = 3
	AccountingOn  Status = 7
	AccountingOff Status = 8
)

func (s Status) String() string {
	switch s {
	case Start:
		return "Start"
	case Stop:
		return "Stop"
	case InterimUpdate:
		return "Interim-Update"
	case AccountingOn:
		return "Accounting-On"
	case AccountingOff:
		return "Accounting-Off"
	}
	return fmt.Sprintf("status %d", uint32(s))
}

// Octets is a counter of octets as a NAS sends it, in one or two attributes.
type Octets struct {
	Low   uint32 // Acct-Input-Octets or Acct-Output-Octets
	High  uint32 // Acct-Input-Gigawords or Acct-Output-Gigawords, RFC 2869 sections 5.1 and 5.2
	Known bool   // the attribute of Low was there
	Wide  bool   // the attribute of High was there
}

// Request is an Accounting-Request, decoded, from a NAS that has proved that it has the secret.
type Request struct {
	Status         Status
	NAS            string // the name of the configured client: with SessionID it names a session
	Client         string // the client's line in the configuration, which may be of many NAS; empty: NAS stands for it
	SessionID      string // Acct-Session-Id; may be empty for Accounting-On and Accounting-Off only
	Username       string // User-Name
	Account        uint64 // whose session it is, from the Class that the box gave; 0: it is found by Username
	Hotspot        string // NAS-Identifier
	MAC            string // Calling-Station-Id in any form; kept if it is a MAC address
	CalledStation  string // Called-Station-Id
	IP             string // Framed-IP-Address, or the IPv6 one
	Input          Octets // from the user
	Output         Octets // to the user
	SessionTime    uint32 // Acct-Session-Time, seconds
	HasSessionTime bool
	Delay          uint32 // Acct-Delay-Time, seconds
	HasDelay       bool
	EventTimestamp time.Time // Event-Timestamp, RFC 2869 section 5.3, by the clock of the NAS; zero: it was not there
	TerminateCause string    // Acct-Terminate-Cause by its name in RFC 2866 section 5.10, such as User-Request
	Received       time.Time // by the clock of the box; zero: now

	// By these another server may have called the NAS: where the request came from, and the NAS-IP-Address or
	// NAS-IPv6-Address in it. Either may be missing.
	Source, NASAddress netip.Addr

	boot side // on which side of the last boot of its NAS the session began
}

func (r *Request) client() string {
	if r.Client != "" {
		return r.Client
	}
	return r.NAS
}

// maxDelay is the longest delay that is believed. A NAS that was cut off for longer keeps no reports.
const maxDelay = 48 * time.Hour

func (r *Request) delay() time.Duration {
	if !r.HasDelay {
		return 0
	}
	return min(time.Duration(r.Delay)*time.Second, maxDelay)
}

// at is when it happened, by the clock of the box. The clock of the NAS tells events apart, but dates nothing.
func (r *Request) at() time.Time { return r.Received.Add(-r.delay()) }

// nasStart is when the session began by the clock of the NAS, in Unix seconds; 0 if the request does not tell.
func (r *Request) nasStart() int64 {
	if r.EventTimestamp.IsZero() || r.Status != Start && !r.HasSessionTime {
		return 0
	}
	return r.EventTimestamp.Unix() - int64(r.SessionTime)
}

// normalize makes of the texts what the database keeps, and refuses what cannot be recorded.
func (r *Request) normalize(now time.Time) error {
	switch r.Status {
	case Start, Stop, InterimUpdate:
		if r.SessionID == "" {
			return fmt.Errorf("%w accounting request: no Acct-Session-Id", ErrInvalid)
		}
	case AccountingOn, AccountingOff:
	default:
		return fmt.Errorf("%w accounting request: %s", ErrInvalid, r.Status)
	}
	if r.NAS == "" {
		return fmt.Errorf("%w accounting request: no NAS", ErrInvalid)
	}
	for _, text := range []*string{
		&r.NAS, &r.SessionID, &r.Username, &r.Hotspot, &r.CalledStation, &r.IP, &r.TerminateCause,
	} {
		*text = printable(*text)
	}
	mac, err := hotspotdb.ParseMAC(r.MAC)
	if r.MAC = ""; err == nil {
		r.MAC = hotspotdb.FormatMAC(mac)
	}
	if r.Received.IsZero() {
		r.Received = now
	}
	return nil
}

// maxText is what the value of an attribute can hold, RFC 2865 section 5.
const maxText = 253

// printable keeps text as it is. Bytes that the database does not keep are written as \x00, so that two texts that differ go
// on to differ.
func printable(s string) string {
	s = s[:min(len(s), maxText)]
	if utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 || unicode.IsControl(r) {
			for i := range n {
				b.WriteString(`\x` + hexByte(s[i]))
			}
		} else {
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

func hexByte(c byte) string {
	return strconv.FormatUint(uint64(c)|0x100, 16)[1:]
}
