package aaa

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2869"
	"layeh.com/radius/rfc3162"
	"layeh.com/radius/rfc6911"

	"mbox/hotspotdb"
	"mbox/modules/aaa/acct"
	"mbox/modules/aaa/policy"
)

// decodeLogin reads who wants in, and how he proves it. What is malformed has no proof.
func decodeLogin(p *radius.Packet) policy.Login {
	login := policy.Login{
		Username: string(rfc2865.UserName_Get(p)), MAC: string(rfc2865.CallingStationID_Get(p)),
		CalledStationID: printable(rfc2865.CalledStationID_Get(p)), Hotspot: printable(rfc2865.NASIdentifier_Get(p)), IP: guestAddress(p),
	}
	login.Proof = proofOf(p)
	return login
}

// proofOf finds the proof; nil if there is more than one, or it is malformed. A client that says Call-Check (RFC 2865 section
// 5.6) vouches for the device.
func proofOf(p *radius.Packet) policy.Proof {
	if rfc2865.ServiceType_Get(p) == rfc2865.ServiceType_Value_CallCheck {
		return policy.MAC{}
	}
	password, pap := p.Lookup(rfc2865.UserPassword_Type)
	response, chap := p.Lookup(rfc2865.CHAPPassword_Type)
	challenge, reply, foreign := mschapOf(p)
	switch {
	case foreign: // EAP, or the first MS-CHAP, which RFC 2759 replaced
		return nil
	case pap && (chap || reply != nil), chap && reply != nil:
		return nil
	case pap:
		clear, err := radius.UserPassword(password, p.Secret, p.Authenticator[:])
		if err != nil {
			return nil
		}
		return policy.PAP{Password: string(clear)}
	case chap:
		return chapOf(p, response)
	case reply != nil:
		proof, err := policy.ParseMSCHAP2(challenge, reply)
		if err != nil {
			return nil
		}
		return proof
	}
	return policy.PAP{} // a name alone: a voucher, or a PIN
}

// chapOf reads CHAP-Password: an ident and a response of 16 octets (RFC 2865 section 5.3). Without a CHAP-Challenge the
// challenge is the authenticator.
func chapOf(p *radius.Packet, value radius.Attribute) policy.Proof {
	if len(value) != 1+authenticatorSize {
		return nil
	}
	challenge, found := p.Lookup(rfc2865.CHAPChallenge_Type)
	if !found {
		challenge = p.Authenticator[:]
	}
	return policy.CHAP{ID: value[0], Challenge: challenge, Response: value[1:]}
}

// Types of Microsoft's attributes: RFC 2548 sections 2.1.2, 2.1.3, 2.3.2, 2.4.2 and 2.4.3.
const (
	microsoftResponse  = 1
	microsoftChallenge = 11
	microsoftSendKey   = 16
	microsoftRecvKey   = 17
	microsoftResponse2 = 25
)

// mschapOf finds the parts of an MS-CHAPv2 login. foreign says that the packet has a proof that this server does not know.
func mschapOf(p *radius.Packet) (challenge, response []byte, foreign bool) {
	for _, avp := range p.Attributes {
		switch avp.Type {
		case rfc2869.EAPMessage_Type:
			foreign = true
		case rfc2865.VendorSpecific_Type:
			eachOfVendor(avp.Attribute, func(vendor uint32, typ byte, data []byte) {
				switch {
				case vendor != vendorMicrosoft:
				case typ == microsoftResponse:
					foreign = true
				case typ == microsoftChallenge:
					challenge = data
				case typ == microsoftResponse2:
					response = data
				}
			})
		}
	}
	return challenge, response, foreign
}

// guestAddress is the address of the guest, if the NAS knows it.
func guestAddress(p *radius.Packet) netip.Addr {
	return addressOf(p, rfc2865.FramedIPAddress_Type, rfc6911.FramedIPv6Address_Type)
}

// addressOf is the first address that an attribute of these types has.
func addressOf(p *radius.Packet, types ...radius.Type) netip.Addr {
	for _, typ := range types {
		if value, found := p.Lookup(typ); found {
			if addr, ok := netip.AddrFromSlice(value); ok {
				return addr.Unmap()
			}
		}
	}
	return netip.Addr{}
}

// macOf is the address of the device in its one form; empty if the NAS gives none.
func macOf(p *radius.Packet) string {
	mac, err := hotspotdb.ParseMAC(string(rfc2865.CallingStationID_Get(p)))
	if err != nil {
		return ""
	}
	return hotspotdb.FormatMAC(mac)
}

// decodeAccounting reads what a NAS reports. Who it is, is not in the packet.
func decodeAccounting(p *radius.Packet) acct.Request {
	r := acct.Request{
		SessionID: string(rfc2866.AcctSessionID_Get(p)), Username: string(rfc2865.UserName_Get(p)), Account: accountOf(p),
		Hotspot: string(rfc2865.NASIdentifier_Get(p)), MAC: string(rfc2865.CallingStationID_Get(p)), CalledStation: string(rfc2865.CalledStationID_Get(p)),
		Input:  octetsOf(p, rfc2866.AcctInputOctets_Type, rfc2869.AcctInputGigawords_Type),
		Output: octetsOf(p, rfc2866.AcctOutputOctets_Type, rfc2869.AcctOutputGigawords_Type),

		NASAddress: addressOf(p, rfc3162.NASIPv6Address_Type, rfc2865.NASIPAddress_Type),
	}
	status, _ := number(p, rfc2866.AcctStatusType_Type)
	r.Status = acct.Status(status)
	r.SessionTime, r.HasSessionTime = number(p, rfc2866.AcctSessionTime_Type)
	r.Delay, r.HasDelay = number(p, rfc2866.AcctDelayTime_Type)
	if at, found := number(p, rfc2869.EventTimestamp_Type); found {
		r.EventTimestamp = time.Unix(int64(at), 0).UTC()
	}
	if addr := guestAddress(p); addr.IsValid() {
		r.IP = addr.String()
	}
	if cause, found := number(p, rfc2866.AcctTerminateCause_Type); found {
		r.TerminateCause = rfc2866.AcctTerminateCause(cause).String()
	}
	return r
}

// number reads an attribute of 32 bits; one of another length is not there.
func number(p *radius.Packet, typ radius.Type) (uint32, bool) {
	value, found := p.Lookup(typ)
	if !found || len(value) != 4 {
		return 0, false
	}
	return binary.BigEndian.Uint32(value), true
}

func octetsOf(p *radius.Packet, low, high radius.Type) (o acct.Octets) {
	o.Low, o.Known = number(p, low)
	o.High, o.Wide = number(p, high)
	return o
}

// classPrefix begins the Class (RFC 2865 section 5.25) by which a NAS tells whose session it reports, whatever name it uses
// for the guest, and to whichever box.
const classPrefix = "mbox:"

func classOf(account uint64) radius.Attribute {
	return radius.Attribute(classPrefix + strconv.FormatUint(account, 36))
}

// accountOf reads the Class that classOf made; 0 if there is none.
func accountOf(p *radius.Packet) uint64 {
	for _, avp := range p.Attributes {
		if avp.Type != rfc2865.Class_Type {
			continue
		}
		if id, ours := strings.CutPrefix(string(avp.Attribute), classPrefix); ours {
			if account, err := strconv.ParseUint(id, 36, 64); err == nil {
				return account
			}
		}
	}
	return 0
}
