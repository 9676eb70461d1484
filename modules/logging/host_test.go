package logging

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

const patience = 30 * time.Second

// certificate makes one for 127.0.0.1 and log.example.com, valid now, and writes it as PEM files too.
func certificate(t *testing.T) (cert tls.Certificate, pool *x509.CertPool, certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "log host"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"log.example.com"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write := func(name, kind string, raw []byte) {
		if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw}), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(certFile, "CERTIFICATE", raw)
	write(keyFile, "PRIVATE KEY", der)
	pool = x509.NewCertPool()
	parsed, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}, pool, certFile, keyFile
}

// listen opens a port on loopback. Any will do: it is the kernel's to choose.
func listen(t *testing.T) (net.Listener, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l, strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// frame reads one message with octet counting, RFC 6587 section 3.4.1.
func frame(r *bufio.Reader) (string, error) {
	count, err := r.ReadString(' ')
	if err != nil {
		return "", err
	}
	n, err := strconv.Atoi(strings.TrimSuffix(count, " "))
	if err != nil || count[0] == '0' {
		return "", fmt.Errorf("count %q", count)
	}
	message := make([]byte, n)
	_, err = io.ReadFull(r, message)
	return string(message), err
}

// collect gives the messages that arrive over connections of a listener.
func collect(t *testing.T, l net.Listener) <-chan string {
	out := make(chan string, 10_000)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { conn.Close() })
			go func() {
				defer conn.Close()
				r := bufio.NewReader(conn)
				for {
					message, err := frame(r)
					if err != nil {
						return
					}
					out <- message
				}
			}()
		}
	}()
	return out
}

// await returns the next message with a text in it.
func await(t *testing.T, from <-chan string, text string) parsed {
	t.Helper()
	limit := time.After(patience)
	for {
		select {
		case message := <-from:
			p, err := parse(message)
			if err != nil {
				t.Fatalf("%v: %q", err, message)
			}
			if strings.Contains(p.text, text) {
				return p
			}
		case <-limit:
			t.Fatalf("%q never came", text)
		}
	}
}

// eventually waits until the log holds a message.
func (r *running) eventually(text string) {
	r.Helper()
	seen := make(chan struct{}, 1000)
	defer r.module.Subscribe(func(line string) {
		if strings.Contains(line, text) {
			seen <- struct{}{}
		}
	})()
	for _, e := range r.hub.Buffered() {
		if strings.Contains(e.Line(), text) {
			return
		}
	}
	select {
	case <-seen:
	case <-time.After(patience):
		r.Fatalf("%q was never logged:\n%s", text, r.text("show logging"))
	}
}

func (r *running) host(i int) hostView {
	r.hub.mu.Lock()
	defer r.hub.mu.Unlock()
	return r.hub.hosts[i].view()
}

func TestSendsOverUDP(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r := start(t, Deps{Hostname: func() string { return "edge1" }})
	r.configure(fmt.Sprintf("logging host 127.0.0.1 port %d\nlogging origin-id ip\nlogging facility local1\n", conn.LocalAddr().(*net.UDPAddr).Port))
	r.log.Warn("sync: over udp", "peer", "x y")
	buf := make([]byte, 1<<16)
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	n, _, err := conn.ReadFrom(buf)
	if err != nil {
		t.Fatal(err)
	}
	p, err := parse(string(buf[:n]))
	if err != nil || p.hostname != "127.0.0.1" || p.priority != 17*8+4 || p.text != `%SYSTEM-4-WARNING: sync: over udp peer="x y"` && p.text != `%SYNC-4-WARNING: over udp peer="x y"` {
		t.Fatalf("%+v, %v", p, err)
	}
	if h := r.host(0); h.State != stateSending {
		t.Errorf("%+v", h)
	}
}

// Messages wait while the log host is away, and come when it is there; the connection that breaks is made again.
func TestSendsOverTCPAndReconnects(t *testing.T) {
	l, port := listen(t)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	r := start(t, Deps{Hostname: func() string { return "edge1" }})
	r.configure("logging host 127.0.0.1 transport tcp port " + port + "\n")
	r.log.Info("while it is away")
	r.eventually("LOGGING-4-HOSTDOWN")
	if h := r.host(0); h.State != stateFailed || !strings.Contains(h.Reason, "refused") || h.Queued == 0 {
		t.Errorf("%+v", h)
	}
	l, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Skipf("the port was taken by somebody else: %v", err)
	}
	t.Cleanup(func() { l.Close() })
	first, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(first)
	message, err := frame(reader)
	if p, bad := parse(message); err != nil || bad != nil || p.text != "%SYSTEM-6-INFO: while it is away" || p.hostname != "edge1" {
		t.Fatalf("%q, %v, %v", message, err, bad)
	}
	r.eventually("LOGGING-5-HOSTUP")
	first.Close()
	r.eventually("it has closed the connection")
	r.log.Info("after the break")
	await(t, collect(t, l), "after the break")
	if h := r.host(0); h.State != stateConnected || h.Reason != "" || h.Attempts < 3 {
		t.Errorf("%+v", h)
	}
}

// A log host that never stops talking is left.
func TestTalkingHost(t *testing.T) {
	l, port := listen(t)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			for err == nil {
				_, err = conn.Write(make([]byte, 4<<10))
			}
			conn.Close()
		}
	}()
	r := start(t, Deps{})
	r.configure("logging host 127.0.0.1 transport tcp port " + port + "\n")
	r.eventually("it talks, and is no log host")
}

// What is said about a log host is not sent to log hosts: a host that fails would feed itself.
func TestNoLoop(t *testing.T) {
	l, port := listen(t)
	got := collect(t, l)
	r := start(t, Deps{})
	closed, closedPort := listen(t)
	closed.Close()
	r.configure("logging host 127.0.0.1 transport tcp port " + port + " level 7\nlogging host 127.0.0.2 transport tcp port " + closedPort + " level 7\n")
	r.eventually("LOGGING-4-HOSTDOWN: log host 127.0.0.2")
	r.log.Info("behind it")
	limit := time.After(patience)
	for {
		select {
		case message := <-got:
			if strings.Contains(message, "HOSTDOWN") {
				t.Fatalf("sent: %s", message)
			}
			if strings.Contains(message, "behind it") {
				return
			}
		case <-limit:
			t.Fatal("nothing came")
		}
	}
}

// A log host that is never there costs a bounded queue, of which the oldest give way, and nobody waits for it.
func TestQueueIsBounded(t *testing.T) {
	blocked := make(chan struct{})
	r := start(t, Deps{Dial: func(ctx context.Context, _ netip.Addr, _, _ string) (net.Conn, error) {
		close(blocked)
		<-ctx.Done()
		return nil, ctx.Err()
	}})
	r.configure("logging host 10.0.0.5\n")
	<-blocked
	for i := range 3 * maxQueue {
		r.log.Info("message", "i", i)
	}
	h := r.host(0)
	if h.Queued != maxQueue || h.Dropped != 2*maxQueue {
		t.Errorf("%+v", h)
	}
	if e := <-r.module.hosts[0].queue; e.Attributes[0].Value != strconv.Itoa(2*maxQueue) {
		t.Errorf("the oldest that is left is %s", e.Line())
	}
	if got := r.text("show logging"); !strings.Contains(got, "0 messages sent, 999 waiting, 2000 dropped") {
		t.Error(got)
	}
}

// A log host that stays away is tried ever less often, and said to be away once.
func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var attempts atomic.Int32
		r := start(t, Deps{Dial: func(context.Context, netip.Addr, string, string) (net.Conn, error) {
			attempts.Add(1)
			return nil, errors.New("no route")
		}})
		defer r.stop()
		r.configure("logging host 10.0.0.5 transport tcp\n")
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		// 1, 2, 4, ... 60 s, of which at least half is waited.
		if n := attempts.Load(); n < 30 || n > 80 {
			t.Errorf("%d attempts in half an hour", n)
		}
		if got := r.text("show logging"); strings.Count(got, "%LOGGING-4-HOSTDOWN") != 1 || !strings.Contains(got, "failed since") {
			t.Error(got)
		}
	})
}

func TestSendsOverTLS(t *testing.T) {
	cert, pool, _, _ := certificate(t)
	other, _, _, _ := certificate(t)
	sum := sha256.Sum256(cert.Certificate[0])
	pin := hex.EncodeToString(sum[:])
	for name, c := range map[string]struct {
		shown tls.Certificate
		roots *x509.CertPool
		line  string
		fails string // empty: it works
	}{
		"roots":       {cert, pool, "", ""},
		"pinned":      {cert, nil, " fingerprint " + pin, ""},
		"pin wins":    {other, pool, " fingerprint " + pin, "another certificate than the pinned one"},
		"not trusted": {cert, x509.NewCertPool(), "", "unknown authority"},
		"other host":  {other, pool, "", "unknown authority"},
	} {
		t.Run(name, func(t *testing.T) {
			l, port := listen(t)
			got := collect(t, tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{c.shown}}))
			r := start(t, Deps{Roots: c.roots})
			r.configure("logging host 127.0.0.1 transport tls port " + port + c.line + "\n")
			r.log.Info("a secret matter")
			if c.fails == "" {
				await(t, got, "a secret matter")
				return
			}
			r.eventually(c.fails)
			if len(got) > 0 {
				t.Errorf("sent all the same: %s", <-got)
			}
		})
	}
}

// The name in the certificate must be that of the line.
func TestTLSVerifiesTheName(t *testing.T) {
	cert, pool, _, _ := certificate(t)
	l, port := listen(t)
	got := collect(t, tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert}}))
	dial := func(ctx context.Context, _ netip.Addr, network, address string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, "127.0.0.1:"+port)
	}
	r := start(t, Deps{Roots: pool, Dial: dial})
	r.configure("logging host log.example.com transport tls\nlogging host log.example.net transport tls\n")
	r.log.Info("hello")
	await(t, got, "hello")
	r.eventually("not log.example.net")
}

// What waits when the box stops is sent before it is gone.
func TestLastWords(t *testing.T) {
	l, port := listen(t)
	got := collect(t, l)
	r := start(t, Deps{})
	r.configure("logging host 127.0.0.1 transport tcp port " + port + "\n")
	r.log.Info("first")
	await(t, got, "first")
	for i := range 500 {
		r.log.Info("message", "i", i)
	}
	r.stop()
	await(t, got, "message i=499")
}
