package shell

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// errInputEnded is the end of the client's own terminal.
var errInputEnded = errors.New("the terminal is gone")

// interactive joins the terminal to the session until one of them ends. The terminal is raw meanwhile and restored
// whatever happens.
func (c *client) interactive(ctx context.Context, screen *os.File) int {
	fd := int(c.Stdin.Fd())
	before, err := term.MakeRaw(fd)
	if err != nil {
		fmt.Fprintf(c.Stderr, "mbox: make the terminal raw: %v\n", err)
		return ExitRefused
	}
	left, err := c.attach(ctx, screen)
	term.Restore(fd, before)
	switch {
	case ctx.Err() != nil || errors.Is(err, errInputEnded):
		fmt.Fprintln(c.Stdout)
		return ExitDone
	case err != nil || left.Gone || left.Message != "":
		fmt.Fprintln(c.Stderr)
		return c.gone(left)
	}
	return ExitDone
}

// attach copies keys, window sizes and output, and returns what the box said at the end.
func (c *client) attach(ctx context.Context, screen *os.File) (exit, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	var tasks sync.WaitGroup
	defer tasks.Wait()
	defer cancel(nil)
	in, err := openStdin(ctx, c.Stdin)
	if err != nil {
		return exit{}, err
	}
	c.hello.Interactive = true
	if err := c.link.writeJSON(kindHello, c.hello); err != nil {
		in.Close()
		return c.lastExit(), err
	}
	stop := context.AfterFunc(ctx, func() { c.conn.Close() })
	defer stop()
	tasks.Go(func() {
		defer in.Close()
		if err := c.sendKeys(in); err != nil {
			cancel(err)
		}
	})
	tasks.Go(func() { c.sendSizes(ctx, screen) })
	for {
		k, payload, err := c.link.read()
		switch {
		case err != nil && errors.Is(context.Cause(ctx), errInputEnded):
			return exit{}, errInputEnded
		case err != nil:
			return exit{}, err
		case k == kindExit:
			return exitOf(payload), nil
		case k == kindOutput:
			if _, err := screen.Write(payload); err != nil {
				return exit{}, errInputEnded
			}
		}
	}
}

// sendKeys sends what is typed. It returns errInputEnded at its end and nil if the box no longer listens.
func (c *client) sendKeys(in *stdin) error {
	keys := make([]byte, 4096)
	for {
		n, err := in.Read(keys)
		if err != nil {
			return errInputEnded
		}
		if err := c.link.write(kindInput, keys[:n]); err != nil {
			// The box closed its side; what it said last is still to be read.
			return nil
		}
	}
}

// sendSizes tells the box of each new size of the window.
func (c *client) sendSizes(ctx context.Context, screen *os.File) {
	changed := make(chan os.Signal, 1)
	signal.Notify(changed, unix.SIGWINCH)
	defer signal.Stop(changed)
	changed <- unix.SIGWINCH // one may have been missed before
	for {
		select {
		case <-ctx.Done():
			return
		case <-changed:
			c.link.writeJSON(kindResize, sizeOf(screen))
		}
	}
}

func sizeOf(screen *os.File) Size {
	width, height, err := term.GetSize(int(screen.Fd()))
	if err != nil {
		return Size{}
	}
	return Size{Width: width, Height: height}
}
