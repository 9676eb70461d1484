package main

import (
	"crypto/md5"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// answering is a server that answers each request with what answers makes of it.
func answering(t *testing.T, answers func(request []byte) [][]byte) (address string) {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		buffer := make([]byte, maxPacket)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buffer)
			if err != nil {
				return
			}
			for _, reply := range answers(buffer[:n]) {
				_, _ = conn.WriteToUDPAddrPort(reply, from)
			}
		}
	})
	t.Cleanup(func() {
		_ = conn.Close()
		serving.Wait()
	})
	return conn.LocalAddr().String()
}

// drive runs a pipe of three tasks for a short while.
func drive(t *testing.T, address string) (*pipe, error) {
	t.Helper()
	var tasks []task
	for range 3 {
		tasks = append(tasks, &logins{accounts: 10})
	}
	p, err := newPipe(address, tasks)
	if err != nil {
		t.Fatal(err)
	}
	defer p.conn.Close()
	p.resend = 20 * time.Millisecond
	err = p.run(time.Now().Add(100 * time.Millisecond))
	if err == nil && (p.busy != 0 || len(p.trips) == 0) {
		t.Errorf("%d requests are in flight at the end, %d were answered", p.busy, len(p.trips))
	}
	return p, err
}

func TestPipe(t *testing.T) {
	p, err := drive(t, answering(t, func(request []byte) [][]byte { return [][]byte{agree(request)} }))
	if err != nil || len(p.trips) < 3 {
		t.Errorf("%d answered, %d sent again, %v", len(p.trips), p.resent, err)
	}
}

// TestLostRequestsAreSentAgain with the same bytes: they are the same request.
func TestLostRequestsAreSentAgain(t *testing.T) {
	seen := map[string]int{}
	p, err := drive(t, answering(t, func(request []byte) [][]byte {
		if seen[string(request)]++; seen[string(request)] == 1 {
			return nil
		}
		return [][]byte{agree(request)}
	}))
	if err != nil || p.resent < len(p.trips) {
		t.Errorf("%d answered, %d sent again, %v", len(p.trips), p.resent, err)
	}
}

func TestSecondAnswersArePassedOver(t *testing.T) {
	p, err := drive(t, answering(t, func(request []byte) [][]byte { return [][]byte{agree(request), agree(request)} }))
	if err != nil || len(p.trips) < 3 {
		t.Errorf("%d answered, %d sent again, %v", len(p.trips), p.resent, err)
	}
}

func TestForgedAnswersEndTheRun(t *testing.T) {
	_, err := drive(t, answering(t, func(request []byte) [][]byte {
		reply := agree(request)
		reply[headerSize-1]++
		return [][]byte{reply}
	}))
	if !errors.Is(err, errForged) {
		t.Errorf("got %v", err)
	}
}

func TestRefusedLoginsEndTheRun(t *testing.T) {
	_, err := drive(t, answering(t, func(request []byte) [][]byte {
		p := &packet{}
		p.begin(request[1])
		p.code(accessReject)
		copy(p.authenticator(), request[authenticatorFrom:headerSize])
		p.setLength()
		sum := md5.Sum(append(p.b, secret...))
		copy(p.authenticator(), sum[:])
		return [][]byte{p.b}
	}))
	if err == nil || !strings.Contains(err.Error(), "code 3, want 2") {
		t.Errorf("got %v", err)
	}
}

func TestSilenceEndsTheRun(t *testing.T) {
	_, err := drive(t, answering(t, func([]byte) [][]byte { return nil }))
	if err == nil || !strings.Contains(err.Error(), "does not answer") {
		t.Errorf("got %v", err)
	}
}

// TestClosedLoop ends with nothing in flight, whatever is in flight meanwhile.
func TestClosedLoop(t *testing.T) {
	y, err := limit{}.Start(nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer y.Close()
	for _, n := range inFlight {
		got, err := closedLoop(y.AuthAddress(), n, 50*time.Millisecond, func() task { return &logins{accounts: 10} })
		if err != nil || len(got.trips) < n || got.rate() <= 0 {
			t.Errorf("%d in flight: %d answered in %s, %v", n, len(got.trips), got.took, err)
		}
	}
}

// TestLivesAreWhole follows one task: each session has a Start, its updates and a Stop, and the ledger what was confirmed.
func TestLivesAreWhole(t *testing.T) {
	var l ledger
	var p packet
	tasks := newLives(&l, 10)
	confirmed := make([]byte, headerSize)
	confirmed[0] = accountingResponse
	var kinds []uint32
	var octets uint64
	for range 2 * (interims + 2) {
		p.begin(1)
		tasks.request(&p)
		kind, _ := numberIn(p.b, acctStatusType)
		kinds = append(kinds, kind)
		octets += tasks.grown
		if err := tasks.answer(confirmed); err != nil {
			t.Fatal(err)
		}
	}
	for i, kind := range kinds {
		want := uint32(interim)
		switch i % (interims + 2) {
		case 0:
			want = start
		case interims + 1:
			want = stop
		}
		if kind != want {
			t.Errorf("report %d is %d, want %d", i, kind, want)
		}
	}
	if l.sessions.Load() != 2 || l.octets.Load() != octets || octets == 0 {
		t.Errorf("%d sessions with %d octets, want 2 with %d", l.sessions.Load(), l.octets.Load(), octets)
	}
	confirmed[0] = accessReject
	if tasks.answer(confirmed) == nil {
		t.Error("any answer confirms a report")
	}
}
