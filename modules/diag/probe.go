package diag

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// answer is what became of one probe.
type answer struct {
	from     netip.Addr    // who answered; not valid: nobody, or this box by itself
	rtt      time.Duration // from sending to the answer
	note     *icmpNote     // an error; nil: the host answered, or if from is not valid, nobody did
	rejected int           // answers that were not to this probe although they said so
}

func (a answer) replied() bool { return a.note == nil && a.from.IsValid() }

// exchange sends one probe and waits for its answer: to ICMP sockets an echo request, to others data as it is. The error is
// that of ctx, or of the machine; what the network says is in the answer.
func (s *socket) exchange(ctx context.Context, to netip.Addr, seq int, data []byte, timeout time.Duration) (a answer, err error) {
	packet := data
	if s.icmp {
		if packet, err = (echo{s.id, seq, data}).request(s.v6); err != nil {
			return a, fmt.Errorf("write an echo request: %w", err)
		}
	}
	defer s.interrupt(ctx)()
	sent := time.Now()
	if err := s.send(packet); err != nil {
		a.note = s.unsent(err)
		if a.note == nil {
			err = fmt.Errorf("send to %s: %w", to, err)
		} else {
			err = nil
		}
		return a, err
	}
	for {
		got, err := s.receive(ctx, sent.Add(timeout))
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return a, nil
		case err != nil:
			return a, err
		}
		switch s.judge(got, to, seq, data) {
		case ours:
			a.from, a.note, a.rtt = got.from, got.report, got.at.Sub(sent)
			return a, nil
		case forged:
			a.rejected++
		}
	}
}

// unsent is what an error of sending says of the network; nil if it says nothing of it.
func (s *socket) unsent(err error) *icmpNote {
	switch {
	case errors.Is(err, unix.EMSGSIZE):
		note := &icmpNote{local: true, v6: s.v6}
		_ = s.raw.Control(func(fd uintptr) { // the length that would do is only known to the queue
			if a, err := s.queued(int(fd)); err == nil {
				note.mtu = a.report.mtu
			}
		})
		return note
	case errors.Is(err, unix.ENETUNREACH), errors.Is(err, unix.EHOSTUNREACH), errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM),
		errors.Is(err, unix.ENETDOWN), errors.Is(err, unix.EADDRNOTAVAIL):
		return &icmpNote{local: true, v6: s.v6, typ: unreachable4}
	case errors.Is(err, unix.ENOBUFS), errors.Is(err, unix.ECONNREFUSED), errors.Is(err, unix.EAGAIN):
		return &icmpNote{local: true, v6: s.v6, typ: otherNote}
	}
	return nil
}

type verdict int

const (
	foreign verdict = iota // of another probe, or of another program
	forged                 // it names this probe, but does not know what was in it, or comes from elsewhere
	ours
)

// judge says whether an arrival answers the probe. Whoever has not seen the probe cannot know its cookie.
func (s *socket) judge(a arrival, to netip.Addr, seq int, data []byte) verdict {
	switch {
	case a.report == nil && !s.icmp:
		return s.from(a, to) // something listens on that UDP port
	case a.report == nil:
		e, ok := parseReply(a.packet, s.v6, s.bare)
		switch {
		case !ok, e.id != s.id, e.seq != seq:
			return foreign
		case !bytes.Equal(e.data, data):
			return forged
		}
		return s.from(a, to)
	case *a.report == icmpNote{}:
		return foreign
	case a.report.local:
		return ours
	case !s.icmp:
		return quotes(a.packet, data)
	}
	e, ok := parseQuoted(a.packet, s.v6)
	if !ok || e.id != s.id || e.seq != seq {
		return foreign
	}
	return quotes(e.data, data)
}

func (s *socket) from(a arrival, to netip.Addr) verdict {
	if a.from != to.WithZone("") {
		return forged
	}
	return ours
}

// quotes compares what an error quotes of a probe, which may be nothing of its data, or more than all of it (RFC 4884).
func quotes(quoted, data []byte) verdict {
	n := min(len(quoted), len(data))
	if !bytes.Equal(quoted[:n], data[:n]) {
		return forged
	}
	return ours
}
