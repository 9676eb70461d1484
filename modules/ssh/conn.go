package ssh

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	glider "github.com/gliderlabs/ssh"
	gossh "golang.org/x/crypto/ssh"

	"mbox/modules"
)

const (
	// lastWords is how long sessions may take to say goodbye when their connection is ended from here. It is part of the
	// time that the box has to stop.
	lastWords = time.Second
	// unanswered is how many questions a client may leave unanswered; then it is gone.
	unanswered = 3
)

// Why connections end. What an operator is told is a goodbye.
var (
	errRefused = errors.New("refused")
	errCrowded = errors.New("too many connections that have not logged in")
	errSlow    = errors.New("no login in time")
	errGone    = errors.New("the client is gone")
)

// goodbye is the end of a session that its operator is told of.
type goodbye string

func (g goodbye) Error() string { return string(g) }

// stage is where a connection is in its life.
type stage int

const (
	arriving stage = iota // not logged in
	inside
	leaving
)

// conn is one connection. As a net.Conn it ignores deadlines: gliderlabs/ssh clears them at each read and write, which
// would take away those that are set here.
type conn struct {
	net.Conn
	module  *Module
	source  netip.Addr
	network netip.Addr
	to      netip.AddrPort
	since   time.Time

	life context.Context // of the box
	ctx  context.Context // ends when the connection is to end; the cause says why
	end  context.CancelCauseFunc

	number   int // guarded by Module.mu, as all of these
	stage    stage
	login    login // empty while arriving
	sessions int

	attempts attempts // used by the goroutine of the handshake only

	mu      sync.Mutex    // guards all below
	open    int           // sessions, and what belongs to them
	closing bool          // no more of them
	empty   chan struct{} // closed when closing and open is 0
	resting time.Time     // since when there has been none
}

// login is who a connection belongs to.
type login struct {
	account Account
	method  string // password, publickey
	key     gossh.PublicKey
	algos   gossh.NegotiatedAlgorithms
}

func newConn(ctx context.Context, m *Module, raw net.Conn, source netip.Addr) *conn {
	c := &conn{
		Conn: raw, module: m, life: ctx, source: source, network: networkOf(source), since: time.Now(),
		empty: make(chan struct{}), resting: time.Now(),
	}
	if tcp, ok := raw.LocalAddr().(*net.TCPAddr); ok {
		c.to = netip.AddrPortFrom(tcp.AddrPort().Addr().Unmap(), tcp.AddrPort().Port())
	}
	c.ctx, c.end = context.WithCancelCause(context.WithValue(ctx, originKey{}, c))
	return c
}

func (c *conn) SetDeadline(time.Time) error      { return nil }
func (c *conn) SetReadDeadline(time.Time) error  { return nil }
func (c *conn) SetWriteDeadline(time.Time) error { return nil }

// originKey marks the context of everything that a connection causes.
type originKey struct{}

// originOf is the connection that a context comes from; nil if none.
func originOf(ctx context.Context) *conn {
	c, _ := ctx.Value(originKey{}).(*conn)
	return c
}

// serve speaks SSH until the connection has ended, and everything that belongs to it.
func (c *conn) serve() {
	var helpers sync.WaitGroup
	helpers.Go(c.watch)
	slow := time.AfterFunc(c.module.settings.Load().timeout, func() { c.module.tooSlow(c) })
	server := &glider.Server{
		ServerConfigCallback: func(glider.Context) *gossh.ServerConfig { return c.config() },
		ChannelHandlers:      map[string]glider.ChannelHandler{"session": c.session},
		ConnCallback: func(ctx glider.Context, conn net.Conn) net.Conn {
			helpers.Go(func() { c.keepAlive(ctx) })
			return conn
		},
		ConnectionFailedCallback: func(_ net.Conn, err error) { c.failed(err) },
	}
	server.HandleConn(c)
	slow.Stop()
	c.end(errGone)
	helpers.Wait()
	<-c.empty
}

// tooSlow ends a connection that has not logged in.
func (m *Module) tooSlow(c *conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c.stage == arriving {
		c.stage = leaving
		c.end(errSlow)
	}
}

// watch closes the connection when it is to end: at once, or when its sessions have said goodbye.
func (c *conn) watch() {
	<-c.ctx.Done()
	c.mu.Lock()
	c.closing = true
	if c.open == 0 {
		close(c.empty)
	}
	c.mu.Unlock()
	select {
	case <-c.empty:
	case <-time.After(lastWords):
	}
	_ = c.Conn.Close()
}

// hold counts something that the connection waits for before it is over; false if it is ending.
func (c *conn) hold() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return false
	}
	c.open++
	return true
}

func (c *conn) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open--; c.open > 0 {
		return
	}
	c.resting = time.Now()
	if c.closing {
		close(c.empty)
	}
}

// keepAlive asks the client whether it is there, and ends a connection that does not answer or is used for nothing.
func (c *conn) keepAlive(ctx glider.Context) {
	for {
		s := c.module.settings.Load()
		select {
		case <-c.ctx.Done():
			return
		case <-time.After(s.keepalive):
		}
		peer, ok := ctx.Value(glider.ContextKeyConn).(*gossh.ServerConn)
		if !ok {
			continue // it is still logging in, and has its own time limit
		}
		if c.idle() > s.timeout {
			c.end(goodbye("nothing is open on this connection"))
			return
		}
		silent := time.AfterFunc(unanswered*s.keepalive, func() {
			c.end(errGone)
			_ = c.Conn.Close() // nobody reads last words
		})
		_, _, err := peer.SendRequest("keepalive@openssh.com", true, nil)
		silent.Stop()
		if err != nil {
			return
		}
	}
}

// idle is for how long there has been no session.
func (c *conn) idle() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open > 0 {
		return 0
	}
	return time.Since(c.resting)
}

// actor is who acts on this connection.
func (c *conn) actor(account Account) modules.Actor {
	return modules.Actor{Name: account.Name, From: c.source.String(), Level: account.Level}
}
