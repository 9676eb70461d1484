package peer

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"
	"unicode"

	"mbox/credential"
	"mbox/hotspotdb"
	"mbox/modules/sync/auth"
	"mbox/proto/syncpb"
)

// handshakeTime bounds the handshake as a whole: some six round trips, on a satellite link 0.6 s each.
const handshakeTime = 30 * time.Second

// Self is what a box says of itself.
type Self struct {
	BoxID    string
	Database hotspotdb.DatabaseID
	Hostname string
	Software string
}

// Session is a connection whose two ends have proved themselves.
type Session struct {
	*Conn
	BoxID    string // of the peer
	Database hotspotdb.DatabaseID
	Hostname string
	Software string
	Cert     *x509.Certificate
	Address  netip.Addr

	Grant      auth.Grant
	Generation string // primary: of the account's password when it was proved
	ByToken    bool   // no password was needed
}

func newSession(c *Conn, cert *x509.Certificate, hello *syncpb.Hello) (*Session, error) {
	if hello == nil {
		return nil, auth.Refuse(auth.CodeProtocol, "the peer did not begin with Hello")
	}
	if len(hello.Database) != len(hotspotdb.DatabaseID{}) || hotspotdb.DatabaseID(hello.Database).IsZero() {
		return nil, auth.Refuse(auth.CodeProtocol, "the peer's database id is %d bytes %.8x", len(hello.Database), hello.Database)
	}
	if hello.Version < Version {
		return nil, auth.Refuse(auth.CodeProtocol, "the peer speaks protocol version %d; %d is needed", hello.Version, Version)
	}
	return &Session{
		Conn: c, Cert: cert, BoxID: auth.BoxID(cert), Database: hotspotdb.DatabaseID(hello.Database),
		Hostname: clip(hello.Hostname), Software: clip(hello.Software), Address: c.RemoteAddr(),
	}, nil
}

// clip keeps what a peer says of itself short and without blanks.
func clip(text string) string {
	const longest = 64
	return printable(text, longest, func(r rune) bool { return r != ' ' })
}

func (s Self) hello() *syncpb.Hello {
	return &syncpb.Hello{Version: Version, Database: s.Database[:], Hostname: s.Hostname, Software: s.Software}
}

// Credentials of a follower.
type Credentials struct {
	Account  string
	Password string
	Token    string   // of an earlier connection; may be empty
	TokenBox string   // the box that issued it: no other may skip the proof of the password
	Want     []string // datasets
	Send     []string
	Dialed   string
	Probe    bool // only a test
}

// Check compares the key of the primary before and remembers it after it has proved itself.
type Check interface {
	Check(boxID string) error
	Remember(boxID string) error
}

// Dial is the follower's side of the handshake on a connection whose TLS handshake is done.
func Dial(conn *tls.Conn, self Self, cred Credentials, pins Check) (*Session, error) {
	c := NewConn(conn)
	stop := c.limit()
	defer stop()
	cert, err := auth.PeerCertificate(c.State())
	if err != nil {
		return nil, err
	}
	boxID := auth.BoxID(cert)
	if boxID == self.BoxID {
		return nil, auth.Refuse(auth.CodeCloned, "cloned box: the primary has the same key as this box; "+
			"if its data folder was copied from here, erase one of them")
	}
	if err := pins.Check(boxID); err != nil {
		return nil, err
	}
	if cred.TokenBox != boxID {
		cred.Token = ""
	}
	hello := self.hello()
	hello.Account, hello.Token, hello.Dialed = cred.Account, cred.Token, cred.Dialed
	hello.Datasets, hello.Send, hello.Probe = cred.Want, cred.Send, cred.Probe
	if err := c.Send(&syncpb.Frame{Kind: &syncpb.Frame_Hello{Hello: hello}}); err != nil {
		return nil, err
	}
	session, err := c.login(cert, cred)
	if err != nil {
		return nil, err
	}
	if err := pins.Remember(boxID); err != nil {
		return nil, err
	}
	c.proved()
	return session, nil
}

// login waits for the primary's Hello and proves the password unless a token does. Without a token SCRAM begins behind our
// own Hello, before the primary's has arrived: a round trip less.
func (c *Conn) login(cert *x509.Certificate, cred Credentials) (session *Session, err error) {
	hello := func() error {
		answer, err := c.expectHello()
		if err != nil {
			return err
		}
		if session, err = newSession(c, cert, answer); err != nil {
			return err
		}
		session.Grant = auth.Grant{Account: cred.Account, Down: cred.Want, Up: cred.Send}
		session.ByToken = answer.TokenAccepted && cred.Token != ""
		return nil
	}
	if cred.Token == "" {
		err = auth.Login(&early{exchange{c}, hello}, c.State(), cred.Account, cred.Password)
	} else if err = hello(); err == nil && !session.ByToken {
		err = auth.Login(exchange{c}, c.State(), cred.Account, cred.Password)
	}
	return session, err
}

func (c *Conn) expectHello() (*syncpb.Hello, error) {
	frame, err := c.Receive()
	if err != nil {
		return nil, err
	}
	if r := frame.GetRefused(); r != nil {
		return nil, &auth.Refusal{Code: clip(r.Code), Reason: Printable(r.Reason)}
	}
	return frame.GetHello(), nil
}

// Gate decides at the primary who comes in.
type Gate interface {
	// Admit is asked before anything is read from the address.
	Admit(addr netip.Addr) error
	// Verifier finds an account that may sync.
	Verifier(account string) (credential.Verifier, bool)
	// Owns refuses a database id that belongs to another box.
	Owns(boxID string, database hotspotdb.DatabaseID) error
	// Grant says what a follower at the address that asks for these datasets gets.
	Grant(addr netip.Addr, account string, want, send []string) (auth.Grant, error)
}

// Server is the primary's side.
type Server struct {
	Self    func() Self
	Gate    Gate
	Tokens  auth.Tokens
	Lockout *auth.Lockout
	Decoy   *auth.Decoy

	sound sync.Map // generations of passwords that are not the factory's: to find that out takes as long as a login
}

// Accept is the primary's side of the handshake. The peer has been told of a refusal when it returns one.
// The Hello says what the follower asked for.
func (s *Server) Accept(conn *tls.Conn) (*Session, *syncpb.Hello, error) {
	c := NewConn(conn)
	stop := c.limit()
	defer stop()
	session, hello, err := s.accept(c)
	var refusal *auth.Refusal
	if errors.As(err, &refusal) {
		_ = c.Send(&syncpb.Frame{Kind: &syncpb.Frame_Refused{Refused: &syncpb.Refused{Code: refusal.Code, Reason: refusal.Reason}}})
		c.linger()
	}
	return session, hello, err
}

func (s *Server) accept(c *Conn) (*Session, *syncpb.Hello, error) {
	addr := c.RemoteAddr()
	if err := s.Gate.Admit(addr); err != nil {
		return nil, nil, err
	}
	if err := s.locked(addr); err != nil {
		return nil, nil, err
	}
	cert, err := auth.PeerCertificate(c.State())
	if err != nil {
		return nil, nil, auth.Refuse(auth.CodeProtocol, "a client certificate is needed")
	}
	frame, err := c.Receive()
	if err != nil {
		return nil, nil, err
	}
	hello := frame.GetHello()
	session, err := newSession(c, cert, hello)
	if err != nil {
		return nil, nil, err
	}
	hello.Datasets, hello.Send = known(hello.Datasets), known(hello.Send)
	if session.BoxID == s.Self().BoxID {
		return nil, nil, auth.Refuse(auth.CodeCloned, "cloned box: this box and the primary have the same key; "+
			"if the data folder was copied, erase one of them")
	}
	if err := s.authenticate(session, hello); err != nil {
		return nil, nil, err
	}
	c.proved()
	return session, hello, nil
}

func (s *Server) locked(addr netip.Addr) error {
	if wait := s.Lockout.Locked(addr); wait > 0 {
		return auth.Refuse(auth.CodeLockout, "too many wrong passwords from this address; try again in %v", wait.Round(time.Second))
	}
	return nil
}

func (s *Server) authenticate(session *Session, hello *syncpb.Hello) error {
	generation, byToken := s.tokenGood(session, hello)
	answer := s.Self().hello()
	answer.TokenAccepted = byToken
	if err := session.Send(&syncpb.Frame{Kind: &syncpb.Frame_Hello{Hello: answer}}); err != nil {
		return err
	}
	account := hello.Account
	if !byToken {
		var err error
		if account, generation, err = s.password(session); err != nil {
			return err
		}
	}
	if err := s.Gate.Owns(session.BoxID, session.Database); err != nil {
		return err
	}
	grant, err := s.Gate.Grant(session.Address, account, hello.Datasets, hello.Send)
	if err != nil {
		return err
	}
	session.Grant, session.Generation, session.ByToken = grant, generation, byToken
	return nil
}

func (s *Server) tokenGood(session *Session, hello *syncpb.Hello) (generation string, ok bool) {
	if hello.Token == "" {
		return "", false
	}
	claims, err := s.Tokens.Verify(hello.Token, session.Cert)
	if err != nil || claims.Subject != hello.Account {
		return "", false
	}
	v, found := s.Gate.Verifier(claims.Subject)
	if !found || auth.Generation(v) != claims.Generation {
		return "", false
	}
	return claims.Generation, true
}

func (s *Server) password(session *Session) (account, generation string, err error) {
	if err := s.locked(session.Address); err != nil {
		return "", "", err
	}
	end, busy := s.Lockout.Begin(session.Address)
	if busy {
		return "", "", auth.Refuse(auth.CodeBusy, "other boxes at this address are proving themselves; try again in a moment")
	}
	account, err = auth.Accept(exchange{session.Conn}, session.State(), s.Gate.Verifier, s.Decoy)
	wrong := errors.Is(err, auth.ErrPassword)
	end(wrong)
	if wrong {
		return "", "", auth.Refuse(auth.CodeCredentials, "unknown account or wrong password, or the account may not sync; "+
			"compare `username` on the primary with `mbox sync primary` on the follower")
	}
	if err != nil {
		return "", "", err
	}
	v, ok := s.Gate.Verifier(account)
	if !ok {
		return "", "", auth.Refuse(auth.CodeCredentials, "the account has just been removed")
	}
	generation = auth.Generation(v)
	if _, known := s.sound.Load(generation); !known && v.Matches(auth.FactoryPassword) {
		return "", "", auth.Refuse(auth.CodeFactory, "account %s still has the factory password; on the primary type "+
			"`username %s password NEW-PASSWORD`", account, account)
	}
	s.sound.Store(generation, struct{}{})
	return account, generation, nil
}

// known drops datasets that this version does not know, as the other box may be a version ahead, and repetitions.
func known(names []string) []string {
	out := slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		_, err := hotspotdb.ParseDataset(name)
		return err != nil
	})
	slices.Sort(out)
	return slices.Compact(out)
}

// limit bounds the time of the handshake; what it returns lifts the limit.
func (c *Conn) limit() (stop func()) {
	timer := time.AfterFunc(handshakeTime, func() { _ = c.Close() })
	return func() { timer.Stop() }
}

// early is an exchange that begins before the primary's Hello.
type early struct {
	exchange
	hello func() error // receives it; nil once it has
}

func (e *early) Receive() (string, error) {
	if hello := e.hello; hello != nil {
		e.hello = nil
		if err := hello(); err != nil {
			return "", err
		}
	}
	return e.exchange.Receive()
}

// exchange carries SCRAM messages in frames.
type exchange struct{ c *Conn }

func (e exchange) Send(message string) error {
	return e.c.Send(&syncpb.Frame{Kind: &syncpb.Frame_Scram{Scram: &syncpb.Scram{Message: message}}})
}

func (e exchange) Receive() (string, error) {
	frame, err := e.c.Receive()
	if err != nil {
		return "", err
	}
	if r := frame.GetRefused(); r != nil {
		return "", &auth.Refusal{Code: clip(r.Code), Reason: Printable(r.Reason)}
	}
	s := frame.GetScram()
	if s == nil {
		return "", fmt.Errorf("expected a SCRAM message, got %T", frame.Kind)
	}
	if len(s.Message) > 4096 {
		return "", auth.Refuse(auth.CodeProtocol, "a SCRAM message of %d bytes", len(s.Message))
	}
	return s.Message, nil
}

// Printable makes a sentence of a peer fit to be shown: no control or direction characters, at most 300 characters.
func Printable(text string) string {
	const longest = 300
	return printable(text, longest, func(rune) bool { return true })
}

func printable(text string, longest int, wanted func(rune) bool) string {
	out := make([]rune, 0, min(len(text), longest))
	for _, r := range text {
		if len(out) == longest {
			break
		}
		if unicode.IsPrint(r) && r != unicode.ReplacementChar && wanted(r) {
			out = append(out, r)
		}
	}
	return string(out)
}
