package shell

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// Exit statuses of the console client. Scripts depend on them.
const (
	ExitDone    = 0 // every line was done
	ExitRefused = 1 // a line was refused or failed
	ExitUsage   = 2 // for the caller of Main
	ExitNoBox   = 3 // there is no box, or it went away
)

// ClientOptions is what `mbox shell` was asked to do.
type ClientOptions struct {
	Dir      string        // the box's directory
	Wait     time.Duration // how long to wait for the box to serve; 0 tries once
	Commands []string      // lines of -c: privileged, up to the first that is not done; none reads Stdin
	Stdin    *os.File
	Stdout   io.Writer
	Stderr   io.Writer // messages of the client itself
}

// Main runs the console client and returns the exit status. With a terminal on both sides it is interactive; without,
// it reads lines from Stdin, starting in user mode, and goes on after one that is refused.
func Main(ctx context.Context, o ClientOptions) int {
	conn, err := connect(ctx, o.Dir, o.Wait)
	if err != nil {
		fmt.Fprintf(o.Stderr, "mbox: %v\n", err)
		return ExitNoBox
	}
	defer conn.Close()
	screen, onScreen := o.Stdout.(*os.File)
	onScreen = onScreen && term.IsTerminal(int(screen.Fd()))
	c := &client{ClientOptions: o, conn: conn, link: newLink(conn)}
	c.hello = hello{Protocol: protocol, Privileged: len(o.Commands) > 0, Screen: onScreen}
	if onScreen {
		c.hello.Size = sizeOf(screen)
	}
	if len(o.Commands) == 0 && onScreen && o.Stdin != nil && term.IsTerminal(int(o.Stdin.Fd())) {
		return c.interactive(ctx, screen)
	}
	return c.script(ctx)
}

// client is one connection to a box.
type client struct {
	ClientOptions
	conn  net.Conn
	link  *link
	hello hello
}

// Delays between two tries to connect.
const (
	firstRetry = 10 * time.Millisecond
	lastRetry  = 250 * time.Millisecond
)

func connect(ctx context.Context, dir string, wait time.Duration) (net.Conn, error) {
	deadline := time.Now().Add(wait)
	for delay := firstRetry; ; delay = min(2*delay, lastRetry) {
		conn, err := dial(dir)
		if err == nil {
			return conn, nil
		}
		if time.Now().Add(delay).After(deadline) {
			return nil, explainDial(dir, err)
		}
		select {
		case <-ctx.Done():
			return nil, explainDial(dir, ctx.Err())
		case <-time.After(delay):
		}
	}
}

func explainDial(dir string, err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ECONNREFUSED) {
		return fmt.Errorf("no box is running in %s: start one with `mbox run --data %s`", dir, dir)
	}
	return fmt.Errorf("cannot reach the box in %s: %w", dir, err)
}

// gone says that the box ended the session, and returns the exit status for that.
func (c *client) gone(e exit) int {
	if e.Message == "" {
		e.Message = "the box is gone"
	}
	fmt.Fprintf(c.Stderr, "mbox: connection closed: %s\n", e.Message)
	return ExitNoBox
}

// script sends line after line and shows what comes back.
func (c *client) script(ctx context.Context) int {
	in, err := openStdin(ctx, c.Stdin)
	if err != nil {
		fmt.Fprintf(c.Stderr, "mbox: %v\n", err)
		return ExitRefused
	}
	defer in.Close()
	run := &scriptRun{client: c, lines: piped{bufio.NewReaderSize(in, 64<<10)}}
	if len(c.Commands) > 0 {
		run.lines = &given{c.Commands}
	}
	stop := context.AfterFunc(ctx, func() {
		c.link.write(kindInterrupt, nil)
		c.conn.SetDeadline(time.Now().Add(lastWords))
	})
	defer stop()
	if err := c.link.writeJSON(kindHello, c.hello); err != nil {
		return c.gone(c.lastExit())
	}
	return run.all(ctx)
}

// scriptRun is the state of a script.
type scriptRun struct {
	*client
	lines  source
	status int
	warned bool
	number int  // of the last line that was taken, from 1
	first  int  // lines before those that were sent last
	more   bool // a text of several lines is not complete
}

// ended returns the status of a script whose lines have all been sent.
func (r *scriptRun) ended() int {
	if r.more {
		fmt.Fprintln(r.Stderr, "mbox: the input ends inside a text of several lines; it was not entered")
		return ExitRefused
	}
	return r.status
}

// next returns the lines to send: those of -c one by one, because they end with the first that is not done.
func (r *scriptRun) next() ([]string, error) {
	if p, ok := r.lines.(piped); ok {
		return p.several()
	}
	line, err := r.lines.next()
	return []string{line}, err
}

func (r *scriptRun) all(ctx context.Context) int {
	for {
		lines, err := r.next()
		switch {
		case errors.Is(err, io.EOF):
			return r.ended()
		case ctx.Err() != nil:
			return ExitRefused
		case err != nil:
			fmt.Fprintf(r.Stderr, "mbox: %v\n", err)
			return ExitRefused
		}
		st, err := r.send(lines)
		var left *leftError
		switch {
		case errors.As(err, &left):
			return r.gone(left.exit)
		case err != nil: // standard output is closed: nobody wants the rest
			return ExitRefused
		}
		if st.Outcome != Done {
			r.status = ExitRefused
		}
		r.report(st)
		r.more = st.More
		if st.Closed || ctx.Err() != nil || (r.status != ExitDone && len(r.Commands) > 0) {
			return r.status
		}
	}
}

// leftError is a session that the box ended.
type leftError struct{ exit exit }

func (e *leftError) Error() string { return e.exit.Message }

// report numbers the lines of a file that were not done; what was wrong with each stands in the output.
func (r *scriptRun) report(st status) {
	if len(r.Commands) > 0 {
		return
	}
	for _, refused := range st.Refused {
		fmt.Fprintf(r.Stderr, "mbox: line %d was not done: %s\n", r.first+refused.Number, refused.Line)
	}
}

// send sends lines and returns their status.
func (r *scriptRun) send(lines []string) (st status, err error) {
	r.first = r.number
	r.number += len(lines)
	as, text := kindLine, lines[0]
	if len(lines) > 1 {
		as, text = kindLines, strings.Join(lines, "\n")
	}
	if r.link.write(as, []byte(text)) != nil {
		return st, &leftError{r.lastExit()}
	}
	for {
		k, payload, err := r.link.read()
		if err != nil {
			return st, &leftError{}
		}
		switch k {
		case kindOutput:
			if _, err := r.Stdout.Write(payload); err != nil {
				return st, err
			}
		case kindAsk:
			err = r.answer()
		case kindExit:
			return st, &leftError{exitOf(payload)}
		case kindStatus:
			if err := json.Unmarshal(payload, &st); err != nil {
				return st, &leftError{exit{Message: "the box sent a malformed status"}}
			}
			r.warn(st.Secret)
			return st, nil
		}
		if err != nil {
			return st, &leftError{}
		}
	}
}

// answer gives a command the next line of input.
func (r *scriptRun) answer() error {
	line, err := r.lines.next()
	if err != nil {
		return r.link.write(kindNoAnswer, nil)
	}
	r.number++
	r.warn(true)
	return r.link.write(kindAnswer, []byte(line))
}

// warn says once that other users of the machine could read a secret in the list of processes.
func (r *scriptRun) warn(secret bool) {
	if secret && len(r.Commands) > 0 && !r.warned {
		r.warned = true
		fmt.Fprintln(r.Stderr, "mbox: warning: a secret given with -c was visible in the process list; give it on standard input instead")
	}
}

// lastExit reads why the box closed the session.
func (c *client) lastExit() exit {
	for {
		k, payload, err := c.link.read()
		if err != nil {
			return exit{}
		}
		if k == kindExit {
			return exitOf(payload)
		}
	}
}

func exitOf(payload []byte) exit {
	var e exit
	if err := json.Unmarshal(payload, &e); err != nil {
		e.Message = "the box sent a malformed farewell"
	}
	return e
}
