package policy

import (
	"net/netip"
	"time"
)

// Login is one attempt of a guest or a device to get in, as a RADIUS client or a portal reports it. Nothing in it is trusted.
type Login struct {
	Username        string
	Proof           Proof
	MAC             string     // Calling-Station-Id, in any usual form; empty: the client did not say
	CalledStationID string     // the access point and its SSID
	NAS             string     // the client's name, or its address if it has none
	Client          string     // the client's line in the configuration, which may be of many NAS; empty: NAS stands for it
	Hotspot         string     // NAS-Identifier; empty: NAS stands for it
	IP              netip.Addr // Framed-IP-Address; invalid: not known
	At              time.Time  // zero: now
}

// Proof is how the guest proves who he is: PAP, CHAP, MSCHAP2 or MAC.
type Proof interface{ proof() }

// PAP is a password in clear, as it was in User-Password (RFC 2865 section 5.2).
type PAP struct{ Password string }

// CHAP is a response to a challenge (RFC 1994; RFC 2865 sections 5.3 and 5.40).
type CHAP struct {
	ID        byte
	Challenge []byte // CHAP-Challenge, or the request's authenticator if there is none
	Response  []byte // 16 octets
}

// MSCHAP2 is an MS-CHAPv2 response (RFC 2759; RFC 2548 section 2.3.2). ParseMSCHAP2 makes it.
type MSCHAP2 struct {
	Ident         byte
	Challenge     [16]byte // the authenticator's
	PeerChallenge [16]byte
	Response      [24]byte
}

// MAC is no proof but the device itself: the client vouches for its address, as with Service-Type Call-Check.
type MAC struct{}

func (PAP) proof()     {}
func (CHAP) proof()    {}
func (MSCHAP2) proof() {}
func (MAC) proof()     {}

// Kind is what a login turned out to be.
type Kind uint8

// The kinds of subjects.
const (
	Nobody  Kind = iota
	Account      // a guest with an account, by name
	Device       // a device: an account of usertype mac
	Bound        // a device that is bound to an account (sticky)
	Voucher      // a use of a voucher
)

var kindNames = [...]string{"nobody", "account", "device", "sticky", "voucher"}

func (k Kind) String() string { return kindNames[k] }

// Subject is who was let in, or would have been.
type Subject struct {
	ID       uint64 // of the account, or of the voucher's use; sessions and usage are kept under it
	Username string // as the account is known; a voucher's code
	Kind     Kind
	Batch    string // of a voucher

	passwordSet int64 // see hotspotdb.Guest
}

// Decision is the answer to a Login.
type Decision struct {
	Accept  bool
	Reason  Reason // one word for operators
	Message string // for the guest (Reply-Message); says nothing about who exists. Empty if accepted
	Subject Subject
	Limits  Limits // of an accepted login

	MSCHAP2Success []byte // MS-CHAP2-Success, RFC 2548 section 2.3.3: the ident and "S=" with 40 digits
	MSCHAPError    []byte // MS-CHAP-Error, RFC 2548 section 2.1.5, of a rejected MS-CHAPv2 login
	SendKey        []byte // MS-MPPE-Send-Key in clear, RFC 3079 section 3.4; 16 octets
	RecvKey        []byte // MS-MPPE-Recv-Key
}
