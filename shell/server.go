package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"mbox/modules"
)

// maxSessions bounds how many consoles are open at once.
const maxSessions = 64

// helloTimeout is how long a new connection may take to say what it is.
const helloTimeout = 10 * time.Second

// Server gives operators sessions on one box. All fields but Engine may be left out. Builtins() must be among the
// modules of the engine.
type Server struct {
	Engine   Engine
	Hostname func() string // for the prompt
	Banner   func() string // shown to a person who connects
	Enable   Privilege     // guards `enable`; nil: everybody has any privilege
	Files    func(modules.Actor) modules.Files
	Welcome  func(context.Context, modules.Actor, modules.Terminal) error // before a person's first prompt; an error ends the session
	Left     func(modules.Actor)                                          // told when a session has ended
	// Monitor gives log lines to show until cancel is called. show does not block.
	Monitor func(show func(line string)) (cancel func())
	Log     *slog.Logger

	sessions register
	read     atomic.Pointer[settings]
}

// Interact runs a person's session until they leave, the terminal hangs up, or ctx ends.
func (s *Server) Interact(ctx context.Context, actor modules.Actor, tty *TTY) error {
	ctx, session, done := s.begin(ctx, actor, tty)
	defer done()
	tty.keys.limitIdle(session.execTimeout)
	editor, err := newEditor(tty, session.editWidth, session)
	if err != nil {
		return err
	}
	defer editor.Close()
	stop := context.AfterFunc(ctx, tty.Hangup)
	defer stop()
	var herald sync.WaitGroup
	defer herald.Wait()
	heralded, dismiss := context.WithCancel(ctx)
	defer dismiss()
	herald.Go(func() { tty.herald(heralded) })
	defer tty.farewell(ctx)
	if !s.welcome(ctx, session) {
		return nil
	}
	tty.out.Control("\x1b[?2004h") // ask the terminal to mark what is pasted
	defer tty.out.Control("\x1b[?2004l")
	pasted := newPaste(tty)
	defer pasted.stop()
	count := func(line string, r Result) {
		pasted.add(r.Outcome, func() string { return session.masked(line) })
	}
	for !session.Closed() {
		session.tellLost()
		if session.batch(ctx, typedAhead{tty.keys}, count) {
			continue
		}
		line, err := editor.ReadLine(session.Prompt(), session.history.lines)
		switch {
		case errors.Is(err, errCtrlZ):
			session.giveUp()
			session.leaveConfig()
		case errors.Is(err, errCtrlC):
			session.giveUp()
		case errors.Is(err, errTooLong):
			io.WriteString(tty, session.sentence(fmt.Sprintf("The line is longer than the %d characters that can be edited.", maxEdited)))
		case errors.Is(err, errNotUTF8):
			io.WriteString(tty, session.sentence("The line is not valid UTF-8."))
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		default:
			count(line, session.Execute(ctx, line))
		}
	}
	return nil
}

// tellLost says how many of the lines that waited an interrupt has taken away.
func (s *Session) tellLost() {
	lost := s.tty.keys.takeLost() + s.lost
	s.lost = 0
	if lost == 0 {
		return
	}
	text := fmt.Sprintf("%d lines that waited were not run.", lost)
	if lost == 1 {
		text = "1 line that waited was not run."
	}
	s.tty.out.FreshLine()
	io.WriteString(s.tty, s.sentence(text))
}

// welcome shows the banner and does what comes before the first prompt; false ends the session.
func (s *Server) welcome(ctx context.Context, session *Session) bool {
	if s.Banner != nil {
		if banner := strings.TrimRight(s.Banner(), "\n"); banner != "" {
			fmt.Fprintf(session.tty, "%s\n\n", printableText(banner))
		}
	}
	if s.Welcome == nil {
		return true
	}
	terminal := &terminal{end: session.end}
	defer terminal.Close()
	running, stop := session.end.Interruptible(ctx)
	defer stop()
	err := s.Welcome(running, session.actor, terminal)
	return session.answer(running, "", modules.Match{}, err) == Done
}

// Serve answers the console until ctx ends, and returns when all sessions have. A command that runs then is cancelled,
// and what it says is delivered before its connection closes.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	var sessions sync.WaitGroup
	defer sessions.Wait()
	stop := context.AfterFunc(ctx, func() { listener.Close() })
	defer stop()
	defer listener.Close()
	slots := make(chan struct{}, maxSessions)
	for {
		conn, err := listener.Accept()
		if ctx.Err() != nil {
			if err == nil {
				conn.Close()
			}
			return nil
		}
		if err != nil {
			if temporary(ctx, err) {
				continue
			}
			return fmt.Errorf("accept on the console: %w", err)
		}
		select {
		case slots <- struct{}{}:
			sessions.Go(func() {
				defer func() { <-slots }()
				defer conn.Close()
				s.serve(ctx, conn)
			})
		default:
			newLink(conn).writeJSON(kindExit, exit{Message: "too many consoles are open"})
			conn.Close()
		}
	}
}

// temporary waits a moment after an error that passes, such as too many open files.
func temporary(ctx context.Context, err error) bool {
	if errors.Is(err, net.ErrClosed) {
		return false
	}
	select {
	case <-ctx.Done():
	case <-time.After(100 * time.Millisecond):
	}
	return true
}

// serve runs one connection from hello to exit.
func (s *Server) serve(ctx context.Context, conn net.Conn) {
	uid, known := peer(conn)
	if known && uid != 0 && int(uid) != os.Getuid() {
		newLink(conn).writeJSON(kindExit, exit{Message: "the console is for the user that runs the box"})
		return
	}
	link := newLink(conn)
	conn.SetReadDeadline(time.Now().Add(helloTimeout))
	greeting, err := readHello(link)
	if err != nil {
		link.writeJSON(kindExit, exit{Message: err.Error()})
		return
	}
	conn.SetReadDeadline(time.Time{})
	c := &console{server: s, conn: conn, link: link, hello: greeting}
	c.actor = modules.Actor{Name: "console", From: "console", Level: userLevel}
	if greeting.Privileged {
		c.actor.Level = fullLevel
	}
	log := s.log()
	log.Debug("console opened", "uid", uid, "interactive", greeting.Interactive)
	c.run(ctx)
	log.Debug("console closed", "uid", uid)
}

func (s *Server) log() *slog.Logger {
	if s.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Log
}
