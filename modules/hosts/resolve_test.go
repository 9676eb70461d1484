package hosts

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// dnsServer answers A and AAAA questions on a loopback address over UDP.
type dnsServer struct {
	addr   netip.AddrPort
	mu     sync.Mutex // guards names
	names  []string
	answer func(name string) (addrs []string, rcode byte) // nil addrs and rcode 0: no such data
}

func serveDNS(t *testing.T, at string, answer func(string) ([]string, byte)) *dnsServer {
	t.Helper()
	conn, err := net.ListenPacket("udp", at)
	if err != nil {
		t.Skipf("cannot listen on %s: %v", at, err)
	}
	s := &dnsServer{addr: conn.LocalAddr().(*net.UDPAddr).AddrPort(), answer: answer}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			if reply := s.reply(buf[:n]); reply != nil {
				conn.WriteTo(reply, from)
			}
		}
	}()
	t.Cleanup(func() { conn.Close(); <-done })
	return s
}

// asked are the names that were asked for.
func (s *dnsServer) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.names)
}

// reply makes a response by RFC 1035 section 4.
func (s *dnsServer) reply(q []byte) []byte {
	name, at := "", 12
	for q[at] != 0 {
		name += string(q[at+1:at+1+int(q[at])]) + "."
		at += 1 + int(q[at])
	}
	kind := binary.BigEndian.Uint16(q[at+1:])
	question := q[12 : at+5]
	s.mu.Lock()
	s.names = append(s.names, name)
	s.mu.Unlock()
	addrs, rcode := s.answer(name)
	if rcode == silent {
		return nil
	}
	var answers []byte
	count := 0
	for _, text := range addrs {
		a := netip.MustParseAddr(text)
		if a.Is4() != (kind == 1) {
			continue
		}
		count++
		answers = append(answers, 0xC0, 12)
		answers = binary.BigEndian.AppendUint16(answers, kind)
		answers = append(answers, 0, 1, 0, 0, 0, 60)
		answers = binary.BigEndian.AppendUint16(answers, uint16(a.BitLen()/8))
		answers = append(answers, a.AsSlice()...)
	}
	out := append([]byte{}, q[0], q[1], 0x81, 0x80|rcode, 0, 1, 0, byte(count), 0, 0, 0, 0)
	return append(append(out, question...), answers...)
}

const (
	silent   = 255
	nxdomain = 3
	servfail = 2
)

func known(name string, addrs ...string) func(string) ([]string, byte) {
	return func(asked string) ([]string, byte) {
		if asked == name {
			return addrs, 0
		}
		return nil, nxdomain
	}
}

// resolving makes a module that asks these servers, which share a port.
func resolving(t *testing.T, answers ...func(string) ([]string, byte)) (*Module, []*dnsServer) {
	t.Helper()
	var servers []*dnsServer
	m := New()
	next := tableOf(map[string][]string{"local": {"10.9.9.9"}})
	first := serveDNS(t, "127.0.0.1:0", answers[0])
	m.dnsPort = first.addr.Port()
	for i, answer := range answers {
		s := first
		if i > 0 {
			at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, byte(i + 1)}), m.dnsPort)
			s = serveDNS(t, at.String(), answer)
		}
		servers = append(servers, s)
		next.servers = append(next.servers, s.addr.Addr())
	}
	m.table.Store(next)
	return m, servers
}

func TestConfiguredServersAreAsked(t *testing.T) {
	m, servers := resolving(t, known("portal.example.com.", "192.0.2.1", "2001:db8::7"), known("never.", "192.0.2.9"))
	addrs, err := m.LookupNetIP(context.Background(), "Portal.Example.com")
	if err != nil {
		t.Fatal(err)
	}
	want := []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::7")}
	slices.SortFunc(addrs, netip.Addr.Compare)
	if !slices.Equal(addrs, want) {
		t.Errorf("%v, want %v", addrs, want)
	}
	if len(servers[1].asked()) != 0 {
		t.Errorf("the second server was asked %v", servers[1].asked())
	}
	if _, err := m.LookupNetIP(context.Background(), "local"); err != nil || len(servers[0].asked()) != 2 {
		t.Errorf("a local name: %v, asked %v", err, servers[0].asked())
	}
}

func TestNoSuchNameIsAnAnswer(t *testing.T) {
	m, servers := resolving(t, known("a."), known("missing.example.", "192.0.2.1"))
	_, err := m.LookupNetIP(context.Background(), "missing.example")
	var dns *net.DNSError
	if !errors.As(err, &dns) || !dns.IsNotFound {
		t.Fatalf("got %v", err)
	}
	if len(servers[1].asked()) != 0 {
		t.Errorf("the second server was asked %v", servers[1].asked())
	}
	for _, name := range servers[0].asked() {
		if name != "missing.example." {
			t.Errorf("asked for %q: the system's search list was used", name)
		}
	}
}

func TestNextServerWhenOneFails(t *testing.T) {
	m, _ := resolving(t, func(string) ([]string, byte) { return nil, servfail }, known("a.example.", "192.0.2.1"))
	addrs, err := m.LookupNetIP(context.Background(), "a.example")
	if err != nil || len(addrs) != 1 {
		t.Fatalf("%v, %v", addrs, err)
	}
}

func TestNoServerAnswers(t *testing.T) {
	m, _ := resolving(t, func(string) ([]string, byte) { return nil, silent })
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if addrs, err := m.LookupNetIP(ctx, "a.example"); err == nil {
		t.Fatalf("got %v", addrs)
	}
}

func TestLookupOfABadName(t *testing.T) {
	if _, err := New().LookupNetIP(context.Background(), "a b"); err == nil {
		t.Fatal("no error")
	}
}

// serveTCP says hello to every connection.
func serveTCP(t *testing.T, at string) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", at)
	if err != nil {
		t.Skipf("cannot listen on %s: %v", at, err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			io.WriteString(conn, conn.RemoteAddr().(*net.TCPAddr).IP.String())
			conn.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().(*net.TCPAddr).AddrPort()
}

func withNames(names map[string][]string) *Module {
	m := New()
	m.table.Store(tableOf(names))
	return m
}

func tableOf(names map[string][]string) *table {
	out := map[string][]netip.Addr{}
	for name, addrs := range names {
		for _, a := range addrs {
			out[name] = append(out[name], netip.MustParseAddr(a))
		}
	}
	return &table{names: func() map[string][]netip.Addr { return out }}
}

func TestDialTriesEachAddress(t *testing.T) {
	at := serveTCP(t, "127.0.0.1:0")
	_, port, _ := net.SplitHostPort(at.String())
	m := withNames(map[string][]string{"box": {"127.0.0.77", "127.0.0.1"}, "dead": {"127.0.0.77", "127.0.0.78"}})
	conn, err := m.DialContext(context.Background(), "tcp", "BOX:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if conn.RemoteAddr().String() != at.String() {
		t.Errorf("connected to %s", conn.RemoteAddr())
	}
	_, err = m.DialContext(context.Background(), "tcp", "dead:"+port)
	if err == nil || !strings.Contains(err.Error(), "127.0.0.77") || !strings.Contains(err.Error(), "127.0.0.78") {
		t.Errorf("the error does not tell of each address: %v", err)
	}
}

func TestDialFromASource(t *testing.T) {
	at := serveTCP(t, "127.0.0.1:0")
	_, port, _ := net.SplitHostPort(at.String())
	m := withNames(map[string][]string{"box": {"::1", "127.0.0.1"}})
	conn, err := m.Dialer(netip.MustParseAddr("127.0.0.5")).DialContext(context.Background(), "tcp", "box:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if from, err := io.ReadAll(conn); string(from) != "127.0.0.5" || err != nil {
		t.Errorf("came from %s, %v", from, err)
	}
}

func TestDialRefuses(t *testing.T) {
	m := withNames(map[string][]string{"four": {"127.0.0.1"}})
	for _, c := range []struct{ network, address, source string }{
		{"tcp6", "four:80", ""}, {"tcp", "four:80", "2001:db8::1"}, {"tcp", "four", ""}, {"tcp", "a b:80", ""},
	} {
		source, _ := netip.ParseAddr(c.source)
		if conn, err := m.Dialer(source).DialContext(context.Background(), c.network, c.address); err == nil {
			conn.Close()
			t.Errorf("%+v: connected", c)
		} else if !strings.Contains(err.Error(), c.address) {
			t.Errorf("%+v: the error does not name the address: %v", c, err)
		}
	}
}

func TestDialEndsWithItsContext(t *testing.T) {
	m := withNames(map[string][]string{"box": {"127.0.0.1", "127.0.0.2"}})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := m.DialContext(ctx, "tcp", "box:1"); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
}

func BenchmarkApply5000Names(b *testing.B) {
	tree := manyNames(b, 5000)
	m := New()
	for b.Loop() {
		if err := errors.Join(m.Check(tree), m.Apply(context.Background(), tree)); err != nil {
			b.Fatal(err)
		}
	}
}
