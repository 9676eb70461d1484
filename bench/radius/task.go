package main

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
)

// task is somebody's work: one request after the other, each when the last was answered.
type task interface {
	// request writes the next one into a packet that was begun.
	request(p *packet)
	// answer judges the reply, which has proved that it is the server's.
	answer(reply []byte) error
}

// login asks for one account by PAP.
type login struct {
	username, password string
	want               byte // code of the answer
}

func (l *login) request(p *packet) {
	p.code(accessRequest)
	p.randomise()
	p.text(userName, l.username)
	p.hide(l.password, secret)
	p.address(nasIPAddress, nasAddress)
	p.text(nasIdentifier, hotspot)
	p.number(nasPortType, wifi)
	p.sealAccess(secret)
}

// answer fails unless the server does its work.
func (l *login) answer(reply []byte) error {
	timeout, _ := numberIn(reply, sessionTimeout)
	switch {
	case reply[0] != l.want:
		return fmt.Errorf("log %s in: code %d, want %d", l.username, reply[0], l.want)
	case l.want == accessAccept && timeout != profileTimeout:
		return fmt.Errorf("log %s in: Session-Timeout %d, want that of the profile, %d", l.username, timeout, profileTimeout)
	}
	return nil
}

// logins authenticates guests at random.
type logins struct {
	accounts int
	login
}

func (l *logins) request(p *packet) {
	i := rand.IntN(l.accounts)
	l.login = login{username(i), password(i), accessAccept}
	l.login.request(p)
}

// ledger is what a server has confirmed and so must hold.
type ledger struct{ sessions, octets atomic.Uint64 }

// usageReport tells of one session, again and again.
type usageReport struct {
	*session
	ledger *ledger
	grown  uint64 // octets since what was confirmed
}

func (r *usageReport) request(p *packet) {
	r.grown = 0
	if r.status != start {
		r.grown = r.grow()
	}
	r.write(p)
}

func (r *usageReport) answer(reply []byte) error {
	if reply[0] != accountingResponse {
		return fmt.Errorf("accounting was answered with code %d", reply[0])
	}
	r.ledger.octets.Add(r.grown)
	if r.status == start {
		r.ledger.sessions.Add(1)
		r.status = interim
	}
	return nil
}

// interims is how often a session of the accounting load is reported between its start and its end.
const interims = 8

// lives reports sessions one after the other: Start, interim updates, Stop.
type lives struct {
	usageReport
	accounts int
	reports  int // of the session
}

func newLives(l *ledger, accounts int) *lives {
	return &lives{usageReport: usageReport{session: newSession(accounts), ledger: l}, accounts: accounts}
}

func (l *lives) request(p *packet) {
	if l.reports == interims+2 {
		l.session, l.reports = newSession(l.accounts), 0
	}
	if l.reports++; l.reports == interims+2 {
		l.status = stop
	}
	l.usageReport.request(p)
}
