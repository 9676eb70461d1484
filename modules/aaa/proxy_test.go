package aaa

import (
	"bytes"
	"crypto/md5"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2868"
	"layeh.com/radius/rfc2869"

	"mbox/modules/aaa/acct"
)

const upstreamSecret = "the secret of the other server"

// upstream is somebody else's server, driven by the test.
type upstream struct{ *otherSide }

func newUpstream(t *testing.T) *upstream {
	t.Helper()
	return &upstream{newOtherSide(t, upstreamSecret)}
}

// receive waits for a request, which must be authentic.
func (u *upstream) receive() (*radius.Packet, []byte, net.Addr) {
	u.t.Helper()
	raw, from := u.read()
	if radius.Code(raw[0]) == radius.CodeAccessRequest && u.check(raw, raw[authenticatorAt:headerSize]) != signedWell ||
		radius.Code(raw[0]) == radius.CodeAccountingRequest && !u.authentic(raw) {
		u.t.Fatalf("not signed: %x", raw)
	}
	p, err := radius.Parse(raw, u.secret)
	if err != nil {
		u.t.Fatal(err)
	}
	return p, raw, from
}

// answer answers as a server does, with the Proxy-States of the request.
func (u *upstream) answer(request *radius.Packet, to net.Addr, code radius.Code, edit func(*radius.Packet)) {
	u.t.Helper()
	p := newSigned(code, request.Identifier)
	p.Secret, p.Authenticator = u.secret, request.Authenticator
	if edit != nil {
		edit(p)
	}
	copyProxyStates(p, request)
	b, err := u.encodeResponse(p)
	if err != nil {
		u.t.Fatal(err)
	}
	if _, err := u.conn.WriteTo(b, to); err != nil {
		u.t.Fatal(err)
	}
}

func statesOf(p *radius.Packet) (out []string) {
	for _, avp := range p.Attributes {
		if avp.Type == rfc2865.ProxyState_Type {
			out = append(out, string(avp.Attribute))
		}
	}
	return out
}

func startProxy(t *testing.T, u *upstream, options string) *rig {
	return start(t, clientOf("127.0.0.1", secret, "name nas"),
		realmOf("crew.example", "127.0.0.1", upstreamSecret, fmt.Sprintf("auth-port %d acct-port %d %s", u.port(), u.port(), options)))
}

// A realm's users are asked for at its server: the password encrypted for it, its answer signed for the client, Proxy-States
// of both sides kept apart.
func TestRealmIsProxied(t *testing.T) {
	u := newUpstream(t)
	r := startProxy(t, u, "strip")
	n := r.nas("127.0.0.1", "127.0.0.1", r.auth, secret)
	raw := n.access(9, "Bob@Crew.Example", "over the hills and far away", func(p *radius.Packet) {
		p.Add(rfc2865.ProxyState_Type, radius.Attribute("theirs"))
	})
	n.send(raw)
	got, _, from := u.receive()
	if name, password := rfc2865.UserName_GetString(got), rfc2865.UserPassword_GetString(got); name != "Bob" || password != "over the hills and far away" {
		t.Errorf("%q, %q", name, password)
	}
	if states := statesOf(got); len(states) != 2 || states[0] != "theirs" || got.Attributes[0].Type != rfc2869.MessageAuthenticator_Type {
		t.Errorf("%q, first %v", states, got.Attributes[0].Type)
	}
	key := []byte("0123456789abcdef")
	u.answer(got, from, radius.CodeAccessAccept, func(p *radius.Packet) {
		_ = rfc2865.SessionTimeout_Add(p, 60)
		_ = rfc2868.TunnelPassword_Add(p, 1, []byte("tunnel"))
		sealed, _ := radius.NewTunnelPassword(key, []byte{0x81, 2}, p.Secret, p.Authenticator[:])
		_ = addVendor(p, vendorMicrosoft, microsoftSendKey, sealed)
		_ = addVendor(p, vendorWISPr, 8, []byte{0, 0, 1, 0})
	})
	p := n.open(n.receive(), raw)
	p.Secret = n.secret
	if p.Code != radius.CodeAccessAccept || p.Identifier != 9 || rfc2865.SessionTimeout_Get(p) != 60 || strings.Join(statesOf(p), " ") != "theirs" {
		t.Errorf("%v %d %q", p.Code, p.Identifier, statesOf(p))
	}
	if _, password, err := rfc2868.TunnelPassword_Lookup(p, p); err != nil || string(password) != "tunnel" {
		t.Errorf("tunnel password %q, %v", password, err)
	}
	found := 0
	for _, avp := range p.Attributes {
		if avp.Type != rfc2865.VendorSpecific_Type {
			continue
		}
		eachOfVendor(avp.Attribute, func(vendor uint32, typ byte, data []byte) {
			switch {
			case vendor == vendorMicrosoft && typ == microsoftSendKey:
				clear, _, err := radius.TunnelPassword(data, n.secret, raw[authenticatorAt:headerSize])
				if err != nil || !bytes.Equal(clear, key) {
					t.Errorf("key %q, %v", clear, err)
				}
				found++
			case vendor == vendorWISPr && bytes.Equal(data, []byte{0, 0, 1, 0}):
				found++
			}
		})
	}
	if found != 2 {
		t.Errorf("%d of 2 attributes of vendors", found)
	}
	if r.loginCount() != 0 {
		t.Error("asked here as well")
	}
	n.ask(n.access(10, "bob@elsewhere.example", "x", nil)) // no realm of ours: an e-mail address
	if r.loginCount() != 1 {
		t.Error("not asked here")
	}
	record := r.m.journal.find(recordFilter{username: "Bob@Crew.Example"}.match, 1)
	if len(record) != 1 || record[0].Forwarded != "127.0.0.1" || record[0].Result != resultAccept {
		t.Errorf("%+v", record)
	}
}

// The challenge of CHAP may be the authenticator, which is another one on the way to the server.
func TestProxiedCHAP(t *testing.T) {
	u := newUpstream(t)
	r := startProxy(t, u, "")
	n := r.nas("127.0.0.1", "127.0.0.1", r.auth, secret)
	raw := n.access(1, "bob@crew.example", "", func(p *radius.Packet) {
		p.Del(rfc2865.UserPassword_Type)
		h := md5.New()
		h.Write([]byte{5})
		h.Write([]byte("sesame"))
		h.Write(p.Authenticator[:])
		p.Add(rfc2865.CHAPPassword_Type, h.Sum([]byte{5}))
	})
	n.send(raw)
	got, _, from := u.receive()
	if challenge := got.Get(rfc2865.CHAPChallenge_Type); !bytes.Equal(challenge, raw[authenticatorAt:headerSize]) || rfc2865.UserName_GetString(got) != "bob@crew.example" {
		t.Errorf("challenge %x", challenge)
	}
	u.answer(got, from, radius.CodeAccessReject, nil)
	if p := n.open(n.receive(), raw); p.Code != radius.CodeAccessReject {
		t.Error(p.Code)
	}
}

// The client's retransmission makes ours, of the same packet; a late answer serves, and only the first.
func TestProxiedRetransmission(t *testing.T) {
	u := newUpstream(t)
	r := startProxy(t, u, "")
	n := r.nas("127.0.0.1", "127.0.0.1", r.auth, secret)
	raw := n.access(1, "bob@crew.example", "x", nil)
	n.send(raw)
	got, first, from := u.receive()
	n.send(raw)
	_, second, _ := u.receive()
	if !bytes.Equal(first, second) {
		t.Errorf("%x, then %x", first, second)
	}
	u.answer(got, from, radius.CodeAccessAccept, nil)
	answer := n.receive()
	u.answer(got, from, radius.CodeAccessReject, nil)
	n.send(raw)
	if again := n.receive(); !bytes.Equal(answer, again) {
		t.Errorf("%x, then %x", answer, again)
	}
}

// What comes from elsewhere, or with a wrong secret, is no answer; a request that came through this box before is a loop.
func TestProxyRefuses(t *testing.T) {
	u := newUpstream(t)
	r := startProxy(t, u, "")
	n := r.nas("127.0.0.1", "127.0.0.1", r.auth, secret)
	raw := n.access(1, "bob@crew.example", "x", nil)
	n.send(raw)
	got, _, from := u.receive()
	forger := &upstream{&otherSide{t, u.conn, newKeys("wrong")}}
	forger.answer(got, from, radius.CodeAccessAccept, nil)
	unsigned := got.Response(radius.CodeAccessAccept)
	b, err := unsigned.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.conn.WriteTo(b, from); err != nil {
		t.Fatal(err)
	}
	u.answer(got, from, radius.CodeAccessReject, nil)
	if p := n.open(n.receive(), raw); p.Code != radius.CodeAccessReject {
		t.Errorf("a forged %v was believed", p.Code)
	}
	if s := r.m.realms.Load().list()[0]; s.forged.Load() != 2 {
		t.Errorf("%d forged", s.forged.Load())
	}
	n.send(n.access(2, "bob@crew.example", "x", func(p *radius.Packet) { p.Attributes = append(p.Attributes, got.Attributes[len(got.Attributes)-1]) }))
	n.send(n.access(3, "bob@crew.example", "x", func(p *radius.Packet) {
		for range maxProxyStates + 1 {
			p.Add(rfc2865.ProxyState_Type, radius.Attribute("x"))
		}
	}))
	n.silent()
	if loops := r.counts("nas").get(droppedLoop); loops != 2 {
		t.Errorf("%d loops", loops)
	}
}

// Accounting of a realm's users is kept here, and sent on.
func TestProxiedAccounting(t *testing.T) {
	u := newUpstream(t)
	r := startProxy(t, u, "strip")
	n := r.nas("127.0.0.1", "127.0.0.1", r.acct, secret)
	p := newSigned(radius.CodeAccountingRequest, 1)
	_ = rfc2866.AcctStatusType_Add(p, rfc2866.AcctStatusType_Value_Start)
	_ = rfc2866.AcctSessionID_AddString(p, "s1")
	_ = rfc2865.UserName_AddString(p, "bob@crew.example")
	raw := n.encode(p)
	n.send(raw)
	got, _, from := u.receive()
	if list := r.accounted(); len(list) != 1 || list[0].Status != acct.Start || list[0].Username != "bob@crew.example" {
		t.Errorf("%+v", list)
	}
	if rfc2865.UserName_GetString(got) != "bob" || rfc2866.AcctSessionID_GetString(got) != "s1" {
		t.Error(describe(got))
	}
	u.answer(got, from, radius.CodeAccountingResponse, nil)
	if p := n.open(n.receive(), raw); p.Code != radius.CodeAccountingResponse {
		t.Error(p.Code)
	}
}

// The second server takes over when the first is dead, and the request that found that out goes there when it comes again.
func TestSecondServer(t *testing.T) {
	first, second := newUpstream(t), newUpstream(t)
	r := start(t, clientOf("127.0.0.1", secret, "name nas"),
		realmOf("crew.example", "127.0.0.1", upstreamSecret, fmt.Sprint("auth-port ", first.port())),
		realmOf("crew.example", "127.0.0.9", upstreamSecret, fmt.Sprint("auth-port ", second.port())))
	moved, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 9), Port: second.port()})
	if err != nil {
		t.Fatal(err)
	}
	defer moved.Close()
	second.conn = moved
	n := r.nas("127.0.0.1", "127.0.0.1", r.auth, secret)
	raw := n.access(1, "bob@crew.example", "x", nil)
	n.send(raw)
	first.receive()
	server := r.m.realms.Load().of("bob@crew.example").servers[0]
	server.mu.Lock()
	server.waiting = server.waiting.Add(-deadAfter) // it was silent for so long
	server.mu.Unlock()
	n.send(raw) // which finds out
	first.receive()
	if server.alive(time.Now()) {
		t.Fatal("still alive")
	}
	n.send(raw)
	got, _, from := second.receive()
	second.answer(got, from, radius.CodeAccessAccept, nil)
	if p := n.open(n.receive(), raw); p.Code != radius.CodeAccessAccept {
		t.Error(p.Code)
	}
	// It is tried again after a while, and stays in use once it answers.
	server.mu.Lock()
	server.dead = server.dead.Add(-deadTime)
	server.mu.Unlock()
	raw = n.access(2, "bob@crew.example", "x", nil)
	n.send(raw)
	got, _, from = first.receive()
	first.answer(got, from, radius.CodeAccessAccept, nil)
	n.open(n.receive(), raw)
	if !server.alive(time.Now()) {
		t.Error("dead for ever")
	}
}

// A server whose port is closed says so, and is not waited for.
func TestNobodyListens(t *testing.T) {
	u := newUpstream(t)
	r := startProxy(t, u, "")
	_ = u.conn.Close()
	n := r.nas("127.0.0.1", "127.0.0.1", r.auth, secret)
	n.send(n.access(1, "bob@crew.example", "x", nil))
	server := r.m.realms.Load().list()[0]
	until(t, "the refusal", func() bool { return !server.alive(time.Now()) })
}

// A change of other lines leaves a realm's requests alone; without its line they end.
func TestRealmLivesWithItsLine(t *testing.T) {
	u := newUpstream(t)
	line := realmOf("crew.example", "127.0.0.1", upstreamSecret, fmt.Sprintf("auth-port %d", u.port()))
	r := start(t, clientOf("127.0.0.1", secret, "name nas"), line)
	n := r.nas("127.0.0.1", "127.0.0.1", r.auth, secret)
	raw := n.access(1, "bob@crew.example", "x", nil)
	n.send(raw)
	got, _, from := u.receive()
	r.configure(clientOf("127.0.0.1", secret, "name nas"), clientOf("127.0.0.2", secret, "name other"), line)
	u.answer(got, from, radius.CodeAccessAccept, nil)
	n.open(n.receive(), raw)
	n.send(n.access(2, "bob@crew.example", "x", nil))
	u.receive()
	r.configure(clientOf("127.0.0.1", secret, "name nas"))
	until(t, "the end", func() bool { return r.counts("nas").get(droppedUnanswerable) == 1 })
}

// A client that floods a realm leaves room for the requests of others.
func TestRealmFlood(t *testing.T) {
	silent := newUpstream(t)
	p := &path{
		server: &server{keys: newKeys(upstreamSecret), log: slog.New(slog.DiscardHandler)}, waiting: map[string]int{},
		to: silent.conn.LocalAddr().(*net.UDPAddr).AddrPort(),
	}
	t.Cleanup(p.close)
	ask := func(client string) error {
		_, err := p.send(newSigned(radius.CodeAccessRequest, 0), client, func(*radius.Packet) {})
		return err
	}
	sent := 0
	for ask("flood") == nil {
		if sent++; sent > maxOutlets*256 {
			t.Fatal("a client has no bound")
		}
	}
	if err := ask("quiet"); err != nil {
		t.Errorf("behind %d requests of another client: %v", sent, err)
	}
}
