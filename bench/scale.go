package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"mbox/boxtest"
	"mbox/boxtest/swarm"
	"mbox/hotspotdb"
)

const (
	steadyTime = 15 * time.Second
	idleTime   = 10 * time.Second
	wholeBoxes = 2 // among the followers, to compare with
	startWith  = 1000
)

// scaling is one primary and its followers.
type scaling struct {
	t         *harness
	w         *tabwriter.Writer
	primary   *boxtest.Box
	crowd     *crowd
	followers int
	edited    int // accounts that were changed: each once, so that every change travels
}

// scale measures what many followers cost one primary: memory and processor at rest, latency and processor at a steady rate
// of changes, and the time until all are back after the primary was restarted.
func scale(t *harness, w *tabwriter.Writer, followers, perSecond int) {
	s := newScaling(t, w, followers)
	before := ownUsage()
	s.connect(CrowdConfig{Light: followers, Full: wholeBoxes})
	s.rest(before)
	loadRange(t, s.primary, startWith, 2*perSecond*int(steadyTime/time.Second))
	s.equal()
	s.steady(perSecond)
	s.restart(true)
	s.restart(false)
}

func newScaling(t *harness, w *tabwriter.Writer, followers int) *scaling {
	s := &scaling{t: t, w: w, followers: followers}
	s.primary = boxtest.NewLAN(t).Box("primary")
	load(t, s.primary, startWith)
	s.primary.Must("mbox sync allow 127.0.0.0/8")
	s.crowd = startCrowd(t)
	return s
}

func (s *scaling) row(what, format string, args ...any) {
	fmt.Fprintf(s.w, "%s\t%s\t\t\n", what, fmt.Sprintf(format, args...))
}

func (s *scaling) heads() map[string]uint64 {
	db := s.primary.DB
	return map[string]uint64{"users": db.DurableHead(hotspotdb.Users), "profiles": db.DurableHead(hotspotdb.Profiles)}
}

// connect is the first time: every follower proves the password and fetches everything.
func (s *scaling) connect(cfg CrowdConfig) {
	began, cpu := time.Now(), cpuTime()
	cfg.Primary = s.primary.ListenAddr()
	ask[struct{}](s.crowd, "Follow", cfg)
	s.equal()
	s.row(fmt.Sprintf("%d followers at once, by password, first sync of %d accounts", s.followers, startWith),
		"%.1f s, %d dials; primary %.1f ms of processor each", time.Since(began).Seconds(),
		ask[swarm.Counters](s.crowd, "Counters", struct{}{}).Dials, s.each(cpuTime()-cpu))
}

func (s *scaling) each(cpu time.Duration) (milliseconds float64) {
	return cpu.Seconds() * 1000 / float64(s.followers)
}

// equal waits until all followers have received everything and the whole boxes among them hold the same as the primary.
func (s *scaling) equal() {
	ask[struct{}](s.crowd, "Await", s.heads())
	want := s.primary.Digest(hotspotdb.Profiles, hotspotdb.Users)
	limit := time.Now().Add(time.Minute)
	for {
		digests := ask[[]string](s.crowd, "Digests", struct{}{})
		if !slices.ContainsFunc(digests, func(d string) bool { return d != want }) {
			return
		}
		if time.Now().After(limit) {
			s.t.Fatal("a whole box among the followers does not hold what the primary holds")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// rest is what an idle follower costs.
func (s *scaling) rest(before Usage) {
	s.settle()
	after := ownUsage()
	n := float64(s.followers + wholeBoxes)
	s.row("an idle follower at the primary: resident, heap, goroutines", "%.0f KiB, %.0f KiB, %.1f",
		float64(after.Resident-before.Resident)/n/1024, float64(after.Heap-before.Heap)/n/1024, float64(after.Goroutines-before.Goroutines)/n)
	cpu, began := cpuTime(), time.Now()
	time.Sleep(idleTime)
	s.row(fmt.Sprintf("%d idle followers: processor of the primary", s.followers), "%.1f%% of a core",
		100*(cpuTime()-cpu).Seconds()/time.Since(began).Seconds())
}

// settle waits until the traffic that follows a change (digests, proofs) has ended.
func (s *scaling) settle() {
	const quiet = 3 * time.Second
	time.Sleep(quiet)
}

// mark says that everything up to seq was confirmed at a time in nanoseconds since 1970.
type mark struct {
	seq uint64
	at  int64
}

// steady writes at a constant rate and compares when each change was confirmed with when each follower received it.
func (s *scaling) steady(perSecond int) {
	ask[struct{}](s.crowd, "Record", struct{}{})
	after := s.primary.DB.DurableHead(hotspotdb.Users)
	ctx, stop := context.WithCancel(context.Background())
	marks := make(chan []mark)
	go func() { marks <- watch(ctx, s.primary.DB, after) }()
	cpu, theirs := cpuTime(), ask[Usage](s.crowd, "Usage", struct{}{}).CPU
	count, bytes := ask[swarm.Counters](s.crowd, "Counters", struct{}{}), s.sent()
	written, took := s.write(perSecond)
	heads := s.heads()
	ask[struct{}](s.crowd, "Await", heads)
	cpu = cpuTime() - cpu
	stop()
	confirmed := <-marks
	theirs = ask[Usage](s.crowd, "Usage", struct{}{}).CPU - theirs
	now := ask[swarm.Counters](s.crowd, "Counters", struct{}{})
	bytes = s.sent() - bytes
	s.equal()
	record := ask[Recording](s.crowd, "Recorded", struct{}{})
	if record.Wrong > 0 || now.Malformed > 0 {
		s.t.Fatalf("%d followers did not receive what a whole box received; %d malformed batches", record.Wrong, now.Malformed)
	}
	late := lateness(confirmed, record.Arrivals)
	deliveries := float64(written) * float64(s.followers)
	s.row(fmt.Sprintf("%.0f changes/s, confirmed -> received by each of %d, p50 / p99 / max", rate(written, took), s.followers),
		"%.0f / %.0f / %.0f ms", late.at(0.5), late.at(0.99), late.at(1))
	s.row("  deliveries/s; changes in a batch; bytes of a change to a follower", "%.0f; %.1f; %.1f", deliveries/took.Seconds(),
		deliveries/float64(now.Batches-count.Batches), float64(bytes)/deliveries)
	s.row("  processor of the primary, for each change and follower", "%.0f%% of a core, %.2f us",
		100*cpu.Seconds()/took.Seconds(), cpu.Seconds()*1e6/deliveries)
	s.row("  processor of the followers", "%.0f%% of a core", 100*theirs.Seconds()/took.Seconds())
}

// sent is how many bytes of frames all followers were sent on the connections that they have now.
func (s *scaling) sent() (bytes int64) {
	for _, p := range s.primary.Sync.Status().Peers {
		bytes += p.SentBytes
	}
	return bytes
}

// watch notes how the durable watermark moves.
func watch(ctx context.Context, db *hotspotdb.DB, after uint64) (marks []mark) {
	for {
		seq, err := db.Wait(ctx, after)
		if err != nil {
			return marks
		}
		marks = append(marks, mark{seq, time.Now().UnixNano()})
		after = seq
	}
}

// write changes one account after the other at a constant rate, from a few writers, as a portal does.
func (s *scaling) write(perSecond int) (written int, took time.Duration) {
	const writers = 8
	var next atomic.Int64
	var group sync.WaitGroup
	total := perSecond * int(steadyTime/time.Second)
	began := time.Now()
	for range writers {
		group.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= total {
					return
				}
				time.Sleep(time.Until(began.Add(time.Duration(i) * time.Second / time.Duration(perSecond))))
				s.t.must(toggle(s.primary, s.edited+i))
			}
		})
	}
	group.Wait()
	s.edited += total
	return total, time.Since(began)
}

// toggle changes one record of one account.
func toggle(b *boxtest.Box, i int) error {
	return b.DB.Update(context.Background(), func(tx *hotspotdb.Tx) error {
		_, err := tx.EditAccount(fmt.Sprintf("guest%07d", i), "bench", func(e *hotspotdb.AccountEdit) error {
			e.Disabled = !e.Disabled
			return nil
		})
		return err
	})
}

// restart stops and starts the primary and waits until everybody is connected and at the head again; a change is made
// meanwhile.
func (s *scaling) restart(tokens bool) {
	how := "by token"
	if !tokens {
		how = "by password"
		ask[struct{}](s.crowd, "ForgetTokens", struct{}{})
	}
	was := ask[swarm.Counters](s.crowd, "Counters", struct{}{})
	s.primary.Shutdown()
	began, cpu := time.Now(), cpuTime()
	s.primary.Start()
	s.t.must(toggle(s.primary, s.edited))
	s.edited++
	s.equal()
	took := time.Since(began)
	now := ask[swarm.Counters](s.crowd, "Counters", struct{}{})
	s.row(fmt.Sprintf("primary restarted: all %d back at the head, %s", s.followers, how),
		"%.1f s, %d dials; primary %.1f ms of processor each", took.Seconds(), now.Dials-was.Dials, s.each(cpuTime()-cpu))
	for why, n := range now.Ended {
		if n -= was.Ended[why]; n > 0 {
			s.row("  attempts and connections that ended: "+why, "%d", n)
		}
	}
	if more := now.BySCRAM - was.BySCRAM; tokens && more > 0 {
		s.row("  without a good token", "%d", more)
	}
}

// oneAddress is a restart of the primary when all followers share one address, as branches behind a carrier's NAT do: an
// address may have only a few connections that have not proved themselves.
func oneAddress(t *harness, w *tabwriter.Writer, followers int) {
	s := newScaling(t, w, followers)
	s.connect(CrowdConfig{Light: followers, OneAddress: true})
	s.restart(true)
	s.restart(false)
}
