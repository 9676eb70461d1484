package ssh

import (
	"context"
	"encoding/binary"
	"sync"
	"time"

	glider "github.com/gliderlabs/ssh"
	gossh "golang.org/x/crypto/ssh"

	"mbox/modules"
)

// slowLink is how long a client may take to have read all that was written when a session ended by itself.
const slowLink = time.Minute

const (
	subsystemSFTP = "sftp"
	// maxCommand bounds what `ssh box COMMAND` may send, in bytes.
	maxCommand = modules.MaxLine
	// maxCells bounds what a client may say of its window.
	maxCells = 1 << 16
)

// channel is one session of a connection. It stands between the protocol and gliderlabs/ssh, which trusts clients with
// more than they should be: a malformed pty-req ends the program, env grows without bound, a window that changes races with
// its reader, and an agent is always welcome.
type channel struct {
	gossh.NewChannel
	conn    *conn
	account Account
	ctx     context.Context // ends with the channel, or with the connection
	end     context.CancelCauseFunc
	closed  chan struct{} // by the client, or with the connection

	mu     sync.Mutex // guards all below
	pty    bool
	size   Size
	resize func(Size) // nil: nobody wants to know
	users  int        // the channel, and what runs in it; the session is counted as long as there is one
}

// session serves a channel of type session; it is called in a goroutine of its own.
func (c *conn) session(_ *glider.Server, peer *gossh.ServerConn, request gossh.NewChannel, ctx glider.Context) {
	if _, ok := peer.Permissions.ExtraData[loginKey{}]; !ok {
		_ = request.Reject(gossh.Prohibited, "no login")
		return
	}
	if !c.hold() {
		_ = request.Reject(gossh.ConnectionFailed, "the connection is ending")
		return
	}
	defer c.release()
	account, ok := c.module.openSession(c)
	if !ok {
		c.module.log.Warn("%SSH-4-SSH2_SESSION: session refused", "user", account.Name, "from", c.source, "reason", errFull)
		_ = request.Reject(gossh.ResourceShortage, errFull.Error())
		return
	}
	ch := &channel{NewChannel: request, conn: c, account: account, closed: make(chan struct{}), users: 1}
	defer ch.leave()
	ch.ctx, ch.end = context.WithCancelCause(c.ctx)
	defer ch.end(nil)
	glider.DefaultSessionHandler(ch.server(), peer, ch, ctx)
}

// openSession counts a session if there is room for it, and returns whose it is.
func (m *Module) openSession(c *conn) (Account, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	account := c.login.account
	if m.sessions >= m.settings.Load().room(account.Level) || c.sessions >= maxChannels {
		return account, false
	}
	m.sessions++
	c.sessions++
	return account, true
}

func (m *Module) closeSession(c *conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sessions--
	c.sessions--
}

// join counts what runs in the session; false if the session is over.
func (ch *channel) join() bool {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if ch.users == 0 {
		return false
	}
	ch.users++
	return true
}

// leave is the end of the channel, or of what runs in it.
func (ch *channel) leave() {
	ch.mu.Lock()
	ch.users--
	over := ch.users == 0
	ch.mu.Unlock()
	if over {
		ch.conn.module.closeSession(ch.conn)
	}
}

// server is what gliderlabs/ssh is told of this session.
func (ch *channel) server() *glider.Server {
	return &glider.Server{
		Handler:           ch.serve,
		SubsystemHandlers: map[string]glider.SubsystemHandler{subsystemSFTP: ch.serve},
	}
}

// Accept accepts the channel; only some of its requests are passed on.
func (ch *channel) Accept() (gossh.Channel, <-chan *gossh.Request, error) {
	raw, requests, err := ch.NewChannel.Accept()
	if err != nil {
		return nil, nil, err
	}
	passed := make(chan *gossh.Request)
	go func() { // ends with the channel, for which the connection waits
		defer close(passed)
		defer close(ch.closed)
		for request := range requests {
			if ch.passes(request) {
				passed <- request
			}
		}
	}()
	return raw, passed, nil
}

// passes answers a request, or says that gliderlabs/ssh may.
func (ch *channel) passes(request *gossh.Request) bool {
	ok := false
	switch request.Type {
	case "shell":
		return true
	case "exec":
		if text, valid := onlyString(request.Payload); valid && len(text) <= maxCommand {
			return true
		}
	case "subsystem":
		if text, valid := onlyString(request.Payload); valid && text == subsystemSFTP && ch.mayTransfer() {
			return true
		}
	case "pty-req":
		if size, valid := ptySize(request.Payload); valid && ch.givePTY(size) {
			return true
		}
	case "window-change":
		var size Size
		if size, ok = windowSize(request.Payload); ok {
			ch.setSize(size)
		}
	}
	if request.WantReply {
		_ = request.Reply(ok, nil)
	}
	return false
}

// ptySize reads the window of a pty-req (RFC 4254 section 6.2): string TERM, columns, rows, width and height in pixels,
// string modes.
func ptySize(payload []byte) (Size, bool) {
	term, rest, ok := cutString(payload)
	if !ok || len(term) > maxName || len(rest) < 16 {
		return Size{}, false
	}
	if _, end, ok := cutString(rest[16:]); !ok || len(end) > 0 {
		return Size{}, false
	}
	return windowSize(rest[:16])
}

// windowSize reads the columns and rows of a window-change (RFC 4254 section 6.7).
func windowSize(payload []byte) (Size, bool) {
	if len(payload) != 16 {
		return Size{}, false
	}
	width, height := binary.BigEndian.Uint32(payload), binary.BigEndian.Uint32(payload[4:])
	return Size{int(min(width, maxCells)), int(min(height, maxCells))}, true
}

// onlyString reads a payload that is one string.
func onlyString(payload []byte) (string, bool) {
	text, rest, ok := cutString(payload)
	return string(text), ok && len(rest) == 0
}

// cutString takes a string of RFC 4251 section 5 off the front.
func cutString(in []byte) (text, rest []byte, ok bool) {
	if len(in) < 4 {
		return nil, nil, false
	}
	n := uint64(binary.BigEndian.Uint32(in))
	if n > uint64(len(in)-4) {
		return nil, nil, false
	}
	return in[4 : 4+n], in[4+n:], true
}

func (ch *channel) givePTY(size Size) bool {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if ch.pty {
		return false
	}
	ch.pty, ch.size = true, size
	return true
}

func (ch *channel) setSize(size Size) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	ch.size = size
	if ch.resize != nil {
		ch.resize(size)
	}
}

// follow tells resize whenever the window changes, which has now the size that is returned.
func (ch *channel) follow(resize func(Size)) Size {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if ch.resize = resize; resize != nil {
		resize(ch.size)
	}
	return ch.size
}

// linger waits for the client to close the channel too: until then reads do not end, and what it was told last may be on its
// way. One that does not loses its connection.
func (ch *channel) linger() {
	select {
	case <-ch.closed:
	case <-time.After(slowLink):
		ch.conn.end(errGone)
		<-ch.closed
	}
}
