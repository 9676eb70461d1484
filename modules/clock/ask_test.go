package clock

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// answer is what a fake server makes of a question, RFC 5905 section 7.3; nil: nothing.
type answer func(question []byte) []byte

// good is a right answer of a server whose clock is ahead.
func good(question []byte, ahead time.Duration) []byte {
	out := make([]byte, 48)
	out[0] = 0<<6 | 4<<3 | 4 // no leap second, version 4, mode 4: server
	out[1] = 2               // stratum
	out[3] = 0xec            // precision 2^-20
	copy(out[12:], []byte{10, 0, 0, 99})
	now := stamp64(time.Now().Add(ahead))
	for _, at := range []int{16, 32, 40} { // reference, receive, transmit
		binary.BigEndian.PutUint64(out[at:], now)
	}
	copy(out[24:32], question[40:48]) // origin
	return out
}

// stamp64 is a time as RFC 5905 section 6 has it.
func stamp64(t time.Time) uint64 {
	const since1900 = 2_208_988_800
	return uint64(t.Unix()+since1900)<<32 | uint64(t.Nanosecond())<<32/1e9
}

// serve answers questions on loopback until the test ends.
func serve(t *testing.T, make answer) serverConfig {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		buf := [1024]byte{}
		for {
			n, from, err := conn.ReadFrom(buf[:])
			if err != nil {
				return
			}
			if out := make(buf[:n]); out != nil {
				if _, err := conn.WriteTo(out, from); err != nil {
					return
				}
			}
		}
	})
	t.Cleanup(func() { conn.Close(); serving.Wait() })
	port := netip.MustParseAddrPort(conn.LocalAddr().String()).Port()
	return serverConfig{Name: "127.0.0.1", Port: int(port), Version: 4}
}

func TestAsk(t *testing.T) {
	m := New(Deps{})
	got, err := m.ask(context.Background(), serve(t, func(q []byte) []byte { return good(q, time.Hour) }))
	if err != nil {
		t.Fatal(err)
	}
	if off := got.offset - time.Hour; off.Abs() > got.delay/2+10*time.Millisecond || got.stratum != 2 || got.refID != "10.0.0.99" ||
		got.address.Addr().String() != "127.0.0.1" || got.kiss != "" {
		t.Errorf("%+v", got)
	}
}

// Answers that a server must not give, or that are not its own, move nothing.
func TestBadAnswers(t *testing.T) {
	edit := func(change func(out []byte)) answer {
		return func(q []byte) []byte { out := good(q, 0); change(out); return out }
	}
	for name, c := range map[string]struct {
		make answer
		want string
	}{
		"not synchronised":    {edit(func(out []byte) { out[0] |= 3 << 6 }), "not synchronised itself"},
		"stratum 16":          {edit(func(out []byte) { out[1] = 16 }), "not synchronised itself"},
		"another's answer":    {edit(func(out []byte) { out[24] ^= 1 }), "not to our question"},
		"a client":            {edit(func(out []byte) { out[0] = 4<<3 | 3 }), "mode"},
		"no transmit time":    {edit(func(out []byte) { clear(out[40:48]) }), "transmit"},
		"old reference":       {edit(func(out []byte) { binary.BigEndian.PutUint64(out[16:], stamp64(time.Now().Add(-48*time.Hour))) }), "fresh"},
		"far from its source": {edit(func(out []byte) { binary.BigEndian.PutUint32(out[8:], 20<<16) }), "dispersion"},
		"ticked backwards":    {edit(func(out []byte) { binary.BigEndian.PutUint64(out[40:], stamp64(time.Now().Add(-time.Minute))) }), "backwards"},
		"short":               {func([]byte) []byte { return []byte("short") }, ""},
		"noise":               {func([]byte) []byte { return bytes.Repeat([]byte{0xff}, 48) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := New(Deps{}).ask(context.Background(), serve(t, c.make))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%+v, %v", got, err)
			}
			if got.offset != 0 || got.kiss != "" {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestAskKissOfDeath(t *testing.T) {
	for _, code := range []string{"DENY", "RSTR", "RATE", "\x1b[2J"} {
		got, err := New(Deps{}).ask(context.Background(), serve(t, func(q []byte) []byte {
			out := good(q, 0)
			out[1] = 0
			copy(out[12:16], code)
			return out
		}))
		if err == nil || got.kiss == "" || strings.ContainsRune(got.kiss, '\x1b') || code[0] > ' ' && got.kiss != code {
			t.Errorf("%q: %+v, %v", code, got, err)
		}
	}
}

func TestAskWhoDoesNotAnswer(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := int(netip.MustParseAddrPort(conn.LocalAddr().String()).Port())
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := New(Deps{}).ask(ctx, serverConfig{Name: "127.0.0.1", Port: port, Version: 4}); err == nil || !strings.Contains(err.Error(), "no answer within") {
		t.Errorf("%v", err)
	}
	conn.Close()
	if _, err := New(Deps{}).ask(context.Background(), serverConfig{Name: "127.0.0.1", Port: port, Version: 4}); err == nil || !strings.Contains(err.Error(), "nothing answers at this port") {
		t.Errorf("%v", err)
	}
	if _, err := New(Deps{}).ask(context.Background(), serverConfig{Name: "no-such-name.invalid", Port: port, Version: 4}); err == nil || !strings.Contains(err.Error(), "does not resolve") {
		t.Errorf("%v", err)
	}
}

const chronyConfig = `
port %[1]s
bindaddress 127.0.0.1
bindcmdaddress /
cmdport 0
local stratum %[3]d
allow 127.0.0.1
pidfile %[2]s/pid
`

// TestChrony follows a server that others wrote: chronyd on loopback, which serves the time of this machine and leaves its clock
// alone.
func TestChrony(t *testing.T) {
	path, err := exec.LookPath("chronyd")
	if err != nil {
		t.Skip("needs chronyd: apt install chrony")
	}
	var lines []string
	for stratum := range 3 {
		port := fmt.Sprint(20_000 + rand.IntN(12_000))
		dir := t.TempDir()
		config := filepath.Join(dir, "chrony.conf")
		if err := os.WriteFile(config, []byte(fmt.Sprintf(chronyConfig, port, dir, stratum+5)), 0o600); err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		cmd := exec.Command(path, "-U", "-x", "-d", "-u", "root", "-f", config)
		cmd.Stdout, cmd.Stderr = &log, &log
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := cmd.Process.Kill(); err != nil {
				t.Errorf("chronyd has ended: %v", err)
			}
			_ = cmd.Wait()
			if t.Failed() {
				t.Logf("chronyd: %s", &log)
			}
		})
		// One line for each name: all of them are this machine, see Dial.
		lines = append(lines, fmt.Sprintf("ntp server %s port %s version %d", []string{"127.0.0.1", "localhost", "also-here"}[stratum], port, 3+stratum%2))
	}
	w := &machine{}
	m := New(Deps{Host: w, Now: w.now, Dial: func(ctx context.Context, _ netip.Addr, network, address string) (net.Conn, error) {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		return new(net.Dialer).DialContext(ctx, network, "127.0.0.1:"+port)
	}})
	m.pace = pace{burst: 50 * time.Millisecond, rounds: 4, shortest: 50 * time.Millisecond, longest: 100 * time.Millisecond}
	synced := make(chan struct{})
	m.deps.Host = watched{w, sync.OnceFunc(func() { close(synced) })}
	apply(t, m, strings.Join(lines, "\n")+"\n")
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	select {
	case <-synced:
	case <-time.After(30 * time.Second):
		t.Error("the clock was never moved")
	}
	cancel()
	<-ended
	_, text, err := run(t, m, "show ntp associations")
	if err != nil {
		t.Fatal(err)
	}
	status, err := m.showStatus(context.Background(), callOf())
	if err != nil {
		t.Fatal(err)
	}
	s := status.(statusView)
	if !s.Synchronized || *s.Stratum != 6 || *s.OffsetMS > 100 || *s.OffsetMS < -100 || w.steps != 0 {
		t.Errorf("%+v\n%s", s, text)
	}
	for _, want := range []string{"* 127.0.0.1", "+ localhost", "+ also-here"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}

// watched tells when the clock is first moved.
type watched struct {
	*machine
	moved func()
}

func (w watched) SlewTime(ctx context.Context, by, interval time.Duration) error {
	defer w.moved()
	return w.machine.SlewTime(ctx, by, interval)
}
