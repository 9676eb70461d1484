package aaa

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"

	"layeh.com/radius"
	"layeh.com/radius/rfc2759"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2869"

	"mbox/modules"
	"mbox/modules/aaa/acct"
)

// testNAS is what the test commands call themselves.
const testNAS = "mbox-test"

const (
	methodPAP     = "pap"
	methodCHAP    = "chap"
	methodMSCHAP2 = "mschapv2"
)

// TestView is the answer of a RADIUS server.
type TestView struct {
	Answer     string      `json:"answer"` // such as Access-Accept
	Server     string      `json:"server"` // address and port
	Millis     float64     `json:"milliseconds"`
	Signed     bool        `json:"message_authenticator"` // the answer has one
	Session    *string     `json:"session"`               // Acct-Session-Id of what was reported
	Attributes []Attribute `json:"attributes"`
}

// Text begins with the answer alone, as scripts look for it.
func (v TestView) Text(w io.Writer, width int) error {
	lines := []string{v.Answer}
	for _, a := range v.Attributes {
		lines = append(lines, fmt.Sprintf("  %s = %s", a.Name, modules.Printable(a.Value)))
	}
	lines = append(lines, fmt.Sprintf("%s answered in %.1f ms", v.Server, v.Millis))
	if v.Session != nil {
		lines = append(lines, "Acct-Session-Id "+*v.Session)
	}
	if !v.Signed && v.Session == nil {
		lines = append(lines, "The answer has no Message-Authenticator: it could be forged (CVE-2024-3596). Update the server.")
	}
	return folded(w, width, lines...)
}

func methodType() modules.Type {
	return modules.Enum("How the password is proved",
		modules.Candidate{Text: methodPAP, Help: "The password itself, encrypted with the key"},
		modules.Candidate{Text: methodCHAP, Help: "CHAP"},
		modules.Candidate{Text: methodMSCHAP2, Help: "MS-CHAPv2"})
}

var statuses = map[string]acct.Status{
	"start": acct.Start, "interim": acct.InterimUpdate, "stop": acct.Stop, "accounting-on": acct.AccountingOn, "accounting-off": acct.AccountingOff,
}

func statusType() modules.Type {
	return modules.Enum("What is reported",
		modules.Candidate{Text: "start", Help: "A session begins"},
		modules.Candidate{Text: "interim", Help: "A session goes on"},
		modules.Candidate{Text: "stop", Help: "A session ends"},
		modules.Candidate{Text: "accounting-on", Help: "The NAS has started: it has no sessions"},
		modules.Candidate{Text: "accounting-off", Help: "The NAS stops"})
}

func checkHost(s string) (string, error) {
	if s == "" || len(s) > 253 || strings.ContainsAny(s, "/@ ") {
		return "", fmt.Errorf("expected a host name or an address")
	}
	return s, nil
}

func (m *Module) testAuthentication(ctx context.Context, call modules.Call) (modules.View, error) {
	v := call.Values
	p, err := m.testPacket(radius.CodeAccessRequest, v)
	if err != nil {
		return nil, err
	}
	randomize(p.Authenticator[:])
	username, password := modules.Get[string](v, "USER"), modules.Get[string](v, "PASSWORD")
	switch modules.Get[string](v, "METHOD") {
	case methodCHAP:
		err = addCHAP(p, password)
	case methodMSCHAP2:
		err = addMSCHAP2(p, username, password)
	default:
		err = rfc2865.UserPassword_AddString(p, password)
	}
	if err != nil {
		return nil, modules.Errorf("the password cannot be sent so: %v", err)
	}
	if err := rfc2865.ServiceType_Add(p, rfc2865.ServiceType_Value_LoginUser); err != nil {
		return nil, err
	}
	view, err := m.ask(ctx, v, defaultAuthPort, p)
	if err != nil {
		return nil, err
	}
	return view, nil
}

func addCHAP(p *radius.Packet, password string) error {
	challenge := make([]byte, md5.Size)
	randomize(challenge)
	h := md5.New()
	h.Write([]byte{1})
	h.Write([]byte(password))
	h.Write(challenge)
	return errors.Join(rfc2865.CHAPPassword_Add(p, h.Sum([]byte{1})), rfc2865.CHAPChallenge_Add(p, challenge))
}

// addMSCHAP2 adds MS-CHAP-Challenge and MS-CHAP2-Response: ident, flags, the peer's challenge, 8 reserved octets and the
// response (RFC 2548 section 2.3.2).
func addMSCHAP2(p *radius.Packet, username, password string) error {
	challenge, peer := make([]byte, 16), make([]byte, 16)
	randomize(challenge)
	randomize(peer)
	response, err := rfc2759.GenerateNTResponse(challenge, peer, []byte(username), []byte(password))
	if err != nil {
		return err
	}
	value := append([]byte{1, 0}, peer...)
	value = append(append(value, make([]byte, 8)...), response...)
	return errors.Join(addVendor(p, vendorMicrosoft, microsoftChallenge, challenge), addVendor(p, vendorMicrosoft, microsoftResponse2, value))
}

// addVendor adds an attribute of a vendor: RFC 2865 section 5.26.
func addVendor(p *radius.Packet, vendor uint32, typ byte, value []byte) error {
	if len(value) > 255-2-vendorHeaderSize {
		return fmt.Errorf("attribute %d of vendor %d is too long", typ, vendor)
	}
	attribute, err := radius.NewVendorSpecific(vendor, append([]byte{typ, byte(2 + len(value))}, value...))
	if err != nil {
		return err
	}
	p.Add(rfc2865.VendorSpecific_Type, attribute)
	return nil
}

func (m *Module) testAccounting(ctx context.Context, call modules.Call) (modules.View, error) {
	v := call.Values
	p, err := m.testPacket(radius.CodeAccountingRequest, v)
	if err != nil {
		return nil, err
	}
	status, known := statuses[modules.Get[string](v, "STATUS")]
	if !known {
		status = acct.Start
	}
	session := modules.Get[string](v, "SESSION")
	if session == "" {
		var b [8]byte
		randomize(b[:])
		session = hex.EncodeToString(b[:])
	}
	up, down := uint64(modules.Get[int](v, "UP")), uint64(modules.Get[int](v, "DOWN"))
	err = errors.Join(
		rfc2866.AcctStatusType_Add(p, rfc2866.AcctStatusType(status)), rfc2866.AcctSessionID_AddString(p, session),
		rfc2866.AcctSessionTime_Add(p, rfc2866.AcctSessionTime(modules.Get[int](v, "SECONDS"))),
		rfc2866.AcctInputOctets_Add(p, rfc2866.AcctInputOctets(uint32(up))), rfc2869.AcctInputGigawords_Add(p, rfc2869.AcctInputGigawords(uint32(up>>32))),
		rfc2866.AcctOutputOctets_Add(p, rfc2866.AcctOutputOctets(uint32(down))), rfc2869.AcctOutputGigawords_Add(p, rfc2869.AcctOutputGigawords(uint32(down>>32))),
		rfc2869.EventTimestamp_Add(p, m.deps.Now()),
	)
	if status == acct.Stop {
		err = errors.Join(err, rfc2866.AcctTerminateCause_Add(p, rfc2866.AcctTerminateCause_Value_UserRequest))
	}
	if err != nil {
		return nil, modules.Errorf("the session cannot be reported so: %v", err)
	}
	view, err := m.ask(ctx, v, defaultAcctPort, p)
	if err != nil {
		return nil, err
	}
	view.Session = &session
	return view, nil
}

// testPacket is what both tests begin with.
func (m *Module) testPacket(code radius.Code, v modules.Values) (*radius.Packet, error) {
	var id [1]byte
	randomize(id[:])
	p := newSigned(code, id[0])
	p.Secret = []byte(modules.Get[string](v, "KEY"))
	nas := modules.Get[string](v, "NAS")
	if nas == "" {
		nas = testNAS
	}
	err := errors.Join(rfc2865.UserName_AddString(p, modules.Get[string](v, "USER")), rfc2865.NASIdentifier_AddString(p, nas))
	if mac := modules.Get[string](v, "MAC"); mac != "" {
		err = errors.Join(err, rfc2865.CallingStationID_AddString(p, mac))
	}
	if err != nil {
		return nil, modules.Errorf("a name is too long for an attribute: %v", err)
	}
	return p, nil
}

// lookupFailure is why a name has no address, without what was asked of whom.
func lookupFailure(err error) string {
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return dns.Err
	}
	return err.Error()
}

func (m *Module) ask(ctx context.Context, v modules.Values, port uint16, p *radius.Packet) (*TestView, error) {
	host := modules.Get[string](v, "HOST")
	addrs, err := m.deps.Lookup(ctx, host)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, &modules.Error{Message: "the server " + host + " is not known: " + lookupFailure(err), Hint: "Type its address, or see ip host and ip name-server."}
	}
	if len(addrs) == 0 {
		return nil, modules.Errorf("%s has no address", host)
	}
	to := netip.AddrPortFrom(addrs[0].Unmap(), portOf(v, "PORT", port))
	answer, err := exchange(ctx, netip.Addr{}, to, newKeys(string(p.Secret)), p, m.patience.test)
	switch {
	case errors.Is(err, context.Canceled):
		return nil, err
	case errors.Is(err, errNoAnswer):
		return nil, &modules.Error{
			Message: fmt.Sprintf("No answer from %s", to),
			Hint:    "A server that does not know this box as its client, or knows it with another key, is silent.",
		}
	case err != nil:
		return nil, modules.Errorf("%s: %v", to, err)
	}
	view := &TestView{
		Answer: answer.Code.String(), Server: to.String(), Millis: float64(answer.took.Microseconds()) / 1000, Signed: answer.signed, Attributes: []Attribute{},
	}
	for _, a := range attributesOf(answer.Packet) {
		if a.Name != "Message-Authenticator" {
			view.Attributes = append(view.Attributes, a)
		}
	}
	return view, nil
}
