package diag

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"mbox/modules"
)

// socket is connected to one host, so that the kernel passes on only what comes from it, and queues the ICMP errors that
// are about what this socket has sent (ip(7), IP_RECVERR).
type socket struct {
	file *os.File
	raw  syscall.RawConn
	v6   bool
	icmp bool // an ICMP socket; else UDP
	bare bool // a raw socket: an IPv4 header stands before what it receives
	id   int  // of echo requests: the kernel's choice but for raw sockets
	buf  []byte
	oob  [512]byte
}

// options of a socket.
type options struct {
	to   target
	port uint16 // of UDP
	ttl  int    // 0: the usual one
	df   bool   // do not fragment, here or on the way
}

// openEcho opens an ICMP socket: one without privilege where the kernel allows it (net.ipv4.ping_group_range), else a raw one.
func openEcho(o options) (*socket, error) {
	family, proto := unix.AF_INET, unix.IPPROTO_ICMP
	if o.to.addr.Is6() {
		family, proto = unix.AF_INET6, unix.IPPROTO_ICMPV6
	}
	s, err := open(family, unix.SOCK_DGRAM, proto, o)
	if errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.EPROTONOSUPPORT) {
		s, err = open(family, unix.SOCK_RAW, proto, o)
		if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
			return nil, &modules.Error{
				Message: "This box is not allowed to send ICMP",
				Hint: "Run it as root, or let its group use ICMP: sysctl -w net.ipv4.ping_group_range=\"GROUP GROUP\". " +
					"`traceroute` works without.",
			}
		}
	}
	if s != nil {
		s.icmp = true
	}
	return s, err
}

// openUDP opens a UDP socket, which needs no privilege.
func openUDP(o options) (*socket, error) {
	if o.to.addr.Is6() {
		return open(unix.AF_INET6, unix.SOCK_DGRAM, unix.IPPROTO_UDP, o)
	}
	return open(unix.AF_INET, unix.SOCK_DGRAM, unix.IPPROTO_UDP, o)
}

// open makes the socket. Errors of the network come as *modules.Error.
func open(family, kind, proto int, o options) (*socket, error) {
	fd, err := unix.Socket(family, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, proto)
	if err != nil {
		return nil, fmt.Errorf("open a socket to %s: %w", o.to.addr, err)
	}
	s := &socket{v6: family == unix.AF_INET6, bare: kind == unix.SOCK_RAW, file: os.NewFile(uintptr(fd), "socket"), buf: make([]byte, maxPacket)}
	if err := s.set(fd, o); err != nil {
		return nil, errors.Join(fmt.Errorf("set up a socket to %s: %w", o.to.addr, err), s.Close())
	}
	if err := s.connect(fd, o); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if s.raw, err = s.file.SyscallConn(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *socket) Close() error { return s.file.Close() }

// set sets the options before anything is sent.
func (s *socket) set(fd int, o options) error {
	type option struct{ level, name, value int }
	discover := option{unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DONT}
	list := []option{{unix.IPPROTO_IP, unix.IP_RECVERR, 1}}
	if o.df {
		discover.value = unix.IP_PMTUDISC_PROBE
	}
	if o.ttl > 0 {
		list = append(list, option{unix.IPPROTO_IP, unix.IP_TTL, o.ttl})
	}
	if s.v6 {
		discover = option{unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_DONT}
		list = []option{{unix.IPPROTO_IPV6, unix.IPV6_RECVERR, 1}}
		if o.df {
			discover.value = unix.IPV6_PMTUDISC_PROBE
			list = append(list, option{unix.IPPROTO_IPV6, unix.IPV6_DONTFRAG, 1})
		}
		if o.ttl > 0 {
			list = append(list, option{unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, o.ttl})
		}
	}
	for _, opt := range append(list, discover) {
		if err := unix.SetsockoptInt(fd, opt.level, opt.name, opt.value); err != nil {
			return fmt.Errorf("option %d of level %d: %w", opt.name, opt.level, err)
		}
	}
	return nil
}

func (s *socket) connect(fd int, o options) error {
	if o.to.source.IsValid() {
		from, err := sockaddr(o.to.source, 0)
		if err == nil {
			err = unix.Bind(fd, from)
		}
		if errors.Is(err, unix.EADDRNOTAVAIL) || errors.Is(err, unix.ENODEV) {
			return &modules.Error{Message: fmt.Sprintf("%s is not an address of this box", o.to.source), Hint: "`show ip interface brief` lists them."}
		}
		if err != nil {
			return fmt.Errorf("send from %s: %w", o.to.source, err)
		}
	}
	to, err := sockaddr(o.to.addr, o.port)
	if err == nil {
		err = unix.Connect(fd, to)
	}
	switch {
	case errors.Is(err, unix.ENETUNREACH), errors.Is(err, unix.EHOSTUNREACH), errors.Is(err, unix.EADDRNOTAVAIL), errors.Is(err, unix.EINVAL):
		return &modules.Error{Message: fmt.Sprintf("No route to %s", o.to), Hint: "`show ip interface brief` says which interfaces are up."}
	case errors.Is(err, unix.EACCES):
		return &modules.Error{Message: fmt.Sprintf("%s is not the address of one host", o.to.addr), Hint: "Give an address that one host answers on."}
	case err != nil:
		return fmt.Errorf("connect to %s: %w", o.to.addr, err)
	}
	bound, err := unix.Getsockname(fd)
	switch bound := bound.(type) {
	case *unix.SockaddrInet4:
		s.id = bound.Port
	case *unix.SockaddrInet6:
		s.id = bound.Port
	}
	if s.bare {
		s.id = randomID()
	}
	return err
}

// source is the address that the socket sends from.
func (s *socket) source() (addr netip.Addr) {
	_ = s.raw.Control(func(fd uintptr) { // the zero Addr says that it is not known
		if bound, err := unix.Getsockname(int(fd)); err == nil {
			addr = addrOf(bound)
		}
	})
	return addr
}

func sockaddr(addr netip.Addr, port uint16) (unix.Sockaddr, error) {
	if addr.Is4() {
		return &unix.SockaddrInet4{Addr: addr.As4(), Port: int(port)}, nil
	}
	out := &unix.SockaddrInet6{Addr: addr.As16(), Port: int(port)}
	if zone := addr.Zone(); zone != "" {
		link, err := net.InterfaceByName(zone)
		if err != nil {
			return nil, &modules.Error{Message: "There is no interface " + zone, Hint: "`show ip interface brief` lists them."}
		}
		out.ZoneId = uint32(link.Index)
	}
	return out, nil
}

// addrOf is without zone.
func addrOf(sa unix.Sockaddr) netip.Addr {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrFrom4(sa.Addr)
	case *unix.SockaddrInet6:
		return netip.AddrFrom16(sa.Addr).Unmap()
	}
	return netip.Addr{}
}

// send sends one packet. Errors of earlier packets that wait in the kernel do not keep it.
func (s *socket) send(packet []byte) error {
	var failed error
	err := s.raw.Write(func(fd uintptr) bool {
		for range 8 { // more errors than that cannot wait: each probe is answered before the next
			_, failed = unix.SendmsgN(int(fd), packet, nil, nil, 0)
			if failed == nil || errors.Is(failed, unix.EMSGSIZE) || errors.Is(failed, unix.EAGAIN) {
				break
			}
			if _, err := s.queued(int(fd)); err != nil {
				break
			}
		}
		return !errors.Is(failed, unix.EAGAIN)
	})
	return errors.Join(err, failed)
}

// arrival is what came: a packet, or what somebody says of one that was sent.
type arrival struct {
	at     time.Time
	from   netip.Addr
	packet []byte    // valid until the next receive
	report *icmpNote // nil: packet is from the host
}

// receive waits for the next arrival, until the deadline or the end of ctx.
func (s *socket) receive(ctx context.Context, deadline time.Time) (a arrival, err error) {
	if err := s.file.SetReadDeadline(deadline); err != nil {
		return a, fmt.Errorf("wait for an answer: %w", err)
	}
	if ctx.Err() != nil { // after the deadline was set: interrupt may have been before
		return a, ctx.Err()
	}
	var failed error
	err = s.raw.Read(func(fd uintptr) bool {
		a, failed = s.poll(int(fd))
		return !errors.Is(failed, unix.EAGAIN)
	})
	a.at = time.Now()
	if ctx.Err() != nil {
		return a, ctx.Err()
	}
	return a, errors.Join(err, failed)
}

// interrupt makes a receive that waits return when ctx ends. The function returned takes that back.
func (s *socket) interrupt(ctx context.Context) func() bool {
	return context.AfterFunc(ctx, func() { _ = s.file.SetReadDeadline(time.Unix(1, 0)) }) // a closed socket waits for nothing
}

// poll takes what is there; unix.EAGAIN says that nothing is.
func (s *socket) poll(fd int) (arrival, error) {
	for {
		a, err := s.queued(fd)
		if err == nil || !errors.Is(err, unix.EAGAIN) {
			return a, err
		}
		n, _, _, from, err := unix.RecvmsgBuffers(fd, [][]byte{s.buf}, nil, unix.MSG_DONTWAIT)
		switch {
		case err == nil:
			return arrival{from: addrOf(from), packet: s.buf[:n]}, nil
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EBADF):
			return arrival{}, err
		} // any other is what the queue tells in full
	}
}

// queued takes one report from the queue of errors.
func (s *socket) queued(fd int) (arrival, error) {
	n, oobn, _, _, err := unix.RecvmsgBuffers(fd, [][]byte{s.buf}, s.oob[:], unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
	if err != nil {
		return arrival{}, err
	}
	note, ok := parseControl(s.oob[:oobn])
	if !ok {
		return arrival{report: &icmpNote{}, packet: s.buf[:0]}, nil // about nothing that we know
	}
	return arrival{from: note.from, packet: s.buf[:n], report: &note}, nil
}
