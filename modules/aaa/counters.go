package aaa

import "sync/atomic"

// count names what is counted of each client. The names are those of RFC 4669 and RFC 4671 in plain words.
type count int

const (
	accessRequests count = iota
	accountingRequests
	statusRequests
	accessAccepts
	accessRejects
	accessChallenges // of servers of realms
	accountingResponses
	statusResponses
	proxied
	droppedDuplicate    // the same request is being served
	repeatedAnswers     // the same request was answered: the answer was sent again
	droppedMalformed    // lengths or attributes are wrong
	droppedUnsigned     // no Message-Authenticator although it is required
	droppedForged       // authenticator or Message-Authenticator is wrong: most likely the key
	droppedUnexpected   // a code that does not belong on this port
	droppedOverload     // the queue of the client was full
	droppedLoop         // this box proxied the request already
	droppedUnanswerable // it could not be decided or stored; the client asks again
	countsEnd
)

// responses and drops are the counts that metrics label by outcome.
var (
	requestNames  = map[count]string{accessRequests: "access", accountingRequests: "accounting", statusRequests: "status"}
	responseNames = map[count]string{
		accessAccepts: "accept", accessRejects: "reject", accessChallenges: "challenge", accountingResponses: "accounting", statusResponses: "status", repeatedAnswers: "repeated",
	}
	dropNames = map[count]string{
		droppedDuplicate: "duplicate", droppedMalformed: "malformed", droppedUnsigned: "no-message-authenticator",
		droppedForged: "bad-authenticator", droppedUnexpected: "unexpected-code", droppedOverload: "overload",
		droppedLoop: "loop", droppedUnanswerable: "failed",
	}
)

// counters are those of one client.
type counters struct{ n [countsEnd]atomic.Uint64 }

func (c *counters) add(what count)        { c.n[what].Add(1) }
func (c *counters) get(what count) uint64 { return c.n[what].Load() }

func (c *counters) sum(names map[count]string) (total uint64) {
	for what := range names {
		total += c.get(what)
	}
	return total
}

func (c *counters) reset() {
	for i := range c.n {
		c.n[i].Store(0)
	}
}
