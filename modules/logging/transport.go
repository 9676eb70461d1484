package logging

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

const (
	transportUDP = "udp"
	transportTCP = "tcp"
	transportTLS = "tls"
)

// defaultPorts are those of RFC 5426, of IOS (RFC 3195's port, on which collectors take RFC 6587), and of RFC 5425.
var defaultPorts = map[string]int{transportUDP: 514, transportTCP: 601, transportTLS: 6514}

// Limits of one message, in bytes. RFC 5426 section 3.2 and RFC 5425 section 4.3.1: receivers should take 2048 and 8192.
const (
	maxDatagram = 2048
	maxFrame    = 8192
)

// line is one connection to a log host.
type line struct {
	conn     net.Conn
	datagram bool
	gone     chan error // the other side has ended it
	sequence uint64
	buffer   []byte
	closed   chan struct{}
}

// connect opens a connection; over TLS it returns when the log host has proved who it is.
func (m *Module) connect(ctx context.Context, c hostConfig) (*line, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	network := "tcp"
	if c.Transport == transportUDP {
		network = "udp"
	}
	conn, err := m.deps.Dial(ctx, c.Source, network, net.JoinHostPort(c.Name, strconv.Itoa(c.Port)))
	if err != nil {
		return nil, err
	}
	if c.Transport == transportTLS {
		secured := tls.Client(conn, tlsConfig(c, m.deps.Roots))
		if err := secured.HandshakeContext(ctx); err != nil {
			conn.Close()
			return nil, fmt.Errorf("TLS with %s: %w", conn.RemoteAddr(), err)
		}
		conn = secured
	}
	l := &line{conn: conn, datagram: network == "udp", gone: make(chan error, 1), closed: make(chan struct{})}
	go l.listen()
	return l, nil
}

// maxHeard is how much a log host may say, in bytes. It has nothing to say; one that never stops would keep the box busy.
const maxHeard = 64 << 10

// listen notices that the other side has gone. It ends with close.
func (l *line) listen() {
	defer close(l.closed)
	var scrap [512]byte
	for heard := 0; ; {
		n, err := l.conn.Read(scrap[:])
		heard += n
		switch {
		case errors.Is(err, io.EOF):
			err = errors.New("it has closed the connection")
		case err == nil && heard > maxHeard && !l.datagram:
			err = errors.New("it talks, and is no log host")
		}
		if err != nil {
			l.gone <- err
			return
		}
	}
}

func (l *line) close() {
	l.conn.Close()
	<-l.closed
}

// write sends one message: over TCP and TLS with octet counting (RFC 6587 section 3.4.1, RFC 5425 section 4.3).
func (l *line) write(e *Entry, from sender, deadline time.Time) error {
	l.sequence++
	if err := l.conn.SetWriteDeadline(deadline); err != nil {
		return err
	}
	if l.datagram {
		l.buffer = appendRFC5424(l.buffer[:0], e, from, l.sequence-1, maxDatagram)
		_, err := l.conn.Write(l.buffer)
		return err
	}
	const room = 8 // for the count
	l.buffer = append(l.buffer[:0], "        "...)
	l.buffer = appendRFC5424(l.buffer, e, from, l.sequence-1, maxFrame)
	count := strconv.Itoa(len(l.buffer)-room) + " "
	frame := l.buffer[room-len(count):]
	copy(frame, count)
	_, err := l.conn.Write(frame)
	return err
}

// address is this box's own end of the connection.
func (l *line) address() string {
	host, _, err := net.SplitHostPort(l.conn.LocalAddr().String())
	if err != nil {
		return ""
	}
	return host
}

// tlsConfig verifies the log host by the roots and its name or address, or by a pinned certificate (RFC 5425 section 5).
func tlsConfig(c hostConfig, roots *x509.CertPool) *tls.Config {
	config := &tls.Config{ServerName: c.Name, RootCAs: roots, MinVersion: tls.VersionTLS12}
	if c.Fingerprint == "" {
		return config
	}
	config.InsecureSkipVerify = true // what follows takes the place of the chain
	config.VerifyConnection = func(state tls.ConnectionState) error {
		if len(state.PeerCertificates) == 0 {
			return errors.New("it shows no certificate")
		}
		sum := sha256.Sum256(state.PeerCertificates[0].Raw)
		if shown := hex.EncodeToString(sum[:]); shown != c.Fingerprint {
			return fmt.Errorf("it shows another certificate than the pinned one: sha256:%s", shown)
		}
		return nil
	}
	return config
}
