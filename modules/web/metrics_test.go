package web

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mbox/configstore"
	"mbox/modules"
	"mbox/modules/moduletest"
)

func TestGrammar(t *testing.T) {
	moduletest.Grammar(t, start(t), "web metrics allow 10.0.0.0/8", "web metrics allow 10.0.0.5", "web metrics listen 127.0.0.1 port 9443", "web metrics listen ::")
}

func TestApplyTwice(t *testing.T) {
	m := start(t)
	m.Metrics(443)
	addr := free(t, "127.0.0.1")
	moduletest.ApplyTwice(t, m, "web metrics listen "+addr.Addr().String()+" port "+portOf(addr)+"\nweb metrics allow 127.0.0.1\n", func() int { return len(m.listeners) })
}

func portOf(a netip.AddrPort) string { _, port, _ := net.SplitHostPort(a.String()); return port }

// apply makes the module match the lines.
func apply(t *testing.T, m *Module, lines ...string) {
	t.Helper()
	tree := moduletest.Tree(t, strings.Join(lines, "\n")+"\n", m)
	if err := m.Apply(t.Context(), tree); err != nil {
		t.Fatal(err)
	}
}

// read gets the metrics from an address of this machine.
func readPage(t *testing.T, method, from string, to netip.AddrPort) (status int, page string) {
	t.Helper()
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true, DialContext: dialer.DialContext,
	}}
	request, err := http.NewRequest(method, "https://"+to.String()+metricsPath, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(raw)
}

// Metrics are for those whom a line allows, where a line says; to all others the page does not exist.
func TestMetricsAreForWhomTheyAreAllowed(t *testing.T) {
	m := start(t)
	gauge := prometheus.NewGauge(prometheus.GaugeOpts{Name: "mbox_test", Help: "A test."})
	gauge.Set(7)
	m.Metrics(443, gauge)
	here, other := free(t, "127.0.0.1"), free(t, "127.0.0.2")
	lines := []string{"web metrics listen 127.0.0.1 port " + portOf(here)}
	apply(t, m, lines...)
	if _, err := net.Dial("tcp", here.String()); err == nil {
		t.Error("it listens before anybody is allowed")
	}
	apply(t, m, append(lines, "web metrics allow 127.0.9.0/24")...)
	if status, page := readPage(t, "GET", "127.0.9.4", here); status != 200 || !strings.Contains(page, "mbox_test 7") || !strings.Contains(page, "go_goroutines") {
		t.Errorf("%d: %s", status, page)
	}
	if err := m.Listen("sync", []netip.AddrPort{other}); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		method, from string
		to           netip.AddrPort
		want         int
	}{
		"another address":  {"GET", "127.0.8.4", here, 404},
		"another listener": {"GET", "127.0.9.4", other, 404},
		"another method":   {"POST", "127.0.9.4", here, 405},
		"hidden method":    {"POST", "127.0.8.4", here, 404},
	} {
		if status, page := readPage(t, tt.method, tt.from, tt.to); status != tt.want || strings.Contains(page, "mbox_") {
			t.Errorf("%s: %d: %s", name, status, page)
		}
	}
	apply(t, m, lines...)
	if _, err := net.Dial("tcp", here.String()); err == nil {
		t.Error("it still listens after the last reader is gone")
	}
}

// An address that cannot be opened is refused with a hint, and the old settings stay.
func TestMetricsListenerThatCannotOpen(t *testing.T) {
	m := start(t)
	m.Metrics(443)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := portOf(taken.Addr().(*net.TCPAddr).AddrPort())
	for _, c := range []struct{ address, message string }{
		{"127.0.0.1", "the port is in use"}, {"192.0.2.1", "the address is not one of this box"},
	} {
		tree := moduletest.Tree(t, "web metrics listen "+c.address+" port "+port+"\nweb metrics allow 127.0.0.1\n", m)
		var told *modules.Error
		err := m.Apply(t.Context(), tree)
		if !errors.As(err, &told) || !strings.Contains(told.Message, c.message) || !strings.Contains(told.Hint, "web metrics listen") {
			t.Errorf("%s: it says %v", c.address, err)
		}
	}
	if m.settings.Load() != nil {
		t.Error("the refused settings are in force")
	}
}

// When the box stops, a connection of another protocol may say goodbye before it is closed.
func TestStopLetsProtocolsTakeLeave(t *testing.T) {
	id := configstore.OpenMemory("test").Identity()
	m := New(id.Certificate, slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(t.Context())
	began := make(chan struct{})
	m.HandleALPN("polite/1", func(c *tls.Conn) {
		close(began)
		<-ctx.Done()
		_, err := c.NetConn().Read(make([]byte, 1)) // until the other side has something more to say
		if err == nil {
			_, err = io.WriteString(c, "goodbye")
		}
		if err != nil {
			t.Errorf("taking leave: %v", err)
		}
	})
	addr := free(t, "127.0.0.1")
	if err := m.Listen("one", []netip.AddrPort{addr}); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	c, err := tls.Dial("tcp", addr.String(), &tls.Config{
		InsecureSkipVerify: true, NextProtos: []string{"polite/1"}, Certificates: []tls.Certificate{id.Certificate()},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	<-began
	stop()
	for { // until the listener is closed, the box has not begun to stop
		other, err := net.Dial("tcp", addr.String())
		if err != nil {
			break
		}
		other.Close()
	}
	if _, err := c.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if said, err := io.ReadAll(c); string(said) != "goodbye" {
		t.Errorf("%q, %v", said, err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
