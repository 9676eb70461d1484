package main

import (
	"crypto/md5"
	"net"
	"os"
	"sync"

	"golang.org/x/net/ipv4"

	"mbox/bench/servers"
)

// limit is no RADIUS server: it answers every login with yes, as quickly as this machine can receive and send. What it
// reaches, nobody exceeds.
type limit struct{}

func (limit) Name() string             { return "no work at all" }
func (limit) Version() (string, error) { return "", nil }
func (limit) Settings() string {
	return "a part of the generator that answers every login with yes: what this machine leaves room for"
}

// yes is a server that agrees.
type yes struct {
	conn    *net.UDPConn
	serving sync.WaitGroup
}

func (limit) Start(*servers.Site, int) (server, error) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	y := &yes{conn: conn}
	y.serving.Go(y.serve)
	return y, nil
}

func (y *yes) AuthAddress() string { return y.conn.LocalAddr().String() }
func (y *yes) AcctAddress() string { return "" }
func (y *yes) Processes() []int    { return []int{os.Getpid()} }

// Held is nothing: there is no accounting.
func (y *yes) Held() (sessions, octets uint64, err error) { return 0, 0, nil }

func (y *yes) Close() error {
	err := y.conn.Close()
	y.serving.Wait()
	return err
}

// serve answers what comes, all that waits together, until the socket is closed.
func (y *yes) serve() {
	const most = 64
	batch := ipv4.NewPacketConn(y.conn)
	in := make([]ipv4.Message, most)
	for i := range in {
		in[i].Buffers = [][]byte{make([]byte, maxPacket)}
	}
	for {
		n, err := batch.ReadBatch(in, 0)
		if err != nil {
			return
		}
		var out []ipv4.Message
		for _, m := range in[:n] {
			out = append(out, ipv4.Message{Buffers: [][]byte{agree(m.Buffers[0][:m.N])}, Addr: m.Addr})
		}
		for len(out) > 0 {
			sent, err := batch.WriteBatch(out, 0)
			if err != nil {
				return
			}
			out = out[sent:]
		}
	}
}

// agree is the answer to a request, whatever it says.
func agree(request []byte) []byte {
	p := &packet{}
	p.begin(request[1])
	p.code(accessAccept)
	copy(p.authenticator(), request[authenticatorFrom:headerSize])
	p.number(sessionTimeout, profileTimeout)
	p.setLength()
	sum := md5.Sum(append(p.b, secret...))
	copy(p.authenticator(), sum[:])
	return p.b
}
