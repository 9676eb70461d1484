package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
)

// respConn speaks RESP, the protocol of Redis, over a Unix socket, with as little of its own as possible.
type respConn struct {
	conn net.Conn
	in   *bufio.Reader
	out  *bufio.Writer
}

func dialRESP(socket string) (*respConn, error) {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return nil, err
	}
	return newRESP(conn), nil
}

func newRESP(conn net.Conn) *respConn {
	const buffer = 64 << 10
	return &respConn{conn, bufio.NewReaderSize(conn, buffer), bufio.NewWriterSize(conn, buffer)}
}

// send queues a command until flush.
func (c *respConn) send(args ...string) {
	fmt.Fprintf(c.out, "*%d\r\n", len(args)) // errors show at flush
	for _, a := range args {
		c.out.WriteByte('$')
		c.out.WriteString(strconv.Itoa(len(a)))
		c.out.WriteString("\r\n")
		c.out.WriteString(a)
		c.out.WriteString("\r\n")
	}
}

func (c *respConn) flush() error { return c.out.Flush() }

// receive reads one simple reply: a status, a number or a string.
func (c *respConn) receive() (string, error) {
	line, err := c.line()
	if err != nil {
		return "", err
	}
	switch text := line[1:]; line[0] {
	case '+', ':':
		return text, nil
	case '-':
		return "", respError(text)
	case '$':
		return c.bulk(text)
	default:
		return "", fmt.Errorf("unexpected reply %q", line)
	}
}

// respError is what the server refused a command with.
type respError string

func (e respError) Error() string { return string(e) }

func (c *respConn) line() (string, error) {
	raw, err := c.in.ReadSlice('\n')
	if err != nil {
		return "", err
	}
	if len(raw) < 3 {
		return "", errors.New("empty reply")
	}
	return string(raw[:len(raw)-2]), nil
}

// bulk reads a string of the length given.
func (c *respConn) bulk(length string) (string, error) {
	n, err := strconv.Atoi(length)
	const most = 1 << 20
	if err != nil || n > most {
		return "", fmt.Errorf("a string of length %q", length)
	}
	if n < 0 {
		return "", nil
	}
	raw := make([]byte, n+len("\r\n"))
	_, err = io.ReadFull(c.in, raw)
	return string(raw[:n]), err
}

func (c *respConn) do(args ...string) (string, error) {
	c.send(args...)
	if err := c.flush(); err != nil {
		return "", err
	}
	return c.receive()
}

// command reads what a client sent.
func (c *respConn) command() ([]string, error) {
	line, err := c.line()
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(line[1:])
	const most = 16
	if err != nil || line[0] != '*' || n < 1 || n > most {
		return nil, fmt.Errorf("unexpected command %q", line)
	}
	args := make([]string, n)
	for i := range args {
		if args[i], err = c.receive(); err != nil {
			return nil, err
		}
	}
	return args, nil
}

func (c *respConn) Close() error { return c.conn.Close() }
