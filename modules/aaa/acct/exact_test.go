package acct

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// habits are what a NAS does and does not send.
type habits struct {
	gigawords bool
	events    bool // Event-Timestamp
	delays    bool // Acct-Delay-Time
}

// tells says whether a report says when it was made, so that however late it comes it can be placed.
func (h habits) tells() bool { return h.events || h.delays }

// truth is one session as it was.
type truth struct {
	account       uint64
	id            string
	began         time.Duration // by the world's time
	input, output uint64
	reported      level // the most that arrived anywhere
	over          bool
}

// mail is a report on its way.
type mail struct {
	r       Request
	session *truth // nil: of the NAS itself
	counted level
	made    time.Duration
	arrives time.Duration
}

// world is a NAS, the network, and the boxes that it may report to.
type world struct {
	t      *rapid.T
	clock  *times
	habits habits
	boxes  []*box
	box    int           // that the NAS talks to
	offset time.Duration // of the clock of the NAS
	set    bool          // it was set
	now    []*truth      // sessions that go on
	all    []*truth
	mail   []mail
	ids    int
	log    []string
}

func (w *world) draw(label string, least, most int) int {
	return rapid.IntRange(least, most).Draw(w.t, label)
}

func (w *world) chance(label string, percent int) bool { return w.draw(label, 1, 100) <= percent }

// note keeps what happened, for a failure.
func (w *world) note(format string, args ...any) {
	w.log = append(w.log, fmt.Sprintf("%8v box %d: ", w.clock.ran(), w.box)+fmt.Sprintf(format, args...))
}

// post sends a report: it may be lost, come twice, or late.
func (w *world) post(status Status, s *truth) {
	r := Request{Status: status, NAS: "ap1"}
	m := mail{session: s, made: w.clock.ran()}
	if s != nil {
		m.counted = level{s.input, s.output, uint64((w.clock.ran() - s.began) / time.Second)}
		r.SessionID, r.Account, r.Username = s.id, s.account, fmt.Sprint("guest", s.account)
		r.Input, r.Output = wide(s.input), wide(s.output)
		if !w.habits.gigawords {
			r.Input, r.Output = narrow(s.input), narrow(s.output)
		}
		r.SessionTime, r.HasSessionTime = uint32(m.counted.time), status != Start
	}
	if w.habits.events {
		r.EventTimestamp = w.clock.now().Add(w.offset)
	}
	m.r = r
	if w.chance("lost", 15) {
		w.note("lost %s %s %v", r.Status, r.SessionID, m.counted)
		return
	}
	copies := 1
	// What says nothing of its time cannot be told from a new session with the same id. A copy that comes soon is recognised
	// as a packet, before it gets here.
	if w.chance("twice", 20) && (w.habits.tells() || status != Start) {
		copies = 2
	}
	for range copies {
		m.arrives = w.clock.ran()
		if w.chance("late", 25) {
			m.arrives += time.Duration(w.draw("lateness", 1, w.latest())) * time.Second
		}
		w.mail = append(w.mail, m)
	}
}

// latest is how late a report may come, seconds. One that does not say when it was made is not sent again for long.
func (w *world) latest() int {
	switch {
	case w.habits.delays, w.habits.events && !w.set:
		return 150
	case w.habits.events:
		return 40 // the times of before and after cannot be compared
	}
	return 20
}

// deliver hands over what has arrived.
func (w *world) deliver() {
	slices.SortStableFunc(w.mail, func(a, b mail) int { return cmp.Compare(a.arrives, b.arrives) })
	for len(w.mail) > 0 && w.mail[0].arrives <= w.clock.ran() {
		m := w.mail[0]
		w.mail = w.mail[1:]
		if w.habits.delays {
			m.r.Delay, m.r.HasDelay = uint32((w.clock.ran()-m.made)/time.Second), true
		}
		w.note("gets %s %s %v, %v late", m.r.Status, m.r.SessionID, m.counted, w.clock.ran()-m.made)
		w.boxes[w.box].report(m.r)
		if m.session != nil {
			m.session.reported = m.session.reported.join(m.counted)
		}
	}
}

// pass lets time go by.
func (w *world) pass(d time.Duration) {
	for end := w.clock.ran() + d; w.clock.ran() < end; {
		next := end
		for _, m := range w.mail {
			next = min(next, max(m.arrives, w.clock.ran()+time.Second))
		}
		w.clock.add(next - w.clock.ran())
		w.deliver()
		for _, b := range w.boxes {
			b.tick()
		}
	}
}

func (w *world) begin() {
	w.ids++
	s := &truth{account: uint64(w.draw("account", 1, 3)), id: fmt.Sprint("s", w.ids), began: w.clock.ran()}
	w.now, w.all = append(w.now, s), append(w.all, s)
	w.post(Start, s)
	w.deliver()
}

// grow is how far a counter has come after an interval. Sometimes it comes close to 2^32 at once, so that counters of 32 bits wrap;
// but not when half of the range or more was not heard of, or nobody could know, nor where there are two boxes: one that knows only
// how a session was long ago cannot know how often it has wrapped since.
func (w *world) grow(label string, least int, counter, heard uint64) uint64 {
	next := counter + uint64(w.draw(label, least, 400_000_000))
	switch {
	case counter == 0 && len(w.boxes) == 1 && w.chance(label+" comes near 2^32", 30):
		return wrap - uint64(w.draw(label+" is from 2^32", 1, 900_000_000))
	case next >= wrap && next-heard >= half:
		return counter
	}
	return next
}

// interval is a time between two reports, in which every session grows and then reports; some end.
func (w *world) interval() {
	w.pass(time.Duration(w.draw("seconds", 1, 70)) * time.Second)
	for _, s := range w.now {
		s.input = w.grow("input", 0, s.input, s.reported.input)
		s.output = w.grow("output", 1, s.output, s.reported.output)
		status := InterimUpdate
		if s.over = w.chance("ends", 15); s.over {
			status = Stop
		}
		w.post(status, s)
	}
	w.now = slices.DeleteFunc(w.now, func(s *truth) bool { return s.over })
	w.deliver()
}

// reboot loses all sessions of the NAS, and begins to count its ids again.
func (w *world) reboot() {
	w.now = nil
	w.ids = 0
	w.note("the NAS reboots")
	w.pass(time.Duration(w.draw("boots for", 90, 200)) * time.Second) // and what was on its way has come
	if w.habits.tells() {
		w.post(AccountingOn, nil)
		w.deliver()
	}
}

func (w *world) check() {
	w.pass(200 * time.Second) // all that was on its way arrives
	if len(w.boxes) == 2 {
		meet(w.boxes[0], w.boxes[1])
	}
	want := map[uint64]level{}
	for _, s := range w.all {
		l := want[s.account]
		want[s.account] = level{l.input + s.reported.input, l.output + s.reported.output, l.time + s.reported.time}
	}
	for i, b := range w.boxes {
		for account, l := range want {
			u := b.usage(account)
			if got := (level{u.InputOctets, u.OutputOctets, u.SessionTime}); got != l {
				w.fail("box %d: guest%d used %v, the NAS reported %v", i, account, got, l)
			}
		}
		w.checkRows(b, want)
		w.checkEnd(b)
	}
}

// checkRows adds up what the segments say.
func (w *world) checkRows(b *box, want map[uint64]level) {
	sums := map[uint64]level{}
	for _, s := range b.segments() {
		l := sums[s.Account]
		sums[s.Account] = level{l.input + s.InputOctets(), l.output + s.OutputOctets(), l.time + s.SessionTime()}
	}
	for account, l := range want {
		if sums[account] != l {
			w.fail("the segments of guest%d add up to %v, the NAS reported %v", account, sums[account], l)
		}
	}
}

// checkEnd waits until nothing can be heard of any session.
func (w *world) checkEnd(b *box) {
	w.clock.add(time.Hour)
	b.tick()
	for account := range uint64(4) {
		if left := b.db.ActiveOf(account); len(left) != 0 {
			w.fail("%d sessions of guest%d go on for ever", len(left), account)
		}
	}
	if len(b.acct.live) != 0 {
		w.fail("%d sessions are in memory for ever", len(b.acct.live))
	}
}

func (w *world) fail(format string, args ...any) {
	if f, err := os.Create(fmt.Sprintf("/tmp/bfail-%d.log", len(w.log))); err == nil {
		for _, line := range w.log {
			fmt.Fprintln(f, line)
		}
		for i, b := range w.boxes {
			for _, s := range b.segments() {
				fmt.Fprintf(f, "box %d: %s %s/%d of %x: %d-%d less %d, %d-%d s, %s\n", i, s.AcctSessionID, s.MultiSessionID, s.Number, s.Origin[:2],
					s.InputOctetsFrom, s.InputOctetsTo, s.InputOctetsElsewhere, s.SessionTimeFrom, s.SessionTimeTo, s.TerminateCause)
			}
		}
		fmt.Fprintf(f, format+"\n", args...)
		f.Close()
	}
	for _, line := range w.log {
		w.t.Log(line)
	}
	for i, b := range w.boxes {
		for _, s := range b.segments() {
			w.t.Logf("box %d: %s %s/%d of %x: %d-%d less %d, %d-%d s, %s", i, s.AcctSessionID, s.MultiSessionID, s.Number, s.Origin[:2],
				s.InputOctetsFrom, s.InputOctetsTo, s.InputOctetsElsewhere, s.SessionTimeFrom, s.SessionTimeTo, s.TerminateCause)
		}
	}
	w.t.Fatalf(format, args...)
}

func newWorld(t *rapid.T, boxes int) *world {
	w := &world{t: t, clock: newTimes(), habits: habits{
		gigawords: rapid.Bool().Draw(t, "Gigawords"), events: rapid.Bool().Draw(t, "Event-Timestamp"), delays: rapid.Bool().Draw(t, "Acct-Delay-Time"),
	}}
	w.offset = time.Duration(w.draw("NAS clock", -100_000, 100_000)) * time.Second
	for range boxes {
		w.boxes = append(w.boxes, newBox(t, w.clock))
	}
	return w
}

func (w *world) close() {
	for _, b := range w.boxes {
		b.close()
	}
}

func (w *world) live(steps int) {
	for range steps {
		switch n := w.draw("step", 1, 100); {
		case n <= 25:
			w.begin()
		case n <= 82:
			w.interval()
		case n <= 86:
			w.reboot()
		case n <= 90:
			w.note("the box restarts")
			w.boxes[w.box].restart(time.Duration(w.draw("down for", 0, 30)) * time.Second)
		case n <= 93 && w.habits.events && len(w.boxes) == 1:
			// Reports of before do not come behind such of after: their times could not be compared. By less than a report
			// may be late it could not be told from a late one.
			w.pass(150 * time.Second)
			by := w.draw("NAS clock is set by", 1000, 5000)
			if w.chance("back", 50) {
				by = -by
			}
			w.offset += time.Duration(by) * time.Second
			w.set = true
			w.note("the clock of the NAS is set")
		case len(w.boxes) == 1:
			w.pass(4 * time.Minute) // sessions become stale, and go on after all
		case n <= 96:
			w.box = 1 - w.box
			w.note("the NAS turns to this box")
		default:
			from := w.draw("from", 0, 1)
			w.note("box %d sends", from)
			w.boxes[from].send(w.boxes[1-from])
		}
	}
	w.check()
}

// Whatever a NAS does with its reports, what is counted is the most that it reported of each session.
func TestExactAtOneBox(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, 1)
		defer w.close()
		w.live(w.draw("steps", 1, 30))
	})
}

// The same while the NAS turns from one box to another, which hear of each other now and then.
func TestExactAtTwoBoxes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, 2)
		defer w.close()
		w.live(w.draw("steps", 1, 30))
	})
}
