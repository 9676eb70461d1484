package ssh

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// tcpKeepAlive finds a peer whose machine is gone even while it has not logged in.
var tcpKeepAlive = net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 15 * time.Second, Count: 4}

// listen makes exactly these addresses open. If one cannot be opened, what was open before stays as it was and the error
// names the address.
func (m *Module) listen(addrs []netip.AddrPort) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return errStopping
	}
	want := map[netip.AddrPort]bool{}
	for _, addr := range addrs {
		want[addr] = true
	}
	// A wildcard and one of its addresses cannot be open together: what is to go closes first, and comes back on failure.
	var closed, opened []netip.AddrPort
	for addr := range m.listeners {
		if !want[addr] {
			m.shut(addr)
			closed = append(closed, addr)
		}
	}
	for addr := range want {
		if m.listeners[addr] != nil {
			continue
		}
		if err := m.open(addr); err != nil {
			m.restore(opened, closed)
			return fmt.Errorf("listen on %s: %w", addr, err)
		}
		opened = append(opened, addr)
	}
	return nil
}

// restore undoes half a change; the caller holds mu.
func (m *Module) restore(opened, closed []netip.AddrPort) {
	for _, addr := range opened {
		m.shut(addr)
	}
	for _, addr := range closed {
		if err := m.open(addr); err != nil {
			m.log.Error("ssh: a listener could not be opened again", "address", addr, "error", err)
		}
	}
}

// open listens on an address, of its own family only; the caller holds mu.
func (m *Module) open(addr netip.AddrPort) error {
	network := "tcp4"
	if addr.Addr().Is6() {
		network = "tcp6"
	}
	config := net.ListenConfig{KeepAliveConfig: tcpKeepAlive}
	l, err := config.Listen(context.Background(), network, addr.String())
	if err != nil {
		return err
	}
	m.listeners[addr] = l
	m.log.Info("ssh: listening", "address", l.Addr().String())
	if m.life != nil {
		m.accept(m.life, l)
	}
	return nil
}

// shut stops listening on an address; the caller holds mu.
func (m *Module) shut(addr netip.AddrPort) {
	_ = m.listeners[addr].Close()
	delete(m.listeners, addr)
}

// accept serves who connects until the listener closes; the caller holds mu.
func (m *Module) accept(ctx context.Context, l net.Listener) {
	m.serving.Go(func() {
		for {
			raw, err := l.Accept()
			switch {
			case errors.Is(err, net.ErrClosed):
				return
			case err != nil: // passes, such as too many open files
				m.log.Warn("ssh: a client could not be accepted", "error", err)
				select {
				case <-ctx.Done():
				case <-time.After(100 * time.Millisecond):
				}
			default:
				m.arrived(ctx, raw)
			}
		}
	})
}

// arrived serves a client in its own goroutine, if it may connect and there is room.
func (m *Module) arrived(ctx context.Context, raw net.Conn) {
	source := sourceOf(raw.RemoteAddr())
	if !m.settings.Load().admits(source) {
		m.turnAway(source, "access-class")
		_ = raw.Close()
		return
	}
	c := newConn(ctx, m, raw, source)
	if !m.enter(c) {
		m.turnAway(source, "too many connections that have not logged in")
		_ = raw.Close()
		c.end(errRefused)
		return
	}
	m.serving.Go(func() {
		defer m.leave(c)
		c.serve()
	})
}

// sourceOf is the address of a client.
func sourceOf(addr net.Addr) netip.Addr {
	if tcp, ok := addr.(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}
