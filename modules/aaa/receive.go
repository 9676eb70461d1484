package aaa

import (
	"errors"
	"net"
	"time"

	"layeh.com/radius"
)

// receive reads one socket until it is closed. It looks only at what costs nothing: who sent it, and whether it has the
// shape of a packet. The rest is done when its sender's turn has come.
func (m *Module) receive(s *socket) {
	r := requests.Get().(*request)
	for {
		n, err := s.read(r)
		if errors.Is(err, net.ErrClosed) {
			r.free()
			return
		}
		if err != nil {
			m.complain(s.addr.String(), "radius: a packet could not be read", "address", s.addr, "error", err)
			continue
		}
		if m.admit(r, n) {
			r = requests.Get().(*request)
		}
	}
}

// admit hands a packet of n octets to the queue, or counts why not. What it took is the queue's.
func (m *Module) admit(r *request, n int) bool {
	r.at = time.Now()
	c := m.clients.Load().find(r.from.Addr())
	if c == nil {
		m.meet(r)
		return false
	}
	var ok bool
	if r.raw, ok = shape(r.buf[:n]); !ok {
		m.drop(c, r.from.Addr().String(), droppedMalformed, "")
		return false
	}
	if !belongs(radius.Code(r.raw[0]), r.socket.kind) {
		m.drop(c, r.from.Addr().String(), droppedUnexpected, radius.Code(r.raw[0]).String())
		return false
	}
	r.client = c
	if !m.queues[r.socket.kind].push(r) {
		m.drop(c, r.from.Addr().String(), droppedOverload, "")
		return false
	}
	return true
}

// belongs says whether a code may be asked for on a port (RFC 2865 section 3, RFC 2866 section 3, RFC 5997 section 2.1).
func belongs(code radius.Code, k kind) bool {
	switch code {
	case radius.CodeStatusServer:
		return true
	case radius.CodeAccessRequest:
		return k == authentication
	case radius.CodeAccountingRequest:
		return k == accounting
	}
	return false
}

// meet counts a packet of somebody who is no client, and speaks of it when it is the first.
func (m *Module) meet(r *request) {
	addr := r.from.Addr()
	if !m.strangers.see(addr, r.at) {
		return
	}
	m.log.Warn("%RADIUS-4-UNKNOWN: a packet of an unknown client", "address", addr.String(), "hint", "client "+addr.String()+" key SECRET name NAME")
	m.journal.add(Record{Time: m.deps.Now(), Type: typeDrop, Result: resultDrop, Address: addr.String(), Reason: "unknown-client", Count: 1})
}

// drop counts a packet that gets no answer, and says so now and then.
func (m *Module) drop(c *client, address string, why count, detail string) {
	c.counters.add(why)
	speak, times := m.occasions.take(c.name+" "+dropNames[why], time.Now())
	if !speak {
		return
	}
	m.journal.add(Record{
		Time: m.deps.Now(), Type: typeDrop, Result: resultDrop, Client: c.name, Address: address, Reason: dropNames[why], Message: detail, Count: times,
	})
	if hint := dropHints[why]; hint != "" {
		m.log.Warn("%RADIUS-4-DROPPED: packets dropped", "client", c.name, "address", address, "reason", dropNames[why], "count", times, "detail", detail, "hint", hint)
	}
}

// dropHints say what to do about drops that do not go away by themselves.
var dropHints = map[count]string{
	droppedMalformed:    "this is no RADIUS, or it was cut on its way",
	droppedUnsigned:     "update the client so that it sends Message-Authenticator, or add message-authenticator optional to its line",
	droppedForged:       "the key differs from that of the client, most likely",
	droppedUnexpected:   "authentication and accounting have two ports; are they mixed up?",
	droppedOverload:     "the client sends more than this box can answer",
	droppedLoop:         "a realm is sent to a server that sends it back",
	droppedUnanswerable: "see the message",
}

// complain logs a failure, at most once in occasionInterval for each object.
func (m *Module) complain(object, message string, args ...any) {
	if speak, times := m.occasions.take(message+" "+object, time.Now()); speak {
		m.log.Error(message, append(args, "count", times)...)
	}
}
