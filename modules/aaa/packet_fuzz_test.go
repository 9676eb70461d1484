package aaa

import (
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"

	"mbox/modules/aaa/acct"
	"mbox/modules/aaa/policy"
)

// FuzzPacket sends arbitrary bytes of a known client through everything that reads them. Nothing may panic, hang, or read beyond
// the packet; a packet that passes for well shaped parses; and only what proves the secret gets an answer.
func FuzzPacket(f *testing.F) {
	k := newKeys(secret)
	add := func(p *radius.Packet) {
		p.Secret = k.secret
		if b, err := k.encodeRequest(p); err == nil {
			f.Add(b, true)
			f.Add(b[:len(b)-1], false)
		}
	}
	login := newSigned(radius.CodeAccessRequest, 1)
	login.Secret = k.secret
	login.Add(rfc2865.UserName_Type, radius.Attribute("alice@crew.example"))
	_ = rfc2865.UserPassword_AddString(login, "wonderland")
	add(login)
	chap := newSigned(radius.CodeAccessRequest, 2)
	chap.Add(rfc2865.UserName_Type, radius.Attribute("a\x00b"))
	_ = addCHAP(chap, "x")
	_ = addMSCHAP2(chap, "a", "x")
	chap.Add(rfc2865.VendorSpecific_Type, radius.Attribute{0, 0, 1, 55, 11, 0})
	chap.Add(79, radius.Attribute{1, 2})
	add(chap)
	add(accountingPacket(3, acct.Stop, "s1"))
	add(newSigned(radius.CodeStatusServer, 4))
	f.Add([]byte{}, false)
	f.Add([]byte{1, 1, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, true)

	w := &world{login: func(l policy.Login) (policy.Decision, error) {
		return policy.Decision{Accept: len(l.Username)%2 == 0, Message: "text"}, nil
	}}
	m := New(Deps{Policy: w, Accounting: w, Sealer: sealer{}, Log: slog.New(slog.DiscardHandler)})
	c := newClient(clientLine{prefix: netip.MustParsePrefix("192.0.2.1/32"), name: "nas", key: secret, lenient: true}, nil, &m.bound)
	sockets := map[kind]*socket{}
	for kind := range kinds {
		s, err := open(endpoint{netip.MustParseAddrPort("127.0.0.1:0"), kind})
		if err != nil {
			f.Fatal(err)
		}
		f.Cleanup(func() { _ = s.conn.Close() })
		sockets[kind] = s
	}
	f.Fuzz(func(t *testing.T, b []byte, sign bool) {
		if len(b) > radius.MaxPacketLength {
			return
		}
		r := &request{client: c, at: time.Now()}
		r.from = netip.MustParseAddrPort("127.0.0.1:9") // where answers go
		n := copy(r.buf[:], b)
		var ok bool
		if r.raw, ok = shape(r.buf[:n]); !ok {
			return
		}
		if _, err := radius.Parse(r.raw, k.secret); err != nil {
			t.Fatalf("well shaped, and yet: %v", err)
		}
		if sign { // as a client of ours that went mad
			if at := attributeAt(r.raw, 80); at > 0 && r.raw[at-1] == 18 {
				sum := k.mac(r.raw, at, r.raw[authenticatorAt:headerSize])
				copy(r.raw[at:], sum[:])
			}
			if radius.Code(r.raw[0]) == radius.CodeAccountingRequest {
				sum := k.digest(r.raw, zeros[:])
				copy(r.raw[authenticatorAt:], sum[:])
			}
		}
		for kind, s := range sockets {
			if r.socket = s; !belongs(radius.Code(r.raw[0]), kind) {
				continue
			}
			_, proved := genuine(r)
			before := c.counters.sum(responseNames)
			m.serve(r)
			if after := c.counters.sum(responseNames); !proved && after != before {
				t.Error("an answer to what proves nothing")
			}
		}
		p, err := radius.Parse(r.raw, k.secret)
		if err != nil {
			t.Fatal(err)
		}
		describe(p)
		decodeLogin(p)
		decodeAccounting(p)
	})
}

// FuzzAnswer sends arbitrary bytes as the answer of another server.
func FuzzAnswer(f *testing.F) {
	k := newKeys(secret)
	p := newSigned(radius.CodeAccessAccept, 1)
	p.Add(rfc2865.VendorSpecific_Type, radius.Attribute{0, 0, 1, 55, 16, 20, 0x80, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})
	b, err := k.encodeResponse(p)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	m := New(Deps{Sealer: sealer{}, Log: slog.New(slog.DiscardHandler)})
	c := newClient(clientLine{name: "nas", key: secret}, nil, &m.bound)
	request := newSigned(radius.CodeAccessRequest, 1)
	request.Secret = k.secret
	s := &server{keys: k}
	f.Fuzz(func(t *testing.T, b []byte) {
		raw, ok := shape(b)
		if !ok {
			return
		}
		k.answers(raw, zeros[:], true)
		reply, err := radius.Parse(raw, k.secret)
		if err != nil {
			t.Fatal(err)
		}
		out := m.retranslate(&task{client: c, packet: request}, s, reply)
		for i, avp := range out.Attributes {
			if i > 0 && avp.Type == 80 || avp.Type == rfc2865.ProxyState_Type {
				t.Errorf("attribute %d goes through", avp.Type)
			}
		}
		describe(reply)
	})
}
