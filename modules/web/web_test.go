package web

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"mbox/configstore"
)

func start(t *testing.T) *Module {
	t.Helper()
	m := New(configstore.OpenMemory("test").Identity().Certificate, slog.New(slog.DiscardHandler))
	m.mux.HandleFunc("/hello", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") })
	m.HandleALPN("test/1", func(c *tls.Conn) { fmt.Fprint(c, "test/1") })
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	return m
}

// free returns an address on which nothing listens.
func free(t *testing.T, host string) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", host+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).AddrPort()
}

func get(addr netip.AddrPort) (string, error) {
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true,
	}}
	r, err := client.Get("https://" + addr.String() + "/hello")
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	return string(body), err
}

// The listeners close before the server does; which of the two a Serve notices first is a matter of chance.
func TestStoppingIsNoError(t *testing.T) {
	for range 200 {
		t.Run("", func(t *testing.T) {
			if err := start(t).Listen("one", []netip.AddrPort{free(t, "127.0.0.1"), free(t, "127.0.0.2")}); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestListenIsDesiredState(t *testing.T) {
	m := start(t)
	a, b := free(t, "127.0.0.1"), free(t, "127.0.0.2")
	if err := m.Listen("one", []netip.AddrPort{a, b}); err != nil {
		t.Fatal(err)
	}
	if err := m.Listen("two", []netip.AddrPort{b}); err != nil {
		t.Fatal(err)
	}
	for _, addr := range []netip.AddrPort{a, b} {
		if text, err := get(addr); text != "hello" {
			t.Errorf("%s: %q, %v", addr, text, err)
		}
	}
	if err := m.Listen("one", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := get(a); err == nil {
		t.Error("an address that nobody wants is still open")
	}
	if text, err := get(b); text != "hello" {
		t.Errorf("an address that another owner wants was closed: %v", err)
	}
}

func TestFailedListenChangesNothing(t *testing.T) {
	m := start(t)
	a := free(t, "127.0.0.1")
	if err := m.Listen("one", []netip.AddrPort{a}); err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	err = m.Listen("one", []netip.AddrPort{taken.Addr().(*net.TCPAddr).AddrPort()})
	if err == nil || !bytes.Contains([]byte(err.Error()), []byte(taken.Addr().String())) {
		t.Errorf("the error does not name the address: %v", err)
	}
	if text, err := get(a); text != "hello" {
		t.Errorf("what was open before is closed: %v", err)
	}
}

// Silent connections of one address are bounded, and other addresses are served meanwhile.
func TestSilenceCostsOnlyTheSilent(t *testing.T) {
	m := start(t)
	a := free(t, "127.0.0.1")
	if err := m.Listen("one", []netip.AddrPort{a}); err != nil {
		t.Fatal(err)
	}
	silent := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 9)}, Timeout: 10 * time.Second}
	var last net.Conn
	for range maxArrivalsEach + 1 {
		c, err := silent.Dial("tcp", a.String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		last = c
	}
	_ = last.SetReadDeadline(time.Now().Add(handshakeTime / 2))
	if _, err := last.Read(make([]byte, 1)); errors.Is(err, net.ErrClosed) || isTimeout(err) {
		t.Errorf("one silent connection too many stays open: %v", err)
	}
	if text, err := get(a); text != "hello" {
		t.Errorf("another address is not served: %v", err)
	}
}

// Many addresses that fill the box with silent connections keep nobody out who has fewer; one that has no more than others waits.
func TestSilenceOfManyCostsOnlyTheSilent(t *testing.T) {
	a := arrivals{most: 8, each: 4}
	dial := func(host int) net.Conn { return &remote{addr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, byte(host))}} }
	var conns []net.Conn
	for _, host := range []int{1, 1, 1, 2, 2, 3, 3, 4} {
		conn := dial(host)
		if a.arrived(conn) != nil {
			t.Fatal("refused although there is room")
		}
		conns = append(conns, conn)
	}
	if got := a.arrived(dial(5)); got != conns[0] {
		t.Errorf("%v yields, not the oldest of the address that has most", got)
	}
	if len(a.from) != a.most {
		t.Errorf("%d connections are known, of %d that there may be", len(a.from), a.most)
	}
	if newcomer := dial(1); a.arrived(newcomer) != newcomer {
		t.Error("an address that has as many as any drives out others")
	}
	if got := a.arrived(dial(4)); got == nil || got.RemoteAddr().String() == "10.0.0.4:0" {
		t.Errorf("%v yields", got)
	}
	for _, conn := range conns {
		a.settled(conn)
	}
	if len(a.from) != 2 || len(a.of) != 2 {
		t.Errorf("%d connections of %d addresses are left", len(a.from), len(a.of))
	}
}

// The addresses that one host can take in IPv6 are one.
func TestSilenceOfOneIPv6Host(t *testing.T) {
	a := arrivals{most: 8, each: 2}
	dial := func(host string) net.Conn { return &remote{addr: &net.TCPAddr{IP: net.ParseIP(host)}} }
	for _, host := range []string{"2001:db8:0:1::1", "2001:db8:0:1::2", "2001:db8:0:2::1"} {
		if a.arrived(dial(host)) != nil {
			t.Errorf("%s is refused", host)
		}
	}
	if more := dial("2001:db8:0:1:ffff::3"); a.arrived(more) != more {
		t.Error("a host has more connections than it may have")
	}
}

// remote is a connection of which there is the address only.
type remote struct {
	net.Conn
	addr net.Addr
}

func (r *remote) RemoteAddr() net.Addr { return r.addr }

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

func TestALPNNeedsACertificateAndTLS13(t *testing.T) {
	m := start(t)
	a := free(t, "127.0.0.1")
	if err := m.Listen("one", []netip.AddrPort{a}); err != nil {
		t.Fatal(err)
	}
	read := func(config *tls.Config) (string, error) {
		config.InsecureSkipVerify, config.NextProtos = true, []string{"test/1"}
		c, err := tls.Dial("tcp", a.String(), config)
		if err != nil {
			return "", err
		}
		defer c.Close()
		text, err := io.ReadAll(c)
		return string(text), err
	}
	own := configstore.OpenMemory("client").Identity().Certificate()
	if text, err := read(&tls.Config{Certificates: []tls.Certificate{own}}); text != "test/1" {
		t.Errorf("with a certificate: %q, %v", text, err)
	}
	if text, err := read(&tls.Config{}); err == nil {
		t.Errorf("without one: %q", text)
	}
	if text, err := read(&tls.Config{Certificates: []tls.Certificate{own}, MaxVersion: tls.VersionTLS12}); err == nil {
		t.Errorf("over TLS 1.2: %q", text)
	}
}
