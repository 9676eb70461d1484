package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/net/ipv4"
)

// timing is what a load found.
type timing struct {
	took   time.Duration
	trips  []time.Duration // of each request
	resent int
}

func (t timing) rate() float64 { return float64(len(t.trips)) / t.took.Seconds() }

// maxPipes bounds the sockets of a closed loop. What is in flight is spread over them, as by so many proxies.
const maxPipes = 4

// closedLoop keeps so many requests in flight for so long: each task sends its next request when its last was answered.
func closedLoop(address string, inFlight int, lasts time.Duration, newTask func() task) (all timing, err error) {
	n := min(inFlight, maxPipes)
	pipes, ended := make([]*pipe, n), make(chan error, n)
	for i := range pipes {
		tasks := make([]task, inFlight/n)
		for j := range tasks {
			tasks[j] = newTask()
		}
		if pipes[i], err = newPipe(address, tasks); err != nil {
			return all, err
		}
	}
	began := time.Now()
	for _, p := range pipes {
		go func() { ended <- errors.Join(p.run(began.Add(lasts)), p.conn.Close()) }()
	}
	for range pipes {
		err = errors.Join(err, <-ended)
	}
	all.took = time.Since(began)
	for _, p := range pipes {
		all.trips, all.resent = append(all.trips, p.trips...), all.resent+p.resent
	}
	return all, err
}

// pipe keeps requests of several tasks in flight over one socket. What is ready is sent and received together, so that
// the load takes less of the processor that it shares with the server.
type pipe struct {
	conn   net.Conn
	batch  *ipv4.PacketConn
	slots  []slot
	busy   int
	out    []ipv4.Message
	in     []ipv4.Message
	trips  []time.Duration
	resent int
	resend time.Duration // after which a request is sent again
}

// slot is one task's place in a pipe.
type slot struct {
	task   task
	packet packet
	busy   bool
	begun  time.Time
	sent   time.Time // last
	times  int
	next   int // counts the requests, for their identifiers
}

func newPipe(address string, tasks []task) (*pipe, error) {
	to, err := net.ResolveUDPAddr("udp4", address)
	if err != nil {
		return nil, err
	}
	conn, err := net.DialUDP("udp4", nil, to)
	if err != nil {
		return nil, err
	}
	p := &pipe{conn: conn, batch: ipv4.NewPacketConn(conn), in: make([]ipv4.Message, len(tasks)), resend: resendAfter}
	for i, t := range tasks {
		p.slots = append(p.slots, slot{task: t})
		p.in[i].Buffers = [][]byte{make([]byte, maxPacket)}
	}
	return p, nil
}

// share is how many identifiers each slot has: they tell the answer to one request from a late one to an earlier.
func (p *pipe) share() int { return 256 / len(p.slots) }

// run works until the end and then waits for what is in flight.
func (p *pipe) run(end time.Time) error {
	looked := time.Now()
	for {
		now := time.Now()
		if now.Before(end) {
			p.fill(now)
		}
		if err := p.send(); err != nil {
			return err
		}
		if p.busy == 0 {
			return nil
		}
		if err := p.receive(now.Add(p.resend)); err != nil {
			return err
		}
		if now.Sub(looked) < p.resend/4 {
			continue
		}
		looked = now
		if err := p.again(now); err != nil {
			return err
		}
	}
}

// fill begins a request of every task that has none in flight.
func (p *pipe) fill(now time.Time) {
	for i := range p.slots {
		s := &p.slots[i]
		if s.busy {
			continue
		}
		s.next++
		s.packet.begin(byte(i*p.share() + s.next%p.share()))
		s.task.request(&s.packet)
		s.busy, s.begun, s.sent, s.times = true, now, now, 1
		p.busy++
		p.queue(s)
	}
}

func (p *pipe) queue(s *slot) {
	p.out = append(p.out, ipv4.Message{Buffers: [][]byte{s.packet.b}})
}

func (p *pipe) send() error {
	for waiting := p.out; len(waiting) > 0; {
		n, err := p.batch.WriteBatch(waiting, 0)
		if err != nil {
			return fmt.Errorf("send to %s: %w", p.conn.RemoteAddr(), err)
		}
		waiting = waiting[n:]
	}
	p.out = p.out[:0]
	return nil
}

// receive takes what answers there are, at least one unless the deadline passes.
func (p *pipe) receive(deadline time.Time) error {
	if err := p.conn.SetReadDeadline(deadline); err != nil {
		return err
	}
	n, err := p.batch.ReadBatch(p.in, 0)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("receive from %s: %w", p.conn.RemoteAddr(), err)
	}
	now := time.Now()
	for _, m := range p.in[:n] {
		if err := p.take(m.Buffers[0][:m.N], now); err != nil {
			return err
		}
	}
	return nil
}

// take gives a reply to the task that waits for it; one that came late is passed over.
func (p *pipe) take(reply []byte, now time.Time) error {
	if len(reply) < headerSize || int(reply[1])/p.share() >= len(p.slots) {
		return fmt.Errorf("%s answers what was not asked", p.conn.RemoteAddr())
	}
	s := &p.slots[int(reply[1])/p.share()]
	if !s.busy || s.packet.b[1] != reply[1] {
		return nil
	}
	if err := verify(reply, s.packet.b, secret); err != nil {
		return err
	}
	p.trips = append(p.trips, now.Sub(s.begun))
	s.busy = false
	p.busy--
	return s.task.answer(reply)
}

// again sends what was not answered in time, as an access point does.
func (p *pipe) again(now time.Time) error {
	for i := range p.slots {
		s := &p.slots[i]
		if !s.busy || now.Sub(s.sent) < p.resend {
			continue
		}
		if s.times == sendAtMost {
			return fmt.Errorf("%s does not answer, %d times", p.conn.RemoteAddr(), s.times)
		}
		s.sent, s.times = now, s.times+1
		p.resent++
		p.queue(s)
	}
	return nil
}
