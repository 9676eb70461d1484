package aaa

import (
	"errors"
	"time"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2869"

	"mbox/modules/aaa/policy"
)

// authenticate answers an Access-Request: here, or at the server of its realm.
func (m *Module) authenticate(t *task) {
	if target := m.realms.Load().of(rfc2865.UserName_GetString(t.packet)); target != nil {
		m.forward(t, target)
		return
	}
	login := decodeLogin(t.packet)
	login.NAS, login.Client, login.At = t.client.nas(t.from.Addr()), t.client.name, m.deps.Now()
	decision, err := m.deps.Policy.Login(m.ctx, login)
	record := m.recordOf(t, typeAuth)
	if err == nil {
		record.Result, record.Reason, record.Message = resultReject, string(decision.Reason), decision.Message
		if decision.Accept {
			record.Result = resultAccept
		}
		err = m.decided(t, decision)
	}
	if err != nil {
		m.giveUp(t, err.Error())
		record.Result, record.Reason, record.Message = resultFailed, "", err.Error()
	}
	record.Micros = time.Since(t.at).Microseconds()
	m.journal.add(record)
}

// decided sends the answer that policy gave.
func (m *Module) decided(t *task, d policy.Decision) error {
	code, what := radius.CodeAccessReject, accessRejects
	if d.Accept {
		code, what = radius.CodeAccessAccept, accessAccepts
	}
	reply := t.reply(code)
	if err := m.fill(reply, t, d); err != nil {
		return err
	}
	m.respond(t, reply, what)
	return nil
}

// fill adds what the decision says.
func (m *Module) fill(reply *radius.Packet, t *task, d policy.Decision) error {
	if eap := t.packet.Get(rfc2869.EAPMessage_Type); len(eap) >= 2 && !d.Accept {
		reply.Add(rfc2869.EAPMessage_Type, radius.Attribute{eapFailure, eap[1], 0, 4}) // RFC 3579 section 2.6.3
	}
	if d.Accept {
		reply.Add(rfc2865.Class_Type, classOf(d.Subject.ID))
		d.Limits.Interim = m.settings.Load().interim
	}
	return errors.Join(addAll(reply, policy.Reply(d, policy.Dialect(t.client.dialect))), addKeys(reply, d))
}

// eapFailure is the code of an EAP packet: RFC 3748 section 4.2. This server speaks no EAP.
const eapFailure = 4

// addAll adds the attributes of policy.
func addAll(p *radius.Packet, list []policy.Attribute) error {
	for _, a := range list {
		if a.Vendor != 0 {
			if err := addVendor(p, a.Vendor, a.Type, a.Value); err != nil {
				return err
			}
			continue
		}
		p.Add(radius.Type(a.Type), a.Value)
	}
	return nil
}

// addKeys adds the keys of MS-CHAPv2, encrypted for the client: RFC 2548 sections 2.4.2 and 2.4.3.
func addKeys(reply *radius.Packet, d policy.Decision) error {
	if len(d.SendKey) == 0 || len(d.RecvKey) == 0 {
		return nil
	}
	var errs []error
	var salts [4]byte // RFC 2868 section 3.5: two that differ, with the first bit set
	randomize(salts[:])
	salts[0], salts[2] = salts[0]|0x80, salts[0]&0x7f^0x55|0x80
	for i, key := range []struct {
		typ   byte
		value []byte
	}{{microsoftSendKey, d.SendKey}, {microsoftRecvKey, d.RecvKey}} {
		sealed, err := radius.NewTunnelPassword(key.value, salts[2*i:2*i+2], reply.Secret, reply.Authenticator[:])
		if err == nil {
			err = addVendor(reply, vendorMicrosoft, key.typ, sealed)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
