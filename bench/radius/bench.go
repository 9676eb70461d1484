package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"mbox/bench/report"
	"mbox/bench/servers"
)

// bench is a run.
type bench struct {
	options
	site    *servers.Site
	systems []system
	results *results
	began   time.Time
}

// say tells how far the run is.
func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%5.0f s  %s\n", time.Since(b.began).Seconds(), fmt.Sprintf(format, args...))
}

// inFlight are the numbers of requests that are not answered yet.
var inFlight = []int{1, 8, 64}

// round measures a system on a fresh server.
func (b *bench) round(s system, round int) (err error) {
	on, err := s.Start(b.site, b.Accounts)
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	defer func() { err = errors.Join(err, on.Close()) }()
	if b.wants("auth") {
		if err := b.authentication(s.Name(), on); err != nil {
			return err
		}
	}
	if on.AcctAddress() == "" {
		return nil
	}
	var l ledger
	if b.wants("acct") {
		if err := b.accounting(s.Name(), on, &l); err != nil {
			return err
		}
	}
	if b.wants("open") && round == 0 {
		if err := b.concurrent(s.Name(), on, &l); err != nil {
			return err
		}
	}
	return audit(on, &l)
}

func (b *bench) wants(part string) bool { return slices.Contains(b.parts, part) }

// authentication measures PAP logins, of a server that is shown to know a right password from a wrong one.
func (b *bench) authentication(system string, on server) error {
	c, err := dial(on.AuthAddress())
	if err != nil {
		return err
	}
	right, wrong := &login{username(0), password(0), accessAccept}, &login{username(0), password(1), accessReject}
	if _, agrees := on.(*yes); agrees {
		wrong = right
	}
	if err := errors.Join(c.do(right), c.do(wrong), c.Close()); err != nil {
		return err
	}
	for _, n := range inFlight {
		t, err := closedLoop(on.AuthAddress(), n, b.Time, func() task { return &logins{accounts: b.Accounts} })
		if err != nil {
			return err
		}
		b.note(system, "auth", "PAP authentications/s", n, t)
	}
	return nil
}

func (b *bench) accounting(system string, on server, l *ledger) error {
	for _, n := range inFlight {
		t, err := closedLoop(on.AcctAddress(), n, b.Time, func() task { return newLives(l, b.Accounts) })
		if err != nil {
			return err
		}
		b.note(system, "acct", "durable accounting requests/s", n, t)
	}
	return nil
}

// note adds the figures of one closed loop.
func (b *bench) note(system, key, work string, n int, t timing) {
	key, work = fmt.Sprintf("%s_%d", key, n), fmt.Sprintf("%s, %d in flight", work, n)
	figures := &b.results.Figures
	figures.Add(system, report.Figure{Key: key, Work: work, Unit: "/s"}, t.rate())
	figures.Add(system, report.Figure{Key: key + "_p50", Work: "— p50", Unit: "ms", Lower: true}, report.Percentile(t.trips, 0.5))
	figures.Add(system, report.Figure{Key: key + "_p99", Work: "— p99", Unit: "ms", Lower: true}, report.Percentile(t.trips, 0.99))
	b.results.Resent[system] += t.resent
}

// concurrent measures what open sessions cost that report regularly.
func (b *bench) concurrent(system string, on server, l *ledger) error {
	b.say("%s: %d open sessions", system, b.Sessions)
	many, err := l.open(on.AcctAddress(), b.Sessions, b.Accounts)
	if err != nil {
		return fmt.Errorf("open %d sessions: %w", b.Sessions, err)
	}
	if err := settle(on); err != nil {
		return err
	}
	figures := &b.results.Figures
	cost, err := costOf(on.Processes(), func() error {
		t, err := l.update(many, b.Interim)
		if err == nil {
			figures.Add(system, report.Figure{Key: "open_p99", Work: b.openWork() + ": confirmed, p99", Unit: "ms", Lower: true}, report.Percentile(t.trips, 0.99))
			b.results.Resent[system] += t.resent
		}
		return err
	})
	if err != nil {
		return err
	}
	figures.Add(system, report.Figure{Key: "open_cpu", Work: "— processor", Unit: "% of a core", Lower: true}, cost.percent)
	figures.Add(system, report.Figure{Key: "open_memory", Work: "— memory", Unit: "MiB", Lower: true}, cost.memory)
	return b.standby(system, on)
}

// settle waits until a standby, if there is one, has everything.
func settle(on server) error {
	if f, ok := on.(followed); ok {
		return f.Followed()
	}
	return nil
}

// standby notes what the open sessions take at the standby, if there is one.
func (b *bench) standby(system string, on server) error {
	f, ok := on.(followed)
	if !ok {
		return nil
	}
	pid, ok := f.Follower()
	if !ok {
		return nil
	}
	if err := f.Followed(); err != nil {
		return err
	}
	u, err := usageOf([]int{pid})
	b.results.Figures.Add(system, report.Figure{Key: "standby_memory", Work: "— memory of the standby", Unit: "MiB", Aside: true}, mebibytes(u.memory))
	return err
}

func (b *bench) openWork() string {
	return fmt.Sprintf("%s open sessions, a report of each in %s", report.Thousands(int64(b.Sessions)), b.Interim)
}

// cost is what work took.
type cost struct {
	percent float64 // of one core
	memory  float64 // MiB at the end
}

func costOf(pids []int, work func() error) (cost, error) {
	before, err := usageOf(pids)
	if err != nil {
		return cost{}, err
	}
	began := time.Now()
	if err := work(); err != nil {
		return cost{}, err
	}
	took := time.Since(began)
	after, err := usageOf(pids)
	return cost{100 * float64(after.processor-before.processor) / float64(took), mebibytes(after.memory)}, err
}

func mebibytes(n uint64) float64 { return float64(n) / (1 << 20) }

// audit fails unless the server has stored exactly what it confirmed.
func audit(on server, l *ledger) error {
	sessions, octets, err := on.Held()
	if err != nil {
		return fmt.Errorf("ask what is stored: %w", err)
	}
	if sessions != l.sessions.Load() || octets != l.octets.Load() {
		return fmt.Errorf("stored are %d sessions with %d octets, confirmed were %d with %d", sessions, octets, l.sessions.Load(), l.octets.Load())
	}
	return nil
}
