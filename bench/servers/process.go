package servers

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// Process is a server that we started.
type Process struct {
	cmd  *exec.Cmd
	log  string
	done chan struct{} // closed when it has ended
	quit syscall.Signal
}

// StartTime bounds how long a server may take until it answers.
const StartTime = 60 * time.Second

const stopTime = 20 * time.Second

// PID is the number of the process that was started; it may have children.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Start runs a server; its output goes to a file in dir. Signal quit ends it at once and with all its children, and it
// gets that, too, if we die.
func (s *Site) Start(dir string, quit syscall.Signal, name string, args ...string) (*Process, error) {
	p := &Process{log: filepath.Join(dir, "out.log"), done: make(chan struct{}), quit: quit}
	out, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p.cmd = exec.Command(name, args...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, out, out
	p.cmd.Env = append(os.Environ(), "HOME="+dir) // or it looks for certificates in ours
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.Credential, Pdeathsig: quit, Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	s.Add(p)
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait() // how it ended shows in its log
	}()
	return p, nil
}

// Ready waits until ok succeeds.
func (p *Process) Ready(ok func() error) error {
	limit := time.After(StartTime)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ok()
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended: %s", p.cmd.Path, p.tail())
		case <-limit:
			return fmt.Errorf("%s does not answer: %w\n%s", p.cmd.Path, err, p.tail())
		case <-tick.C:
		}
	}
}

func (p *Process) tail() string {
	const most = 2000
	raw, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(raw[max(0, len(raw)-most):])
}

// Stop ends the server without ceremony: its data is not needed any more.
func (p *Process) Stop() error {
	if p == nil {
		return nil
	}
	_ = p.cmd.Process.Signal(p.quit)
	select {
	case <-p.done:
		return nil
	case <-time.After(stopTime):
		err := p.cmd.Process.Kill()
		<-p.done
		return errors.Join(fmt.Errorf("%s had to be killed", p.cmd.Path), err)
	}
}

// Add makes KillAll end a process that another site started.
func (s *Site) Add(p *Process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.started = append(s.started, p)
}

// KillAll ends what still runs.
func (s *Site) KillAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.started {
		_ = p.Stop()
	}
}
