// Package peer is one authenticated connection between two boxes: frames with bounded sizes and deadlines, and the
// handshake that proves both sides before the first record flows.
package peer

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"mbox/proto/syncpb"
)

const (
	// ALPN selects the sync protocol on the box's HTTPS listener.
	ALPN = "mbox-sync/1"
	// Version is the highest protocol version spoken.
	Version = 1
	// MaxFrame bounds a frame in bytes, before anything is allocated for it.
	MaxFrame = 4 << 20
	// Small frames decode into many times their size if they are full of empty parts, so those that need not be large may
	// not be: Subscribe and Buckets carry up to 7 x 64 KiB of sums, Compare up to 64 Ki digests of 8 bytes.
	maxSubscribe = 640 << 10
	maxOther     = 128 << 10
	// maxClaim is for the questions after vouchers, of which a peer may send many: some 200 bytes each.
	maxClaim = 4 << 10
	// maxUnproved bounds frames before the peer has proved itself.
	maxUnproved = 16 << 10
	// HeartbeatEvery is how often each side says something; three missed end the connection.
	HeartbeatEvery = 5 * time.Second

	silence      = 3 * HeartbeatEvery
	writeTimeout = time.Minute

	// readBuffer is for the lengths and small frames; a large one is read past it. A thousand followers have one each.
	readBuffer = 4 << 10
)

// Conn sends and receives frames. One goroutine reads; any may write.
type Conn struct {
	tls    *tls.Conn
	reader *bufio.Reader
	quiet  atomic.Int64 // read deadline in nanoseconds after the last byte

	mu      sync.Mutex // guards writing: one frame at a time
	parting bool       // Goodbye was sent; nothing follows it

	received, sent atomic.Int64 // bytes of frames
	authentic      atomic.Bool  // the peer has proved itself
}

// proved lifts the bounds for strangers.
func (c *Conn) proved() { c.authentic.Store(true) }

// NewConn wraps a connection whose TLS handshake is done.
func NewConn(conn *tls.Conn) *Conn {
	c := &Conn{tls: conn}
	c.quiet.Store(int64(silence))
	c.reader = bufio.NewReaderSize(deadlineReader{c}, readBuffer)
	return c
}

// deadlineReader renews the deadline before each read: bytes of a long frame on a slow link are a sign of life too.
type deadlineReader struct{ c *Conn }

func (r deadlineReader) Read(p []byte) (int, error) {
	if err := r.c.tls.SetReadDeadline(time.Now().Add(time.Duration(r.c.quiet.Load()))); err != nil {
		return 0, err
	}
	n, err := r.c.tls.Read(p)
	r.c.received.Add(int64(n))
	return n, err
}

// Send writes one frame.
func (c *Conn) Send(frame *syncpb.Frame) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.parting {
		return net.ErrClosed
	}
	c.parting = frame.GetGoodbye() != nil
	if err := c.tls.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	raw, err := delimited(frame)
	if err != nil {
		return err
	}
	n, err := c.tls.Write(raw)
	c.sent.Add(int64(n))
	return err
}

// delimited puts the length in front of the frame, so that both leave in one write: one TLS record, and one packet if they fit.
func delimited(frame *syncpb.Frame) ([]byte, error) {
	size := proto.Size(frame)
	raw := protowire.AppendVarint(make([]byte, 0, size+binary.MaxVarintLen64), uint64(size))
	return proto.MarshalOptions{UseCachedSize: true}.MarshalAppend(raw, frame)
}

// ErrSilent ends a connection over which nothing comes any more.
var ErrSilent = fmt.Errorf("nothing heard for %v", silence)

// Receive reads one frame. An oversized or malformed one is an error that ends the connection.
func (c *Conn) Receive() (*syncpb.Frame, error) {
	frame, err := c.receive()
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return nil, ErrSilent
	}
	return frame, err
}

func (c *Conn) receive() (*syncpb.Frame, error) {
	size, err := binary.ReadUvarint(c.reader)
	if err != nil {
		return nil, err
	}
	if err := c.bounded(size); err != nil {
		return nil, err
	}
	raw := make([]byte, size)
	if _, err := io.ReadFull(c.reader, raw); err != nil {
		return nil, err
	}
	frame := &syncpb.Frame{}
	if err := proto.Unmarshal(raw, frame); err != nil {
		return nil, fmt.Errorf("the peer sent a malformed frame: %w", err)
	}
	return frame, nil
}

// bounded looks at the kind of the frame, which its first bytes tell, and refuses a size that the kind never needs.
func (c *Conn) bounded(size uint64) error {
	const tagBytes = 2
	if size > MaxFrame {
		return fmt.Errorf("the peer sent a frame of %d bytes; at most %d are accepted", size, MaxFrame)
	}
	head, err := c.reader.Peek(int(min(size, tagBytes)))
	if err != nil {
		return err
	}
	most := uint64(maxOther)
	kind, _, _ := protowire.ConsumeTag(head)
	switch {
	case !c.authentic.Load():
		most = maxUnproved
	case kind == kindBatch, kind == kindCompared:
		most = MaxFrame
	case kind == kindSubscribe, kind == kindBuckets, kind == kindCompare:
		most = maxSubscribe
	case kind == kindClaim, kind == kindClaimed:
		most = maxClaim
	}
	if size > most {
		return fmt.Errorf("the peer sent a frame of %d bytes (kind %d); at most %d are accepted", size, kind, most)
	}
	return nil
}

// Field numbers of syncpb.Frame.
const (
	kindSubscribe protowire.Number = 5
	kindBatch     protowire.Number = 7
	kindBuckets   protowire.Number = 11
	kindCompare   protowire.Number = 12
	kindCompared  protowire.Number = 13
	kindClaim     protowire.Number = 18
	kindClaimed   protowire.Number = 19
)

// State is the TLS state, for channel binding and certificates.
func (c *Conn) State() tls.ConnectionState { return c.tls.ConnectionState() }

// RemoteAddr is the peer's address.
func (c *Conn) RemoteAddr() netip.Addr { return Source(c.tls.RemoteAddr()) }

// Source is the address behind a connection.
func Source(addr net.Addr) netip.Addr {
	if a, ok := addr.(*net.TCPAddr); ok {
		return a.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

// Traffic returns the bytes of frames received and sent.
func (c *Conn) Traffic() (received, sent int64) { return c.received.Load(), c.sent.Load() }

// linger lets the peer read the last frame: closing with unread input would reset the connection and lose it.
func (c *Conn) linger() {
	const patience = 2 * time.Second
	_ = c.tls.CloseWrite()
	_ = c.tls.NetConn().SetReadDeadline(time.Now().Add(patience))
	_, _ = io.CopyN(io.Discard, c.tls.NetConn(), MaxFrame)
}

// Part says goodbye with a reason and closes.
func (c *Conn) Part(code, reason string) {
	const patience = time.Second
	stop := time.AfterFunc(patience, func() { _ = c.tls.NetConn().Close() }) // a peer that does not read must not hold us up
	defer stop.Stop()
	_ = c.Send(&syncpb.Frame{Kind: &syncpb.Frame_Goodbye{Goodbye: &syncpb.Goodbye{Code: code, Reason: reason}}})
	c.linger()
	_ = c.Close()
}

// Close ends the connection at once; a blocked Send or Receive returns.
func (c *Conn) Close() error {
	// A peer that does not read must not hold up the close_notify alert.
	_ = c.tls.NetConn().SetDeadline(time.Now())
	return c.tls.NetConn().Close()
}
