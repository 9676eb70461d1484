package aaa

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/binary"
	"hash"
	"sync"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2869"
)

const (
	headerSize        = 20 // RFC 2865 section 3
	authenticatorAt   = 4
	authenticatorSize = 16
)

// shape checks what RFC 2865 sections 3 and 5 say of lengths and returns the packet without what is behind it. No
// attribute needs more than that to be read safely.
func shape(b []byte) ([]byte, bool) {
	if len(b) < headerSize {
		return nil, false
	}
	length := int(binary.BigEndian.Uint16(b[2:4]))
	if length < headerSize || length > radius.MaxPacketLength || length > len(b) {
		return nil, false
	}
	b = b[:length]
	for at := headerSize; at < length; {
		if length-at < 2 || b[at+1] < 2 || int(b[at+1]) > length-at {
			return nil, false
		}
		at += int(b[at+1])
	}
	return b, true
}

// attributeAt is the offset of the value of the only attribute of a type in a well-shaped packet: 0 if there is none, and
// negative if there are several.
func attributeAt(b []byte, typ radius.Type) int {
	found := 0
	for at := headerSize; at < len(b); at += int(b[at+1]) {
		if radius.Type(b[at]) != typ {
			continue
		}
		if found != 0 {
			return -1
		}
		found = at + 2
	}
	return found
}

// has says whether a well-shaped packet has an attribute of a type.
func has(b []byte, typ radius.Type) bool { return attributeAt(b, typ) != 0 }

// keys signs and checks with one shared secret.
type keys struct {
	secret []byte
	macs   sync.Pool // of hash.Hash
}

func newKeys(secret string) *keys {
	k := &keys{secret: []byte(secret)}
	k.macs.New = func() any { return hmac.New(md5.New, k.secret) }
	return k
}

var zeros [authenticatorSize]byte

// mac is the Message-Authenticator (RFC 2869 section 5.14) of a packet whose value of it is at an offset, with another
// authenticator in the place of its own.
func (k *keys) mac(b []byte, at int, authenticator []byte) [md5.Size]byte {
	h := k.macs.Get().(hash.Hash)
	defer k.macs.Put(h)
	h.Reset()
	h.Write(b[:authenticatorAt])
	h.Write(authenticator)
	h.Write(b[headerSize:at])
	h.Write(zeros[:])
	h.Write(b[at+md5.Size:])
	var sum [md5.Size]byte
	h.Sum(sum[:0])
	return sum
}

// signed is what a packet says of its Message-Authenticator.
type signed int

const (
	unsigned signed = iota
	signedWell
	signedBadly
)

// check looks at the Message-Authenticator of a well-shaped packet. authenticator is what stood in the place of the
// packet's own when it was signed.
func (k *keys) check(b, authenticator []byte) signed {
	at := attributeAt(b, rfc2869.MessageAuthenticator_Type)
	switch {
	case at == 0:
		return unsigned
	case at < 0 || b[at-1] != 2+md5.Size:
		return signedBadly
	}
	sum := k.mac(b, at, authenticator)
	if !hmac.Equal(sum[:], b[at:at+md5.Size]) {
		return signedBadly
	}
	return signedWell
}

// digest is the MD5 sum that RFC 2865 section 3 and RFC 2866 section 3 use as an authenticator.
func (k *keys) digest(b, authenticator []byte) (sum [md5.Size]byte) {
	h := md5.New()
	h.Write(b[:authenticatorAt])
	h.Write(authenticator)
	h.Write(b[headerSize:])
	h.Write(k.secret)
	h.Sum(sum[:0])
	return sum
}

// authentic says whether the Request Authenticator of an accounting, Disconnect or CoA request is right.
func (k *keys) authentic(b []byte) bool {
	sum := k.digest(b, zeros[:])
	return hmac.Equal(sum[:], b[authenticatorAt:headerSize])
}

// answers says whether a response belongs to a request with this authenticator. A response without a
// Message-Authenticator may be forged by whoever sees the request (CVE-2024-3596); strict refuses it.
func (k *keys) answers(response, authenticator []byte, strict bool) bool {
	sum := k.digest(response, authenticator)
	if !hmac.Equal(sum[:], response[authenticatorAt:headerSize]) {
		return false
	}
	proof := k.check(response, authenticator)
	return proof == signedWell || proof == unsigned && !strict
}

// newSigned makes a packet whose first attribute is the Message-Authenticator: there it cannot be the tail of somebody
// else's prefix.
func newSigned(code radius.Code, id byte) *radius.Packet {
	p := &radius.Packet{Code: code, Identifier: id}
	p.Add(rfc2869.MessageAuthenticator_Type, make(radius.Attribute, md5.Size))
	return p
}

// encodeResponse makes the bytes of a response. A Message-Authenticator is its first attribute, or there is none. p.Authenticator is that of the request.
func (k *keys) encodeResponse(p *radius.Packet) ([]byte, error) {
	b, err := p.MarshalBinary()
	if err != nil {
		return nil, err
	}
	if has(b, rfc2869.MessageAuthenticator_Type) {
		k.sign(b, p.Authenticator[:])
	}
	sum := k.digest(b, p.Authenticator[:])
	copy(b[authenticatorAt:], sum[:])
	return b, nil
}

// encodeRequest makes the bytes of a request that newSigned began.
func (k *keys) encodeRequest(p *radius.Packet) ([]byte, error) {
	b, err := p.MarshalBinary()
	if err != nil {
		return nil, err
	}
	if p.Code == radius.CodeAccessRequest || p.Code == radius.CodeStatusServer {
		k.sign(b, p.Authenticator[:])
		return b, nil
	}
	k.sign(b, zeros[:])
	sum := k.digest(b, zeros[:])
	copy(b[authenticatorAt:], sum[:])
	return b, nil
}

// sign fills in the Message-Authenticator, which is the first attribute.
func (k *keys) sign(b, authenticator []byte) {
	const at = headerSize + 2
	sum := k.mac(b, at, authenticator)
	copy(b[at:], sum[:])
}

// copyProxyStates gives a response the Proxy-State attributes of its request, in their order (RFC 2865 section 5.33).
func copyProxyStates(to, from *radius.Packet) {
	for _, avp := range from.Attributes {
		if avp.Type == rfc2865.ProxyState_Type {
			to.Attributes = append(to.Attributes, avp)
		}
	}
}
