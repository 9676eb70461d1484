package main

import (
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/rogpeppe/go-internal/testscript"
)

// ports gives each script ports of its own. They are below those that the system hands out: another program could be given such
// a port before the box that it is meant for opens it.
type ports struct{ next atomic.Uint32 }

const firstPort, lastPort = 10_000, 32_767

func newPorts() *ports {
	p := &ports{}
	p.next.Store(rand.Uint32N(lastPort - firstPort))
	return p
}

// free finds a port that is free on all of some addresses, for TCP and UDP.
func (p *ports) free(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: freeport VAR ADDRESS...")
	}
	for range 100 {
		port := strconv.Itoa(firstPort + int(p.next.Add(1)%(lastPort-firstPort+1)))
		if !slices.ContainsFunc(args[1:], func(addr string) bool { return taken(net.JoinHostPort(addr, port)) }) {
			ts.Setenv(args[0], port)
			return
		}
	}
	ts.Fatalf("no port is free on %s", strings.Join(args[1:], " and "))
}

// taken says whether somebody has an address already.
func taken(addr string) bool {
	stream, err := net.Listen("tcp", addr)
	if err != nil {
		return true
	}
	defer stream.Close()
	packets, err := net.ListenPacket("udp", addr)
	if err != nil {
		return true
	}
	return packets.Close() != nil
}
