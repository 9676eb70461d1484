package hosts

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// servePTR answers every question for a name with those given, over UDP.
func servePTR(t *testing.T, names ...string) netip.AddrPort {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Skipf("cannot listen: %v", err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil {
				continue
			}
			m.Response, m.Additionals = true, nil
			for _, name := range names {
				m.Answers = append(m.Answers, dnsmessage.Resource{
					Header: dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Type: dnsmessage.TypePTR, Class: dnsmessage.ClassINET, TTL: 60},
					Body:   &dnsmessage.PTRResource{PTR: dnsmessage.MustNewName(name)},
				})
			}
			if raw, err := m.Pack(); err == nil {
				_, _ = conn.WriteTo(raw, from)
			}
		}
	}()
	t.Cleanup(func() { conn.Close(); <-done })
	return conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

func TestNamesOfAddresses(t *testing.T) {
	m := New()
	at := servePTR(t, "evil\x1b[2J.example.", "gw.example.com.")
	next := tableOf(map[string][]string{"zeta": {"10.0.0.1"}, "alpha": {"10.0.0.1", "2001:db8::1"}})
	next.servers = []netip.Addr{at.Addr()}
	m.dnsPort = at.Port()
	m.table.Store(next)
	for addr, want := range map[string]string{
		"10.0.0.1": "alpha", "::ffff:10.0.0.1": "alpha", "2001:db8::1": "alpha", "192.0.2.1": "gw.example.com", "2001:db8::2": "gw.example.com",
	} {
		if got, err := m.LookupAddr(t.Context(), netip.MustParseAddr(addr)); err != nil || got != want {
			t.Errorf("%s: %q %v, want %s", addr, got, err, want)
		}
	}
}

// TestNamesAreChecked: whoever owns an address chooses its name; what is no host name is no name.
func TestNamesAreChecked(t *testing.T) {
	m := New()
	at := servePTR(t, "evil\x1b[2J.example.", "a b.")
	next := tableOf(nil)
	next.servers = []netip.Addr{at.Addr()}
	m.dnsPort = at.Port()
	m.table.Store(next)
	name, err := m.LookupAddr(t.Context(), netip.MustParseAddr("192.0.2.1"))
	var unknown *net.DNSError
	if name != "" || !errors.As(err, &unknown) {
		t.Errorf("%q %v", name, err)
	}
}

// TestErrorsNameTheServerThatWasAsked, and not the system's.
func TestErrorsNameTheServerThatWasAsked(t *testing.T) {
	m, _ := resolving(t, func(string) ([]string, byte) { return nil, servfail })
	_, err := m.LookupNetIP(context.Background(), "a.example")
	if err == nil || !strings.Contains(err.Error(), "name server 127.0.0.1: lookup a.example.: ") {
		t.Errorf("got %v", err)
	}
	if _, err := m.LookupAddr(t.Context(), netip.MustParseAddr("192.0.2.1")); err == nil || strings.Contains(err.Error(), " on ") {
		t.Errorf("got %v", err)
	}
}

func TestNamesForQuestionMark(t *testing.T) {
	m := New()
	m.table.Store(tableOf(map[string][]string{"portal": {"10.0.0.1"}, "other": {"10.0.0.2"}}))
	if got := m.Names("P"); len(got) != 1 || got[0].Text != "portal" || got[0].Help != "10.0.0.1" {
		t.Errorf("%v", got)
	}
}
