package aaa

import (
	"net/netip"
	"sync"
	"testing"

	"layeh.com/radius"

	"mbox/modules/aaa/policy"
)

// One client floods with authentic requests that each take their time; another one is served all the same, at once, and loses
// nothing. What the first one loses is counted.
func TestFloodOfOneClient(t *testing.T) {
	r := start(t, clientOf("127.0.0.1", secret, "name flood"), clientOf("127.0.0.2", secret, "name quiet"))
	gate := make(chan struct{})
	r.decide(func(l policy.Login) (policy.Decision, error) {
		if l.NAS == "flood" {
			<-gate
		}
		return policy.Decision{Accept: true, Subject: policy.Subject{ID: 1}}, nil
	})
	defer close(gate)
	flooder := r.nas("127.0.0.1", "127.0.0.1", r.auth, secret)
	for round := 0; r.counts("flood").get(droppedOverload) == 0; round++ {
		for id := range 256 {
			flooder.send(flooder.access(byte(id), "mallory", "x", nil))
		}
		if round > 100 {
			t.Fatal("the queue of the flooder has no bound")
		}
	}
	n := r.nas("127.0.0.2", "127.0.0.1", r.auth, secret)
	for id := range 32 {
		if p := n.ask(n.access(byte(id), "alice", "x", nil)); p.Code != radius.CodeAccessAccept {
			t.Fatal(p.Code)
		}
	}
	if dropped := r.counts("quiet").sum(dropNames); dropped != 0 {
		t.Errorf("%d packets of the quiet client dropped", dropped)
	}
}

// Behind one line with a prefix, an address that floods does not keep out another one: they take turns.
func TestFloodOfOneAddress(t *testing.T) {
	r := start(t, clientOf("127.0.0.0/8", secret, "name net"))
	gate := make(chan struct{})
	r.decide(func(l policy.Login) (policy.Decision, error) {
		if l.NAS == "127.0.0.3" {
			<-gate
		}
		return policy.Decision{Accept: true, Subject: policy.Subject{ID: 1}}, nil
	})
	defer close(gate)
	flooder := r.nas("127.0.0.3", "127.0.0.1", r.auth, secret)
	for range maxOfSource + authWorkers + 100 {
		flooder.send(flooder.access(1, "mallory", "x", nil))
	}
	until(t, "the flood", func() bool { return r.counts("net").get(droppedOverload) > 0 })
	inLane := func(fits func(q *queue, l *lane) bool) func() bool {
		return func() bool {
			q := r.m.queues[authentication]
			q.mu.Lock()
			defer q.mu.Unlock()
			return fits(q, &r.m.clients.Load().list[0].lanes[authentication])
		}
	}
	until(t, "the share of the client", inLane(func(q *queue, l *lane) bool { return l.serving == q.share }))
	n := r.nas("127.0.0.4", "127.0.0.1", r.auth, secret)
	request := n.access(1, "alice", "x", nil)
	n.send(request)
	until(t, "a place in the queue", inLane(func(_ *queue, l *lane) bool { return l.sources[netip.MustParseAddr("127.0.0.4")] != nil }))
	gate <- struct{}{} // one of the flood ends, and another one may come before
	gate <- struct{}{}
	n.open(n.receive(), request)
}

// Spoofed addresses of a prefix fill neither memory nor the place of those who have nothing waiting.
func TestQueueBounds(t *testing.T) {
	release := make(chan struct{})
	q := newQueue(authentication, 1, func(*request) { <-release })
	push := func(c *client, addr netip.Addr) bool {
		r := requests.Get().(*request)
		r.client, r.from = c, netip.AddrPortFrom(addr, 1)
		if left, _ := q.push([]*request{r}); len(left) == 0 {
			return true
		}
		r.free()
		return false
	}
	taken := 0
	var crowd []*client
	for i := range 20 {
		c := &client{}
		crowd = append(crowd, c)
		for k := range maxOfClient + 10 {
			if push(c, netip.AddrFrom4([4]byte{10, byte(i), byte(k >> 8), byte(k)})) {
				taken++
			}
		}
	}
	if taken > maxQueued+reserve+1 { // one is served
		t.Errorf("%d wait", taken)
	}
	for _, c := range crowd {
		if c.lanes[authentication].queued > maxOfClient {
			t.Errorf("%d wait of one client", c.lanes[authentication].queued)
		}
	}
	one := &client{}
	many := netip.AddrFrom4([4]byte{10, 99, 0, 1})
	for range maxOfSource + 10 {
		push(one, many)
	}
	if s := one.lanes[authentication].sources[many]; s != nil && s.waiting.len() > maxOfSource {
		t.Errorf("%d wait of one address", s.waiting.len())
	}
	close(release)
	q.close()
	if q.queued != 0 || q.turns.len() != 0 {
		t.Errorf("%d wait for ever", q.queued)
	}
	if push(one, many) {
		t.Error("taken after the end")
	}
}

// Turns go round: of three clients with much to do each gets a third, whoever came first.
func TestTurnsGoRound(t *testing.T) {
	var order []string
	hold := make(chan struct{})
	q := newQueue(accounting, 1, func(r *request) {
		<-hold
		order = append(order, r.client.name)
	})
	for _, name := range []string{"a", "b", "c"} {
		c := &client{clientLine: clientLine{name: name}}
		for range 30 {
			r := requests.Get().(*request)
			r.client, r.from = c, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, 1}), 1)
			if left, _ := q.push([]*request{r}); len(left) > 0 {
				t.Fatal("no room")
			}
		}
	}
	close(hold)
	q.close()
	count := map[string]int{}
	for _, name := range order[:31] {
		count[name]++
	}
	if len(order) != 90 || count["a"] < 10 || count["b"] < 10 || count["c"] < 10 {
		t.Errorf("%d served, the first of them %v", len(order), count)
	}
}

// Who is unknown costs nothing: no answer, no work, a bounded number of log entries.
func TestUnknownClients(t *testing.T) {
	r := start(t, clientOf("127.0.0.1", secret, "name nas"))
	for i := 2; i < 250; i++ {
		n := r.nas(netip.AddrFrom4([4]byte{127, 0, 0, byte(i)}).String(), "127.0.0.1", r.auth, secret)
		n.send(n.access(1, "alice", "x", nil))
		n.send(n.access(2, "alice", "x", nil))
	}
	until(t, "all", func() bool { return r.m.strangers.count() == 2*248 })
	list, total := r.m.strangers.list()
	if len(list) != maxStrangers || total != 2*248 || list[0].Packets != 2 {
		t.Errorf("%d of %d: %+v", len(list), total, list[0])
	}
	if entries := r.m.journal.find(func(*Record) bool { return true }, 1000); len(entries) > strangerWords {
		t.Errorf("%d log entries", len(entries))
	}
	if r.loginCount() != 0 {
		t.Error("served")
	}
}

// Who reads a login serves it himself. If that takes long, somebody else reads on, and serves others meanwhile.
func TestReaderIsReplaced(t *testing.T) {
	r := start(t, clientOf("127.0.0.1", secret, "name nas"))
	gate := make(chan struct{})
	release := sync.OnceFunc(func() { close(gate) })
	defer release()
	r.decide(func(l policy.Login) (policy.Decision, error) {
		if l.Username == "slow" {
			<-gate
		}
		return policy.Decision{Accept: true, Subject: policy.Subject{ID: 1}}, nil
	})
	n := r.nas("127.0.0.1", "127.0.0.1", r.auth, secret)
	slow := r.nas("127.0.0.1", "127.0.0.1", r.auth, secret)
	request := slow.access(1, "slow", "x", nil)
	slow.send(request)
	for id := range 100 {
		n.ask(n.access(byte(id), "alice", "y", nil))
	}
	release()
	slow.open(slow.receive(), request)
}
