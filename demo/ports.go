package main

import (
	"fmt"
	"net"
	"slices"
	"strings"
)

// choosePorts finds ports that are free on all addresses: the usual ones of an ordinary user if they are.
func (d *demo) choosePorts(addrs ...string) (err error) {
	if d.https, err = freePort(8443, tcpFree, addrs); err != nil {
		return err
	}
	if d.auth, err = freePort(1812, udpFree, addrs); err != nil {
		return err
	}
	d.acct, err = freePort(d.auth+1, udpFree, addrs)
	return err
}

func freePort(first int, free func(addr string) bool, addrs []string) (int, error) {
	for port := first; port < first+100; port++ {
		if !slices.ContainsFunc(addrs, func(a string) bool { return !free(net.JoinHostPort(a, fmt.Sprint(port))) }) {
			return port, nil
		}
	}
	return 0, fmt.Errorf("no port from %d to %d is free on %s", first, first+99, strings.Join(addrs, " and "))
}

func tcpFree(addr string) bool {
	l, err := net.Listen("tcp", addr)
	return err == nil && l.Close() == nil
}

func udpFree(addr string) bool {
	c, err := net.ListenPacket("udp", addr)
	return err == nil && c.Close() == nil
}
