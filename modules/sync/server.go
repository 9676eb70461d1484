package sync

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"mbox/credential"
	"mbox/hotspotdb"
	"mbox/modules/sync/auth"
	"mbox/modules/sync/feed"
	"mbox/modules/sync/peer"
	"mbox/proto/syncpb"
)

const (
	// roleSync may sync and nothing else.
	roleSync = "sync"
	// mainAccount may sync as well as administer: the account that every operator knows from the original.
	mainAccount = "mboxadmin"
	// maxUnproved bounds the connections that have not proved themselves, maxUnprovedEach those of one source, behind which
	// may be many boxes.
	maxUnproved     = 2048
	maxUnprovedEach = 32
	// maxFollowers bounds connected followers.
	maxFollowers = 4096
)

// downstream is a connected follower.
type downstream struct {
	session *peer.Session
	link    *feed.Link
	end     context.CancelCauseFunc
	since   time.Time
	wish    wish
}

// gate answers the handshake's questions from the configuration.
type gate struct{ m *Module }

func (g gate) Admit(addr netip.Addr) error {
	g.m.mu.Lock()
	defer g.m.mu.Unlock()
	_, err := g.m.config.permit(addr)
	if err == nil && !g.m.paused().IsZero() {
		return errPaused
	}
	return err
}

func (g gate) Verifier(account string) (credential.Verifier, bool) {
	a, ok := g.m.deps.Account(account)
	if !ok || a.Role != roleSync && account != mainAccount {
		return credential.Verifier{}, false
	}
	v, err := credential.Parse(a.Verifier)
	if err != nil { // the hash of another router is for logins only
		g.m.deps.Log.Warn("sync: boxes cannot log in with this account: type its secret in clear, or paste the verifier of another box", "account", account)
	}
	return v, err == nil
}

func (g gate) Owns(boxID string, database hotspotdb.DatabaseID) error {
	return g.m.owns(boxID, database)
}

func (g gate) Grant(addr netip.Addr, account string, want, send []string) (auth.Grant, error) {
	g.m.mu.Lock()
	defer g.m.mu.Unlock()
	return g.m.grant(addr, account, want, send)
}

// grant is called with m.mu held.
func (m *Module) grant(addr netip.Addr, account string, want, send []string) (auth.Grant, error) {
	permit, err := m.config.permit(addr)
	if err != nil {
		return auth.Grant{}, err
	}
	up := feed.Both(send, permit.accept)
	if m.tight.Load() {
		up = nil
	}
	return auth.Grant{Account: account, Down: feed.Both(want, permit.datasets), Up: up}, nil
}

// serve is one connection of a follower, from TLS to its end.
func (m *Module) serve(conn *tls.Conn) {
	from := peer.Source(conn.RemoteAddr())
	if !m.enter(from) {
		return
	}
	defer m.tasks.Done()
	m.deps.Log.Debug("sync: a connection has come", "from", from)
	session, wish, err := m.admit(conn, from)
	m.deps.Log.Debug("sync: a connection was judged", "from", from, "error", err)
	if err != nil {
		if !errors.Is(err, errPaused) { // that is our own doing
			m.recordRejected(from, err)
			m.noteRefused(from, reason(err))
		}
		return
	}
	if wish.probe {
		session.Part("test", "tested")
		return
	}
	ctx, end := context.WithCancelCause(m.ctx)
	defer end(nil)
	d := &downstream{session: session, end: end, since: m.deps.Now(), wish: wish}
	defer m.quorum.leave(session)
	d.link = m.newLink(d)
	if err := m.register(d); err != nil {
		m.unregister(d)
		var refusal *auth.Refusal
		errors.As(err, &refusal)
		session.Part(refusal.Code, refusal.Reason)
		return
	}
	m.remember(session, roleDownstream)
	m.recordFollower(session)
	err = d.link.Run(ctx)
	m.unregister(d)
	m.countTaken(session, roleDownstream, d.link)
	m.departed(session.BoxID, err)
	m.recordGone(session.Hostname, err)
}

// enter counts a connection that has not proved itself yet; the box may be stopping, too many may be waiting, or one source
// may have its share: nobody may take the places of others. A source that is not allowed has one place for its refusal.
func (m *Module) enter(from netip.Addr) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	most, all := maxUnprovedEach, maxUnproved
	if _, err := m.config.permit(from); err != nil {
		most, all = 1, maxUnproved/2 // the other half is for those who are allowed
	}
	host := auth.Host(from)
	if m.stopping || m.waiting[host] >= most || m.unproved() >= all {
		return false
	}
	m.waiting[host]++
	m.tasks.Add(1)
	return true
}

// unproved is called with m.mu held.
func (m *Module) unproved() (n int) {
	for _, each := range m.waiting {
		n += each
	}
	return n
}

func (m *Module) leave(from netip.Addr) {
	m.mu.Lock()
	defer m.mu.Unlock()
	host := auth.Host(from)
	if m.waiting[host]--; m.waiting[host] == 0 {
		delete(m.waiting, host)
	}
}

func (m *Module) admit(conn *tls.Conn, from netip.Addr) (*peer.Session, wish, error) {
	defer m.leave(from)
	stop := context.AfterFunc(m.ctx, func() { _ = conn.NetConn().Close() })
	defer stop()
	session, hello, err := m.server.Accept(conn)
	if err != nil {
		return nil, wish{}, err
	}
	return session, wish{hello.Datasets, hello.Send, hello.Probe}, nil
}

// RefusedPeer is an address that was refused lately.
type RefusedPeer struct {
	Address string    `json:"address"`
	Time    time.Time `json:"time"`
	Reason  string    `json:"reason"`
}

// maxRefused bounds how many of them the status shows.
const maxRefused = 8

func (m *Module) noteRefused(from netip.Addr, why string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refused = slices.DeleteFunc(m.refused, func(r RefusedPeer) bool { return r.Address == from.String() })
	m.refused = append(m.refused, RefusedPeer{from.String(), m.deps.Now().UTC(), why})
	m.refused = m.refused[max(0, len(m.refused)-maxRefused):]
}

// wish is what a follower asked for; what it was granted may change with the configuration.
type wish struct {
	want, send []string
	probe      bool
}

func (m *Module) newLink(d *downstream) *feed.Link {
	session := d.session
	return feed.NewLink(feed.Config{
		DB: m.deps.DB, Session: session, Primary: true, Name: session.Hostname, Cache: m.cache, Memory: m.deps.Memory,
		Domain: m.domain.from(session.BoxID, session.Hostname), Room: m.roomFor,
		Follows: m.follows, Claims: m.claims, Log: m.deps.Log, Stored: m.quorum.join(session),
		Prompt: func() bool { return m.quorum.waitsFor(session) },
		Claim:  func(ctx context.Context, c *syncpb.Claim) *syncpb.Claimed { return m.answerClaim(ctx, session, c) },
		Renew: func() (string, error) {
			return m.server.Tokens.Issue(session.Grant, session.Cert, session.Generation)
		},
		Recover: func() bool { return m.recovers(session.BoxID) },
		Held:    func(ds hotspotdb.Dataset) uint64 { return m.held(session, ds) },
		Done:    func() { m.recovered(d) },
	})
}

// register adds a follower, looks once more whether it is allowed (the configuration may have changed since it was asked),
// and ends an older connection of the same box, which is most likely half open.
func (m *Module) register(d *downstream) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for other := range m.downstream {
		if other.session.BoxID == d.session.BoxID {
			m.suspectTwin(other, d)
			other.end(auth.Refuse(auth.CodeReplaced, "the same box has connected again"))
		}
	}
	if len(m.downstream) >= maxFollowers {
		return auth.Refuse(auth.CodeBusy, "%d followers are connected; let some of them follow another box", maxFollowers)
	}
	m.downstream[d] = true
	m.refused = slices.DeleteFunc(m.refused, func(r RefusedPeer) bool { return r.Address == d.session.Address.String() })
	return m.stillGood(d)
}

const (
	// twinTimes replacements of a live connection from another address within twinTime are no roaming box: two boxes have one key.
	twinTimes = 3
	twinTime  = 2 * time.Minute
)

// suspectTwin is called with m.mu held.
func (m *Module) suspectTwin(old, next *downstream) {
	if old.session.Address == next.session.Address || time.Since(old.link.Heard()) > 2*peer.HeartbeatEvery {
		return
	}
	box, now := next.session.BoxID, time.Now()
	times := slices.DeleteFunc(m.twins[box], func(t time.Time) bool { return now.Sub(t) > twinTime })
	if times = append(times, now); len(times) < twinTimes {
		m.twins[box] = times
		return
	}
	delete(m.twins, box)
	m.record(evCloned, next.session.Hostname, fmt.Sprintf("two boxes use its key, at %s and %s: one data folder is a copy of the other",
		old.session.Address, next.session.Address), "stop one of them, empty its folder, and start it anew")
}

func (m *Module) unregister(d *downstream) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.downstream, d)
}

// review ends the connections that configuration or accounts no longer allow. It is called with m.mu held.
func (m *Module) review() {
	for d := range m.downstream {
		if err := m.stillGood(d); err != nil {
			d.end(err)
		}
	}
}

func (m *Module) stillGood(d *downstream) error {
	s := d.session
	if m.stopping {
		return errStopping
	}
	if !m.paused().IsZero() {
		return errPaused
	}
	if _, err := m.config.permit(s.Address); err != nil {
		return auth.Refuse(auth.CodeRevoked, "the primary no longer allows address %s", s.Address)
	}
	v, ok := gate{m}.Verifier(s.Grant.Account)
	if !ok {
		return auth.Refuse(auth.CodeRevoked, "account %s was removed from the primary", s.Grant.Account)
	}
	if auth.Generation(v) != s.Generation {
		return auth.Refuse(auth.CodeRevoked, "the password of account %s was changed on the primary", s.Grant.Account)
	}
	now, err := m.grant(s.Address, s.Grant.Account, d.wish.want, d.wish.send)
	if err != nil {
		return err
	}
	if m.tight.Load() && len(now.Up) < len(s.Grant.Up) {
		return errCrowded
	}
	if !slices.Equal(now.Down, s.Grant.Down) || !slices.Equal(now.Up, s.Grant.Up) {
		return auth.Refuse(auth.CodeChanged, "the datasets of this connection were changed on the primary")
	}
	return nil
}

// reason makes the end of a connection readable.
func reason(err error) string {
	var refusal *auth.Refusal
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return "closed"
	case errors.As(err, &refusal):
		return refusal.Reason
	}
	return explain(err)
}
