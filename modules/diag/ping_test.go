package diag

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"mbox/modules"
)

var loopback = netip.MustParseAddr("127.0.0.1")

func needICMP(t *testing.T, to string) {
	t.Helper()
	b := newBox(t)
	match, err := b.book.ParseCommand(15, "ping "+to)
	if err != nil {
		t.Fatal(err)
	}
	where, err := b.m.target(t.Context(), match.Values)
	if err != nil {
		t.Fatal(err)
	}
	s, err := openEcho(options{to: where})
	if err != nil {
		t.Skipf("needs root, or a group in net.ipv4.ping_group_range: %v", err)
	}
	s.Close()
}

func TestPingLoopback(t *testing.T) {
	needICMP(t, "127.0.0.1")
	b := newBox(t)
	b.term.person = true
	want := `^Type Ctrl-C to abort\.
Sending 5, 100-byte ICMP Echos to 127\.0\.0\.1, timeout is 2 seconds:
!!!!!
Success rate is 100 percent \(5/5\), round-trip min/avg/max = \d+/\d+/\d+ ms
$`
	if got := b.text("ping 127.0.0.1"); !regexp.MustCompile(want).MatchString(got) {
		t.Errorf("got:\n%s", got)
	}
	want = `Sending 71, 1500-byte ICMP Echos to self (127.0.0.1), timeout is 2 seconds:
Packet sent with a source address of 127.0.0.1
Packet sent with the DF bit set
` + strings.Repeat("!", 70) + "\n!\nSuccess rate is 100 percent (71/71)"
	b.term.person = false
	if got := b.text("ping self source lo repeat 71 size 1500 df"); !strings.HasPrefix(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestPingChoosesTheFamily(t *testing.T) {
	needICMP(t, "::1")
	b := newBox(t)
	for line, want := range map[string]string{
		"ping both": "::1", "ping ip both": "127.0.0.1", "ping ipv6 both": "::1", "ping both source 127.0.0.1": "127.0.0.1",
		"ping both source lo": "::1", "ping ::ffff:127.0.0.1": "127.0.0.1",
	} {
		var got struct {
			Address  string
			Source   string
			Received int
			Probes   []struct {
				Result string
				From   string
				RTT    float64 `json:"rtt_ms"`
			}
		}
		b.json(line+" repeat 2", &got)
		if got.Address != want || got.Source != want || got.Received != 2 || len(got.Probes) != 2 || got.Probes[1].From != want || got.Probes[1].Result != "reply" || got.Probes[0].RTT <= 0 {
			t.Errorf("%s: %+v, want %s", line, got, want)
		}
	}
}

func TestPingRefusals(t *testing.T) {
	b := newBox(t)
	for line, want := range map[string]string{
		"ping nosuch":                        "Unrecognized host or address: nosuch",
		"ping dead":                          "No name server says",
		"ping ipv6 self":                     "self has no IPv6 address",
		"ping ip ::1":                        "::1 has no IPv4 address",
		"ping 127.0.0.1 source ::1":          "not of the same kind",
		"ping 127.0.0.1 source nosuch":       "There is no interface nosuch",
		"ping 127.0.0.1 source bare":         "has no address",
		"ping 224.0.0.1":                     "not the address of one host",
		"ping 255.255.255.255":               "not the address of one host",
		"ping 0.0.0.0":                       "not the address of one host",
		"ping ff02::1":                       "not the address of one host",
		"ping fe80::1":                       "is on every link",
		"ping ::1 size 40":                   "at least 56 bytes",
		"traceroute ::1 ttl 5 4":             "behind the last",
		"traceroute 224.0.0.1":               "not the address of one host",
		"traceroute self source 10.99.99.99": "is not an address of this box",
	} {
		if got := b.refused(line); !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
	for _, line := range []string{"ping 10.0.0.300", "ping a/b", "ping -x", "ping 127.0.0.1 repeat 10001", "ping 127.0.0.1 size 35", "ping 127.0.0.1 source a/b"} {
		if _, err := b.book.ParseCommand(15, line); err == nil {
			t.Errorf("%s is understood", line)
		}
	}
}

// TestPingStops: Ctrl-C ends it at once, and the summary counts what was sent.
func TestPingStops(t *testing.T) {
	needICMP(t, "127.0.0.1")
	b := newBox(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	b.term.wrote = func(all string) {
		if strings.HasSuffix(all, "!!!") {
			stop()
		}
	}
	view, err := b.run(ctx, "ping 127.0.0.1 repeat 10000", false)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := view.Text(&out, 0); err != nil || !strings.Contains(out.String(), "100 percent (3/3)") {
		t.Errorf("%v\n%s%s", err, b.term, out.String())
	}
	if !view.(*pingView).Interrupted {
		t.Error("the result does not say that it was interrupted")
	}
}

// TestPingStopsWhileItWaits: Ctrl-C need not wait for an answer that does not come.
func TestPingStopsWhileItWaits(t *testing.T) {
	needICMP(t, "127.0.0.1")
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	s, err := openEcho(options{to: target{addr: loopback}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	began := time.Now()
	s.bare = !s.bare // so that no answer can be read
	v := &pingView{Repeat: 5, SizeBytes: 100, TimeoutSeconds: 60, target: target{addr: loopback}}
	if err := v.run(ctx, s, io.Discard); err != nil || !v.Interrupted || v.Sent != 0 || time.Since(began) > 30*time.Second {
		t.Errorf("%v after %v: %+v", err, time.Since(began), v)
	}
}

// TestPingIsPaced: however quick the answers, nobody floods with this box.
func TestPingIsPaced(t *testing.T) {
	needICMP(t, "127.0.0.1")
	b := newBox(t)
	began := time.Now()
	b.text("ping 127.0.0.1 repeat 20")
	if took := time.Since(began); took < 19*pingGap/2 {
		t.Errorf("20 packets in %v", took)
	}
}

func TestTooManyAtOnce(t *testing.T) {
	b := newBox(t)
	for n := range maxRunning {
		if leave, err := b.m.take(modules.Actor{Level: 1}); err == nil {
			if leave(); n >= maxRunning/2 {
				t.Errorf("somebody without privilege is number %d", n+1)
			}
		} else if n < maxRunning/2 {
			t.Errorf("number %d: %v", n+1, err)
		}
		leave, err := b.m.take(modules.Actor{Level: 15})
		if err != nil {
			t.Fatal(err)
		}
		defer leave()
	}
	for _, line := range []string{"ping 127.0.0.1", "traceroute 127.0.0.1"} {
		if got := b.refused(line); !strings.Contains(got, "Too many") {
			t.Error(got)
		}
	}
}

func TestHostsForQuestionMark(t *testing.T) {
	b := newBox(t)
	for line, want := range map[string]string{
		"ping s": "self", "traceroute s": "self", "ping self source l": "lo", "ping self source e": "eth0",
	} {
		if got := b.book.HelpCommand(15, line); !strings.Contains(fmt.Sprint(got.Candidates), want) {
			t.Errorf("%s? shows %v", line, got.Candidates)
		}
	}
}
