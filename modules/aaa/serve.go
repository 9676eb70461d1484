package aaa

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2869"

	"mbox/modules/aaa/acct"
)

// Types of a Record.
const (
	typeAuth       = "authentication"
	typeAcct       = "accounting"
	typeDrop       = "drop"
	typeDisconnect = "disconnect"
	typeCoA        = "coa"
)

// task is an authentic request on its way to its answer.
type task struct {
	origin
	client *client
	packet *radius.Packet
	answer *answer
	at     time.Time
}

// serve is what a worker does with a request.
func (m *Module) serve(r *request) {
	c := r.client
	if why, ok := genuine(r); !ok {
		m.drop(c, r.from.Addr().String(), why, "")
		return
	}
	packet, err := radius.Parse(r.raw, c.secret)
	if err != nil {
		m.drop(c, r.from.Addr().String(), droppedMalformed, err.Error())
		return
	}
	found, fresh := c.answers.begin(requestID{r.from, packet.Identifier, r.socket.kind}, packet.Authenticator[:], r.at)
	if !fresh {
		m.repeat(r, found)
		return
	}
	c.note(r.asked())
	t := &task{origin: r.origin, client: c, packet: packet, answer: found, at: r.at}
	m.debug(t)
	switch packet.Code {
	case radius.CodeAccessRequest:
		c.counters.add(accessRequests)
		m.authenticate(t)
	case radius.CodeAccountingRequest:
		c.counters.add(accountingRequests)
		m.account(t)
	default:
		c.counters.add(statusRequests)
		m.status(t)
	}
}

// genuine says whether a request proves the secret as far as it must.
func genuine(r *request) (why count, ok bool) {
	c, authenticator := r.client, r.raw[authenticatorAt:headerSize]
	code := radius.Code(r.raw[0])
	if code == radius.CodeAccountingRequest {
		if !c.authentic(r.raw) {
			return droppedForged, false
		}
		// The authenticator is a digest of the whole and stands in the Message-Authenticator as zeros, as in RFC 5176
		// section 3.2.
		if c.check(r.raw, zeros[:]) == signedBadly {
			return droppedForged, false
		}
		return 0, true
	}
	switch c.check(r.raw, authenticator) {
	case signedWell:
		return 0, true
	case signedBadly:
		return droppedForged, false
	}
	// Nothing proves that the client sent it. RFC 5997 section 3 and RFC 3579 section 3.2 allow no exception; and what is
	// echoed into the answer is what a collision is made of.
	if !c.lenient || code == radius.CodeStatusServer || has(r.raw, rfc2869.EAPMessage_Type) || has(r.raw, rfc2865.ProxyState_Type) {
		return droppedUnsigned, false
	}
	return 0, true
}

// repeat gives the same request the same answer, without any work; or sends it on once more, if it was.
func (m *Module) repeat(r *request, known *answer) {
	reply, again := r.client.answers.state(known)
	switch {
	case reply != nil:
		r.client.counters.add(repeatedAnswers)
		m.transmit(&r.origin, r.client, reply)
	case again != nil:
		r.client.counters.add(droppedDuplicate)
		again()
	default:
		r.client.counters.add(droppedDuplicate)
	}
}

// reply begins an answer. It is signed, but for one to accounting: RFC 2866 section 4.2 knows no Message-Authenticator, the
// request is bound to its digest without, and FreeRADIUS computes another.
func (t *task) reply(code radius.Code) *radius.Packet {
	p := &radius.Packet{Code: code, Identifier: t.packet.Identifier}
	if t.packet.Code != radius.CodeAccountingRequest {
		p = newSigned(code, t.packet.Identifier)
	}
	p.Secret, p.Authenticator = t.packet.Secret, t.packet.Authenticator
	return p
}

// respond sends the answer and keeps it for when the same request comes again.
func (m *Module) respond(t *task, reply *radius.Packet, what count) bool {
	copyProxyStates(reply, t.packet)
	b, err := t.client.encodeResponse(reply)
	if err != nil {
		m.giveUp(t, fmt.Sprintf("the answer could not be encoded: %v", err))
		return false
	}
	t.client.answers.settle(t.answer, b)
	t.client.counters.add(what)
	m.latency.observe(t.socket.kind, time.Since(t.at))
	m.transmit(&t.origin, t.client, b)
	return true
}

func (m *Module) transmit(to *origin, c *client, b []byte) {
	if err := to.send(b); err != nil {
		m.complain(c.name, "radius: an answer could not be sent", "client", c.name, "error", err)
	}
}

// giveUp leaves a request without an answer: the client asks again, here or elsewhere.
func (m *Module) giveUp(t *task, why string) {
	t.client.answers.withdraw(t.answer)
	m.drop(t.client, t.from.Addr().String(), droppedUnanswerable, why)
}

// status answers whether the server is alive: RFC 5997 section 2.2.
func (m *Module) status(t *task) {
	code := radius.CodeAccessAccept
	if t.socket.kind == accounting {
		code = radius.CodeAccountingResponse
	}
	m.respond(t, t.reply(code), statusResponses)
}

// account keeps what a NAS reports, and then sends it on if its realm is elsewhere: what happened here is on record whatever
// that server does.
func (m *Module) account(t *task) {
	request := decodeAccounting(t.packet)
	request.NAS, request.Client, request.Source, request.Received = t.client.nas(t.from.Addr()), t.client.name, t.from.Addr(), m.deps.Now()
	err := m.deps.Accounting.Handle(m.ctx, request)
	record := m.recordOf(t, typeAcct)
	record.Result, record.Session = accountingResult(request.Status), request.SessionID
	switch {
	case errors.Is(err, acct.ErrInvalid):
		t.client.answers.withdraw(t.answer)
		m.drop(t.client, t.from.Addr().String(), droppedMalformed, err.Error())
		return
	case err != nil:
		m.giveUp(t, err.Error())
		record.Result, record.Message = resultFailed, err.Error()
		m.journal.add(record)
		return
	}
	if target := m.realms.Load().of(request.Username); target != nil && request.SessionID != "" {
		record.Forwarded = target.addrs()
		m.journal.add(record)
		m.forward(t, target)
		return
	}
	m.respond(t, t.reply(radius.CodeAccountingResponse), accountingResponses)
	record.Micros = time.Since(t.at).Microseconds()
	m.journal.add(record)
}

func accountingResult(s acct.Status) string {
	switch s {
	case acct.Start:
		return resultStart
	case acct.Stop:
		return resultStop
	case acct.InterimUpdate:
		return resultUpdate
	case acct.AccountingOn, acct.AccountingOff:
		return resultNAS
	}
	return strings.ToLower(s.String())
}

// recordOf begins an entry of the radius log.
func (m *Module) recordOf(t *task, typ string) Record {
	return Record{
		Time: m.deps.Now(), Type: typ, Client: t.client.name, Address: t.from.Addr().String(), Count: 1,
		Username: printable(rfc2865.UserName_Get(t.packet)), MAC: macOf(t.packet), Hotspot: printable(rfc2865.NASIdentifier_Get(t.packet)),
	}
}

// debug writes a packet to the log while the module is debugged, without what could be a secret.
func (m *Module) debug(t *task) {
	if !m.log.Enabled(m.ctx, slog.LevelDebug) {
		return
	}
	m.log.Debug("radius: request", "client", t.client.name, "from", t.from.String(), "code", t.packet.Code.String(),
		"id", t.packet.Identifier, "attributes", describe(t.packet))
}

// describe lists the attributes of a packet in its order, as text where they are text. Passwords, responses to challenges
// and whatever is encrypted are left out.
func describe(p *radius.Packet) string {
	var b strings.Builder
	for _, attribute := range attributesOf(p) {
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		b.WriteString(attribute.Name + "=" + attribute.Value)
	}
	return b.String()
}
