// Package web owns the one HTTPS listener of the box. Others bind HTTP handlers and ALPN protocols to it; which addresses
// are listened on is desired state, set by each of them.
package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// leaveTime is how long connections of other protocols may go on when the box stops.
const leaveTime = 2 * time.Second

// handshakeTime bounds a TLS handshake and the reading of request headers.
const handshakeTime = 15 * time.Second

// Module is the HTTPS listener.
type Module struct {
	certificate func() tls.Certificate
	log         *slog.Logger
	mux         *http.ServeMux
	server      *http.Server
	protocols   map[string]*tls.Config
	arrivals    arrivals
	crowd       arrivals

	defaultPort uint16
	metrics     http.Handler // nil: there are none
	settings    atomic.Pointer[settings]

	mu        sync.Mutex                      // guards what follows
	wanted    map[string][]netip.AddrPort     // by owner
	listeners map[netip.AddrPort]net.Listener // open now
	serving   sync.WaitGroup
	closed    bool
	inUse     int           // connections of other protocols
	idle      chan struct{} // closed when there are none, and there will be none
}

// New makes the listener; nothing is open before Listen.
func New(certificate func() tls.Certificate, log *slog.Logger) *Module {
	m := &Module{
		certificate: certificate, log: log, mux: http.NewServeMux(), protocols: map[string]*tls.Config{},
		wanted: map[string][]netip.AddrPort{}, listeners: map[netip.AddrPort]net.Listener{},
		idle:     make(chan struct{}),
		arrivals: arrivals{most: maxArrivals, each: maxArrivalsEach}, crowd: arrivals{most: maxOpen, each: maxOpenEach},
	}
	m.server = &http.Server{
		Handler: m.mux, ReadHeaderTimeout: handshakeTime, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
		ErrorLog:     slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		ConnState:    m.connChanged,
	}
	return m
}

// Name is "web".
func (m *Module) Name() string { return "web" }

// HandleALPN gives connections that negotiate the protocol to serve, with TLS 1.3 and a client certificate; other clients
// are never asked for one. It must be called before the first Listen.
func (m *Module) HandleALPN(protocol string, serve func(*tls.Conn)) {
	m.protocols[protocol] = &tls.Config{
		MinVersion: tls.VersionTLS13, ClientAuth: tls.RequireAnyClientCert, NextProtos: []string{protocol},
		Certificates: []tls.Certificate{m.certificate()}, SessionTicketsDisabled: true,
	}
	m.server.TLSNextProto[protocol] = func(_ *http.Server, conn *tls.Conn, _ http.Handler) {
		m.left(conn)
		if m.begin() {
			defer m.end()
			serve(conn)
		}
	}
}

func (m *Module) tlsConfig() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{m.certificate()}, NextProtos: []string{"http/1.1"},
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			for protocol, config := range m.protocols {
				if slices.Contains(hello.SupportedProtos, protocol) {
					return config, nil
				}
			}
			return nil, nil
		},
	}
}

// Listen makes the listener serve exactly these addresses for this owner, besides those of others. If one cannot be
// opened, what was open before stays as it was and the error names the address.
func (m *Module) Listen(owner string, addrs []netip.AddrPort) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return errors.New("the box is stopping")
	}
	old := m.wanted[owner]
	m.wanted[owner] = slices.Clone(addrs)
	if err := m.converge(); err != nil {
		m.wanted[owner] = old
		return err
	}
	return nil
}

func (m *Module) converge() error {
	want := map[netip.AddrPort]bool{}
	for _, addrs := range m.wanted {
		for _, a := range addrs {
			want[a] = true
		}
	}
	// A wildcard and one of its addresses cannot be open together: what is to go closes first, and comes back on failure.
	var closed []netip.AddrPort
	for addr, l := range m.listeners {
		if !want[addr] {
			_ = l.Close()
			delete(m.listeners, addr)
			closed = append(closed, addr)
		}
	}
	var opened []netip.AddrPort
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

func (m *Module) restore(opened, closed []netip.AddrPort) {
	for _, addr := range opened {
		_ = m.listeners[addr].Close()
		delete(m.listeners, addr)
	}
	for _, addr := range closed {
		if err := m.open(addr); err != nil {
			m.log.Error("web: a listener could not be opened again", "address", addr, "error", err)
		}
	}
}

func (m *Module) open(addr netip.AddrPort) error {
	l, err := net.Listen("tcp", addr.String())
	if err != nil {
		return err
	}
	m.listeners[addr] = l
	m.log.Info("web: listening", "address", l.Addr().String())
	m.serving.Go(func() {
		if err := m.server.Serve(tls.NewListener(l, m.tlsConfig())); err != nil && !errors.Is(err, net.ErrClosed) &&
			!errors.Is(err, http.ErrServerClosed) {
			m.log.Error("web: a listener failed", "address", addr, "error", err)
		}
	})
	return nil
}

// Run closes everything when ctx ends. Those who use a connection for a protocol of their own take leave of the other side
// first.
func (m *Module) Run(ctx context.Context) error {
	<-ctx.Done()
	m.mu.Lock()
	m.closed = true
	for _, l := range m.listeners {
		_ = l.Close()
	}
	if m.inUse == 0 {
		close(m.idle)
	}
	m.mu.Unlock()
	select {
	case <-m.idle:
	case <-time.After(leaveTime):
	}
	err := m.server.Close()
	m.serving.Wait()
	if errors.Is(err, net.ErrClosed) { // a listener was closed above, and its Serve had not noticed yet
		return nil
	}
	return err
}

// begin counts a connection of another protocol; false if the box is stopping.
func (m *Module) begin() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.closed {
		m.inUse++
	}
	return !m.closed
}

func (m *Module) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.inUse--; m.inUse == 0 && m.closed {
		close(m.idle)
	}
}
