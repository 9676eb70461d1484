package aaa

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"layeh.com/radius"
)

// receiveBuffer is what the kernel keeps for a socket that is not read for a moment, in octets; it may grant less.
const receiveBuffer = 4 << 20

// request is a packet as it was read, and the way back to whoever sent it. Requests are used again.
type request struct {
	origin
	client *client
	raw    []byte // the packet, in buf
	at     time.Time
	buf    [radius.MaxPacketLength]byte
}

// origin is where a request came from, and to which of our addresses.
type origin struct {
	socket *socket
	from   netip.AddrPort // IPv4 as IPv4
	to     [64]byte       // control message that makes a reply leave from the address that the request came to
	toLen  int
}

var requests = sync.Pool{New: func() any { return &request{} }}

func (r *request) free() {
	r.client, r.raw, r.socket = nil, nil, nil
	requests.Put(r)
}

// socket takes requests of one kind on one address.
type socket struct {
	endpoint
	conn    *net.UDPConn
	in      *inbox
	turn    atomic.Uint64 // odd while who reads serves; see watchman
	reading bool          // guarded by Module.mu
}

// open binds the socket. A request's own destination is told with it, so that a box with several addresses, or one that takes
// over the address of another, answers from the one that was asked.
func open(e endpoint) (*socket, error) {
	network, level, option := "udp4", unix.IPPROTO_IP, unix.IP_PKTINFO
	if e.addr.Addr().Is6() {
		network, level, option = "udp6", unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO
	}
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var failed error
		err := c.Control(func(fd uintptr) {
			failed = unix.SetsockoptInt(int(fd), level, option, 1)
		})
		return errors.Join(err, failed)
	}}
	conn, err := lc.ListenPacket(context.Background(), network, e.addr.String())
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", e.addr, err)
	}
	s := &socket{endpoint: e, conn: conn.(*net.UDPConn)}
	if err := s.conn.SetReadBuffer(receiveBuffer); err != nil {
		return nil, errors.Join(fmt.Errorf("listen on %s: %w", e.addr, err), conn.Close())
	}
	s.in = newInbox(s)
	return s, nil
}

// asked is our address that the request came to; invalid if the kernel did not say.
func (o *origin) asked() netip.Addr {
	_, data, _, err := unix.ParseOneSocketControlMessage(o.to[:max(o.toLen, unix.SizeofCmsghdr)])
	switch {
	case err != nil || o.toLen == 0:
		return netip.Addr{}
	case len(data) >= unix.SizeofInet6Pktinfo:
		return netip.AddrFrom16([16]byte(data))
	case len(data) >= unix.SizeofInet4Pktinfo:
		return netip.AddrFrom4([4]byte(data[4:8])) // behind the index of the interface
	}
	return netip.Addr{}
}

// send answers the request.
func (o *origin) send(reply []byte) error {
	_, _, err := o.socket.conn.WriteMsgUDPAddrPort(reply, o.to[:o.toLen], o.from)
	if err != nil {
		return fmt.Errorf("answer %s: %w", o.from, err)
	}
	return nil
}

// answerFrom turns the control message that tells where a packet arrived into the one that makes another leave from there,
// in its place, and returns its length. The routes choose the interface, but for link-local addresses, which need theirs.
func answerFrom(b []byte) int {
	if len(b) == 0 {
		return 0
	}
	h, data, _, err := unix.ParseOneSocketControlMessage(b)
	switch {
	case err != nil:
		return 0
	case h.Level == unix.IPPROTO_IP && h.Type == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo:
		binary.NativeEndian.PutUint32(data, 0)
		return unix.CmsgSpace(unix.SizeofInet4Pktinfo)
	case h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
		if addr := netip.AddrFrom16([16]byte(data)); !addr.IsLinkLocalUnicast() {
			binary.NativeEndian.PutUint32(data[16:], 0)
		}
		return unix.CmsgSpace(unix.SizeofInet6Pktinfo)
	}
	return 0
}
