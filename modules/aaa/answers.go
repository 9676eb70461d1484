package aaa

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// answerWindow is how long a request is recognised as one that came before (RFC 5080 section 2.2.2). Clients give up
	// sooner.
	answerWindow = 30 * time.Second
	// maxAnswers bounds what is remembered of one client, and of all together; an answer takes 300 bytes or so. Beyond
	// it the oldest of the client are forgotten.
	maxAnswers    = 65_536
	maxAllAnswers = 262_144
)

// requestID is what a client may use once at a time: RFC 2865 section 3.
type requestID struct {
	from netip.AddrPort
	id   byte
	kind kind
}

// answer is what became of a request.
type answer struct {
	id            requestID
	authenticator [authenticatorSize]byte
	begun         time.Time
	reply         []byte // nil: none yet
	again         func() // sends the request on once more, if it was; nil: it is served here
	next          *answer
	gone          bool
}

// answers are the last requests of one client. Only requests that prove the secret come here, where they must.
type answers struct {
	mu             sync.Mutex // guards what follows
	bound          *answerBound
	byID           map[requestID]*answer
	oldest, newest *answer
	length         int
	closed         bool
}

// answerBound counts the answers of all clients.
type answerBound struct{ held atomic.Int64 }

func newAnswers(bound *answerBound) *answers {
	return &answers{bound: bound, byID: map[requestID]*answer{}}
}

// begin looks for the same request: same source, identifier and authenticator. If there is none, the returned answer is
// new and is to be settled or withdrawn. Another authenticator is another request, which ends the earlier one.
func (a *answers) begin(id requestID, authenticator []byte, now time.Time) (found *answer, fresh bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if old := a.byID[id]; old != nil {
		if now.Sub(old.begun) < answerWindow && string(old.authenticator[:]) == string(authenticator) {
			return old, false
		}
		old.gone = true
	}
	next := &answer{id: id, begun: now}
	copy(next.authenticator[:], authenticator)
	a.trim(now)
	if a.closed {
		return next, true
	}
	a.byID[id] = next
	if a.newest == nil {
		a.oldest = next
	} else {
		a.newest.next = next
	}
	a.newest = next
	a.length++
	a.bound.held.Add(1)
	return next, true
}

// trim forgets what is over, what was replaced, and the oldest of too many.
func (a *answers) trim(now time.Time) {
	for a.oldest != nil {
		old := a.oldest
		full := a.length >= maxAnswers || a.bound.held.Load() >= maxAllAnswers
		if !full && !old.gone && now.Sub(old.begun) < answerWindow {
			return
		}
		a.oldest = old.next
		if a.oldest == nil {
			a.newest = nil
		}
		if a.byID[old.id] == old {
			delete(a.byID, old.id)
		}
		a.length--
		a.bound.held.Add(-1)
	}
}

// settle keeps the answer of a request.
func (a *answers) settle(one *answer, reply []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	one.reply, one.again = reply, nil
}

// forward says how a request that was sent on is sent on once more.
func (a *answers) forward(one *answer, again func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	one.again = again
}

// withdraw makes the next request of this kind a new one: this one got no answer.
func (a *answers) withdraw(one *answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	one.gone = true
	if a.byID[one.id] == one {
		delete(a.byID, one.id)
	}
}

// state is what is known of a request that came again.
func (a *answers) state(one *answer) (reply []byte, again func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return one.reply, one.again
}

// sweep gives back the memory of what is over.
func (a *answers) sweep(now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.trim(now)
}

// close forgets everything.
func (a *answers) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	a.bound.held.Add(-int64(a.length))
	a.byID, a.oldest, a.newest, a.length = map[requestID]*answer{}, nil, nil, 0
}
