package aaa

import (
	"bytes"
	"crypto/md5"
	"encoding/binary"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2869"

	"mbox/modules/aaa/acct"
	"mbox/modules/aaa/policy"
)

// A NAS whose client line is old signs nothing; with `message-authenticator optional` it is served, and warned of.
func TestMessageAuthenticatorIsRequired(t *testing.T) {
	r := start(t, clientOf("127.0.0.1", secret, "name strict"), clientOf("127.0.0.2", secret, "name old message-authenticator optional"))
	strict, old := r.nas("127.0.0.1", "127.0.0.1", r.auth, secret), r.nas("127.0.0.2", "127.0.0.1", r.auth, secret)
	request := func(n *nas) *radius.Packet {
		p := newSigned(radius.CodeAccessRequest, 1)
		p.Secret = n.secret
		randomize(p.Authenticator[:])
		p.Add(rfc2865.UserName_Type, radius.Attribute("alice"))
		_ = rfc2865.UserPassword_AddString(p, "wonderland")
		return p
	}
	strict.send(strict.unsigned(request(strict)))
	strict.silent()
	if n := r.counts("strict").get(droppedUnsigned); n != 1 || r.loginCount() != 0 {
		t.Errorf("%d dropped, %d logins", n, r.loginCount())
	}
	if p := old.ask(old.unsigned(request(old))); p.Code != radius.CodeAccessAccept || p.Attributes[0].Type != rfc2869.MessageAuthenticator_Type {
		t.Errorf("%v, first attribute %v", p.Code, p.Attributes[0].Type)
	}
	// What is echoed into an answer is what a collision is made of: without a signature it is not taken.
	p := request(old)
	p.Add(rfc2865.ProxyState_Type, bytes.Repeat([]byte{'x'}, 200))
	old.send(old.unsigned(p))
	p = request(old)
	p.Add(rfc2869.EAPMessage_Type, radius.Attribute{2, 1, 0, 5, 1})
	old.send(old.unsigned(p))
	old.silent()
	if n := r.counts("old").get(droppedUnsigned); n != 2 {
		t.Errorf("%d dropped", n)
	}
}

// Each packet that does not prove the secret gets no answer and reaches nobody.
func TestForgedRequests(t *testing.T) {
	r := start(t, clientOf("127.0.0.1", secret, "name nas"))
	auth, account := r.nas("127.0.0.1", "127.0.0.1", r.auth, secret), r.nas("127.0.0.1", "127.0.0.1", r.acct, secret)
	stranger := r.nas("127.0.0.1", "127.0.0.1", r.auth, "another secret")

	auth.send(stranger.access(1, "alice", "x", nil)) // wrong secret
	changed := auth.access(2, "alice", "x", nil)
	changed[len(changed)-1] ^= 1
	auth.send(changed)
	twice := newSigned(radius.CodeAccessRequest, 3)
	twice.Add(rfc2869.MessageAuthenticator_Type, make(radius.Attribute, md5.Size))
	auth.send(auth.encode(twice))
	short := &radius.Packet{Code: radius.CodeAccessRequest, Identifier: 4}
	short.Add(rfc2869.MessageAuthenticator_Type, make(radius.Attribute, 4))
	raw, _ := short.MarshalBinary()
	auth.send(raw)
	auth.silent()
	if n := r.counts("nas").get(droppedForged); n != 4 || r.loginCount() != 0 {
		t.Errorf("%d dropped, %d logins", n, r.loginCount())
	}

	report := accountingPacket(1, acct.Start, "s1")
	good := account.encode(report)
	bad := bytes.Clone(good)
	bad[authenticatorAt] ^= 1
	account.send(bad)
	account.silent()
	if n := r.counts("nas").get(droppedForged); n != 5 || len(r.accounted()) != 0 {
		t.Errorf("%d dropped, %v reported", n, r.accounted())
	}
	if p := account.ask(good); p.Code != radius.CodeAccountingResponse {
		t.Error(p.Code)
	}
}

func accountingPacket(id byte, status acct.Status, session string) *radius.Packet {
	p := newSigned(radius.CodeAccountingRequest, id)
	_ = rfc2866.AcctStatusType_Add(p, rfc2866.AcctStatusType(status))
	_ = rfc2866.AcctSessionID_AddString(p, session)
	_ = rfc2865.UserName_AddString(p, "alice")
	return p
}

func TestMalformedPackets(t *testing.T) {
	r := start(t, clientOf("127.0.0.1", secret, "name nas"))
	n := r.nas("127.0.0.1", "127.0.0.1", r.auth, secret)
	good := n.access(1, "alice", "x", nil)
	cut := func(edit func(b []byte) []byte) []byte { return edit(bytes.Clone(good)) }
	bad := [][]byte{
		{}, {1}, good[:19], // no header
		cut(func(b []byte) []byte { binary.BigEndian.PutUint16(b[2:], 19); return b }),               // length below a header
		cut(func(b []byte) []byte { binary.BigEndian.PutUint16(b[2:], uint16(len(b)+1)); return b }), // longer than it is
		cut(func(b []byte) []byte { binary.BigEndian.PutUint16(b[2:], 0xffff); return b }),           // longer than allowed
		cut(func(b []byte) []byte { b[headerSize+1] = 0; return b }),                                 // attribute of no length
		cut(func(b []byte) []byte { b[headerSize+1] = 1; return b }),                                 // or less than its header
		cut(func(b []byte) []byte { b[headerSize+1] = 255; return b }),                               // or beyond the end
		cut(func(b []byte) []byte { binary.BigEndian.PutUint16(b[2:], uint16(len(b)-1)); return b }), // cut in the last
	}
	for _, b := range bad {
		n.send(b)
	}
	n.silent()
	if got := r.counts("nas").get(droppedMalformed); got != uint64(len(bad)) || r.loginCount() != 0 {
		t.Errorf("%d of %d dropped, %d logins", got, len(bad), r.loginCount())
	}
	// Octets behind the length are padding: RFC 2865 section 3.
	if p := n.ask(append(bytes.Clone(good), 0, 0, 0)); p.Code != radius.CodeAccessAccept {
		t.Error(p.Code)
	}
	for _, code := range []byte{0, 2, 4, 5, 11, 40, 43, 255} { // no requests, or not on this port
		b := n.access(9, "alice", "x", nil)
		b[0] = code
		n.send(b)
	}
	n.silent()
	if got := r.counts("nas").get(droppedUnexpected); got != 8 {
		t.Errorf("%d dropped", got)
	}
}

// The same request gets the same answer, without being looked at again; while it is looked at it gets none.
func TestDuplicates(t *testing.T) {
	r := start(t, clientOf("127.0.0.1", secret, "name nas"))
	release := make(chan struct{})
	decided := sync.OnceFunc(func() { close(release) })
	defer decided() // a test that fails must not wait for the login
	r.decide(func(policy.Login) (policy.Decision, error) {
		<-release
		return policy.Decision{Accept: true, Subject: policy.Subject{ID: 1}}, nil
	})
	n := r.nas("127.0.0.1", "127.0.0.1", r.auth, secret)
	request := n.access(1, "alice", "x", nil)
	n.send(request)
	until(t, "the login", func() bool { return r.loginCount() == 1 })
	n.send(request)
	n.send(request)
	until(t, "the duplicates", func() bool { return r.counts("nas").get(droppedDuplicate) == 2 })
	decided()
	first := n.receive()
	n.open(first, request)
	n.send(request)
	if again := n.receive(); !bytes.Equal(again, first) {
		t.Errorf("%x, then %x", first, again)
	}
	if got := r.loginCount(); got != 1 {
		t.Errorf("%d logins", got)
	}
	// The same identifier with another authenticator is another request; so is the same packet from another port.
	n.ask(n.access(1, "alice", "x", nil))
	other := r.nas("127.0.0.1", "127.0.0.1", r.auth, secret)
	other.ask(request)
	if got := r.loginCount(); got != 3 {
		t.Errorf("%d logins", got)
	}
	if got := r.counts("nas").get(repeatedAnswers); got != 1 {
		t.Errorf("%d answers repeated", got)
	}
}

// What could not be decided or stored gets no answer, and is tried again when the client asks again.
func TestFailureIsNotAnAnswer(t *testing.T) {
	r := start(t, clientOf("127.0.0.1", secret, "name nas"))
	full := errors.New("the disk is full")
	r.decide(func(policy.Login) (policy.Decision, error) { return policy.Decision{}, full })
	r.mu.Lock()
	r.handle = func(acct.Request) error { return full }
	r.mu.Unlock()
	auth, account := r.nas("127.0.0.1", "127.0.0.1", r.auth, secret), r.nas("127.0.0.1", "127.0.0.1", r.acct, secret)
	login, report := auth.access(1, "alice", "x", nil), account.encode(accountingPacket(1, acct.Start, "s1"))
	auth.send(login)
	account.send(report)
	auth.silent()
	account.silent()
	until(t, "both", func() bool { return r.counts("nas").get(droppedUnanswerable) == 2 })
	r.mu.Lock()
	r.login, r.handle = nil, nil
	r.mu.Unlock()
	if p := auth.ask(login); p.Code != radius.CodeAccessAccept {
		t.Error(p.Code)
	}
	if p := account.ask(report); p.Code != radius.CodeAccountingResponse {
		t.Error(p.Code)
	}
	if n := len(r.accounted()); n != 2 {
		t.Errorf("handled %d times", n)
	}
}

func TestStatusServer(t *testing.T) {
	r := start(t, clientOf("127.0.0.1", secret, "name nas message-authenticator optional"))
	for port, want := range map[uint16]radius.Code{r.auth: radius.CodeAccessAccept, r.acct: radius.CodeAccountingResponse} {
		n := r.nas("127.0.0.1", "127.0.0.1", port, secret)
		p := newSigned(radius.CodeStatusServer, 5)
		randomize(p.Authenticator[:])
		if answer := n.ask(n.encode(p)); answer.Code != want {
			t.Errorf("%v, want %v", answer.Code, want)
		}
		unsigned := newSigned(radius.CodeStatusServer, 6)
		n.send(n.unsigned(unsigned)) // RFC 5997 section 3: whatever the client line says
		n.silent()
	}
	if n := r.counts("nas").get(droppedUnsigned); n != 2 {
		t.Errorf("%d dropped", n)
	}
}

// Replies leave from the address that was asked: the sockets of the test hear no other.
func TestRepliesComeFromWhereTheRequestWent(t *testing.T) {
	r := start(t, clientOf("127.0.0.0/8", secret, "name net"), clientOf("::1", secret, "name six"))
	for _, to := range []string{"127.0.0.1", "127.0.0.77", "127.1.2.3"} {
		n := r.nas("127.0.0.9", to, r.auth, secret)
		if p := n.ask(n.access(1, "alice", "x", nil)); p.Code != radius.CodeAccessAccept {
			t.Errorf("%s: %v", to, p.Code)
		}
		if got := r.lastLogin(t); got.NAS != "127.0.0.9" || got.Client != "net" {
			t.Errorf("the NAS is called %q, of client %q", got.NAS, got.Client)
		}
	}
	account := r.nas("127.0.0.9", "127.0.0.1", r.acct, secret)
	account.ask(account.encode(accountingPacket(1, acct.Start, "s1")))
	if got := r.accounted()[0]; got.NAS != "127.0.0.9" || got.Client != "net" {
		t.Errorf("accounting calls the NAS %q, of client %q", got.NAS, got.Client)
	}
	n := r.nas("::1", "::1", r.auth, secret)
	n.ask(n.access(1, "alice", "x", nil))
	if got := r.lastLogin(t).NAS; got != "six" {
		t.Errorf("the NAS is called %q", got)
	}
}

// What the kernel tells of a packet becomes what it is told of the answer: the address, and the interface only where the address
// needs it.
func TestAnswerFrom(t *testing.T) {
	global, local := netip.MustParseAddr("2001:db8::7"), netip.MustParseAddr("fe80::7")
	for _, tt := range []struct {
		told, want []byte
		asked      netip.Addr
	}{
		{unix.PktInfo4(&unix.Inet4Pktinfo{Ifindex: 3, Spec_dst: [4]byte{10, 0, 0, 7}}), unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: [4]byte{10, 0, 0, 7}}), netip.MustParseAddr("10.0.0.7")},
		{unix.PktInfo6(&unix.Inet6Pktinfo{Ifindex: 3, Addr: global.As16()}), unix.PktInfo6(&unix.Inet6Pktinfo{Addr: global.As16()}), global},
		{unix.PktInfo6(&unix.Inet6Pktinfo{Ifindex: 3, Addr: local.As16()}), unix.PktInfo6(&unix.Inet6Pktinfo{Ifindex: 3, Addr: local.As16()}), local},
		{nil, nil, netip.Addr{}},
	} {
		var o origin
		o.toLen = answerFrom(o.to[:copy(o.to[:], tt.told)])
		if !bytes.Equal(o.to[:o.toLen], tt.want) || o.asked() != tt.asked {
			t.Errorf("%x, want %x; asked %v", o.to[:o.toLen], tt.want, o.asked())
		}
	}
}

// A client's own Proxy-States come back, in their order.
func TestProxyStateComesBack(t *testing.T) {
	r := start(t, clientOf("127.0.0.1", secret, "name proxy"))
	n := r.nas("127.0.0.1", "127.0.0.1", r.auth, secret)
	p := n.ask(n.access(1, "alice", "x", func(p *radius.Packet) {
		p.Add(rfc2865.ProxyState_Type, radius.Attribute("first"))
		p.Add(rfc2865.ProxyState_Type, radius.Attribute("second"))
	}))
	var states []string
	for _, avp := range p.Attributes {
		if avp.Type == rfc2865.ProxyState_Type {
			states = append(states, string(avp.Attribute))
		}
	}
	if strings.Join(states, " ") != "first second" {
		t.Errorf("%q", states)
	}
}

// Whatever bytes a guest types as a name, they reach policy as they are, and logs as text.
func TestHostileUsernames(t *testing.T) {
	r := start(t, clientOf("127.0.0.1", secret, "name nas"))
	r.decide(func(l policy.Login) (policy.Decision, error) {
		return policy.Decision{Reason: policy.UnknownUser, Message: policy.UnknownUser.Message()}, nil
	})
	n := r.nas("127.0.0.1", "127.0.0.1", r.auth, secret)
	names := []string{
		"a\x00b", strings.Repeat("x", 253), "ａｌｉｃｅ", "аlice", "\xff\xfe", "'; DROP TABLE radcheck; --", "$(reboot)", "\x1b[2J", "", "a@b@c",
	}
	for i, name := range names {
		if p := n.ask(n.access(byte(i), name, "x", nil)); p.Code != radius.CodeAccessReject || rfc2865.ReplyMessage_GetString(p) == "" {
			t.Errorf("%q: %v", name, p.Code)
		}
		if got := r.lastLogin(t).Username; got != name {
			t.Errorf("%q reached policy as %q", name, got)
		}
	}
	until(t, "the log", func() bool { return len(r.m.journal.find(func(*Record) bool { return true }, 100)) == len(names) })
	for _, record := range r.m.journal.find(func(*Record) bool { return true }, 100) {
		if strings.ContainsFunc(record.Username, func(c rune) bool { return c < ' ' }) || record.Result != resultReject {
			t.Errorf("%+v", record)
		}
	}
}

// What was asked within the window is not asked again, however much there is; and what is remembered is bounded.
func TestAnswersAreBounded(t *testing.T) {
	var bound answerBound
	a := newAnswers(&bound)
	now := time.Now()
	key := func(i int) (requestID, []byte) {
		auth := make([]byte, authenticatorSize)
		binary.BigEndian.PutUint64(auth, uint64(i))
		return requestID{id: byte(i), from: addrPort(i / 256)}, auth
	}
	const many = maxAnswers + 1000
	for i := range many {
		id, auth := key(i)
		if _, fresh := a.begin(id, auth, now); !fresh {
			t.Fatalf("%d is a duplicate", i)
		}
	}
	if len(a.byID) > maxAnswers || a.length > maxAnswers || bound.held.Load() != int64(a.length) {
		t.Errorf("%d remembered, %d listed, %d counted", len(a.byID), a.length, bound.held.Load())
	}
	id, auth := key(many - 1)
	if _, fresh := a.begin(id, auth, now.Add(answerWindow-time.Second)); fresh {
		t.Error("forgotten too early")
	}
	a.sweep(now.Add(answerWindow))
	if len(a.byID) != 0 || bound.held.Load() != 0 {
		t.Errorf("%d remembered for ever", len(a.byID))
	}
	if _, fresh := a.begin(id, auth, now.Add(answerWindow)); !fresh {
		t.Error("still a duplicate")
	}
}
