package ssh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	glider "github.com/gliderlabs/ssh"
)

// Exit statuses, as the console's.
const (
	exitOK     = 0
	exitFailed = 1
)

// interrupt is Ctrl-C.
const interrupt = 0x03

var errInterrupted = errors.New("interrupted")

// never is a timer that has not begun.
const never = time.Duration(math.MaxInt64)

// serve runs a session that gliderlabs/ssh has set up, and tells the client how it ended.
func (ch *channel) serve(s glider.Session) {
	if !ch.conn.hold() {
		_ = s.Exit(exitFailed)
		return
	}
	defer ch.conn.release()
	if !ch.join() {
		return
	}
	defer ch.leave()
	log := ch.conn.module.log.With("user", ch.account.Name, "from", ch.conn.source)
	status := exitFailed
	defer func() {
		if cause := recover(); cause != nil {
			log.Error("ssh: a session failed", "error", cause, "stack", string(debug.Stack()))
		}
		_ = s.Exit(status)
		ch.linger()
	}()
	kind, run := ch.kind(s)
	log.Info("%SSH-5-SSH2_SESSION: session begins", "kind", kind)
	status = run(s)
	ch.sayGoodbye(s)
	log.Info("%SSH-5-SSH2_CLOSE: session ended", "kind", kind, "status", status)
}

// kind says what a client asked for.
func (ch *channel) kind(s glider.Session) (string, func(glider.Session) int) {
	_, _, pty := s.Pty()
	switch {
	case s.Subsystem() != "":
		return "sftp", ch.transfer
	case s.RawCommand() == "" && pty:
		return "terminal", ch.interactive
	case ch.account.MustChange:
		return "refused", refuseUnchanged
	case s.RawCommand() == "":
		return "script", ch.script
	case isOldCopy(s.RawCommand()):
		return "refused", refuseOldCopy
	}
	return "command", ch.command
}

func refuseUnchanged(s glider.Session) int {
	fmt.Fprint(s.Stderr(), "% The password must be changed first: log in at a terminal\n")
	return exitFailed
}

// isOldCopy says whether the client copies by the protocol that scp had before OpenSSH 9, for which it starts scp there.
func isOldCopy(command string) bool {
	words := strings.Fields(command)
	return len(words) > 1 && words[0] == "scp" && (slices.Contains(words, "-t") || slices.Contains(words, "-f"))
}

// refuseOldCopy answers as that protocol reports an error: such a client shows nothing else.
func refuseOldCopy(s glider.Session) int {
	fmt.Fprint(s, "\x02% Files are copied by SFTP: leave out -O, choose SFTP as the protocol, or use sftp\n")
	return exitFailed
}

// interactive serves a person.
func (ch *channel) interactive(s glider.Session) int {
	shell := ch.conn.module.deps.Shell
	terminal := shell.Terminal(s, ch.follow(nil))
	ch.follow(terminal.Resize)
	// Whoever hung up: a client that does not read must not hold the session.
	cut := time.AfterFunc(never, func() { ch.conn.end(errGone) })
	defer cut.Stop()
	terminal.OnHangup(func() { cut.Reset(lastWords) })
	defer terminal.Hangup()
	defer context.AfterFunc(ch.ctx, terminal.Hangup)()
	ch.feed(s, terminal.Feed)
	err := shell.Interact(ch.ctx, ch.conn.actor(ch.account), terminal)
	if err != nil && ch.ctx.Err() == nil {
		ch.conn.module.log.Debug("ssh: a session failed", "user", ch.account.Name, "error", err)
	}
	return ch.status(err == nil)
}

// feed passes what a client types until it types no more.
func (ch *channel) feed(in io.Reader, typed func([]byte)) {
	if !ch.conn.hold() {
		return
	}
	go func() { // ends with the channel
		defer ch.conn.release()
		buf := make([]byte, 4<<10)
		for {
			n, err := in.Read(buf)
			if n > 0 {
				typed(buf[:n])
			}
			if err != nil {
				return
			}
		}
	}()
}

// command runs the lines of `ssh box 'show version'`.
func (ch *channel) command(s glider.Session) int {
	_, _, pty := s.Pty()
	ch.feed(s, func(typed []byte) { // nothing is asked, but `ssh -t` sends Ctrl-C as a character
		if pty && bytes.IndexByte(typed, interrupt) >= 0 {
			ch.end(errInterrupted)
		}
	})
	out := ch.program(s)
	defer out.cut.Stop()
	return ch.status(ch.conn.module.deps.Shell.Run(ch.ctx, ch.conn.actor(ch.account), out, s.RawCommand()))
}

// script runs the lines that `ssh box < FILE` sends.
func (ch *channel) script(s glider.Session) int {
	out := ch.program(s)
	defer out.cut.Stop()
	return ch.status(ch.conn.module.deps.Shell.RunAll(ch.ctx, ch.conn.actor(ch.account), s, out))
}

// program is a client that is no terminal. One that does not read must not hold a session that is ended.
type program struct {
	io.Writer
	cut *time.Timer
}

func (ch *channel) program(out io.Writer) program {
	return program{out, time.AfterFunc(never, func() { ch.conn.end(errGone) })}
}

// Hangup leaves it a moment to read what was written.
func (p program) Hangup() { p.cut.Reset(lastWords) }

func (ch *channel) status(done bool) int {
	if done && ch.ctx.Err() == nil {
		return exitOK
	}
	return exitFailed
}

// sayGoodbye tells the operator why the session was ended.
func (ch *channel) sayGoodbye(s glider.Session) {
	var reason goodbye
	switch {
	case ch.conn.life.Err() != nil:
		reason = "the box is stopping"
	case !errors.As(context.Cause(ch.ctx), &reason):
		return
	}
	fmt.Fprintf(s.Stderr(), "\r\n%% The session ends: %s\r\n", reason)
}
