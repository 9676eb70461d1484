package sync

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"mbox/hotspotdb"
	"mbox/modules/sync/auth"
	"mbox/modules/sync/feed"
	"mbox/modules/sync/peer"
	"mbox/proto/syncpb"
)

const (
	retryFirst = 250 * time.Millisecond
	retryMost  = 15 * time.Second
	// retryHopeless keeps a follower with a wrong password below auth.LockoutAttempts in auth.LockoutTime.
	retryHopeless = 10 * time.Minute
	dialTime      = 20 * time.Second
	steadyAfter   = 5 * time.Second // a connection that lasted this long was not part of the trouble
	stateConnect  = "connecting"
	stateRefused  = "refused"
	stateStandby  = "paused"
)

// upstream is one configured primary and what became of it.
type upstream struct {
	cfg   primary
	pins  []string // configured fingerprints
	probe bool     // only a test

	doubted bool // the password was refused before; only the follower's goroutine uses it

	// guarded by Module.mu
	token   string // of the last connection
	issuer  string // the box that issued it
	session *peer.Session
	link    *feed.Link
	end     context.CancelCauseFunc
	state   string // while not connected
	reason  string
	code    string // of the reason
	since   time.Time
}

// refollow starts following what is configured now. It is called with m.mu held.
func (m *Module) refollow(next *config) {
	if m.follower != nil {
		why := auth.Refuse(auth.CodeChanged, "the follower was configured anew")
		if !m.paused().IsZero() {
			why = auth.Refuse(auth.CodePaused, "sync was paused on the follower")
		}
		m.follower(why)
	}
	before := m.followed
	m.upstreams = nil
	for _, p := range next.primaries {
		m.upstreams = append(m.upstreams, &upstream{cfg: p, pins: next.fingerprints[p.Name], state: stateConnect, since: m.deps.Now()})
	}
	if !m.paused().IsZero() {
		for _, u := range m.upstreams {
			u.state, u.reason, u.code = stateStandby, "sync is paused here; `mbox sync resume` ends it", causePausedHere
		}
	}
	if len(m.upstreams) == 0 || !m.paused().IsZero() {
		m.follower, m.followed = nil, before
		return
	}
	ctx, stop := context.WithCancelCause(m.ctx)
	done := make(chan struct{})
	list := m.upstreams
	m.follower, m.followed = stop, done
	m.tasks.Go(func() {
		defer close(done)
		if before != nil {
			<-before
		}
		m.follow(ctx, list)
	})
}

// follow keeps one connection to the first primary that can be reached, for as long as ctx lasts.
func (m *Module) follow(ctx context.Context, list []*upstream) {
	wait := retryFirst
	for ctx.Err() == nil {
		for _, u := range list {
			began := time.Now()
			m.deps.Log.Debug("sync: connecting", "primary", u.cfg.Name, "port", u.cfg.Port)
			err := m.followOnce(ctx, u, list)
			m.deps.Log.Debug("sync: connection ended", "primary", u.cfg.Name, "after", time.Since(began), "error", err)
			if ctx.Err() != nil {
				return
			}
			m.failed(u, err)
			if hopeless(err) {
				if wait = retryHopeless; !u.doubted { // the primary may just be getting its account
					wait = retryMost
				}
				u.doubted = true
			}
			if time.Since(began) > steadyAfter || changed(err) {
				wait = retryFirst
				break // the preferred primary first
			}
		}
		sleep(ctx, wait/2+rand.N(wait)) // jitter: a thousand branches must not return in step
		wait = min(wait*2, retryMost)
	}
}

// changed says whether the primary wants us to come again at once.
func changed(err error) bool {
	var refusal *auth.Refusal
	return errors.As(err, &refusal) && refusal.Code == auth.CodeChanged
}

// hopeless says whether trying again soon would only lock us out.
func hopeless(err error) bool {
	var refusal *auth.Refusal
	return errors.As(err, &refusal) && slices.Contains([]string{auth.CodeCredentials, auth.CodeFactory, auth.CodeLockout}, refusal.Code)
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

func (m *Module) failed(u *upstream, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	state, text := stateConnect, reason(err)
	var refusal *auth.Refusal
	if errors.As(err, &refusal) {
		switch refusal.Code {
		case auth.CodeStopping, auth.CodeChanged, auth.CodeReplaced, auth.CodeBusy:
		case auth.CodePaused:
			state = stateStandby
		default:
			state = stateRefused
		}
	}
	if u.state != state || u.reason != text || u.link != nil {
		m.recordFailure(u, state, err)
		u.since = m.deps.Now()
	}
	u.session, u.link, u.end, u.state, u.reason, u.code = nil, nil, nil, state, text, cause(err)
}

// followOnce connects and feeds until the connection ends.
func (m *Module) followOnce(ctx context.Context, u *upstream, list []*upstream) error {
	session, err := m.connect(ctx, u)
	if err != nil {
		return err
	}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	defer m.quorum.leave(session)
	link := m.newFollowerLink(session, u)
	m.mu.Lock()
	u.session, u.link, u.end, u.since, u.reason = session, link, end, m.deps.Now(), ""
	for _, other := range list {
		if other != u {
			other.state, other.reason, other.code = stateStandby, "in reserve: "+u.cfg.Name+" is followed", causeReserve
		}
	}
	m.mu.Unlock()
	m.remember(session, roleUpstream)
	m.recordFollowing(u, session)
	return link.Run(ctx)
}

func (m *Module) newFollowerLink(session *peer.Session, u *upstream) *feed.Link {
	return feed.NewLink(feed.Config{
		DB: m.deps.DB, Session: session, Name: u.cfg.Name, Cache: m.cache, Memory: m.deps.Memory,
		Domain:  m.domain.from(session.BoxID, session.Hostname),
		Follows: m.follows, Claims: m.claims, Log: m.deps.Log, Stored: m.quorum.join(session),
		Stale: func() { m.stale(u) }, Recover: func() bool { return m.recovers(session.BoxID) },
		Held:  func(ds hotspotdb.Dataset) uint64 { return m.held(session, ds) },
		Claim: func(ctx context.Context, c *syncpb.Claim) *syncpb.Claimed { return m.answerClaim(ctx, session, c) },
		Token: func(token string) {
			if len(token) <= 4096 {
				m.mu.Lock()
				u.token, u.issuer = token, session.BoxID
				m.mu.Unlock()
			}
		},
	})
}

// connect dials a primary and proves both sides.
func (m *Module) connect(ctx context.Context, u *upstream) (*peer.Session, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	raw, err := m.deps.Dial(ctx, u.cfg.Source, net.JoinHostPort(u.cfg.Name, strconv.Itoa(int(u.cfg.Port))))
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	defer stop()
	conn := tls.Client(raw, m.clientTLS())
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, fmt.Errorf("TLS with %s: %w", raw.RemoteAddr(), err)
	}
	session, err := m.prove(conn, u)
	if err != nil {
		_ = raw.Close()
	}
	return session, err
}

// clientTLS does not verify the certificate: the pinned key and SCRAM's channel binding do, better than a PKI that no
// hotel has.
func (m *Module) clientTLS() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{peer.ALPN}, InsecureSkipVerify: true, //nolint:gosec // see above
		Certificates: []tls.Certificate{m.deps.Identity.Certificate()},
	}
}

func (m *Module) prove(conn *tls.Conn, u *upstream) (*peer.Session, error) {
	if conn.ConnectionState().NegotiatedProtocol != peer.ALPN {
		return nil, auth.Refuse(auth.CodeProtocol, "%s answers, but not as an mbox that syncs", conn.RemoteAddr())
	}
	password, err := m.deps.Identity.Open6(u.cfg.Sealed, sealLabel(u.cfg.Name))
	if err != nil {
		return nil, fmt.Errorf("read the password of %s: %w", u.cfg.Name, err)
	}
	m.mu.Lock()
	token, issuer := u.token, u.issuer
	m.mu.Unlock()
	session, err := peer.Dial(conn, m.self(), peer.Credentials{
		Account: u.cfg.Account, Password: string(password), Token: token, TokenBox: issuer, Want: u.cfg.Datasets, Send: u.cfg.Send, Dialed: u.cfg.Name,
		Probe: u.probe,
	}, pinCheck{m, u})
	if err != nil {
		return nil, err
	}
	return session, m.owns(session.BoxID, session.Database)
}

// pinCheck is the pins under one name.
type pinCheck struct {
	m *Module
	u *upstream
}

func (p pinCheck) Check(boxID string) error { return p.m.pins.Check(p.u.cfg.Name, boxID, p.u.pins) }
func (p pinCheck) Remember(boxID string) error {
	_, known, err := p.m.deps.Pins.Get(p.u.cfg.Name)
	if err == nil {
		err = p.m.pins.Remember(p.u.cfg.Name, boxID, p.m.deps.Now())
	}
	if err == nil && !known {
		p.m.recordPin(p.u.cfg.Name, boxID)
	}
	return err
}

// follows says whether a box is one that we follow.
func (m *Module) follows(boxID string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, u := range m.upstreams {
		if u.session != nil && u.session.BoxID == boxID {
			return true
		}
	}
	return false
}

// target names the address that could not be reached.
func target(err error) string {
	var op *net.OpError
	if !errors.As(err, &op) || op.Addr == nil {
		return " there"
	}
	host, port, splitErr := net.SplitHostPort(op.Addr.String())
	if splitErr != nil {
		return " at " + op.Addr.String()
	}
	return fmt.Sprintf(" at %s port %s", host, port)
}

// explain says in the operator's words why a connection failed.
func explain(err error) string {
	var dns *net.DNSError
	var timeout net.Error
	text := err.Error()
	switch {
	case errors.As(err, &dns):
		return fmt.Sprintf("the name %s cannot be resolved; type `ip host %s ADDRESS`", dns.Name, dns.Name)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Sprintf("nothing listens%s (connection refused); is sync allowed on the primary, and is the port right?", target(err))
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "no route to the primary"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "the source address is not one of this box's; correct `source` or `mbox sync listen`"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE),
		errors.Is(err, net.ErrClosed):
		return "the connection broke"
	case strings.Contains(text, "no application protocol"):
		return "the other side answers, but not as an mbox that syncs"
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	}
	return peer.Printable(text)
}
