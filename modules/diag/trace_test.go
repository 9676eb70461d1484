package diag

import (
	"regexp"
	"strings"
	"testing"
)

func TestTracerouteLoopback(t *testing.T) {
	b := newBox(t)
	b.term.person = true
	want := `^Type Ctrl-C to abort\.
Tracing the route to self \(127\.0\.0\.1\)
  1 self\.example\.com \(127\.0\.0\.1\) \d+ msec \d+ msec \d+ msec
$`
	if got := b.text("traceroute self"); !regexp.MustCompile(want).MatchString(got) {
		t.Errorf("got:\n%s", got)
	}
	b.term.person = false
	for line, want := range map[string]string{
		"traceroute 127.0.0.1 numeric probe 1":     "  1 127.0.0.1 1 msec\n",
		"traceroute six ttl 3 3 probe 2":           "  3 six (::1) 1 msec 1 msec\n",
		"traceroute 127.0.0.3 port 65535 probe 2":  "  1 127.0.0.3 1 msec 1 msec\n",
		"traceroute ip both probe 1 source lo":     "  1 self.example.com (127.0.0.1) 1 msec\n",
		"traceroute 127.0.0.2 probe 1 ttl 255 255": "255 127.0.0.2 1 msec\n", // the name of it is none
	} {
		got := regexp.MustCompile(`\d+ msec`).ReplaceAllString(b.text(line), "1 msec")
		if _, hops, _ := strings.Cut(got, "\n"); hops != want {
			t.Errorf("%s: %q, want %q", line, hops, want)
		}
	}
	var got struct {
		Reached  bool
		Protocol string
		Hops     []struct {
			Probes []struct {
				Result string
				Name   *string
				RTT    float64 `json:"rtt_ms"`
			}
		}
	}
	b.json("traceroute 127.0.0.2 probe 1", &got)
	if p := got.Hops[0].Probes[0]; !got.Reached || got.Protocol != "udp" || p.Result != resultReply || p.Name != nil || p.RTT <= 0 {
		t.Errorf("%+v", got)
	}
}

// TestTraceText: a line for each router that answers at one distance, as IOS prints it.
func TestTraceText(t *testing.T) {
	b := newBox(t)
	match, err := b.book.ParseCommand(15, "traceroute 127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	to, err := b.m.target(t.Context(), match.Values)
	if err != nil {
		t.Fatal(err)
	}
	name, sign, note, one, twelve := "gw", "!X", "administratively prohibited", 0.2, 12.4
	other := to.addr.Next()
	v := &traceView{target: to, Address: to.addr, MaxTTL: 2, Hops: []traceHop{
		{1, []traceProbe{{Address: &to.addr, Name: &name, RTT: &one}, {Result: resultTimeout}, {Address: &other, RTT: &twelve}}},
		{2, []traceProbe{{Address: &other, RTT: &one, Sign: &sign, Note: &note}, {Sign: &sign, Note: &note}}},
	}}
	var out strings.Builder
	if err := v.Text(&out, 0); err != nil {
		t.Fatal(err)
	}
	want := `Tracing the route to 127.0.0.1
  1 gw (127.0.0.1) 1 msec *
    127.0.0.2 12 msec
  2 127.0.0.2 1 msec !X !X
!X: administratively prohibited
`
	if out.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", out.String(), want)
	}
}
