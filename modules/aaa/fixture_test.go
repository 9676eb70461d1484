package aaa

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"

	"mbox/hotspotdb"
	"mbox/modules"
	"mbox/modules/aaa/acct"
	"mbox/modules/aaa/policy"
	"mbox/modules/moduletest"
)

const secret = "a secret that is long enough"

// sealer is a box's key, without the cryptography.
type sealer struct{}

func (sealer) Seal6(plain []byte, label string) (string, error) {
	return base64.RawURLEncoding.EncodeToString([]byte(label + "\x00" + string(plain))), nil
}

func (sealer) Open6(text, label string) ([]byte, error) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	plain, found := strings.CutPrefix(string(b), label+"\x00")
	if !found {
		return nil, errors.New("sealed by another box")
	}
	return []byte(plain), nil
}

// world stands for policy and accounting.
type world struct {
	mu       sync.Mutex
	logins   []policy.Login
	requests []acct.Request
	interim  time.Duration
	verdict  policy.Verdict
	sessions []hotspotdb.Segment
	login    func(policy.Login) (policy.Decision, error) // nil: accepted
	handle   func(acct.Request) error                    // nil: stored
}

func (w *world) Login(_ context.Context, l policy.Login) (policy.Decision, error) {
	w.mu.Lock()
	w.logins = append(w.logins, l)
	login := w.login
	w.mu.Unlock()
	if login != nil {
		return login(l)
	}
	return policy.Decision{Accept: true, Reason: policy.OK, Subject: policy.Subject{ID: 7, Kind: policy.Account, Username: l.Username}}, nil
}

func (w *world) Judge(context.Context, hotspotdb.Segment) (policy.Verdict, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.verdict, nil
}

func (w *world) Handle(_ context.Context, r acct.Request) error {
	w.mu.Lock()
	w.requests = append(w.requests, r)
	handle := w.handle
	w.mu.Unlock()
	if handle != nil {
		return handle(r)
	}
	return nil
}

// decide makes policy decide so from now on.
func (w *world) decide(login func(policy.Login) (policy.Decision, error)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.login = login
}

func (w *world) SetInterim(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.interim = d
}

func (w *world) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

func (w *world) loginCount() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.logins)
}

func (w *world) lastLogin(t *testing.T) policy.Login {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.logins) == 0 {
		t.Fatal("nobody logged in")
	}
	return w.logins[len(w.logins)-1]
}

func (w *world) accounted() []acct.Request {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]acct.Request{}, w.requests...)
}

// rig is a running module.
type rig struct {
	*world
	t          testing.TB
	m          *Module
	auth, acct uint16 // ports
}

// clientOf is a line for the configuration, with its key sealed.
func clientOf(prefix, key, options string) string {
	p, err := modules.Prefix("").Parse(prefix)
	if err != nil {
		panic(err)
	}
	sealed, _ := sealer{}.Seal6([]byte(key), clientLabel(p.(netip.Prefix)))
	return strings.TrimSpace(fmt.Sprintf("client %s key 6 %s %s", prefix, sealed, options))
}

func realmOf(name, addr, key, options string) string {
	sealed, _ := sealer{}.Seal6([]byte(key), realmLabel(name, netip.MustParseAddr(addr)))
	return strings.TrimSpace(fmt.Sprintf("realm %s server %s key 6 %s %s", name, addr, sealed, options))
}

// freePort finds a UDP port that nobody uses, below those that the kernel gives away.
func freePort(t testing.TB) uint16 {
	t.Helper()
	for range 200 {
		var b [2]byte
		randomize(b[:])
		port := 20000 + int(b[0])<<4 + int(b[1])
		c, err := net.ListenUDP("udp", &net.UDPAddr{Port: port})
		if err != nil {
			continue
		}
		_ = c.Close()
		return uint16(port)
	}
	t.Fatal("no free port")
	return 0
}

func start(t testing.TB, lines ...string) *rig {
	t.Helper()
	w := &world{}
	r := &rig{world: w, t: t, auth: freePort(t), acct: freePort(t)}
	r.m = New(Deps{
		Policy: w, Accounting: w, Sealer: sealer{}, Log: slog.New(slog.DiscardHandler),
		Sessions: func(context.Context, string) ([]hotspotdb.Segment, error) { return w.sessions, nil },
		Lookup: func(_ context.Context, host string) ([]netip.Addr, error) {
			a, err := netip.ParseAddr(host)
			return []netip.Addr{a}, err
		},
	})
	r.m.patience.nas.first, r.m.patience.test.first = 100*time.Millisecond, 100*time.Millisecond
	r.configure(lines...)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.m.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return r
}

func (r *rig) configure(lines ...string) {
	r.t.Helper()
	text := fmt.Sprintf("security radius-server\n auth-port %d\n acct-port %d\n", r.auth, r.acct)
	for _, line := range lines {
		text += " " + line + "\n"
	}
	tree := moduletest.Tree(r.t, text, r.m)
	if err := r.m.Check(tree); err != nil {
		r.t.Fatal(err)
	}
	if err := r.m.Apply(context.Background(), tree); err != nil {
		r.t.Fatal(err)
	}
}

// nas is a RADIUS client with one port.
type nas struct {
	t    testing.TB
	conn *net.UDPConn
	*keys
}

// nas connects from an address of this machine to one of the ports, and hears nobody else.
func (r *rig) nas(from, to string, port uint16, key string) *nas {
	r.t.Helper()
	conn, err := net.DialUDP("udp", &net.UDPAddr{IP: net.ParseIP(from)}, &net.UDPAddr{IP: net.ParseIP(to), Port: int(port)})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = conn.Close() })
	return &nas{r.t, conn, newKeys(key)}
}

func (n *nas) send(b []byte) {
	n.t.Helper()
	if _, err := n.conn.Write(b); err != nil {
		n.t.Fatal(err)
	}
}

// receive waits for a packet.
func (n *nas) receive() []byte {
	n.t.Helper()
	if err := n.conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		n.t.Fatal(err)
	}
	b := make([]byte, radius.MaxPacketLength)
	size, err := n.conn.Read(b)
	if err != nil {
		n.t.Fatalf("no answer: %v", err)
	}
	return b[:size]
}

// ask sends a request and returns its authentic answer.
func (n *nas) ask(b []byte) *radius.Packet {
	n.t.Helper()
	n.send(b)
	return n.open(n.receive(), b)
}

func (n *nas) open(answer, request []byte) *radius.Packet {
	n.t.Helper()
	strict := radius.Code(request[0]) != radius.CodeAccountingRequest
	if !n.answers(answer, request[authenticatorAt:headerSize], strict) {
		n.t.Fatalf("the answer %x is not authentic", answer)
	}
	p, err := radius.Parse(answer, n.secret)
	if err != nil {
		n.t.Fatal(err)
	}
	copy(p.Authenticator[:], request[authenticatorAt:headerSize])
	return p
}

// silent makes sure that nothing comes: the server answers a Status-Server that was sent behind the request, and served after
// it, and nothing else.
func (n *nas) silent() {
	n.t.Helper()
	probe := newSigned(radius.CodeStatusServer, 250)
	randomize(probe.Authenticator[:])
	raw, err := n.encodeRequest(probe)
	if err != nil {
		n.t.Fatal(err)
	}
	n.send(raw)
	if answer := n.receive(); answer[1] != 250 {
		n.t.Fatalf("an answer came: %x", answer)
	}
}

// access makes an Access-Request with PAP; edit may change it before it is signed.
func (n *nas) access(id byte, username, password string, edit func(*radius.Packet)) []byte {
	n.t.Helper()
	p := newSigned(radius.CodeAccessRequest, id)
	p.Secret = n.secret
	randomize(p.Authenticator[:])
	p.Add(rfc2865.UserName_Type, radius.Attribute(username))
	if err := rfc2865.UserPassword_AddString(p, password); err != nil {
		n.t.Fatal(err)
	}
	if edit != nil {
		edit(p)
	}
	return n.encode(p)
}

func (n *nas) encode(p *radius.Packet) []byte {
	n.t.Helper()
	b, err := n.encodeRequest(p)
	if err != nil {
		n.t.Fatal(err)
	}
	return b
}

// unsigned makes a request as old clients do.
func (n *nas) unsigned(p *radius.Packet) []byte {
	n.t.Helper()
	p.Attributes = p.Attributes[1:]
	b, err := p.Encode()
	if err != nil {
		n.t.Fatal(err)
	}
	return b
}

func (r *rig) counts(name string) *counters {
	r.t.Helper()
	for _, c := range r.m.clients.Load().list {
		if c.name == name {
			return c.counters
		}
	}
	r.t.Fatalf("no client %s", name)
	return nil
}

func addrPort(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 16), 1}), uint16(i))
}

// until waits for what another goroutine does.
func until(t testing.TB, what string, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !done() {
		if time.Now().After(deadline) {
			t.Fatal("still waiting: " + what)
		}
		time.Sleep(time.Millisecond)
	}
}
