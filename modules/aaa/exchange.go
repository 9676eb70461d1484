package aaa

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"syscall"
	"time"

	"layeh.com/radius"
)

// retransmission is how often a request is sent again: RFC 5080 section 2.2.1 asks for more and more patience.
type retransmission struct {
	first time.Duration // until the second
	tries int
}

// patience is how long is waited: for a NAS 14 s altogether, after which it is gone; for a test 7 s.
type patience struct{ nas, test retransmission }

var defaultPatience = patience{nas: retransmission{2 * time.Second, 3}, test: retransmission{time.Second, 3}}

// errNoAnswer says that the other side was silent.
var errNoAnswer = errors.New("no answer")

// errForged says that only answers came that do not prove the secret.
var errForged = errors.New("the answer does not prove the key: the other side has another one, most likely")

// reply is an answer, and how much it proves.
type reply struct {
	*radius.Packet
	signed bool // it has a Message-Authenticator
	took   time.Duration
}

// exchange sends a request that newSigned began and waits for its answer. Answers that do not prove the secret are passed
// over, because anybody can send them.
func exchange(ctx context.Context, source netip.Addr, to netip.AddrPort, k *keys, request *radius.Packet, how retransmission) (reply, error) {
	conn, err := dial(source, to)
	if err != nil {
		return reply{}, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) }) // ends the reading
	defer stop()
	raw, err := k.encodeRequest(request)
	if err != nil {
		return reply{}, fmt.Errorf("encode the request: %w", err)
	}
	begun, wait, failed := time.Now(), how.first, errNoAnswer
	for range how.tries {
		if err := conn.SetReadDeadline(time.Now().Add(wait)); err != nil {
			return reply{}, fmt.Errorf("wait for %s: %w", to, err)
		}
		if ctx.Err() != nil {
			return reply{}, ctx.Err()
		}
		if _, err := conn.Write(raw); err != nil && !errors.Is(err, syscall.ECONNREFUSED) {
			return reply{}, fmt.Errorf("send to %s: %w", to, err)
		}
		answer, err := await(conn, k, raw)
		if err == nil {
			answer.took = time.Since(begun)
			return answer, nil
		}
		if ctx.Err() != nil {
			return reply{}, ctx.Err()
		}
		if !errors.Is(err, errNoAnswer) {
			failed = err
		}
		wait *= 2
	}
	return reply{}, failed
}

type reader interface{ Read(b []byte) (int, error) }

// await reads until the authentic answer to raw comes, or no longer.
func await(conn reader, k *keys, raw []byte) (reply, error) {
	failed := errNoAnswer
	buf := make([]byte, radius.MaxPacketLength)
	for {
		n, err := conn.Read(buf)
		switch {
		case errors.Is(err, syscall.ECONNREFUSED):
			failed = errors.New("nobody listens there")
			continue
		case err != nil:
			return reply{}, failed
		}
		b, ok := shape(buf[:n])
		if !ok || b[1] != raw[1] {
			continue
		}
		if !k.answers(b, raw[authenticatorAt:headerSize], false) {
			failed = errForged
			continue
		}
		packet, err := radius.Parse(b, k.secret)
		if err != nil {
			continue
		}
		copy(packet.Authenticator[:], raw[authenticatorAt:headerSize])
		return reply{Packet: packet, signed: k.check(b, raw[authenticatorAt:headerSize]) == signedWell}, nil
	}
}
