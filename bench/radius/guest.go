package main

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync/atomic"
	"time"
)

// What every server knows of the guests: they share a profile that ends each session after an hour.
const (
	profileName    = "guests"
	profileTimeout = 3600 // s
	hotspot        = "bench-hotspot"
)

var nasAddress = netip.MustParseAddr("127.0.0.1")

func username(i int) string { return fmt.Sprintf("guest%07d", i) }

// password is the same in every run.
func password(i int) string { return fmt.Sprintf("%08x", rand.New(rand.NewPCG(uint64(i), 1)).Uint32()) }

// Values of Acct-Status-Type (RFC 2866 section 5.1).
const (
	start   = 1
	stop    = 2
	interim = 3
)

// session is a guest's, as the access point counts it.
type session struct {
	username string
	id       string
	mac      string
	address  netip.Addr
	began    time.Time
	status   uint32 // Acct-Status-Type of the next report
	in, out  uint64 // octets from and to the guest
}

// sessions counts those that were begun, so that each has an id of its own.
var sessions atomic.Uint32

func newSession(accounts int) *session {
	n := sessions.Add(1)
	return &session{
		username: username(rand.IntN(accounts)), id: fmt.Sprintf("%08X", n), mac: fmt.Sprintf("02-00-%02X-%02X-%02X-%02X", byte(n>>24), byte(n>>16), byte(n>>8), byte(n)),
		address: netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}), began: time.Now(), status: start,
	}
}

// grow is what the guest did since the last report.
func (s *session) grow() (octets uint64) {
	in, out := uint64(rand.IntN(1<<20)), uint64(rand.IntN(8<<20))
	s.in, s.out = s.in+in, s.out+out
	return in + out
}

// write adds the next report.
func (s *session) write(p *packet) {
	p.code(accountingRequest)
	p.text(userName, s.username)
	p.number(acctStatusType, s.status)
	p.text(acctSessionID, s.id)
	p.address(nasIPAddress, nasAddress)
	p.text(nasIdentifier, hotspot)
	p.number(nasPortType, wifi)
	p.address(framedIPAddress, s.address)
	p.text(callingStationID, s.mac)
	p.text(calledStationID, "02-FF-00-00-00-01:guests")
	if s.status != start {
		p.number(acctSessionTime, uint32(time.Since(s.began).Seconds()))
		p.octets(acctInputOctets, acctInputGigawords, s.in)
		p.octets(acctOutputOctets, acctOutputGigawords, s.out)
	}
	if s.status == stop {
		p.number(acctTerminateCause, 1) // User-Request
	}
	p.sealAccounting(secret)
}
