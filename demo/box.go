package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// box is one running mbox.
type box struct {
	name, dir, program string
	cmd                *exec.Cmd
	exited             chan struct{}
}

func (d *demo) box(name, dir string) *box {
	b := &box{name: name, dir: filepath.Join(dir, name), program: d.program}
	d.cleanup = append(d.cleanup, b.stop)
	return b
}

func (b *box) start(ctx context.Context) error {
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		return err
	}
	logFile, err := os.OpenFile(filepath.Join(b.dir, "demo.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer logFile.Close()
	args := []string{"run", "--data", b.dir}
	if os.Geteuid() == 0 {
		args = append(args, "--record-host") // the demo must not rename this machine
	}
	fmt.Printf("$ %s %s\n", b.program, strings.Join(args, " "))
	b.cmd = exec.Command(b.program, args...)
	b.cmd.Stderr, b.cmd.Stdout = logFile, logFile
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C at the demo is not for the boxes
	if err := b.cmd.Start(); err != nil {
		return err
	}
	b.exited = make(chan struct{})
	go func() { _ = b.cmd.Wait(); close(b.exited) }()
	out, err := exec.CommandContext(ctx, b.program, "shell", "--data", b.dir, "--wait", "30", "-c", "show version").CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s does not start: %w\n%s", b.name, err, out)
	}
	return nil
}

func (b *box) kill() {
	fmt.Printf("$ kill -9 %d\n", b.cmd.Process.Pid)
	_ = b.cmd.Process.Kill()
	<-b.exited
}

func (b *box) stop() {
	if b.exited == nil {
		return
	}
	_ = b.cmd.Process.Signal(syscall.SIGTERM)
	<-b.exited
}

// lines types lines at the console and prints them with what the box answers: configuration as one block, since that is how it
// is pasted, and anything else line by line.
func (b *box) lines(ctx context.Context, lines ...string) error {
	if slices.Contains(lines, "configure terminal") {
		return b.block(ctx, lines)
	}
	for _, line := range lines {
		if line == "enable" {
			continue
		}
		if err := b.block(ctx, []string{"enable", line}); err != nil {
			return err
		}
	}
	return nil
}

func (b *box) block(ctx context.Context, lines []string) error {
	mode := ""
	for _, line := range lines {
		if line != "enable" {
			fmt.Printf("%s%s# %s\n", b.name, mode, line)
		}
		switch line {
		case "configure terminal":
			mode = "(config)"
		case "security radius-server":
			mode = "(config-radius-server)"
		case "end":
			mode = ""
		}
	}
	out, err := b.input(ctx, lines...)
	fmt.Print(out)
	return err
}

func (b *box) input(ctx context.Context, lines ...string) (string, error) {
	cmd := exec.CommandContext(ctx, b.program, "shell", "--data", b.dir)
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s: %w\n%s%s", b.name, err, out.String(), stderr.String())
	}
	return out.String(), nil
}

// show runs a show command with `| json`.
func (b *box) show(ctx context.Context, line string, into any) error {
	out, err := b.input(ctx, "enable", line+" | json")
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(out), into); err != nil {
		return fmt.Errorf("%s: %s: %w", b.name, line, err)
	}
	return nil
}

func (b *box) users(ctx context.Context) (int, error) {
	var s struct{ Users int }
	err := b.show(ctx, "show hotspot statistics", &s)
	return s.Users, err
}

func (b *box) has(ctx context.Context, username string) func() (bool, error) {
	return func() (bool, error) {
		out, err := b.input(ctx, "enable", "show hotspot users "+username+" | json")
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.ExitCode() == 1 {
			return false, nil // refused: not found
		}
		return strings.Contains(out, `"`+username+`"`), err
	}
}

// used says whether a box has counted so many MB of alice's.
func (b *box) used(ctx context.Context, mb uint64) func() (bool, error) {
	return func() (bool, error) {
		var sessions []struct {
			Download uint64 `json:"acctinputoctets"`
		}
		err := b.show(ctx, "show hotspot sessions active username alice", &sessions)
		return len(sessions) == 1 && sessions[0].Download == mb*1_000_000, err
	}
}
