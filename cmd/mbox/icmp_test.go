package main

import "golang.org/x/net/icmp"

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
