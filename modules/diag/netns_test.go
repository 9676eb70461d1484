package diag

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"mbox/modules"
)

// The tests of this file run in network namespaces of their own: the test program runs itself again in a new one, with
// this variable saying what to do there.
const roleEnv = "MBOX_DIAG_ROLE"

// again runs this test program in another role, in a new network namespace unless it is to enter that of a process.
func again(t *testing.T, role, run string, enter int) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"-test.run=^" + run + "$", "-test.v"}
	cmd := exec.CommandContext(t.Context(), self, args...)
	if enter > 0 {
		cmd = exec.CommandContext(t.Context(), "nsenter", append([]string{"-t", strconv.Itoa(enter), "-n", self}, args...)...)
	} else {
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	}
	cmd.Env = append(os.Environ(), roleEnv+"="+role)
	cmd.Stderr = os.Stderr
	return cmd
}

// TestNetwork runs what needs a network of its own.
func TestNetwork(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, for network namespaces")
	}
	for _, tool := range []string{"ip", "nsenter"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs %s: %v", tool, err)
		}
	}
	out, err := again(t, "network", "TestInside", 0).Output()
	if err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			t.Skipf("needs root that may make network namespaces: %v", err)
		}
		t.Errorf("%v\n%s", err, out)
	}
	for _, part := range []string{"raw", "unprivileged", "traceroute", "forged", "not_allowed"} {
		if !strings.Contains(string(out), "--- PASS: TestInside/"+part) {
			t.Errorf("%s did not pass:\n%s", part, out)
		}
	}
}

// helper starts a process in another role and waits for its first word.
func helper(t *testing.T, role, run string, enter int) int {
	t.Helper()
	cmd := again(t, role, run, enter)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		_, _ = io.Copy(io.Discard, stdout)
		_ = cmd.Wait() // whether it liked to be ended is of no interest
	})
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "ready") {
			return cmd.Process.Pid
		}
	}
	t.Fatalf("the helper %s did not begin", role)
	return 0
}

// TestHold is a process that keeps a namespace until its input ends.
func TestHold(t *testing.T) {
	if os.Getenv(roleEnv) != "hold" {
		t.Skip("only a part of TestNetwork")
	}
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// TestForge answers echo requests with what was not sent, until its input ends.
func TestForge(t *testing.T) {
	if os.Getenv(roleEnv) != "forge" {
		t.Skip("only a part of TestNetwork")
	}
	four, err := icmp.ListenPacket("ip4:icmp", "0.0.0.0")
	if err != nil {
		t.Fatal(err)
	}
	six, err := icmp.ListenPacket("ip6:ipv6-icmp", "::")
	if err != nil {
		t.Fatal(err)
	}
	go forge(four, protocolICMP, ipv4.ICMPTypeEcho, ipv4.ICMPTypeEchoReply)
	go forge(six, protocolICMPv6, ipv6.ICMPTypeEchoRequest, ipv6.ICMPTypeEchoReply)
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
	four.Close()
	six.Close()
}

// forge answers with another payload, then with another sequence, then with another id.
func forge(conn *icmp.PacketConn, protocol int, request, reply icmp.Type) {
	buf := make([]byte, 2000)
	for {
		n, from, err := conn.ReadFrom(buf)
		if err != nil {
			return
		}
		m, err := icmp.ParseMessage(protocol, buf[:n])
		if err != nil || m.Type != request {
			continue
		}
		e := *m.Body.(*icmp.Echo)
		data := append([]byte{}, e.Data...)
		data[0] ^= 1
		for _, lie := range []icmp.Echo{{ID: e.ID, Seq: e.Seq, Data: data}, {ID: e.ID, Seq: e.Seq + 1, Data: e.Data}, {ID: e.ID + 1, Seq: e.Seq, Data: e.Data}, {ID: e.ID, Seq: e.Seq}} {
			raw, err := (&icmp.Message{Type: reply, Body: &lie}).Marshal(nil)
			if err == nil {
				_, _ = conn.WriteTo(raw, from)
			}
		}
	}
}

// chain is three machines in a row: this one, a router, and a host.
//
//	here 10.71.0.1 fd71::1 - 10.71.0.2 fd71::2 router 10.71.1.2 fd71:1::2 - 10.71.1.3 fd71:1::3 host
//
// The last link takes 1400 bytes. The router has no route to 10.71.6.0/24, drops 10.71.7.0/24, and refuses 10.71.8.0/24 and
// 10.71.9.0/24, and their like of IPv6.
func chain(t *testing.T) (router, host int) {
	t.Helper()
	router, host = helper(t, "hold", "TestHold", 0), helper(t, "hold", "TestHold", 0)
	script := func(pid int, lines string) {
		t.Helper()
		cmd := exec.Command("sh", "-ec", lines)
		if pid > 0 {
			cmd = exec.Command("nsenter", "-t", strconv.Itoa(pid), "-n", "sh", "-ec", lines)
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("set up the network: %v\n%s", err, out)
		}
	}
	const quick = `for f in /proc/sys/net/ipv6/conf/*/accept_dad; do echo 0 > $f; done; ip link set lo up`
	script(0, quick+fmt.Sprintf(`
ip link add vhere type veth peer name vleft
ip link set vleft netns %d
echo 0 > /proc/sys/net/ipv6/conf/vhere/accept_dad
ip addr add 10.71.0.1/24 dev vhere
ip addr add fd71::1/64 dev vhere nodad
ip link set vhere up`, router))
	script(router, quick+fmt.Sprintf(`
echo 1 > /proc/sys/net/ipv4/ip_forward
echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
echo 0 > /proc/sys/net/ipv6/icmp/ratelimit
echo 0 > /proc/sys/net/ipv4/icmp_ratelimit
ip link add vright type veth peer name vhost
ip link set vhost netns %d
ip link set vright mtu 1400
ip addr add 10.71.0.2/24 dev vleft
ip addr add fd71::2/64 dev vleft nodad
ip addr add 10.71.1.2/24 dev vright
ip addr add fd71:1::2/64 dev vright nodad
ip link set vleft up
ip link set vright up
for n in 4:10.71.7.0/24 6:fd71:7::/64; do ip -${n%%%%:*} route add blackhole ${n#*:}; done
ip route add unreachable 10.71.8.0/24
ip -6 route add unreachable fd71:8::/64
ip route add prohibit 10.71.9.0/24
ip -6 route add prohibit fd71:9::/64`, host))
	script(host, quick+`
echo 0 > /proc/sys/net/ipv4/icmp_ratelimit
ip link set vhost mtu 1400
ip addr add 10.71.1.3/24 dev vhost
ip addr add fd71:1::3/64 dev vhost nodad
ip link set vhost up
ip route add default via 10.71.1.2
ip -6 route add default via fd71:1::2`)
	script(0, `
ip route add default via 10.71.0.2
ip -6 route add default via fd71::2`)
	return router, host
}

type pingResult struct {
	Received, Rejected int
	Probes             []struct{ Result, From, Note string }
}

type traceResult struct {
	Reached bool
	Hops    []struct {
		TTL    int
		Probes []struct{ Result, Address, Name, Sign string }
	}
}

// TestInside is TestNetwork's part in the namespace.
func TestInside(t *testing.T) {
	if os.Getenv(roleEnv) != "network" {
		t.Skip("only a part of TestNetwork")
	}
	_, host := chain(t)
	t.Run("raw", func(t *testing.T) { pingThrough(t, true) })
	t.Run("not allowed", notAllowed)
	allow(t)
	t.Run("unprivileged", func(t *testing.T) { pingThrough(t, false) })
	t.Run("traceroute", traceThrough)
	t.Run("forged", func(t *testing.T) { forgedAnswers(t, host) })
}

// allow lets every group open ICMP sockets without privilege; they are then what is used.
func allow(t *testing.T) {
	t.Helper()
	if err := os.WriteFile("/proc/sys/net/ipv4/ping_group_range", []byte("0 2147483647"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func pingThrough(t *testing.T, bare bool) {
	b := newBox(t)
	s, err := openEcho(options{to: target{addr: loopback}})
	if err != nil || s.bare != bare {
		t.Fatalf("raw is %v: %v", s != nil && s.bare, err)
	}
	s.Close()
	for _, c := range []struct {
		line, result, from, note string
		received                 int
	}{
		{"10.71.0.2", resultReply, "10.71.0.2", "", 1},
		{"10.71.1.3", resultReply, "10.71.1.3", "", 1},
		{"fd71:1::3", resultReply, "fd71:1::3", "", 1},
		{"10.71.1.3 size 9000", resultReply, "10.71.1.3", "", 1}, // in fragments
		{"10.71.1.3 source 10.71.0.1", resultReply, "10.71.1.3", "", 1},
		{"10.71.1.3 size 1450 df", resultTooBig, "10.71.0.2", "packet too big, at most 1400 bytes pass", 0},
		{"10.71.1.3 size 1400 df", resultReply, "10.71.1.3", "", 1},
		{"10.71.1.3 size 1501 df", resultTooBig, "", "packet too big, at most 1500 bytes pass", 0},
		{"fd71:1::3 size 1450 df", resultTooBig, "fd71::2", "packet too big, at most 1400 bytes pass", 0},
		// Linux says of one IPv4 address five times that there is no way, then once a second (ip_error in net/ipv4/route.c):
		// these few may be asked.
		{"10.71.6.1", resultUnreachable, "10.71.0.2", "network unreachable", 0},
		{"10.71.7.1", resultTimeout, "", "", 0},
		{"10.71.8.1", resultUnreachable, "10.71.0.2", "host unreachable", 0},
		{"10.71.9.1", resultUnreachable, "10.71.0.2", "administratively prohibited", 0},
		{"fd71:8::1", resultUnreachable, "fd71::2", "no route", 0},
		{"fd71:9::1", resultUnreachable, "fd71::2", "administratively prohibited", 0},
	} {
		if strings.Contains(c.note, "unreachable") && !bare {
			continue
		}
		var got pingResult
		b.json("ping "+c.line+" repeat 1 timeout 1", &got)
		if len(got.Probes) != 1 || got.Received != c.received || got.Probes[0].Result != c.result || got.Probes[0].From != c.from || got.Probes[0].Note != c.note {
			t.Errorf("ping %s: %+v", c.line, got)
		}
	}
	if text := b.text("ping fd71:9::1 repeat 3"); !strings.Contains(text, "\nUUU\nSuccess rate is 0 percent (0/3)\nU: administratively prohibited, says fd71::2\n") {
		t.Error(text)
	}
	if text := b.refused("ping 10.71.1.3 source 10.71.0.99"); !strings.Contains(text, "is not an address of this box") {
		t.Error(text)
	}
}

// notAllowed: without privilege, and without a group that may, the operator is told what to do.
func notAllowed(t *testing.T) {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // the thread ends with this goroutine, and its privileges with it
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, 65534, 65534, 65534); errno != 0 {
			done <- errno
			return
		}
		s, err := openEcho(options{to: target{addr: loopback}})
		if s != nil {
			s.Close()
		}
		done <- err
	}()
	err := <-done
	var mistake *modules.Error
	if !errors.As(err, &mistake) || !strings.Contains(mistake.Hint, "ping_group_range") {
		t.Errorf("got %v", err)
	}
}

func traceThrough(t *testing.T) {
	b := newBox(t)
	for _, with := range []string{"", " icmp"} {
		for dst, router := range map[string]string{"10.71.1.3": "10.71.0.2", "fd71:1::3": "fd71::2"} {
			var got traceResult
			b.json("traceroute "+dst+with, &got)
			if !got.Reached || len(got.Hops) != 2 || len(got.Hops[0].Probes) != 3 {
				t.Fatalf("traceroute %s%s: %+v", dst, with, got)
			}
			for i, want := range []string{router, dst} {
				for _, p := range got.Hops[i].Probes {
					if p.Address != want || p.Sign != "" {
						t.Errorf("traceroute %s%s: hop %d is %+v, want %s", dst, with, i+1, p, want)
					}
				}
			}
		}
		for dst, sign := range map[string]string{"fd71:8::1": "!N", "fd71:9::1": "!X"} {
			var got traceResult
			b.json("traceroute "+dst+with, &got)
			seen := ""
			for _, p := range got.Hops[len(got.Hops)-1].Probes {
				seen = max(seen, p.Sign)
			}
			if got.Reached || seen != sign {
				t.Errorf("traceroute %s%s: %+v, want %s", dst, with, got, sign)
			}
		}
		if text := b.text("traceroute 10.71.7.1 ttl 1 2 timeout 1 probe 2" + with); text != "Tracing the route to 10.71.7.1\n  1 * *\n  2 * *\n10.71.7.1 did not answer within 2 hops.\n" {
			t.Error(text)
		}
	}
	ctx, stop := contextWithStop(t)
	b.term.reset()
	b.term.wrote = func(string) { stop() } // as soon as the heading is there: nobody answers
	began := time.Now()
	view, err := b.run(ctx, "traceroute 10.71.7.1 timeout 60", false)
	if err != nil || !view.(*traceView).Interrupted || time.Since(began) > 30*time.Second {
		t.Errorf("Ctrl-C after %v: %v %+v", time.Since(began), err, view)
	}
	b.term.wrote = nil
	text := b.text("traceroute 10.71.8.1 probe 1")
	if !strings.HasPrefix(text, "Tracing the route to 10.71.8.1\n  1 10.71.0.2 ") || !strings.HasSuffix(text, " msec !H\n!H: host unreachable\n") {
		t.Error(text)
	}
}

// forgedAnswers: answers that do not hold what was sent do not count, over either kind of socket.
func forgedAnswers(t *testing.T, host int) {
	for _, name := range []string{"ipv4/icmp_echo_ignore_all", "ipv6/icmp/echo_ignore_all"} {
		cmd := exec.Command("nsenter", "-t", strconv.Itoa(host), "-n", "sh", "-c", "echo 1 > "+filepath.Join("/proc/sys/net", name))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	helper(t, "forge", "TestForge", host)
	for _, groups := range []string{"0 2147483647", "1 0"} {
		if err := os.WriteFile("/proc/sys/net/ipv4/ping_group_range", []byte(groups), 0o600); err != nil {
			t.Fatal(err)
		}
		b := newBox(t)
		for _, dst := range []string{"10.71.1.3", "fd71:1::3"} {
			var got pingResult
			b.json("ping "+dst+" repeat 1 timeout 1", &got)
			if got.Received != 0 || got.Rejected != 2 { // of four lies a packet, two name the right id and sequence
				t.Errorf("ping %s with groups %s: %+v", dst, groups, got)
			}
		}
		if text := b.text("ping 10.71.1.3 repeat 1 timeout 1"); !strings.Contains(text, "\n.\nSuccess rate is 0 percent (0/1)\n2 answers were not to what was sent") {
			t.Error(text)
		}
	}
}
