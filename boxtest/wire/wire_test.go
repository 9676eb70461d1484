package wire

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"
)

// server accepts on loopback and hands out what it accepted.
func server(t *testing.T) (addr string, conns <-chan *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ch := make(chan *net.TCPConn)
	done := make(chan struct{})
	t.Cleanup(func() { close(done); _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			select {
			case ch <- c.(*net.TCPConn):
			case <-done:
				_ = c.Close()
				return
			}
		}
	}()
	return l.Addr().String(), ch
}

// joined is a wire with one connection: its two ends.
func joined(t *testing.T, l Link) (w *Wire, client, target *net.TCPConn) {
	t.Helper()
	addr, conns := server(t)
	w = New(t, addr)
	w.Shape(l)
	client = dial(t, w, "")
	target = <-conns
	t.Cleanup(func() { _ = target.Close() })
	return w, client, target
}

func dial(t *testing.T, w *Wire, from string) *net.TCPConn {
	t.Helper()
	d := net.Dialer{}
	if from != "" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from)}
	}
	c, err := d.Dial("tcp", w.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c.(*net.TCPConn)
}

func send(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := c.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

func expect(t *testing.T, c net.Conn, text string) {
	t.Helper()
	buf := make([]byte, len(text))
	if _, err := io.ReadFull(c, buf); err != nil || string(buf) != text {
		t.Fatalf("read %q, %v; want %q", buf, err, text)
	}
}

// silent fails if anything arrives, an end included, within a time that would do many times over.
func silent(t *testing.T, c net.Conn) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	defer c.SetReadDeadline(time.Time{})
	if n, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("something came through: %d bytes, %v", n, err)
	}
}

func isReset(t *testing.T, c net.Conn) {
	t.Helper()
	if _, err := io.Copy(io.Discard, c); !errors.Is(err, syscall.ECONNRESET) {
		t.Fatalf("ended with %v, want a reset", err)
	}
}

// isRefused dials: the reset may come before or after the handshake is noticed to be done.
func isRefused(t *testing.T, w *Wire) {
	t.Helper()
	c, err := net.Dial("tcp", w.Addr().String())
	if err == nil {
		defer c.Close()
		_, err = c.Read(make([]byte, 1))
	}
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Fatalf("%v, want a reset", err)
	}
}

func TestEveryByteArrivesInOrderAndIsCounted(t *testing.T) {
	for name, link := range map[string]Link{
		"perfect": {}, "delayed": {Delay: 20 * time.Millisecond}, "paced": {Rate: 100_000_000},
		"lossy": {Delay: time.Millisecond, Loss: 0.01}, "all of it": {Delay: 2 * time.Millisecond, Rate: 50_000_000, Loss: 0.002},
	} {
		t.Run(name, func(t *testing.T) {
			w, client, target := joined(t, link)
			const size = 1 << 20
			data := make([]byte, size)
			for i := range data {
				data[i] = byte(rand.Uint32())
			}
			go func() { _, _ = client.Write(data); _ = client.CloseWrite() }()
			got, err := io.ReadAll(target)
			if err != nil || sha256.Sum256(got) != sha256.Sum256(data) {
				t.Fatalf("%d bytes arrived, %v", len(got), err)
			}
			send(t, target, "still open this way")
			_ = target.CloseWrite()
			if back, err := io.ReadAll(client); err != nil || string(back) != "still open this way" {
				t.Fatalf("%q, %v", back, err)
			}
			if w.Bytes(Up) != size || w.Bytes(Down) != int64(len("still open this way")) {
				t.Errorf("counted %d up, %d down", w.Bytes(Up), w.Bytes(Down))
			}
		})
	}
}

// A delay is added once per direction, and does not slow a stream down.
func TestDelay(t *testing.T) {
	const delay = 50 * time.Millisecond
	_, client, target := joined(t, Link{Delay: delay})
	started := time.Now()
	for range 5 {
		send(t, client, "abcde")
	}
	for range 5 {
		expect(t, target, "abcde")
	}
	send(t, target, "back")
	expect(t, client, "back")
	if took := time.Since(started); took < 2*delay {
		t.Errorf("a round trip took %s", took)
	}
}

// A rate holds over a stream, and holds the sender back: most of what does not fit is still with it.
func TestRateIsFeltByTheSender(t *testing.T) {
	const rate = 8_000_000
	_, client, target := joined(t, Link{Rate: rate, Queue: 32 << 10})
	if err := client.SetWriteBuffer(16 << 10); err != nil {
		t.Fatal(err)
	}
	const size = 1 << 20
	started := time.Now()
	done := make(chan time.Duration)
	go func() {
		_, _ = client.Write(make([]byte, size))
		done <- time.Since(started)
	}()
	if _, err := io.CopyN(io.Discard, target, size); err != nil {
		t.Fatal(err)
	}
	took, written := time.Since(started), <-done
	if least := time.Duration(size*8) * time.Second / rate * 9 / 10; took < least {
		t.Errorf("%d bytes took %s, at least %s expected", size, took, least)
	}
	if written < took/2 {
		t.Errorf("the sender was done after %s of %s: it felt nothing", written, took)
	}
}

// A receiver that does not read stops the sender: a wire does not store what it is given.
func TestBackPressure(t *testing.T) {
	_, client, _ := joined(t, Link{Rate: 1_000_000_000})
	_ = client.SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
	n, err := client.Write(make([]byte, 64<<20))
	if !errors.Is(err, os.ErrDeadlineExceeded) || n > 16<<20 {
		t.Errorf("%d bytes were taken, %v", n, err)
	}
}

// A lost segment holds the stream back for a round trip.
func TestLossCostsTime(t *testing.T) {
	const delay = 20 * time.Millisecond
	w, client, target := joined(t, Link{Delay: delay})
	w.Set(Up, Link{Delay: delay, Loss: 1})
	started := time.Now()
	send(t, client, "lost")
	expect(t, target, "lost")
	if took := time.Since(started); took < 200*time.Millisecond {
		t.Errorf("a lone lost segment came after %s", took)
	}
	started = time.Now()
	const segments = 10
	go func() { _, _ = client.Write(make([]byte, segments*segment)) }()
	if _, err := io.CopyN(io.Discard, target, segments*segment); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(started); took < segments*2*delay {
		t.Errorf("%d lost segments came after %s", segments, took)
	}
}

// While one direction holds, nothing of it passes, not even a close; the other goes on; afterwards nothing is missing.
func TestHoldingOutage(t *testing.T) {
	w, client, target := joined(t, Link{})
	send(t, client, "before")
	expect(t, target, "before")
	w.Stall(Up, Holds)
	send(t, client, "during")
	silent(t, target)
	send(t, target, "other way")
	expect(t, client, "other way")
	_ = client.CloseWrite()
	silent(t, target)
	w.Heal()
	expect(t, target, "during")
	if n, err := target.Read(make([]byte, 1)); err != io.EOF {
		t.Fatalf("%d, %v: the close did not come through", n, err)
	}
}

// A held direction takes only what buffers take.
func TestHoldingOutageFillsTheSender(t *testing.T) {
	w, client, _ := joined(t, Link{})
	w.Partition(Holds)
	_ = client.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
	if n, err := client.Write(make([]byte, 64<<20)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("%d bytes were taken, %v", n, err)
	}
}

// What is swallowed never arrives: the connection that lost something is reset afterwards, another goes on.
func TestSwallowingOutage(t *testing.T) {
	addr, conns := server(t)
	w := New(t, addr)
	loser, idle := dial(t, w, ""), (*net.TCPConn)(nil)
	loserEnd := <-conns
	idle = dial(t, w, "")
	idleEnd := <-conns
	w.Stall(Up, Swallows)
	const much = 32 << 20
	if n, err := loser.Write(make([]byte, much)); n != much || err != nil {
		t.Fatalf("%d bytes were taken, %v", n, err)
	}
	silent(t, loserEnd)
	send(t, loserEnd, "down flows")
	expect(t, loser, "down flows")
	w.Heal()
	isReset(t, loser)
	isReset(t, loserEnd)
	send(t, idle, "alive")
	expect(t, idleEnd, "alive")
}

// A side that dies during an outage leaves the other half-open until the link is back.
func TestHalfOpen(t *testing.T) {
	w, client, target := joined(t, Link{})
	w.Partition(Holds)
	_ = client.SetLinger(0)
	_ = client.Close()
	silent(t, target)
	w.Heal()
	isReset(t, target)
}

func TestNewConnectionsWaitForTheOutage(t *testing.T) {
	addr, conns := server(t)
	w := New(t, addr)
	w.Stall(Down, Holds)
	given, kept := dial(t, w, ""), dial(t, w, "")
	send(t, given, "hello?")
	send(t, kept, "hello")
	silent(t, kept)
	_ = given.Close()
	select {
	case <-conns:
		t.Fatal("the target was reached through an outage")
	default:
	}
	w.Heal()
	end := <-conns
	expect(t, end, "hello")
	select {
	case <-conns:
		t.Error("who had given up was connected")
	case <-time.After(100 * time.Millisecond):
	}
	if w.Accepted() != 2 {
		t.Errorf("%d accepted", w.Accepted())
	}
}

func TestCutAndRefuse(t *testing.T) {
	w, client, target := joined(t, Link{Delay: time.Hour})
	send(t, client, "never arrives")
	w.Refuse(true)
	if n := w.Cut(); n != 1 {
		t.Errorf("%d connections cut", n)
	}
	isReset(t, client)
	isReset(t, target)
	isRefused(t, w)
}

func TestFlap(t *testing.T) {
	w, client, _ := joined(t, Link{})
	stop := w.Flap(time.Millisecond, time.Millisecond)
	isReset(t, client)
	stop()
	again := dial(t, w, "")
	silent(t, again)
}

// The target sees the address of who dialed, or the one that was chosen.
func TestSourceAddress(t *testing.T) {
	addr, conns := server(t)
	w := New(t, addr)
	source := func(c *net.TCPConn) string {
		defer c.Close()
		return c.RemoteAddr().(*net.TCPAddr).IP.String()
	}
	dial(t, w, "127.0.0.77")
	if got := source(<-conns); got != "127.0.0.77" {
		t.Errorf("the target sees %s", got)
	}
	w.From(netip.MustParseAddr("127.0.0.99"))
	dial(t, w, "127.0.0.77")
	if got := source(<-conns); got != "127.0.0.99" {
		t.Errorf("the target sees %s", got)
	}
}

// Nothing there to dial: who dialed hears of it.
func TestNoTarget(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	isRefused(t, New(t, addr))
}

// Close ends everything, whatever it is waiting for.
func TestClose(t *testing.T) {
	addr, conns := server(t)
	for name, prepare := range map[string]func(*Wire){
		"idle":     func(*Wire) {},
		"delayed":  func(w *Wire) { w.Shape(Link{Delay: time.Hour}) },
		"slow":     func(w *Wire) { w.Shape(Link{Rate: 1}) },
		"holds":    func(w *Wire) { w.Partition(Holds) },
		"swallows": func(w *Wire) { w.Partition(Swallows) },
		"flaps":    func(w *Wire) { w.Flap(time.Hour, time.Hour) },
	} {
		w, err := Listen(addr)
		if err != nil {
			t.Fatal(err)
		}
		c := dial(t, w, "")
		end := <-conns
		prepare(w)
		send(t, c, string(bytes.Repeat([]byte{1}, 10_000)))
		w.Close()
		if w.Open() != 0 {
			t.Errorf("%s: %d connections are left", name, w.Open())
		}
		_ = end.Close()
	}
}
