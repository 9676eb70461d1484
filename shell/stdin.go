package shell

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"mbox/modules"
)

// stdin reads a file until ctx ends: a read of a terminal would otherwise outlive the client and take a key from
// whoever reads next.
type stdin struct {
	file *os.File
	wake [2]int // a pipe; closing its write end ends the waiting
	stop func()
}

func openStdin(ctx context.Context, file *os.File) (*stdin, error) {
	s := &stdin{file: file}
	if err := unix.Pipe2(s.wake[:], unix.O_CLOEXEC); err != nil {
		return nil, fmt.Errorf("open a pipe: %w", err)
	}
	closed := make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		defer close(closed)
		unix.Close(s.wake[1])
	})
	s.stop = func() {
		if cancel() {
			unix.Close(s.wake[1])
		} else {
			<-closed
		}
		unix.Close(s.wake[0])
	}
	return s, nil
}

// Close gives back what openStdin took, but not the file. No Read may be running.
func (s *stdin) Close() { s.stop() }

func (s *stdin) Read(p []byte) (int, error) {
	if s.file == nil {
		return 0, io.EOF
	}
	fd := int(s.file.Fd())
	for {
		ready := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}, {Fd: int32(s.wake[0]), Events: unix.POLLIN}}
		if _, err := unix.Poll(ready, -1); err != nil && !errors.Is(err, unix.EINTR) {
			return 0, fmt.Errorf("wait for standard input: %w", err)
		}
		if ready[1].Revents != 0 {
			return 0, context.Canceled
		}
		if ready[0].Revents == 0 {
			continue
		}
		n, err := unix.Read(fd, p)
		switch {
		case errors.Is(err, unix.EINTR) || errors.Is(err, unix.EAGAIN):
			continue
		case errors.Is(err, unix.EIO), err == nil && n == 0: // a terminal that hung up, or the end
			return 0, io.EOF
		case err != nil:
			return 0, fmt.Errorf("read standard input: %w", err)
		}
		return n, nil
	}
}

// maxAhead bounds how much of a script is read ahead, in bytes; together with one line it fits into a frame.
const maxAhead = maxFrame - modules.MaxLine - 1024

// source gives the lines of a script one by one, and io.EOF behind the last.
type source interface{ next() (string, error) }

// given are the lines of -c.
type given struct{ lines []string }

func (g *given) next() (string, error) {
	if len(g.lines) == 0 {
		return "", io.EOF
	}
	line := g.lines[0]
	g.lines = g.lines[1:]
	return clip(line), nil
}

// several returns one line, or those that are here already and none that would have to be waited for.
func (p piped) several() ([]string, error) {
	var lines []string
	for size := 0; ; {
		line, err := p.next()
		if err != nil {
			return lines, err
		}
		lines = append(lines, line)
		size += len(line) + 1
		ahead, _ := p.r.Peek(p.r.Buffered())
		if end := bytes.IndexByte(ahead, '\n'); end < 0 || size+end > maxAhead {
			return lines, nil
		}
	}
}

// clip shortens a line that the box refuses anyway so that it fits into a frame.
func clip(line string) string { return line[:min(len(line), modules.MaxLine+1)] }

// piped are the lines of a reader, the last one with or without its end.
type piped struct{ r *bufio.Reader }

func (p piped) next() (string, error) {
	var line strings.Builder
	for {
		part, err := p.r.ReadSlice('\n')
		if room := modules.MaxLine + 2 - line.Len(); room > 0 {
			line.Write(part[:min(len(part), room)])
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil && (line.Len() == 0 || !errors.Is(err, io.EOF)):
			return "", err
		}
		return clip(strings.TrimSuffix(line.String(), "\n")), nil
	}
}
