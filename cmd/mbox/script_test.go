package main

import (
	"errors"
	"flag"
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

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "rewrite what the scripts and docs/commands.md expect")

// TestMain makes this test program also the program that the scripts run.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"mbox": main})
}

// TestScript runs the scenarios of testdata/script, one file each, against the real program. Beside testscript's own
// commands they have
//
//	box start DIR [FLAG...]   run a box in the background until its console answers; its log is DIR.log
//	box stop DIR              end it with SIGTERM, which must be clean
//	box kill DIR              end it with SIGKILL
//	box signal DIR NAME       send it HUP or INT
//	box ended DIR STATUS      wait until it has ended by itself
//	box lapse DIR             let the time to confirm a change of a box that does not run be over
//	capture VAR REGEXP        put what the parenthesis finds in stdout into $VAR
//	exits STATUS PROGRAM...   run a program that must end with that status
//	fetch STATUS FROM URL     get a page over HTTPS from an address of this machine
//	fill FILE TEXT N          write TEXT N times
//	freeport VAR ADDRESS...   put a port that is free on all addresses, for TCP and UDP, into $VAR
//	nas NAME PORT SECRET      be an access point that obeys Disconnect and CoA and writes them to NAME.log
//	openssh VERB ...          prepare its client; see openSSHCommand
//	packet FILE ATTR=VALUE... write a packet for FreeRADIUS' radclient
//	radclient KIND ADDRESS SECRET ATTR=VALUE...
//	                          send one packet with FreeRADIUS' radclient; it must be accepted, or with ! refused
//	tty VERB NAME ...         drive a terminal; see ttyUsage
//	until REGEXP PROGRAM...   run a program again and again until it succeeds and prints that
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           filepath.Join("..", "..", "testdata", "script"),
		UpdateScripts: *update,
		Condition:     condition,
		Setup: func(env *testscript.Env) error {
			env.Values[boxesKey{}] = boxes{}
			env.Values[ttysKey{}] = ttys{}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"capture": capture, "nas": nasCommand, "packet": packetCommand, "radclient": radclient,
			"box": boxCommand, "exits": exits, "fetch": fetch, "fill": fill, "freeport": newPorts().free, "openssh": openSSHCommand, "tty": ttyCommand, "until": until,
		},
	})
}

type boxesKey struct{}

// boxes are those that a script started, by folder.
type boxes map[string]*boxProcess

type boxProcess struct {
	cmd    *exec.Cmd
	exited chan struct{}
}

// patience bounds every wait for another process. It is no promise of speed.
const patience = 60 * time.Second

func boxCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: box start|stop|kill|signal|ended DIR ...")
	}
	all, dir := ts.Value(boxesKey{}).(boxes), args[1]
	if args[0] == "start" {
		all[dir] = startBox(ts, dir, args[2:])
		return
	}
	b := all[dir]
	if b == nil {
		ts.Fatalf("no box was started on %s", dir)
	}
	switch args[0] {
	case "stop":
		b.end(ts, syscall.SIGTERM)
		if status := b.cmd.ProcessState.ExitCode(); status != exitOK {
			ts.Fatalf("the box on %s ended with status %d", dir, status)
		}
	case "kill":
		b.end(ts, syscall.SIGKILL)
	case "signal":
		sig := map[string]syscall.Signal{"HUP": syscall.SIGHUP, "INT": syscall.SIGINT}[args[2]]
		ts.Check(b.cmd.Process.Signal(sig))
	case "ended":
		b.wait(ts)
		if got := strconv.Itoa(b.cmd.ProcessState.ExitCode()); got != args[2] {
			ts.Fatalf("the box on %s ended with status %s", dir, got)
		}
	case "lapse":
		b.wait(ts)
		lapse(ts, dir)
	default:
		ts.Fatalf("unknown: box %s", args[0])
	}
}

func startBox(ts *testscript.TestScript, dir string, flags []string) *boxProcess {
	log, err := os.OpenFile(ts.MkAbs(dir+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	ts.Check(err)
	defer log.Close()
	b := &boxProcess{exited: make(chan struct{})}
	b.cmd = program(ts, append([]string{"run", "--data", dir, "--record-host"}, flags...)...)
	b.cmd.Stdout, b.cmd.Stderr = log, log
	ts.Check(b.cmd.Start())
	go func() { _ = b.cmd.Wait(); close(b.exited) }()
	ts.Defer(func() { b.end(ts, syscall.SIGKILL) })
	answer := make(chan error, 1)
	go func() {
		out, err := program(ts, "shell", "--data", dir, "--wait", fmt.Sprint(patience.Seconds()), "-c", "show clock").CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%w: %s", err, out)
		}
		answer <- err
	}()
	select {
	case err = <-answer:
	case <-b.exited:
		err = errors.New("the box has ended")
	}
	if err != nil {
		ts.Fatalf("start the box on %s: %v\n%s", dir, err, ts.ReadFile(dir+".log"))
	}
	return b
}

// program is a subcommand of mbox in the script's folder and environment.
func program(ts *testscript.TestScript, args ...string) *exec.Cmd {
	path, err := exec.LookPath("mbox")
	ts.Check(err)
	cmd := exec.Command(path, args...)
	cmd.Dir = ts.MkAbs(".")
	return cmd
}

func (b *boxProcess) end(ts *testscript.TestScript, sig syscall.Signal) {
	if err := b.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		ts.Fatalf("%v", err)
	}
	b.wait(ts)
}

func (b *boxProcess) wait(ts *testscript.TestScript) {
	select {
	case <-b.exited:
	case <-time.After(patience):
		ts.Fatalf("the box did not end")
	}
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS PROGRAM [ARG...]")
	}
	status := 0
	err := ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		status = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(status) != args[0] {
		ts.Fatalf("%s ended with status %d, want %s", strings.Join(args[1:], " "), status, args[0])
	}
}

// fill writes what no script file can hold; TEXT has Go's escapes.
func fill(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: fill FILE TEXT N")
	}
	text, err := strconv.Unquote(`"` + args[1] + `"`)
	ts.Check(err)
	n, err := strconv.Atoi(args[2])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Repeat(text, n)), 0o600))
}

// until asks another process, which has no way to tell us.
func until(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until REGEXP PROGRAM [ARG...]")
	}
	want, err := regexp.Compile(args[0])
	ts.Check(err)
	limit := time.After(patience)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		path, err := exec.LookPath(args[1])
		ts.Check(err)
		cmd := exec.Command(path, args[2:]...)
		cmd.Dir = ts.MkAbs(".")
		out, err := cmd.CombinedOutput()
		if err == nil && want.Match(out) {
			return
		}
		select {
		case <-limit:
			ts.Fatalf("%q never came; at last: %v\n%s", args[0], err, out)
		case <-tick.C:
		}
	}
}

// TestCommandsDocument keeps docs/commands.md equal to the grammar. `go test ./cmd/mbox -update` rewrites it.
func TestCommandsDocument(t *testing.T) {
	name := filepath.Join("..", "..", "docs", "commands.md")
	want, err := commandsMarkdown()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is out of date: go run ./cmd/mbox commands > docs/commands.md", name)
	}
}
