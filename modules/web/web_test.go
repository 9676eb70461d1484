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
