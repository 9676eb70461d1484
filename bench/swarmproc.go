package main

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"net/rpc"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"mbox/boxtest"
	"mbox/boxtest/swarm"
	"mbox/hotspotdb"
)

// Crowd is the followers' side of the scale measurements. It runs in a process of its own, so that memory and processor
// time of the primary can be told from the followers'; the methods are called through net/rpc over stdin and stdout.
type Crowd struct {
	t      *harness
	swarm  *swarm.Swarm
	full   []*boxtest.Box
	before uint64 // the end of `users` in the first whole box when recording began
}

// CrowdConfig says whom to follow.
type CrowdConfig struct {
	Primary    string // address and port
	Light      int
	Full       int  // whole boxes among them
	OneAddress bool // all light followers behind one address, as behind a NAT
}

// serveCrowd is the process.
func serveCrowd() {
	t := newHarness()
	server := rpc.NewServer()
	t.must(server.Register(&Crowd{t: t}))
	server.ServeConn(struct {
		io.Reader
		io.WriteCloser
	}{os.Stdin, os.Stdout})
}

// Follow begins to follow.
func (c *Crowd) Follow(cfg CrowdConfig, _ *struct{}) error {
	primary, err := netip.ParseAddrPort(cfg.Primary)
	if err != nil {
		return err
	}
	lan := boxtest.NewLAN(c.t)
	for i := range cfg.Full {
		box := lan.Box(fmt.Sprintf("full%d", i))
		box.Must(fmt.Sprintf("mbox sync primary %s port %d username mboxadmin password %s", primary.Addr(), primary.Port(), boxtest.Password))
		c.full = append(c.full, box)
	}
	source := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{127, 1, byte(i >> 8), byte(i)}) }
	if cfg.OneAddress {
		source = func(int) netip.Addr { return netip.AddrFrom4([4]byte{127, 2, 0, 1}) }
	}
	c.swarm, err = swarm.Start(swarm.Config{
		Primary: cfg.Primary, Account: "mboxadmin", Password: boxtest.Password,
		Followers: cfg.Light, Source: source, Datasets: []string{"profiles", "users"},
	})
	return err
}

// Await waits until all light followers have received everything up to these ends.
func (c *Crowd) Await(heads map[string]uint64, _ *struct{}) error {
	const patience = 5 * time.Minute
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return c.swarm.Await(ctx, heads)
}

// Connected counts light followers.
func (c *Crowd) Connected(_ struct{}, n *int) error {
	*n = c.swarm.Connected()
	return nil
}

// Record begins to keep arrivals. The whole boxes hold what the primary holds.
func (c *Crowd) Record(_ struct{}, _ *struct{}) error {
	if len(c.full) > 0 {
		c.before = c.full[0].DB.Head(hotspotdb.Users)
	}
	c.swarm.Record()
	return nil
}

// Recording is what the light followers received meanwhile.
type Recording struct {
	Arrivals [][]swarm.Arrival
	Wrong    int // followers that did not receive exactly what a whole box has stored since
}

// Recorded ends that. The whole boxes hold again what the primary holds.
func (c *Crowd) Recorded(_ struct{}, out *Recording) error {
	var sums []uint64
	out.Arrivals, sums = c.swarm.Recorded()
	if len(c.full) == 0 {
		return nil
	}
	want, err := c.swarm.Sum(c.full[0].DB, hotspotdb.Users, c.before)
	for _, sum := range sums {
		if sum != want {
			out.Wrong++
		}
	}
	return err
}

// Leave ends all followers.
func (c *Crowd) Leave(_ struct{}, _ *struct{}) error {
	c.swarm.Close()
	c.t.cleanUp()
	return nil
}

// Digests are those of the whole boxes.
func (c *Crowd) Digests(_ struct{}, out *[]string) error {
	for _, box := range c.full {
		*out = append(*out, box.Digest(hotspotdb.Profiles, hotspotdb.Users))
	}
	return nil
}

// ForgetTokens makes the light followers prove their password next time.
func (c *Crowd) ForgetTokens(_ struct{}, _ *struct{}) error {
	c.swarm.ForgetTokens()
	return nil
}

// Counters of the light followers.
func (c *Crowd) Counters(_ struct{}, out *swarm.Counters) error {
	*out = c.swarm.Counters()
	return nil
}

// Usage of the followers' process.
func (c *Crowd) Usage(_ struct{}, out *Usage) error {
	*out = ownUsage()
	return nil
}

// Usage is what a process takes.
type Usage struct {
	CPU        time.Duration
	Resident   int64 // bytes
	Heap       int64 // bytes in use by the program, stacks included
	Goroutines int
}

// ownUsage looks after a collection of garbage, so that what is left is needed.
func ownUsage() Usage {
	debug.FreeOSMemory()
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	return Usage{cpuTime(), resident(), int64(mem.HeapAlloc + mem.StackInuse), runtime.NumGoroutine()}
}

// cpuTime is the processor time of this process so far.
func cpuTime() time.Duration {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// resident is VmRSS in bytes.
func resident() int64 {
	raw, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(raw)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			var kib int64
			_, _ = fmt.Sscan(value, &kib)
			return kib << 10
		}
	}
	return 0
}

// crowd is the process as the bench sees it.
type crowd struct {
	t      *harness
	client *rpc.Client
	cmd    *exec.Cmd
}

func startCrowd(t *harness) *crowd {
	cmd := exec.Command(os.Args[0], "-crowd")
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe()
	t.must(err)
	out, err := cmd.StdoutPipe()
	t.must(err)
	t.must(cmd.Start())
	c := &crowd{t, rpc.NewClient(struct {
		io.Reader
		io.WriteCloser
	}{out, in}), cmd}
	t.Cleanup(c.stop)
	return c
}

func (c *crowd) stop() {
	_ = c.client.Call("Crowd.Leave", struct{}{}, &struct{}{}) // it may have ended by itself
	_ = c.client.Close()
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

// ask calls a method of Crowd.
func ask[T any](c *crowd, method string, args any) (out T) {
	c.t.must(c.client.Call("Crowd."+method, args, &out))
	return out
}
