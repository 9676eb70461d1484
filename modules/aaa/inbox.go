package aaa

import (
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/net/ipv4"
)

// readTogether is how many packets are read by one system call at most (recvmmsg). That several wait says that there is work for
// several; to ask for more costs each call more.
const readTogether = 4

// inbox reads a socket, for one goroutine at a time.
type inbox struct {
	socket   *socket
	conn     *ipv4.PacketConn // reads IPv6 likewise
	requests [readTogether]*request
	messages [readTogether]ipv4.Message
	list     []*request
}

func newInbox(s *socket) *inbox {
	in := &inbox{socket: s, conn: ipv4.NewPacketConn(s.conn)}
	in.refill(readTogether)
	return in
}

// refill replaces the first n requests, which were given away.
func (in *inbox) refill(n int) {
	for i := range n {
		r := requests.Get().(*request)
		in.requests[i] = r
		in.messages[i] = ipv4.Message{Buffers: [][]byte{r.buf[:]}, OOB: r.to[:]}
	}
}

// read waits for packets and returns them; they are the caller's, the slice is good until the next call.
func (in *inbox) read() ([]*request, error) {
	n, err := in.conn.ReadBatch(in.messages[:], 0)
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	in.list = append(in.list[:0], in.requests[:n]...)
	for i, r := range in.list {
		m := &in.messages[i]
		from := m.Addr.(*net.UDPAddr).AddrPort()
		r.socket, r.raw, r.toLen = in.socket, r.buf[:m.N], answerFrom(r.to[:m.NN])
		r.from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	}
	in.refill(n)
	return in.list, nil
}

// free gives back what was not used.
func (in *inbox) free() {
	for _, r := range in.requests {
		r.free()
	}
}
