package web

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// A handler is there where its owner listens, and nowhere else.
func TestHandlerIsServedWhereItsOwnerListens(t *testing.T) {
	m := start(t)
	m.Handle("one", "/one/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %v", body, err)
	}))
	a, other := free(t, "127.0.0.1"), free(t, "127.0.0.2")
	if err := m.Listen("two", []netip.AddrPort{other}); err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
	ask := func(at netip.AddrPort) string {
		t.Helper()
		r, err := client.Post("https://"+at.String()+"/one/x", "text/plain", strings.NewReader("hello"))
		if err != nil {
			return err.Error()
		}
		defer r.Body.Close()
		body, err := io.ReadAll(r.Body)
		return fmt.Sprintf("%d %s %v", r.StatusCode, body, err)
	}
	for _, owned := range [][]netip.AddrPort{{a}, {netip.AddrPortFrom(netip.IPv4Unspecified(), a.Port())}} {
		if err := m.Listen("one", owned); err != nil {
			t.Fatal(err)
		}
		if got := ask(a); got != "200 hello <nil> <nil>" {
			t.Errorf("with %v: %s", owned, got)
		}
		if got := ask(other); !strings.HasPrefix(got, "404 ") {
			t.Errorf("at the address of another: %s", got)
		}
	}
	if err := m.Listen("one", nil); err != nil {
		t.Fatal(err)
	}
	if got := ask(other); !strings.HasPrefix(got, "404 ") {
		t.Errorf("after its owner left: %s", got)
	}
}

// A handler's request has deadlines for reading and writing.
func TestHandlerHasDeadlines(t *testing.T) {
	m := start(t)
	conns := &deadlines{}
	m.server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.mux.ServeHTTP(&watched{ResponseWriter: w, deadlines: conns}, r)
	})
	m.Handle("one", "/one", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") }))
	a := free(t, "127.0.0.1")
	if err := m.Listen("one", []netip.AddrPort{a}); err != nil {
		t.Fatal(err)
	}
	c, err := tls.Dial("tcp", a.String(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "GET /one HTTP/1.1\r\nHost: x\r\n\r\n")
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if conns.read.Before(time.Now()) || conns.read.After(time.Now().Add(bodyTime)) || conns.write.Before(conns.read) {
		t.Errorf("read until %v, write until %v", conns.read, conns.write)
	}
}

type deadlines struct{ read, write time.Time }

// watched notes the deadlines that a handler sets.
type watched struct {
	http.ResponseWriter
	*deadlines
}

func (w *watched) SetReadDeadline(at time.Time) error {
	w.read = at
	return http.NewResponseController(w.ResponseWriter).SetReadDeadline(at)
}

func (w *watched) SetWriteDeadline(at time.Time) error {
	w.write = at
	return http.NewResponseController(w.ResponseWriter).SetWriteDeadline(at)
}

// Open connections of one address are bounded, idle ones too, and others are served meanwhile.
func TestConnectionsOfOneAddressAreBounded(t *testing.T) {
	m := start(t)
	m.crowd.each = 5
	a := free(t, "127.0.0.1")
	if err := m.Listen("one", []netip.AddrPort{a}); err != nil {
		t.Fatal(err)
	}
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 9)}, Timeout: 10 * time.Second}
	ask := func() (*tls.Conn, error) {
		c, err := tls.DialWithDialer(dialer, "tcp", a.String(), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			return nil, err
		}
		fmt.Fprint(c, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
		r, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err == nil {
			_, err = io.ReadAll(r.Body)
		}
		if err != nil {
			c.Close()
		}
		return c, err
	}
	var open []*tls.Conn
	for range m.crowd.each {
		c, err := ask()
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
	}
	if _, err := ask(); err == nil {
		t.Error("one connection too many was served")
	}
	if text, err := get(a); text != "hello" {
		t.Errorf("another address is not served: %v", err)
	}
	for _, c := range open {
		c.Close()
	}
	for { // until the server has seen that they are closed
		c, err := ask()
		if err == nil {
			c.Close()
			return
		}
		if t.Context().Err() != nil {
			t.Fatal("closed connections count for ever")
		}
	}
}
