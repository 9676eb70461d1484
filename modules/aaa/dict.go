package aaa

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"

	"mbox/modules"
)

// Attribute is one attribute of a packet for people: WISPr-Bandwidth-Max-Down 2000000.
type Attribute struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// form is how the value of an attribute reads.
type form uint8

const (
	octets form = iota
	text
	integer
	address
	seconds    // since 1970 UTC
	identified // text behind an octet that names the exchange: RFC 2548 section 2.1.5
	hidden     // a password, or what one could be guessed from
)

// entry is one attribute of a dictionary.
type entry struct {
	name string
	form form
}

// The vendors whose attributes a hotspot meets.
const (
	vendorMicrosoft  = 311
	vendorWISPr      = 14122
	vendorChilliSpot = 14559
	vendorMikroTik   = 14988
	vendorHeaderSize = 6 // vendor, type and length: RFC 2865 section 5.26
)

// standard are the attributes of the RFCs that a hotspot meets; others are shown by their number.
var standard = map[radius.Type]entry{
	1: {"User-Name", text}, 2: {"User-Password", hidden}, 3: {"CHAP-Password", hidden}, 4: {"NAS-IP-Address", address}, 5: {"NAS-Port", integer},
	6: {"Service-Type", integer}, 7: {"Framed-Protocol", integer}, 8: {"Framed-IP-Address", address}, 9: {"Framed-IP-Netmask", address},
	11: {"Filter-Id", text}, 12: {"Framed-MTU", integer}, 18: {"Reply-Message", text}, 24: {"State", octets}, 25: {"Class", octets},
	27: {"Session-Timeout", integer}, 28: {"Idle-Timeout", integer}, 29: {"Termination-Action", integer}, 30: {"Called-Station-Id", text},
	31: {"Calling-Station-Id", text}, 32: {"NAS-Identifier", text}, 33: {"Proxy-State", octets}, 40: {"Acct-Status-Type", integer},
	41: {"Acct-Delay-Time", integer}, 42: {"Acct-Input-Octets", integer}, 43: {"Acct-Output-Octets", integer}, 44: {"Acct-Session-Id", text},
	45: {"Acct-Authentic", integer}, 46: {"Acct-Session-Time", integer}, 47: {"Acct-Input-Packets", integer}, 48: {"Acct-Output-Packets", integer},
	49: {"Acct-Terminate-Cause", integer}, 50: {"Acct-Multi-Session-Id", text}, 52: {"Acct-Input-Gigawords", integer},
	53: {"Acct-Output-Gigawords", integer}, 55: {"Event-Timestamp", seconds}, 60: {"CHAP-Challenge", octets}, 61: {"NAS-Port-Type", integer},
	69: {"Tunnel-Password", hidden}, 77: {"Connect-Info", text}, 79: {"EAP-Message", octets}, 80: {"Message-Authenticator", octets},
	85: {"Acct-Interim-Interval", integer}, 87: {"NAS-Port-Id", text}, 88: {"Framed-Pool", text}, 95: {"NAS-IPv6-Address", address},
	101: {"Error-Cause", integer}, 168: {"Framed-IPv6-Address", address},
}

// vendors are attributes of vendors.
var vendors = map[uint32]map[byte]entry{
	vendorMicrosoft: {
		1: {"MS-CHAP-Response", hidden}, 2: {"MS-CHAP-Error", identified}, 7: {"MS-MPPE-Encryption-Policy", integer}, 8: {"MS-MPPE-Encryption-Types", integer},
		11: {"MS-CHAP-Challenge", octets}, 16: {"MS-MPPE-Send-Key", hidden}, 17: {"MS-MPPE-Recv-Key", hidden}, 25: {"MS-CHAP2-Response", hidden},
		26: {"MS-CHAP2-Success", hidden},
	},
	vendorWISPr: {
		1: {"WISPr-Location-ID", text}, 2: {"WISPr-Location-Name", text}, 3: {"WISPr-Logoff-URL", text}, 4: {"WISPr-Redirection-URL", text},
		5: {"WISPr-Bandwidth-Min-Up", integer}, 6: {"WISPr-Bandwidth-Min-Down", integer}, 7: {"WISPr-Bandwidth-Max-Up", integer},
		8: {"WISPr-Bandwidth-Max-Down", integer}, 9: {"WISPr-Session-Terminate-Time", text},
	},
	vendorChilliSpot: {
		1: {"ChilliSpot-Max-Input-Octets", integer}, 2: {"ChilliSpot-Max-Output-Octets", integer}, 3: {"ChilliSpot-Max-Total-Octets", integer},
		4: {"ChilliSpot-Bandwidth-Max-Up", integer}, 5: {"ChilliSpot-Bandwidth-Max-Down", integer}, 6: {"ChilliSpot-Config", text},
		21: {"ChilliSpot-Max-Input-Gigawords", integer}, 22: {"ChilliSpot-Max-Output-Gigawords", integer}, 23: {"ChilliSpot-Max-Total-Gigawords", integer},
	},
	vendorMikroTik: {
		1: {"Mikrotik-Recv-Limit", integer}, 2: {"Mikrotik-Xmit-Limit", integer}, 8: {"Mikrotik-Rate-Limit", text}, 14: {"Mikrotik-Recv-Limit-Gigawords", integer},
		15: {"Mikrotik-Xmit-Limit-Gigawords", integer}, 17: {"Mikrotik-Total-Limit", integer}, 18: {"Mikrotik-Total-Limit-Gigawords", integer},
		19: {"Mikrotik-Address-List", text},
	},
}

// attributesOf lists the attributes of a packet in its order. What is hidden shows that it is there.
func attributesOf(p *radius.Packet) []Attribute {
	out := []Attribute{}
	for _, avp := range p.Attributes {
		if avp.Type == rfc2865.VendorSpecific_Type {
			out = append(out, vendorAttributes(avp.Attribute)...)
			continue
		}
		e, known := standard[avp.Type]
		if !known {
			e = entry{name: fmt.Sprintf("Attr-%d", avp.Type)}
		}
		out = append(out, Attribute{e.name, e.form.render(avp.Attribute)})
	}
	return out
}

func vendorAttributes(value radius.Attribute) (out []Attribute) {
	eachOfVendor(value, func(vendor uint32, typ byte, data []byte) {
		e, known := vendors[vendor][typ]
		if !known {
			e = entry{name: fmt.Sprintf("Attr-26.%d.%d", vendor, typ)}
		}
		out = append(out, Attribute{e.name, e.form.render(data)})
	})
	return out
}

// eachOfVendor reads the attributes inside a Vendor-Specific attribute, as far as they are well formed.
func eachOfVendor(value radius.Attribute, do func(vendor uint32, typ byte, data []byte)) {
	if len(value) < vendorHeaderSize {
		return
	}
	vendor := binary.BigEndian.Uint32(value)
	for rest := value[4:]; len(rest) >= 2 && rest[1] >= 2 && int(rest[1]) <= len(rest); rest = rest[rest[1]:] {
		do(vendor, rest[0], rest[2:rest[1]])
	}
}

func (f form) render(b []byte) string {
	switch {
	case f == hidden:
		return modules.Masked
	case f == text:
		return printable(b)
	case f == identified && len(b) > 0:
		return printable(b[1:])
	case f == integer && len(b) == 4:
		return strconv.FormatUint(uint64(binary.BigEndian.Uint32(b)), 10)
	case f == seconds && len(b) == 4:
		return time.Unix(int64(binary.BigEndian.Uint32(b)), 0).UTC().Format(time.RFC3339)
	case f == address:
		if addr, ok := netip.AddrFromSlice(b); ok {
			return addr.String()
		}
	}
	return fmt.Sprintf("0x%x", b)
}

// printable is text as it may be shown.
func printable(b []byte) string { return modules.Printable(string(b)) }
