package policy

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// Dialect is how a client wants to be told limits that the RFCs have no attributes for.
type Dialect string

// The dialects.
const (
	Standard   Dialect = "standard" // those of the RFCs, and of WISPr
	WISPr      Dialect = "wispr"
	ChilliSpot Dialect = "chillispot" // CoovaChilli too
	MikroTik   Dialect = "mikrotik"
)

// Attribute is an attribute of RADIUS, ready to be encoded.
type Attribute struct {
	Vendor uint32 // its enterprise number; 0: none
	Type   byte
	Value  []byte
}

// Enterprise numbers, and the types of their attributes: dictionary.wispr, dictionary.chillispot and dictionary.mikrotik.
const (
	vendorMicrosoft  = 311
	vendorWISPr      = 14122
	vendorChilliSpot = 14559
	vendorMikroTik   = 14988

	msCHAPError    = 2  // RFC 2548 section 2.1.5
	msCHAP2Success = 26 // section 2.3.3

	wisprRedirectionURL   = 4
	wisprBandwidthMaxUp   = 7
	wisprBandwidthMaxDown = 8

	chilliMaxTotalOctets    = 3
	chilliBandwidthMaxUp    = 4
	chilliBandwidthMaxDown  = 5
	chilliMaxTotalGigawords = 23

	mikrotikRateLimit           = 8
	mikrotikTotalLimit          = 17
	mikrotikTotalLimitGigawords = 18
)

// Types of attributes of the RFCs.
const (
	userName            = 1  // RFC 2865 section 5.1: in an Access-Accept the name to account under
	replyMessage        = 18 // section 5.18
	sessionTimeout      = 27 // RFC 2865 section 5.27, seconds
	idleTimeout         = 28 // section 5.28
	acctInterimInterval = 85 // RFC 2869 section 5.16
)

// Reply is what an Access-Accept or Access-Reject says, but for what must be encrypted (SendKey, RecvKey) and for the
// server's own.
func Reply(d Decision, dialect Dialect) []Attribute {
	var out []Attribute
	if d.Message != "" {
		out = append(out, Attribute{0, replyMessage, []byte(d.Message)})
	}
	if len(d.MSCHAPError) > 0 {
		out = append(out, Attribute{vendorMicrosoft, msCHAPError, d.MSCHAPError})
	}
	if len(d.MSCHAP2Success) > 0 {
		out = append(out, Attribute{vendorMicrosoft, msCHAP2Success, d.MSCHAP2Success})
	}
	if !d.Accept {
		return out
	}
	if d.Subject.Kind == Bound || d.Subject.Kind == Voucher { // whose name is another than what was sent
		out = append(out, Attribute{0, userName, []byte(d.Subject.Username)})
	}
	return append(out, ReplyLimits(d.Limits, dialect)...)
}

// ReplyLimits says limits in a client's dialect, in an Access-Accept or a CoA-Request. What the dialect cannot say, as WISPr the
// traffic that is left, the box enforces when the session is reported.
func ReplyLimits(l Limits, dialect Dialect) []Attribute {
	var out []Attribute
	out = seconds(out, sessionTimeout, l.SessionTimeout)
	out = seconds(out, idleTimeout, l.IdleTimeout)
	out = seconds(out, acctInterimInterval, l.Interim)
	switch dialect {
	case ChilliSpot:
		out = numberOf(out, vendorChilliSpot, chilliBandwidthMaxUp, l.UpKbps)
		out = numberOf(out, vendorChilliSpot, chilliBandwidthMaxDown, l.DownKbps)
		out = octetsOf(out, vendorChilliSpot, chilliMaxTotalOctets, chilliMaxTotalGigawords, l)
	case MikroTik:
		if l.UpKbps > 0 || l.DownKbps > 0 { // the router's rx/tx: what it receives is the upload; 0 is no limit
			out = append(out, Attribute{vendorMikroTik, mikrotikRateLimit, fmt.Appendf(nil, "%dk/%dk", l.UpKbps, l.DownKbps)})
		}
		out = octetsOf(out, vendorMikroTik, mikrotikTotalLimit, mikrotikTotalLimitGigawords, l)
	default:
		out = numberOf(out, vendorWISPr, wisprBandwidthMaxUp, l.UpKbps*1000) // bit/s
		out = numberOf(out, vendorWISPr, wisprBandwidthMaxDown, l.DownKbps*1000)
	}
	if l.RedirectURL != "" { // all of them know it
		out = append(out, Attribute{vendorWISPr, wisprRedirectionURL, []byte(l.RedirectURL)})
	}
	return out
}

// seconds adds a time; one that is longer than the attribute can say is the longest.
func seconds(out []Attribute, typ byte, d time.Duration) []Attribute {
	if d < time.Second {
		return out
	}
	return append(out, Attribute{0, typ, number32(uint64(d / time.Second))})
}

func numberOf(out []Attribute, vendor uint32, typ byte, n uint64) []Attribute {
	if n == 0 {
		return out
	}
	return append(out, Attribute{vendor, typ, number32(n)})
}

// octetsOf adds a number of 64 bits in two attributes: a client that knows the first alone must not take 4 GiB and one octet
// for one octet, so that the second comes first only where it is needed.
func octetsOf(out []Attribute, vendor uint32, low, high byte, l Limits) []Attribute {
	if !l.HasTotal {
		return out
	}
	if gigawords := l.TotalOctets >> 32; gigawords > 0 {
		out = append(out, Attribute{vendor, high, number32(gigawords)})
	}
	return append(out, Attribute{vendor, low, binary.BigEndian.AppendUint32(nil, uint32(l.TotalOctets))})
}

// number32 is a number of 32 bits, or the greatest one.
func number32(n uint64) []byte {
	return binary.BigEndian.AppendUint32(nil, uint32(min(n, math.MaxUint32)))
}
