package shell

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"mbox/modules"
)

// console is one connection to the console's socket.
type console struct {
	server *Server
	conn   net.Conn
	link   *link
	hello  hello
	actor  modules.Actor
}

// lastWords is how long a box that ends waits for a client to take what it is told.
const lastWords = 2 * time.Second

// errHangup is the cause of a session's end when its connection died.
var errHangup = errors.New("the connection is gone")

func readHello(l *link) (hello, error) {
	var h hello
	k, payload, err := l.read()
	switch {
	case err != nil:
		return h, fmt.Errorf("read hello: %w", err)
	case k != kindHello || json.Unmarshal(payload, &h) != nil:
		return h, errors.New("this is not an mbox console client")
	case h.Protocol != protocol:
		return h, fmt.Errorf("the client speaks console protocol %d, the box %d: use the same version of mbox", h.Protocol, protocol)
	}
	return h, nil
}

// run serves the session. One goroutine reads frames so that an interrupt or the connection's end is heard while a
// command runs; run returns when both have ended.
func (c *console) run(box context.Context) {
	ctx, cancel := context.WithCancelCause(box)
	defer cancel(nil)
	// A client that does not read must not keep the box from ending.
	stop := context.AfterFunc(box, func() { c.conn.SetWriteDeadline(time.Now().Add(lastWords)) })
	defer stop()
	session := c.script
	if c.hello.Interactive {
		session = c.interactive
	}
	session(ctx, cancel)
	c.link.writeJSON(kindExit, exit{Gone: box.Err() != nil, Message: farewell(box)})
}

func farewell(box context.Context) string {
	if box.Err() == nil {
		return ""
	}
	return "the box is shutting down"
}

// read passes frames to handle until the connection ends, and then ends the session. The returned function ends the
// reading and waits for it.
func (c *console) read(cancel context.CancelCauseFunc, handle func(kind, []byte) error) (stop func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			k, payload, err := c.link.read()
			if err == nil {
				err = handle(k, payload)
			}
			if err != nil {
				cancel(errHangup)
				return
			}
		}
	}()
	return func() {
		if half, ok := c.conn.(interface{ CloseRead() error }); ok {
			half.CloseRead() // what was written is still delivered
		} else {
			c.conn.Close()
		}
		<-done
	}
}

func (c *console) interactive(ctx context.Context, cancel context.CancelCauseFunc) {
	tty := NewTTY(output{c.link}, c.hello.Size)
	tty.OnHangup(func() { c.conn.SetWriteDeadline(time.Now().Add(lastWords)) })
	stop := c.read(cancel, func(k kind, payload []byte) error {
		switch k {
		case kindInput:
			tty.Feed(payload)
		case kindResize:
			var size Size
			if err := json.Unmarshal(payload, &size); err != nil {
				return err
			}
			tty.Resize(size)
		}
		return nil
	})
	defer stop()
	defer tty.Hangup()
	if err := c.server.Interact(ctx, c.actor, tty); err != nil {
		c.server.log().Error("console session failed", "error", err)
	}
}

// script runs lines one after the other. The client waits for the status of those it sent, so one frame may wait at most.
func (c *console) script(ctx context.Context, cancel context.CancelCauseFunc) {
	lines := make(chan *queue, 1)
	now := &queue{}                  // those that run
	answers := make(chan *string, 1) // nil: there are no more lines
	screen := Size{}
	if c.hello.Screen {
		screen = c.hello.Size
	}
	end := NewScript(output{c.link}, screen, func(ctx context.Context) (string, error) {
		if line, ok := now.next(); ok {
			return line, nil
		}
		return c.ask(ctx, answers)
	})
	stop := c.read(cancel, func(k kind, payload []byte) error {
		switch k {
		case kindLine:
			return offer(lines, &queue{lines: []string{string(payload)}})
		case kindLines:
			return offer(lines, &queue{lines: strings.Split(string(payload), "\n")})
		case kindAnswer:
			text := string(payload)
			return offer(answers, &text)
		case kindNoAnswer:
			return offer(answers, nil)
		case kindInterrupt:
			end.Interrupt()
		}
		return nil
	})
	defer stop()
	ctx, session, done := c.server.begin(ctx, c.actor, end)
	defer done()
	cut := context.AfterFunc(ctx, func() { c.conn.SetWriteDeadline(time.Now().Add(lastWords)) })
	defer cut()
	for !session.Closed() {
		select {
		case <-ctx.Done():
			return
		case now = <-lines:
			if c.link.writeJSON(kindStatus, session.runQueue(ctx, now)) != nil {
				return
			}
		}
	}
}

// offer refuses a client that does not wait for its turn.
func offer[T any](to chan T, value T) error {
	select {
	case to <- value:
		return nil
	default:
		return errors.New("the client did not wait for an answer")
	}
}

func (c *console) ask(ctx context.Context, answers chan *string) (string, error) {
	if err := c.link.write(kindAsk, nil); err != nil {
		return "", err
	}
	select {
	case <-ctx.Done():
		return "", context.Cause(ctx)
	case answer := <-answers:
		if answer == nil {
			return "", io.EOF
		}
		return *answer, nil
	}
}
