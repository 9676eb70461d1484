package aaa

import (
	"errors"
	"net"
	"slices"
	"time"

	"layeh.com/radius"
)

// receive reads one socket until it is closed, or somebody else does. It looks only at what costs nothing: who sent a packet,
// and whether it has the shape of one. The rest is done when its sender's turn has come.
func (m *Module) receive(s *socket) {
	q := m.queues[s.kind]
	for {
		list, err := s.in.read()
		if errors.Is(err, net.ErrClosed) {
			s.in.free()
			return
		}
		if err != nil {
			m.complain(s.addr.String(), "radius: a packet could not be read", "address", s.addr, "error", err)
			continue
		}
		left, attend := q.push(m.admitted(list))
		for _, r := range left {
			m.drop(r.client, r.from.Addr().String(), droppedOverload, "")
			r.free()
		}
		if attend && !m.attend(s, q) {
			return
		}
	}
}

// attend serves what waits. To hand it to somebody else would cost more than most requests do. If it takes long, the watchman has
// somebody else go on reading; then this one is a worker like others, and attend returns false when the queue is closed.
func (m *Module) attend(s *socket, q *queue) bool {
	turn := s.turn.Add(1)
	m.watchman.wake()
	q.help()
	if s.turn.CompareAndSwap(turn, turn+1) {
		q.leave()
		return true
	}
	q.run()
	return false
}

// admitted returns those packets that may be served. The others are counted.
func (m *Module) admitted(list []*request) []*request {
	now := time.Now()
	return slices.DeleteFunc(list, func(r *request) bool {
		r.at = now
		ok := m.admit(r)
		if !ok {
			r.free()
		}
		return !ok
	})
}

func (m *Module) admit(r *request) (ok bool) {
	c := m.clients.Load().find(r.from.Addr())
	if c == nil {
		m.meet(r)
		return false
	}
	if r.raw, ok = shape(r.raw); !ok {
		m.drop(c, r.from.Addr().String(), droppedMalformed, "")
		return false
	}
	if !belongs(radius.Code(r.raw[0]), r.socket.kind) {
		m.drop(c, r.from.Addr().String(), droppedUnexpected, radius.Code(r.raw[0]).String())
		return false
	}
	r.client = c
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
