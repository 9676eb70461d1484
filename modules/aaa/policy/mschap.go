package policy

import (
	"crypto/rand"
	"crypto/subtle"
	"fmt"

	"layeh.com/radius/rfc2759"
	"layeh.com/radius/rfc3079"
)

// Lengths of MS-CHAPv2 attributes, RFC 2548 sections 2.1.2 and 2.3.2.
const (
	challengeSize = 16
	responseSize  = 50
)

// ParseMSCHAP2 reads MS-CHAP-Challenge and MS-CHAP2-Response. The response is an ident, flags, the peer's challenge, 8 octets
// that are reserved, and the response itself.
func ParseMSCHAP2(challenge, response []byte) (MSCHAP2, error) {
	if len(challenge) != challengeSize || len(response) != responseSize {
		return MSCHAP2{}, fmt.Errorf("MS-CHAPv2 challenge of %d octets with a response of %d, expected %d and %d",
			len(challenge), len(response), challengeSize, responseSize)
	}
	m := MSCHAP2{Ident: response[0]}
	copy(m.Challenge[:], challenge)
	copy(m.PeerChallenge[:], response[2:18])
	copy(m.Response[:], response[26:50])
	return m, nil
}

func (m *MSCHAP2) fits(username, password string) bool {
	want, err := rfc2759.GenerateNTResponse(m.Challenge[:], m.PeerChallenge[:], []byte(username), []byte(password))
	return err == nil && subtle.ConstantTimeCompare(want, m.Response[:]) == 1
}

// success is what proves to the guest that the server knows the password too, and the keys for whoever encrypts with them.
// They are as strong as the password against somebody who saw the exchange (RFC 3079 section 6), so that an encrypted
// link to the client must not rest on them alone.
func (m *MSCHAP2) success(username, password string) (value, send, recv []byte) {
	text, err := rfc2759.GenerateAuthenticatorResponse(m.Challenge[:], m.PeerChallenge[:], m.Response[:], []byte(username), []byte(password))
	if err != nil {
		return nil, nil, nil
	}
	send, sendErr := rfc3079.MakeKey(m.Response[:], []byte(password), true)
	recv, recvErr := rfc3079.MakeKey(m.Response[:], []byte(password), false)
	if sendErr != nil || recvErr != nil {
		send, recv = nil, nil
	}
	return append([]byte{m.Ident}, text...), send, recv
}

// Error codes of MS-CHAP-Error, RFC 2759 section 6.
const (
	errorRestrictedHours = 646
	errorDisabled        = 647
	errorAuthentication  = 691
)

// failure says why, as far as a stranger may know it; no retry is offered.
func (m *MSCHAP2) failure(reason Reason) []byte {
	code := errorAuthentication
	switch reason {
	case Disabled:
		code = errorDisabled
	case LoginTime:
		code = errorRestrictedHours
	}
	var challenge [challengeSize]byte
	rand.Read(challenge[:])
	return fmt.Appendf([]byte{m.Ident}, "E=%d R=0 C=%X V=3 M=Login failed", code, challenge)
}
