package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"math"
	"math/rand/v2"
	"net/netip"
)

// Codes of packets: RFC 2865 section 4, RFC 2866 section 4.
const (
	accessRequest      = 1
	accessAccept       = 2
	accessReject       = 3
	accountingRequest  = 4
	accountingResponse = 5
)

// Types of attributes: RFC 2865 section 5, RFC 2866 section 5, RFC 2869 section 5.
const (
	userName             = 1
	userPassword         = 2
	nasIPAddress         = 4
	framedIPAddress      = 8
	sessionTimeout       = 27
	calledStationID      = 30
	callingStationID     = 31
	nasIdentifier        = 32
	acctStatusType       = 40
	acctInputOctets      = 42
	acctOutputOctets     = 43
	acctSessionID        = 44
	acctSessionTime      = 46
	acctTerminateCause   = 49
	acctInputGigawords   = 52
	acctOutputGigawords  = 53
	nasPortType          = 61
	messageAuthenticator = 80
)

const (
	maxPacket         = 4096 // RFC 2865 section 3
	headerSize        = 20
	authenticatorFrom = 4 // the 16 bytes behind code, identifier and length
	wifi              = 19
)

// packet is a request being built in a buffer that is used again.
type packet struct {
	b   []byte
	mac hash.Hash // made when it is needed
}

func (p *packet) begin(id byte) {
	p.b = append(p.b[:0], make([]byte, headerSize)...)
	p.b[1] = id
}

func (p *packet) code(c byte) { p.b[0] = c }

func (p *packet) authenticator() []byte { return p.b[authenticatorFrom:headerSize] }

func (p *packet) text(kind byte, s string) {
	p.b = append(append(p.b, kind, byte(len(s)+2)), s...)
}

func (p *packet) number(kind byte, v uint32) {
	p.b = binary.BigEndian.AppendUint32(append(p.b, kind, 6), v)
}

func (p *packet) address(kind byte, a netip.Addr) {
	p.b = append(append(p.b, kind, 6), a.AsSlice()...)
}

// octets writes a counter of 64 bits as two attributes (RFC 2869 section 5.1).
func (p *packet) octets(low, high byte, v uint64) {
	p.number(low, uint32(v&math.MaxUint32))
	if v > math.MaxUint32 {
		p.number(high, uint32(v>>32))
	}
}

// hide adds the User-Password (RFC 2865 section 5.2), for which the authenticator must be there.
func (p *packet) hide(password, secret string) {
	padded := make([]byte, (max(len(password), 1)+md5.Size-1)/md5.Size*md5.Size)
	copy(padded, password)
	before := p.authenticator()
	for block := padded; len(block) > 0; block = block[md5.Size:] {
		mask := md5.Sum(append([]byte(secret), before...))
		for i := range mask {
			block[i] ^= mask[i]
		}
		before = block[:md5.Size]
	}
	p.text(userPassword, string(padded))
}

// sealAccess sets the length and adds a Message-Authenticator (RFC 3579 section 3.2). The secret of a
// packet stays the same.
func (p *packet) sealAccess(secret string) {
	p.b = append(p.b, messageAuthenticator, md5.Size+2)
	p.b = append(p.b, make([]byte, md5.Size)...)
	p.setLength()
	if p.mac == nil {
		p.mac = hmac.New(md5.New, []byte(secret))
	}
	p.mac.Reset()
	p.mac.Write(p.b)
	p.mac.Sum(p.b[:len(p.b)-md5.Size])
}

// sealAccounting sets the length and the authenticator of an Accounting-Request (RFC 2866 section 3).
func (p *packet) sealAccounting(secret string) {
	p.setLength()
	clear(p.authenticator())
	sum := md5.Sum(append(p.b, secret...))
	copy(p.authenticator(), sum[:])
}

func (p *packet) setLength() { binary.BigEndian.PutUint16(p.b[2:], uint16(len(p.b))) }

// randomise fills the authenticator of an Access-Request. A load needs no secrecy.
func (p *packet) randomise() {
	at := p.authenticator()
	binary.LittleEndian.PutUint64(at, rand.Uint64())
	binary.LittleEndian.PutUint64(at[8:], rand.Uint64())
}

var errForged = errors.New("the Response Authenticator is wrong")

// verify checks the length and the Response Authenticator of a reply (RFC 2865 section 3).
func verify(reply, request []byte, secret string) error {
	if len(reply) < headerSize || int(binary.BigEndian.Uint16(reply[2:])) != len(reply) {
		return fmt.Errorf("a reply of %d bytes that says something else", len(reply))
	}
	h := md5.New()
	h.Write(reply[:authenticatorFrom])
	h.Write(request[authenticatorFrom:headerSize])
	h.Write(reply[headerSize:])
	h.Write([]byte(secret))
	var sum [md5.Size]byte
	if !bytes.Equal(h.Sum(sum[:0]), reply[authenticatorFrom:headerSize]) {
		return errForged
	}
	return nil
}

// numberIn finds an attribute of 32 bits.
func numberIn(reply []byte, kind byte) (uint32, bool) {
	for rest := reply[headerSize:]; len(rest) >= 2 && rest[1] >= 2 && int(rest[1]) <= len(rest); rest = rest[rest[1]:] {
		if rest[0] == kind && rest[1] == 6 {
			return binary.BigEndian.Uint32(rest[2:]), true
		}
	}
	return 0, false
}
