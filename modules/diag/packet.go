package diag

import (
	"crypto/rand"
	"encoding/binary"
	"net/netip"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"
)

// maxPacket is more than any answer to what ping may send.
const maxPacket = maxSize + 128

// Lengths of headers without options, in bytes: RFC 791, RFC 8200, RFC 792.
const (
	header4    = 20
	header6    = 40
	echoHeader = 8
)

// Protocol numbers of IANA, as package icmp wants them.
const (
	protocolICMP   = 1
	protocolICMPv6 = 58
)

// cookie is how many bytes of a probe nobody can guess; who does not see the probe cannot answer it.
const cookie = 8

// randomID is an id for the echo requests of a raw socket.
func randomID() int {
	var b [2]byte
	rand.Read(b[:]) // never fails
	return int(binary.BigEndian.Uint16(b[:]))
}

// randomPayload is n bytes: a cookie, then the pattern that IOS sends.
func randomPayload(n int) []byte {
	out := make([]byte, n)
	rand.Read(out[:min(n, cookie)])
	for i := cookie; i < n; i++ {
		out[i] = [2]byte{0xab, 0xcd}[i%2]
	}
	return out
}

// echo is the content of an echo request or reply.
type echo struct {
	id, seq int
	data    []byte
}

// request writes an echo request. The kernel fills in the checksum of IPv6, and of sockets without privilege id and checksum.
func (e echo) request(v6 bool) ([]byte, error) {
	m := icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{ID: e.id, Seq: e.seq, Data: e.data}}
	if v6 {
		m.Type = ipv6.ICMPTypeEchoRequest
	}
	return m.Marshal(nil)
}

// parseReply reads an echo reply. bare says that an IPv4 header stands before it, as raw sockets deliver it.
func parseReply(packet []byte, v6, bare bool) (echo, bool) {
	if bare && !v6 {
		if len(packet) < header4 {
			return echo{}, false
		}
		length := int(packet[0]&0x0f) * 4
		if length < header4 || length > len(packet) {
			return echo{}, false
		}
		packet = packet[length:]
	}
	return parseEcho(packet, v6, ipv4.ICMPTypeEchoReply, ipv6.ICMPTypeEchoReply)
}

// parseQuoted reads the echo request that an ICMP error quotes; it may be cut off.
func parseQuoted(packet []byte, v6 bool) (echo, bool) {
	return parseEcho(packet, v6, ipv4.ICMPTypeEcho, ipv6.ICMPTypeEchoRequest)
}

func parseEcho(packet []byte, v6 bool, type4 ipv4.ICMPType, type6 ipv6.ICMPType) (echo, bool) {
	protocol := protocolICMP
	if v6 {
		protocol = protocolICMPv6
	}
	m, err := icmp.ParseMessage(protocol, packet)
	if err != nil || m.Code != 0 || v6 && m.Type != type6 || !v6 && m.Type != type4 {
		return echo{}, false
	}
	body, ok := m.Body.(*icmp.Echo)
	if !ok {
		return echo{}, false
	}
	return echo{body.ID, body.Seq, body.Data}, true
}

// icmpNote is what a router or host says of a packet that was sent. The zero value is about nothing.
type icmpNote struct {
	from  netip.Addr // who says so; not valid: this box
	v6    bool
	typ   uint8
	code  uint8
	mtu   int  // of the next link, if the packet was too big
	local bool // this box found out by itself
}

// parseControl reads the extended error (struct sock_extended_err and the address behind it) of a message from the queue
// of errors.
func parseControl(oob []byte) (icmpNote, bool) {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return icmpNote{}, false
	}
	for _, m := range messages {
		v4 := m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_RECVERR
		v6 := m.Header.Level == unix.IPPROTO_IPV6 && m.Header.Type == unix.IPV6_RECVERR
		if v4 || v6 {
			return parseExtended(m.Data)
		}
	}
	return icmpNote{}, false
}

// Offsets in struct sock_extended_err (linux/errqueue.h), and of the sockaddr behind it.
const (
	extOrigin, extType, extCode, extInfo = 4, 5, 6, 8
	extLength                            = 16
	inet4Address, inet6Address           = 4, 8
)

func parseExtended(data []byte) (icmpNote, bool) {
	if len(data) < extLength {
		return icmpNote{}, false
	}
	note := icmpNote{typ: data[extType], code: data[extCode]}
	errno := unix.Errno(binary.NativeEndian.Uint32(data))
	if errno == unix.EMSGSIZE {
		note.mtu = int(binary.NativeEndian.Uint32(data[extInfo:]))
	}
	switch data[extOrigin] {
	case unix.SO_EE_ORIGIN_LOCAL:
		note.local, note.typ, note.code = true, 0, 0
		return note, errno == unix.EMSGSIZE // of others, send tells
	case unix.SO_EE_ORIGIN_ICMP6:
		note.v6 = true
	case unix.SO_EE_ORIGIN_ICMP:
	default:
		return icmpNote{}, false
	}
	from := data[extLength:]
	if len(from) < 2 {
		return note, false
	}
	switch family := binary.NativeEndian.Uint16(from); {
	case family == unix.AF_INET && len(from) >= inet4Address+4:
		note.from = netip.AddrFrom4([4]byte(from[inet4Address:]))
	case family == unix.AF_INET6 && len(from) >= inet6Address+16:
		note.from = netip.AddrFrom16([16]byte(from[inet6Address:])).Unmap()
	default:
		return note, false
	}
	return note, true
}
