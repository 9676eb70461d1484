package swarm

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"net"
	"net/netip"
	stdsync "sync"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"mbox/modules/sync/auth"
	"mbox/modules/sync/peer"
	"mbox/proto/syncpb"
)

// The pauses between attempts are those of a box.
const (
	retryFirst    = 250 * time.Millisecond
	retryMost     = 15 * time.Second
	retryHopeless = 10 * time.Minute
	dialTime      = 20 * time.Second
	steadyAfter   = 30 * time.Second
)

// follower is one light follower; one goroutine dials and reads.
type follower struct {
	swarm       *Swarm
	certificate tls.Certificate
	self        peer.Self
	source      netip.Addr

	mu        stdsync.Mutex // guards what follows
	token     string
	issuer    string
	session   *peer.Session // nil while not connected
	waiting   int           // datasets whose feed has not begun on this connection
	at        map[string]position
	recording bool
	arrivals  []Arrival
	sum       uint64
}

// position is where a follower stands in a dataset of the primary.
type position struct{ incarnation, seq uint64 }

func (f *follower) follow(ctx context.Context) {
	wait := retryFirst
	doubted := false
	for ctx.Err() == nil {
		began := time.Now()
		err := f.once(ctx)
		f.disconnected(err)
		if hopeless(err) {
			if wait = retryHopeless; !doubted {
				wait = retryMost
			}
			doubted = true
		}
		if time.Since(began) > steadyAfter {
			wait = retryFirst
		}
		timer := time.NewTimer(wait/2 + rand.N(wait))
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
		wait = min(wait*2, retryMost)
	}
}

func hopeless(err error) bool {
	var refusal *auth.Refusal
	return errors.As(err, &refusal) && (refusal.Code == auth.CodeCredentials || refusal.Code == auth.CodeLockout)
}

func (f *follower) disconnected(err error) {
	f.mu.Lock()
	var received int64
	if f.session != nil {
		received, _ = f.session.Traffic()
	}
	f.session = nil
	f.mu.Unlock()
	why := "broken"
	var refusal *auth.Refusal
	if errors.As(err, &refusal) {
		why = refusal.Code
	}
	f.swarm.note(func(c *Counters) { c.Ended[why]++; c.Received += received })
}

// once connects and follows until the connection ends.
func (f *follower) once(ctx context.Context) error {
	conn, err := f.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.NetConn().Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.NetConn().Close() })
	defer stop()
	f.mu.Lock()
	token, issuer := f.token, f.issuer
	f.mu.Unlock()
	session, err := peer.Dial(conn, f.self, peer.Credentials{
		Account: f.swarm.cfg.Account, Password: f.swarm.cfg.Password, Token: token, TokenBox: issuer, Want: f.swarm.cfg.Datasets,
	}, anyKey{})
	if err != nil {
		return err
	}
	f.swarm.note(func(c *Counters) {
		if session.ByToken {
			c.ByToken++
		} else {
			c.BySCRAM++
		}
	})
	if err := f.greet(session); err != nil {
		return err
	}
	for {
		frame, err := session.Receive()
		if err == nil {
			err = f.take(session, frame)
		}
		if err != nil {
			return err
		}
	}
}

func (f *follower) dial(ctx context.Context) (*tls.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	f.swarm.note(func(c *Counters) { c.Dials++ })
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: f.source.AsSlice()}}
	raw, err := dialer.DialContext(ctx, "tcp", f.swarm.cfg.Primary)
	if err != nil {
		return nil, err
	}
	conn := tls.Client(raw, &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{peer.ALPN}, InsecureSkipVerify: true, // as boxes do: SCRAM proves the key
		Certificates: []tls.Certificate{f.certificate},
	})
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, err
	}
	return conn, nil
}

// anyKey pins nothing.
type anyKey struct{}

func (anyKey) Check(string) error    { return nil }
func (anyKey) Remember(string) error { return nil }

// greet exchanges Welcomes and subscribes from where the follower stands.
func (f *follower) greet(session *peer.Session) error {
	frame, err := session.Receive()
	if err != nil {
		return err
	}
	w := frame.GetWelcome()
	if w == nil {
		return ending(frame)
	}
	own := &syncpb.Welcome{
		History: []*syncpb.Incarnation{{Id: 1, First: 1}}, ClockUs: uint64(time.Now().UnixMicro()), Domain: w.Domain,
	}
	if err := session.Send(&syncpb.Frame{Kind: &syncpb.Frame_Welcome{Welcome: own}}); err != nil {
		return err
	}
	ask := &syncpb.Subscribe{}
	f.mu.Lock()
	f.session, f.waiting, f.token, f.issuer = session, len(w.Down), w.Token, session.BoxID
	for _, ds := range w.Down {
		p := f.at[ds]
		ask.Positions = append(ask.Positions, &syncpb.Position{
			Dataset: ds, Database: session.Database[:], Incarnation: p.incarnation, Seq: p.seq,
		})
	}
	f.mu.Unlock()
	return session.Send(&syncpb.Frame{Kind: &syncpb.Frame_Subscribe{Subscribe: ask}})
}

func ending(frame *syncpb.Frame) error {
	if g := frame.GetGoodbye(); g != nil {
		return &auth.Refusal{Code: g.Code, Reason: g.Reason}
	}
	if r := frame.GetRefused(); r != nil {
		return &auth.Refusal{Code: r.Code, Reason: r.Reason}
	}
	return fmt.Errorf("the primary sent %T where Welcome was due", frame.Kind)
}

func (f *follower) take(session *peer.Session, frame *syncpb.Frame) error {
	switch k := frame.Kind.(type) {
	case *syncpb.Frame_FeedStart:
		f.mu.Lock()
		f.waiting--
		f.at[k.FeedStart.Dataset] = position{k.FeedStart.Incarnation, k.FeedStart.Seq}
		f.mu.Unlock()
		f.swarm.moved()
	case *syncpb.Frame_Batch:
		return f.store(session, k.Batch)
	case *syncpb.Frame_Token:
		f.mu.Lock()
		f.token = k.Token.Token
		f.mu.Unlock()
	case *syncpb.Frame_Goodbye:
		return ending(frame)
	}
	return nil
}

// store reads a batch as a box does, down to each change and its sequence, and acknowledges it.
func (f *follower) store(session *peer.Session, b *syncpb.Batch) error {
	now := time.Now().UnixNano()
	sum, count, ok := f.read(b)
	f.mu.Lock()
	ok = ok && b.Last >= f.at[b.Dataset].seq
	f.at[b.Dataset] = position{b.Incarnation, b.Last}
	f.sum += sum
	if f.recording && count > 0 {
		f.arrivals = append(f.arrivals, Arrival{b.Last, now})
	}
	f.mu.Unlock()
	f.swarm.note(func(c *Counters) {
		c.Batches++
		c.Changes += count
		if !ok {
			c.Malformed++
		}
	})
	f.swarm.moved()
	stored := &syncpb.Stored{ClockUs: uint64(now / 1000), Positions: []*syncpb.Position{
		{Dataset: b.Dataset, Database: session.Database[:], Incarnation: b.Incarnation, Seq: b.Last},
	}}
	return session.Send(&syncpb.Frame{Kind: &syncpb.Frame_Stored{Stored: stored}})
}

// read decompresses a batch, counts and sums up its changes, and says whether it is well formed.
func (f *follower) read(b *syncpb.Batch) (sum uint64, count int, ok bool) {
	if b.Size == 0 {
		return 0, 0, len(b.Changes) == 0
	}
	buffer := f.swarm.buffers.Get().(*[]byte)
	defer f.swarm.buffers.Put(buffer)
	raw, err := f.swarm.dec.DecodeAll(b.Changes, (*buffer)[:0])
	if err != nil || len(raw) != int(b.Size) {
		return 0, 0, false
	}
	*buffer = raw
	seqs, last := 0, uint64(0)
	for len(raw) > 0 {
		number, kind, n := protowire.ConsumeTag(raw)
		if n < 0 || kind != protowire.BytesType {
			return sum, count, false
		}
		value, m := protowire.ConsumeBytes(raw[n:])
		if m < 0 {
			return sum, count, false
		}
		raw = raw[n+m:]
		if number == 1 {
			sum += maphash.Bytes(f.swarm.seed, value)
			count++
			continue
		}
		for len(value) > 0 {
			seq, n := protowire.ConsumeVarint(value)
			if n < 0 || seq <= last || seq > b.Last {
				return sum, count, false
			}
			last, value = seq, value[n:]
			seqs++
		}
	}
	return sum, count, seqs == count
}

func (f *follower) heartbeat() {
	f.mu.Lock()
	session := f.session
	f.mu.Unlock()
	if session != nil {
		_ = session.Send(&syncpb.Frame{Kind: &syncpb.Frame_Heartbeat{Heartbeat: &syncpb.Heartbeat{ClockUs: uint64(time.Now().UnixMicro())}}})
	}
}

// reached says whether the follower is connected and has received everything up to these ends.
func (f *follower) reached(heads map[string]uint64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.session == nil || f.waiting > 0 {
		return false
	}
	for ds, seq := range heads {
		if f.at[ds].seq < seq {
			return false
		}
	}
	return true
}
