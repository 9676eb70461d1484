package main

import (
	"net"

	"golang.org/x/net/icmp"
)

// mayICMP says whether this process may send ICMP: unprivileged (net.ipv4.ping_group_range), or as root.
func mayICMP() bool {
	for _, network := range []string{"udp4", "ip4:icmp"} {
		if conn, err := icmp.ListenPacket(network, "127.0.0.1"); err == nil {
			conn.Close()
			return true
		}
	}
	return false
}

// hasIPv6 says whether this machine has an IPv6 loopback address.
func hasIPv6() bool {
	conn, err := net.ListenPacket("udp6", "[::1]:0")
	if err != nil {
		return false
	}
	conn.Close()
	return true
}
