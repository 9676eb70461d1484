package aaa

import (
	"encoding/hex"
	"math"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2869"

	"mbox/modules"
	"mbox/modules/aaa/acct"
	"mbox/modules/aaa/policy"
)

// The proof is what the packet has; two of them, or a malformed one, are none.
func TestProofs(t *testing.T) {
	password := func(p *radius.Packet) { _ = rfc2865.UserPassword_AddString(p, "x") }
	chap := func(p *radius.Packet) { _ = addCHAP(p, "x") }
	mschap := func(p *radius.Packet) { _ = addMSCHAP2(p, "alice", "x") }
	for name, tt := range map[string]struct {
		edits []func(*radius.Packet)
		want  policy.Proof // only its type, but for PAP
	}{
		"pap":        {[]func(*radius.Packet){password}, policy.PAP{Password: "x"}},
		"no proof":   {nil, policy.PAP{}},
		"chap":       {[]func(*radius.Packet){chap}, policy.CHAP{}},
		"mschapv2":   {[]func(*radius.Packet){mschap}, policy.MSCHAP2{}},
		"pap, chap":  {[]func(*radius.Packet){password, chap}, nil},
		"all":        {[]func(*radius.Packet){password, chap, mschap}, nil},
		"chap, ms":   {[]func(*radius.Packet){chap, mschap}, nil},
		"short chap": {[]func(*radius.Packet){func(p *radius.Packet) { p.Add(rfc2865.CHAPPassword_Type, make(radius.Attribute, 16)) }}, nil},
		"short pap":  {[]func(*radius.Packet){func(p *radius.Packet) { p.Add(rfc2865.UserPassword_Type, make(radius.Attribute, 15)) }}, nil},
		"long pap":   {[]func(*radius.Packet){func(p *radius.Packet) { p.Add(rfc2865.UserPassword_Type, make(radius.Attribute, 144)) }}, nil},
		"ms-chap v1": {[]func(*radius.Packet){func(p *radius.Packet) { _ = addVendor(p, vendorMicrosoft, microsoftResponse, make([]byte, 50)) }}, nil},
		"short ms":   {[]func(*radius.Packet){func(p *radius.Packet) { _ = addVendor(p, vendorMicrosoft, microsoftResponse2, make([]byte, 49)) }}, nil},
		"eap":        {[]func(*radius.Packet){func(p *radius.Packet) { p.Add(rfc2869.EAPMessage_Type, radius.Attribute{2, 1, 0, 5, 1}) }}, nil},
		"call check": {[]func(*radius.Packet){password, func(p *radius.Packet) { _ = rfc2865.ServiceType_Add(p, rfc2865.ServiceType_Value_CallCheck) }}, policy.MAC{}},
	} {
		p := newSigned(radius.CodeAccessRequest, 1)
		p.Secret = []byte(secret)
		for _, edit := range tt.edits {
			edit(p)
		}
		got := proofOf(p)
		if pap, ok := tt.want.(policy.PAP); ok && got != policy.Proof(pap) || reflect.TypeOf(got) != reflect.TypeOf(tt.want) {
			t.Errorf("%s: %T", name, got)
		}
	}
}

// Without CHAP-Challenge the challenge is the authenticator: RFC 2865 section 5.3.
func TestCHAPByAuthenticator(t *testing.T) {
	p := newSigned(radius.CodeAccessRequest, 1)
	randomize(p.Authenticator[:])
	p.Add(rfc2865.CHAPPassword_Type, append(radius.Attribute{9}, make([]byte, 16)...))
	got, ok := proofOf(p).(policy.CHAP)
	if !ok || got.ID != 9 || string(got.Challenge) != string(p.Authenticator[:]) || len(got.Response) != 16 {
		t.Errorf("%+v", got)
	}
}

func TestDecodeAccounting(t *testing.T) {
	p := accountingPacket(1, acct.InterimUpdate, "s1")
	p.Add(rfc2865.Class_Type, radius.Attribute("somebody else's"))
	p.Add(rfc2865.Class_Type, classOf(math.MaxUint64))
	_ = rfc2865.CallingStationID_AddString(p, "3a-71-b4-e9-f7-99")
	_ = rfc2865.CalledStationID_AddString(p, "AP:SSID")
	_ = rfc2865.NASIdentifier_AddString(p, "lobby")
	_ = rfc2865.FramedIPAddress_Add(p, []byte{10, 0, 0, 9})
	_ = rfc2866.AcctInputOctets_Add(p, 5)
	_ = rfc2869.AcctInputGigawords_Add(p, 2)
	_ = rfc2866.AcctOutputOctets_Add(p, math.MaxUint32)
	_ = rfc2866.AcctSessionTime_Add(p, 60)
	_ = rfc2866.AcctDelayTime_Add(p, 3)
	_ = rfc2869.EventTimestamp_Add(p, time.Unix(1_700_000_000, 0))
	p.Add(rfc2866.AcctTerminateCause_Type, radius.Attribute{0, 0, 0, 5})
	got := decodeAccounting(p)
	want := acct.Request{
		Status: acct.InterimUpdate, SessionID: "s1", Username: "alice", Account: math.MaxUint64, Hotspot: "lobby", MAC: "3a-71-b4-e9-f7-99",
		CalledStation: "AP:SSID", IP: "10.0.0.9", Input: acct.Octets{Low: 5, High: 2, Known: true, Wide: true}, Output: acct.Octets{Low: math.MaxUint32, Known: true},
		SessionTime: 60, HasSessionTime: true, Delay: 3, HasDelay: true, EventTimestamp: time.Unix(1_700_000_000, 0).UTC(), TerminateCause: "Session-Timeout",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	odd := newSigned(radius.CodeAccountingRequest, 1)
	odd.Add(rfc2866.AcctInputOctets_Type, radius.Attribute{1, 2, 3})
	odd.Add(rfc2865.FramedIPAddress_Type, radius.Attribute{1, 2, 3})
	odd.Add(rfc2865.Class_Type, radius.Attribute(classPrefix+"???"))
	if got := decodeAccounting(odd); !reflect.DeepEqual(got, acct.Request{}) {
		t.Errorf("%+v", got)
	}
}

// What could be guessed from is not shown, neither to who debugs nor to who tests.
func TestDescribeMasks(t *testing.T) {
	p := newSigned(radius.CodeAccessRequest, 1)
	p.Secret = []byte(secret)
	p.Add(rfc2865.UserName_Type, radius.Attribute("al\x1bice"))
	_ = rfc2865.UserPassword_AddString(p, "x")
	_ = addCHAP(p, "x")
	_ = addMSCHAP2(p, "alice", "x")
	_ = addVendor(p, vendorMicrosoft, microsoftSendKey, make([]byte, 18))
	got := describe(p)
	for _, want := range []string{
		"User-Name=al\ufffdice", "User-Password=" + modules.Masked, "CHAP-Password=" + modules.Masked, "MS-CHAP2-Response=" + modules.Masked,
		"MS-MPPE-Send-Key=" + modules.Masked, "CHAP-Challenge=0x",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in %s", want, got)
		}
	}
}

// The longest prefix wins, in both families.
func TestClientLookup(t *testing.T) {
	var lines []clientLine
	for _, prefix := range []string{"10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32", "2001:db8::/32", "2001:db8::7/128", "0.0.0.0/0"} {
		lines = append(lines, clientLine{prefix: netip.MustParsePrefix(prefix), name: prefix})
	}
	c := newClients(lines, &clients{}, &answerBound{})
	for addr, want := range map[string]string{
		"10.1.2.3": "10.1.2.3/32", "10.1.2.4": "10.1.0.0/16", "10.2.0.1": "10.0.0.0/8", "192.0.2.1": "0.0.0.0/0", "2001:db8::7": "2001:db8::7/128",
		"2001:db8::8": "2001:db8::/32", "fe80::1%eth0": "", "2001:db9::1": "",
	} {
		got := ""
		if found := c.find(netip.MustParseAddr(addr)); found != nil {
			got = found.name
		}
		if got != want {
			t.Errorf("%s: %q, want %q", addr, got, want)
		}
	}
	again := newClients(append(lines[:2:2], clientLine{prefix: lines[2].prefix, name: "new"}), c, &answerBound{})
	if again.list[0] != c.list[0] || again.list[2] == c.list[2] || again.list[2].counters != c.list[2].counters {
		t.Error("what stays the same is made anew, or what changed forgets its counters")
	}
}

// The examples of RFC 5997 section 6 and RFC 2865 section 7.
func TestPublishedVectors(t *testing.T) {
	k := newKeys("xyzzy5461")
	status, _ := hex.DecodeString("0cda00268a54f4686fb394c52866e302185d062350125a665e2e1e8411f3e243822097c84fa3")
	if raw, ok := shape(status); !ok || k.check(raw, raw[authenticatorAt:headerSize]) != signedWell {
		t.Error("Status-Server of RFC 5997 section 6.1 is refused")
	}
	answer, _ := hex.DecodeString("02da0014ef0d552a4bf2d693ec2b6fe8b5411d66")
	if !k.answers(answer, status[authenticatorAt:headerSize], false) || k.answers(answer, status[authenticatorAt:headerSize], true) {
		t.Error("its Access-Accept is refused, or taken for signed")
	}
	login, _ := hex.DecodeString("010000380f403f9473978057bd83d5cb98f4227a01066e656d6f02120dbe708d93d413ce3196e43f782a0aee0406c0a8011005060000" + "0003")
	p, err := radius.Parse(login, k.secret)
	if err != nil || proofOf(p) != policy.Proof(policy.PAP{Password: "arctangent"}) {
		t.Errorf("RFC 2865 section 7.1: %v, %v", proofOf(p), err)
	}
}
