package aaa

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2869"
	"layeh.com/radius/rfc3576"

	"mbox/hotspotdb"
	"mbox/modules/aaa/acct"
	"mbox/modules/aaa/policy"
)

// listener is the side of a NAS that takes Disconnect and CoA requests.
type listener struct{ *otherSide }

func newListener(t *testing.T) *listener {
	t.Helper()
	return &listener{newOtherSide(t, secret)}
}

func (l *listener) line() string {
	return clientOf("127.0.0.1", secret, fmt.Sprintf("name gate type mikrotik coa-port %d", l.port()))
}

// next waits for a request, which must be signed in both ways.
func (l *listener) next() (*radius.Packet, net.Addr) {
	l.t.Helper()
	raw, from := l.read()
	if !l.authentic(raw) || l.check(raw, zeros[:]) != signedWell {
		l.t.Fatalf("not authentic: %x", raw)
	}
	p, err := radius.Parse(raw, l.secret)
	if err != nil {
		l.t.Fatal(err)
	}
	return p, from
}

func (l *listener) answer(request *radius.Packet, to net.Addr, code radius.Code, cause rfc3576.ErrorCause) {
	l.t.Helper()
	p := request.Response(code)
	if cause != 0 {
		_ = rfc3576.ErrorCause_Add(p, cause)
	}
	b, err := p.Encode()
	if err != nil {
		l.t.Fatal(err)
	}
	if _, err := l.conn.WriteTo(b, to); err != nil {
		l.t.Fatal(err)
	}
}

var session = hotspotdb.Segment{
	Username: "alice", NAS: "gate", AcctSessionID: "81f00007", Hotspot: "lobby", MAC: "3A-71-B4-E9-F7-99", IPAddress: "10.0.0.9",
}

func (r *rig) disconnect(s hotspotdb.Segment) chan error {
	done := make(chan error, 1)
	go func() { done <- r.m.Disconnect(context.Background(), s) }()
	return done
}

func TestDisconnect(t *testing.T) {
	l := newListener(t)
	r := start(t, l.line())
	done := r.disconnect(session)
	p, from := l.next()
	if p.Code != radius.CodeDisconnectRequest || p.Attributes[0].Type != rfc2869.MessageAuthenticator_Type {
		t.Errorf("%v, first %v", p.Code, p.Attributes[0].Type)
	}
	if rfc2865.UserName_GetString(p) != "alice" || rfc2866.AcctSessionID_GetString(p) != "81f00007" || rfc2865.NASIdentifier_GetString(p) != "lobby" {
		t.Error(describe(p))
	}
	if at := rfc2869.EventTimestamp_Get(p); time.Since(at).Abs() > time.Minute {
		t.Errorf("Event-Timestamp %v", at)
	}
	again, from2 := l.next() // it was silent
	if again.Identifier != p.Identifier || again.Authenticator != p.Authenticator || from.String() != from2.String() {
		t.Error("the repetition is another request")
	}
	l.answer(p, from, radius.CodeDisconnectACK, 0)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// What a NAS says instead of yes: that it needs to know more, that there is no such session, that it will not.
func TestErrorCause(t *testing.T) {
	l := newListener(t)
	r := start(t, l.line())
	done := r.disconnect(session)
	p, from := l.next()
	l.answer(p, from, radius.CodeDisconnectNAK, rfc3576.ErrorCause_Value_MissingAttribute)
	p, from = l.next()
	if rfc2865.CallingStationID_GetString(p) != session.MAC || rfc2865.FramedIPAddress_Get(p).String() != session.IPAddress || rfc2865.NASIPAddress_Get(p).String() != "127.0.0.1" {
		t.Error(describe(p))
	}
	l.answer(p, from, radius.CodeDisconnectACK, 0)
	if err := <-done; err != nil {
		t.Error(err)
	}
	for cause, want := range map[rfc3576.ErrorCause]error{
		rfc3576.ErrorCause_Value_SessionContextNotFound: acct.ErrNoSession, rfc3576.ErrorCause_Value_AdministrativelyProhibited: acct.ErrRefused,
		rfc3576.ErrorCause_Value_ResidualContextRemoved: nil, 0: acct.ErrRefused,
	} {
		done := r.disconnect(session)
		p, from := l.next()
		l.answer(p, from, radius.CodeDisconnectNAK, cause)
		if err := <-done; !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("%v: %v", cause, err)
		}
	}
	elsewhere := session
	elsewhere.NAS = "10.9.9.9"
	if err := r.m.Disconnect(context.Background(), elsewhere); !errors.Is(err, ErrNoNAS) {
		t.Error(err)
	}
	if got := r.m.commanded[commandRefused].Load(); got != 2 {
		t.Errorf("%d refused", got)
	}
}

// An answer without the secret is none.
func TestForgedACK(t *testing.T) {
	l := newListener(t)
	r := start(t, l.line())
	done := r.disconnect(session)
	p, from := l.next()
	forged := *p
	forged.Secret = []byte("guessed")
	l.answer(&forged, from, radius.CodeDisconnectACK, 0)
	l.answer(p, from, radius.CodeDisconnectNAK, rfc3576.ErrorCause_Value_SessionContextNotFound)
	if err := <-done; !errors.Is(err, acct.ErrNoSession) {
		t.Errorf("%v: the forged answer was believed", err)
	}
}

// New limits reach the NAS in its dialect.
func TestChangeOfAuthorization(t *testing.T) {
	l := newListener(t)
	r := start(t, l.line())
	done := make(chan error, 1)
	go func() {
		done <- r.m.ChangeOfAuthorization(context.Background(), session, policy.Limits{UpKbps: 1000, DownKbps: 2000, SessionTimeout: time.Hour})
	}()
	p, from := l.next()
	limits := map[string]string{}
	for _, a := range attributesOf(p) {
		limits[a.Name] = a.Value
	}
	if p.Code != radius.CodeCoARequest || limits["Mikrotik-Rate-Limit"] != "1000k/2000k" || limits["Session-Timeout"] != "3600" {
		t.Errorf("%v %v", p.Code, limits)
	}
	l.answer(p, from, radius.CodeCoAACK, 0)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Who stops the box does not wait for a silent NAS.
func TestDisconnectIsCancelled(t *testing.T) {
	l := newListener(t)
	r := start(t, l.line())
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.m.Disconnect(ctx, session) }()
	l.next()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// An operator ends sessions, or has their limits told anew.
func TestSessionCommands(t *testing.T) {
	l := newListener(t)
	r := start(t, l.line())
	if _, err := r.command("clear security session username alice"); err == nil || !strings.Contains(err.Error(), "no session of alice") {
		t.Error(err)
	}
	r.sessions = []hotspotdb.Segment{session}
	got := make(chan string, 1)
	go func() { got <- r.text("clear security session username alice") }()
	p, from := l.next()
	l.answer(p, from, radius.CodeDisconnectACK, 0)
	if text := <-got; p.Code != radius.CodeDisconnectRequest || !strings.Contains(text, "81f00007  gate  done") {
		t.Errorf("%v\n%s", p.Code, text)
	}
	r.mu.Lock()
	r.verdict.Limits.DownKbps = 500
	r.mu.Unlock()
	go func() { got <- r.text("hotspot session update username alice") }()
	p, from = l.next()
	l.answer(p, from, radius.CodeCoANAK, rfc3576.ErrorCause_Value_UnsupportedAttribute)
	if text := <-got; p.Code != radius.CodeCoARequest || !strings.Contains(describe(p), "Mikrotik-Rate-Limit=0k/500k") || !strings.Contains(text, "refused") {
		t.Errorf("%s\n%s", describe(p), text)
	}
	r.mu.Lock()
	r.verdict = policy.Verdict{End: true, Reason: policy.TrafficQuota}
	r.mu.Unlock()
	if text := r.text("hotspot session update username alice"); !strings.Contains(text, "over    traffic-quota") {
		t.Error(text)
	}
}

// The NAS is told from the address that it asks: it obeys no other.
func TestDisconnectComesFromWhereTheNASAsks(t *testing.T) {
	l := newListener(t)
	r := start(t, l.line())
	n := r.nas("127.0.0.1", "127.0.0.42", r.auth, secret)
	n.ask(n.access(1, "alice", "x", nil))
	done := r.disconnect(session)
	p, from := l.next()
	if host := from.(*net.UDPAddr).IP.String(); host != "127.0.0.42" {
		t.Errorf("it comes from %s", host)
	}
	l.answer(p, from, radius.CodeDisconnectACK, 0)
	if err := <-done; err != nil {
		t.Error(err)
	}
	elsewhere := netip.MustParseAddr("192.0.2.7") // a virtual address that another box has taken over
	r.m.clients.Load().list[0].asks.Store(&elsewhere)
	done = r.disconnect(session)
	p, from = l.next()
	l.answer(p, from, radius.CodeDisconnectACK, 0)
	if err := <-done; err != nil {
		t.Error(err)
	}
}
