package aaa

import (
	"bytes"
	"encoding/binary"
	"strings"
	"time"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2868"
	"layeh.com/radius/rfc2869"
)

// maxProxyStates is through how many proxies a request may have come.
const maxProxyStates = 16

// forward sends a request on to a server of its realm, and its answer back to the client. Nobody waits meanwhile. When the
// client asks again the server is asked again, or the next one if this one turned out to be dead.
func (m *Module) forward(t *task, to *realm) {
	if m.looped(t) {
		t.client.answers.withdraw(t.answer)
		m.drop(t.client, t.from.Addr().String(), droppedLoop, "realm "+to.name)
		return
	}
	t.client.counters.add(proxied)
	m.forwardTo(t, to, to.choose(time.Now()))
}

func (m *Module) forwardTo(t *task, to *realm, s *server) {
	packet, err := m.translate(t, s)
	if err != nil {
		m.giveUp(t, "realm "+to.name+": "+err.Error())
		return
	}
	waiting, err := s.paths[t.socket.kind].send(packet, t.client.name, func(reply *radius.Packet) { m.comeBack(t, to, s, reply) })
	if err != nil {
		m.giveUp(t, "realm "+to.name+": "+err.Error())
		return
	}
	t.client.answers.forward(t.answer, func() {
		now := time.Now()
		if next := to.choose(now); next != s && !s.alive(now) && waiting.take() {
			m.forwardTo(t, to, next)
			return
		}
		waiting.again()
	})
}

// looped says whether this box has sent the request on before, or too many others have.
func (m *Module) looped(t *task) bool {
	states := 0
	for _, avp := range t.packet.Attributes {
		if avp.Type != rfc2865.ProxyState_Type {
			continue
		}
		if states++; states > maxProxyStates || bytes.HasPrefix(avp.Attribute, m.boxTag[:]) {
			return true
		}
	}
	return false
}

// translate makes the request that the server gets: signed and encrypted with its secret, and with our Proxy-State behind
// those of others (RFC 2865 section 2.3).
func (m *Module) translate(t *task, s *server) (*radius.Packet, error) {
	p := newSigned(t.packet.Code, 0)
	p.Secret = s.secret
	randomize(p.Authenticator[:])
	challenged := false
	for _, avp := range t.packet.Attributes {
		value := avp.Attribute
		switch avp.Type {
		case rfc2869.MessageAuthenticator_Type:
			continue
		case rfc2865.UserPassword_Type:
			clear, err := radius.UserPassword(value, t.client.secret, t.packet.Authenticator[:])
			if err != nil {
				return nil, err
			}
			if value, err = radius.NewUserPassword(clear, s.secret, p.Authenticator[:]); err != nil {
				return nil, err
			}
		case rfc2865.UserName_Type:
			if at := bytes.LastIndexByte(value, '@'); s.strip && at >= 0 {
				value = value[:at]
			}
		case rfc2865.CHAPChallenge_Type:
			challenged = true
		}
		p.Add(avp.Type, value)
	}
	if _, chap := p.Lookup(rfc2865.CHAPPassword_Type); chap && !challenged {
		p.Add(rfc2865.CHAPChallenge_Type, t.packet.Authenticator[:]) // the authenticator was the challenge
	}
	state := make(radius.Attribute, len(m.boxTag)+8)
	copy(state, m.boxTag[:])
	binary.BigEndian.PutUint64(state[len(m.boxTag):], uint64(t.at.UnixNano()))
	p.Add(rfc2865.ProxyState_Type, state)
	return p, nil
}

// comeBack gives the client the server's answer; nil: there was none.
func (m *Module) comeBack(t *task, to *realm, s *server, reply *radius.Packet) {
	record := m.recordOf(t, typeAuth)
	if t.socket.kind == accounting {
		record.Type = typeAcct
	}
	record.Forwarded = s.addr.String()
	if reply == nil {
		m.giveUp(t, "realm "+to.name+": no answer from "+s.addr.String())
		record.Result, record.Reason = resultFailed, "no-answer"
		m.journal.add(record)
		return
	}
	what, result, fits := meaning(t, reply.Code)
	if !fits {
		m.giveUp(t, "realm "+to.name+": "+s.addr.String()+" answers with "+reply.Code.String())
		return
	}
	if !m.respond(t, m.retranslate(t, s, reply), what) || t.socket.kind == accounting {
		return
	}
	record.Result, record.Message = result, strings.Join(replyMessages(reply), " ")
	record.Micros = time.Since(t.at).Microseconds()
	m.journal.add(record)
}

// meaning is how an answer of another server counts; it must be one to what was asked.
func meaning(t *task, code radius.Code) (what count, result string, fits bool) {
	switch {
	case t.packet.Code == radius.CodeAccountingRequest:
		return accountingResponses, resultDone, code == radius.CodeAccountingResponse
	case code == radius.CodeAccessAccept:
		return accessAccepts, resultAccept, true
	case code == radius.CodeAccessReject:
		return accessRejects, resultReject, true
	case code == radius.CodeAccessChallenge:
		return accessChallenges, resultChallenge, true
	}
	return 0, "", false
}

// retranslate makes the answer that the client gets. Its Proxy-States are those that it sent; keys are encrypted anew.
func (m *Module) retranslate(t *task, s *server, reply *radius.Packet) *radius.Packet {
	p := t.reply(reply.Code)
	for _, avp := range reply.Attributes {
		value := avp.Attribute
		switch avp.Type {
		case rfc2869.MessageAuthenticator_Type, rfc2865.ProxyState_Type:
			continue
		case rfc2868.TunnelPassword_Type:
			value = recrypt(value, 1, s, reply, t) // behind its tag
		case rfc2865.VendorSpecific_Type:
			eachOfVendor(value, func(vendor uint32, typ byte, data []byte) {
				if vendor == vendorMicrosoft && (typ == microsoftSendKey || typ == microsoftRecvKey) && len(data)+vendorHeaderSize == len(avp.Attribute) {
					value = recrypt(avp.Attribute, vendorHeaderSize, s, reply, t)
				}
			})
		}
		if value != nil {
			p.Add(avp.Type, value)
		}
	}
	return p
}

// recrypt encrypts for the client what the server encrypted for us (RFC 2868 section 3.5), behind so many octets; nil if it
// cannot be read.
func recrypt(value radius.Attribute, behind int, s *server, reply *radius.Packet, t *task) radius.Attribute {
	if len(value) < behind {
		return nil
	}
	clear, salt, err := radius.TunnelPassword(value[behind:], s.secret, reply.Authenticator[:])
	if err != nil {
		return nil
	}
	sealed, err := radius.NewTunnelPassword(clear, salt, t.client.secret, t.packet.Authenticator[:])
	if err != nil {
		return nil
	}
	return append(append(radius.Attribute{}, value[:behind]...), sealed...)
}

func replyMessages(p *radius.Packet) (out []string) {
	for _, avp := range p.Attributes {
		if avp.Type == rfc2865.ReplyMessage_Type {
			out = append(out, printable(avp.Attribute))
		}
	}
	return out
}
