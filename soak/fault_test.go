package soak

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// life is what a box does while something happens to it, and what of it was confirmed.
type life struct {
	*box
	prefix    string
	follow    string // the line that makes it follow the hub
	accounts  []string
	hit       string // the file that a fault has hit
	calls     int    // how many of the calls there were
	hostname  string // of the last `write memory` that was confirmed
	completed bool
}

// newLife prepares a box that is not started yet.
func newLife(t *testing.T, hub *box, dir string, n int) *life {
	t.Helper()
	b := &box{t: t, name: fmt.Sprintf("life%d", n), dir: filepath.Join(dir, fmt.Sprintf("life%d", n)), addr: "127.1.0.250"}
	b.port = freePort(t, b.addr)
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return &life{box: b, prefix: fmt.Sprintf("n%d-", n),
		follow: fmt.Sprintf("mbox sync primary %s username mboxadmin password %s port %d send all", hub.addr, password, hub.port)}
}

// run lives under a tracer until the end, or until the box is no more: boot, configuration, writes, a reload, a write, stop.
func (l *life) run(f fault) {
	l.t.Helper()
	f.Path, f.Report = l.dir+"/", l.dir+".report"
	l.launch(traced(l.t, f, program, "run", "--record-host", "--data", l.dir))
	l.completed = l.awaits() && l.saves("one") && l.adds("a") && l.adds("b") && l.saves("two") && l.adds("c") &&
		l.reloads() && l.adds("d") && l.stops()
	l.end()
	report, err := os.ReadFile(f.Report)
	if err != nil {
		l.t.Fatal(err)
	}
	if n, err := fmt.Sscan(string(report), &l.calls, &l.hit); n == 0 {
		l.t.Fatal(err)
	}
	l.hit = strings.TrimPrefix(l.hit, f.Path)
}

func (l *life) launch(cmd *exec.Cmd) {
	l.t.Helper()
	log, err := os.OpenFile(l.dir+".log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		l.t.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	done := make(chan struct{})
	l.cmd, l.done = cmd, done
	go func() { _ = cmd.Wait(); close(done) }()
}

// pid is the box's, which is not the tracer's.
func (l *life) pid() int {
	text, err := os.ReadFile(filepath.Join(l.dir, "lock"))
	if err != nil {
		return 0
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return pid
}

// end waits until the box has ended. One that does not answer any more has to do so by itself.
func (l *life) end() {
	l.t.Helper()
	const most = 20 * time.Second
	select {
	case <-l.done:
	case <-time.After(most):
		l.t.Errorf("%s neither answers nor ends", l.name)
		if pid := l.pid(); pid > 0 {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		<-l.done
	}
}

// awaits waits for the console.
func (l *life) awaits() bool {
	limit := time.After(time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, ok := l.input("show clock"); ok {
			return true
		}
		select {
		case <-l.done:
			return false
		case <-limit:
			l.t.Errorf("no console within a minute")
			return false
		case <-tick.C:
		}
	}
}

func (l *life) saves(word string) bool {
	name := "host-" + word
	_, ok := l.input("configure terminal", "hostname "+name, "username mboxadmin password "+password, l.follow, "end", "write memory")
	if ok {
		l.hostname = name
	}
	return ok || l.alive()
}

func (l *life) adds(word string) bool {
	name := l.prefix + word
	_, ok := l.input("hotspot user add " + name + " password guestpass1")
	if ok {
		l.accounts = append(l.accounts, name)
	}
	return ok || l.alive()
}

// alive says whether the box goes on after it has refused something.
func (l *life) alive() bool {
	_, ok := l.input("show clock")
	return ok
}

// reloads waits until the box that answers is in its next life.
func (l *life) reloads() bool {
	before := l.booted()
	if _, ok := l.input("reload force"); !ok && !l.alive() {
		return false
	}
	for l.booted() == before {
		select {
		case <-l.done:
			return false
		case <-time.After(10 * time.Millisecond):
		}
	}
	return l.awaits()
}

func (l *life) booted() int {
	log, err := os.ReadFile(l.dir + ".log")
	if err != nil {
		l.t.Fatal(err)
	}
	return bytes.Count(log, []byte("the box is up"))
}

func (l *life) stops() bool {
	pid := l.pid()
	return pid > 0 && syscall.Kill(pid, syscall.SIGTERM) == nil
}

// check starts the box without a fault and compares it with what was confirmed, then with the hub.
func (l *life) check(hub *box, where string) {
	l.t.Helper()
	l.start()
	defer l.kill()
	if out := l.must("show version"); strings.Contains(out, "Notice") {
		l.t.Errorf("%s: it says %s", where, firstNotice(out))
	}
	if l.hostname != "" {
		startup := l.must("show startup-config")
		got := regexp.MustCompile(`hostname (\S+)`).FindStringSubmatch(startup)
		if got == nil || got[1] < l.hostname { // a later one may be there that was not confirmed any more
			l.t.Errorf("%s: %s was saved, there is\n%s", where, l.hostname, startup)
		}
	}
	here := l.usernames()
	for _, name := range l.accounts {
		if !here[name] {
			l.t.Errorf("%s: %s was confirmed and is gone", where, name)
		}
	}
	l.mustConfigure("username mboxadmin password "+password, l.follow)
	equal(l.t, hub, l.box)
}

func newHub(t *testing.T) *box {
	t.Helper()
	hub := newBox(t, "hub")
	hub.mustConfigure("mbox sync allow 127.0.0.0/8 accept all")
	return hub
}

// count lives once without a fault.
func count(t *testing.T, hub *box, dir string, n int, calls []int) int {
	t.Helper()
	l := newLife(t, hub, dir, n)
	l.run(fault{Calls: calls})
	if !l.completed || l.calls < 10 || len(l.accounts) != 4 || l.hostname != "host-two" {
		log, _ := os.ReadFile(l.dir + ".log")
		t.Fatalf("a life without a fault: %d calls, %v, completed %v\n%s", l.calls, l.accounts, l.completed, tail(log))
	}
	l.check(hub, "no fault")
	return l.calls
}

// moments are a few of 1 to total, or all if asked for more than there are; never the same in two runs.
func moments(t *testing.T, few, total int) (list []int) {
	t.Helper()
	n := min(rounds(few), total)
	offset := int(time.Now().UnixNano() % int64(max(1, total/n)))
	for i := range n {
		list = append(list, i*total/n+offset%max(1, total/n)+1)
	}
	t.Logf("%d calls, faults at %v", total, list)
	return list
}

// kill -9 at each sync of a life loses nothing that was confirmed, configuration or account.
func TestKillAtEachSync(t *testing.T) {
	needTracer(t)
	hub, dir := newHub(t), t.TempDir()
	for i, n := range moments(t, 4, count(t, hub, dir, 0, syncs)) {
		l := newLife(t, hub, dir, i+1)
		l.run(fault{Calls: syncs, Nth: n})
		l.check(hub, fmt.Sprintf("killed at sync %d", n))
	}
}

// vital are the files that hold what was confirmed.
var vital = regexp.MustCompile(`^hotspot/(\d+\.(log|sst)|MANIFEST-\d+)$`)

// A sync or a write that fails, once or from then on: what was not stored is not confirmed, what was is kept, it is said,
// and the box comes back when the disk does.
func TestFailingDisk(t *testing.T) {
	needTracer(t)
	hub, dir := newHub(t), t.TempDir()
	n := 0
	for _, kind := range []struct {
		name  string
		calls []int
		errno syscall.Errno
	}{
		{"sync", syncs, syscall.EIO}, {"sync", syncs, syscall.ENOSPC}, {"write", writes, syscall.ENOSPC}, {"write", writes, syscall.EIO},
	} {
		n++
		total := count(t, hub, dir, n, kind.calls)
		for i, at := range moments(t, 2, total) {
			n++
			l := newLife(t, hub, dir, n)
			onward := i%2 == 1
			l.run(fault{Calls: kind.calls, Nth: at, Errno: kind.errno, Onward: onward})
			where := fmt.Sprintf("%v at %s %d of %s, onward %v", kind.errno, kind.name, at, l.hit, onward)
			log, err := os.ReadFile(l.dir + ".log")
			if err != nil {
				t.Fatal(err)
			}
			// The storage engine panics when an opening for writing fails while it tidies up in the background.
			said := bytes.Contains(log, []byte(kind.errno.Error())) || bytes.Contains(log, []byte("panic: "))
			t.Logf("%s: said %v, %d accounts, %s, to the end %v", where, said, len(l.accounts), l.hostname, l.completed)
			if !l.completed && !said {
				t.Errorf("%s: the box ended and did not say why:\n%s", where, tail(log))
			}
			if vital.MatchString(l.hit) && l.completed && !said {
				t.Errorf("%s: nobody noticed", where)
			}
			l.check(hub, where)
		}
	}
}
