package aaa

import (
	"net"
	"testing"
	"time"

	"layeh.com/radius"
)

// otherSide takes requests of the box: a NAS, or somebody else's server. The test answers them.
type otherSide struct {
	t    *testing.T
	conn *net.UDPConn
	*keys
}

func newOtherSide(t *testing.T, secret string) *otherSide {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(freePort(t))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &otherSide{t, conn, newKeys(secret)}
}

func (o *otherSide) port() int { return o.conn.LocalAddr().(*net.UDPAddr).Port }

// read waits for a request of the right shape.
func (o *otherSide) read() ([]byte, net.Addr) {
	o.t.Helper()
	if err := o.conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		o.t.Fatal(err)
	}
	b := make([]byte, radius.MaxPacketLength)
	n, from, err := o.conn.ReadFrom(b)
	if err != nil {
		o.t.Fatal(err)
	}
	raw, ok := shape(b[:n])
	if !ok {
		o.t.Fatalf("malformed: %x", b[:n])
	}
	return raw, from
}
