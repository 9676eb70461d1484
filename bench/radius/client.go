package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// secret is shared with every server.
const secret = "bench-secret-0123456789"

// A request that is not answered is sent again, as an access point does (RFC 5080 section 2.2.1).
const (
	resendAfter = 3 * time.Second
	sendAtMost  = 4 // times
)

// client sends one request at a time from a port of its own, and believes only what proves the secret.
type client struct {
	conn    net.Conn
	id      byte
	request packet
	buffer  [maxPacket]byte
	resent  int // requests that had to be sent again
}

func dial(address string) (*client, error) {
	conn, err := net.Dial("udp", address)
	return &client{conn: conn}, err
}

// begin starts the next request.
func (c *client) begin() *packet {
	c.id++
	c.request.begin(c.id)
	return &c.request
}

// exchange sends the request and returns the verified reply, which is good until the next one.
func (c *client) exchange() (reply []byte, err error) {
	for range sendAtMost {
		if _, err := c.conn.Write(c.request.b); err != nil {
			return nil, err
		}
		reply, err = c.receive(time.Now().Add(resendAfter))
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return reply, err
		}
		c.resent++
	}
	return nil, fmt.Errorf("request %d to %s: no answer after %d attempts", c.id, c.conn.RemoteAddr(), sendAtMost)
}

// receive passes over late answers to earlier requests.
func (c *client) receive(deadline time.Time) ([]byte, error) {
	if err := c.conn.SetReadDeadline(deadline); err != nil {
		return nil, err
	}
	for {
		n, err := c.conn.Read(c.buffer[:])
		if err != nil {
			return nil, err
		}
		if reply := c.buffer[:n]; n >= 2 && reply[1] == c.id {
			return reply, verify(reply, c.request.b, secret)
		}
	}
}

// do sends the next request of a task and gives it the answer.
func (c *client) do(w task) error {
	w.request(c.begin())
	reply, err := c.exchange()
	if err != nil {
		return err
	}
	return w.answer(reply)
}

func (c *client) Close() error { return c.conn.Close() }
