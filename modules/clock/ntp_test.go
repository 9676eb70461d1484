package clock

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A machine without a clock of its own comes up years behind: the first agreement sets it, whatever the distance.
func TestFirstSyncStepsFromAnywhere(t *testing.T) {
	for _, ahead := range []time.Duration{-20 * 24 * time.Hour, 3 * time.Hour, -500 * ms1} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, ahead, three(""), map[string]*source{"10.0.0.1": {delay: ms1}, "10.0.0.2": {delay: 2 * ms1}, "10.0.0.3": {delay: 3 * ms1}})
			w.live(20 * time.Second)
			s := w.status()
			if off := w.machine.off(); off.Abs() > ms1 || !s.Synchronized || s.Steps != 1 {
				t.Errorf("from %v: off by %v, %+v\n%s", ahead, off, s, w.log)
			}
			if !strings.Contains(w.log.String(), "%CLOCK-5-STEP: the clock was set") || !strings.Contains(w.log.String(), "%NTP-5-SYNC") {
				t.Errorf("log: %s", w.log)
			}
		})
	}
}

// Small offsets are slewed, never stepped, and the clock is asked less and less often.
func TestSlewsAndBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 100*ms1, three(""), map[string]*source{"10.0.0.1": {delay: ms1}, "10.0.0.2": {delay: ms1}, "10.0.0.3": {delay: ms1}})
		w.live(3 * time.Hour)
		if w.machine.steps != 0 || len(w.machine.slewed) == 0 || w.machine.slewed[0].Round(ms1) != -100*ms1 || w.machine.off().Abs() > ms1 {
			t.Errorf("%d steps, slewed %v, off by %v", w.machine.steps, w.machine.slewed, w.machine.off())
		}
		if s := w.status(); s.PollSeconds != 1024 || !s.Synchronized || *s.Stratum != 2 {
			t.Errorf("%+v", s)
		}
		// 4 in the burst, then 64, 128, 256, 512 and 1024 s apart.
		if n := w.asked["10.0.0.1"]; n < 10 || n > 20 {
			t.Errorf("asked %d times in three hours", n)
		}
	})
}

// One of three servers lies: the clock follows the two, the liar is named; if the liar is the preferred one it does not help.
func TestFalseticker(t *testing.T) {
	for _, prefer := range []string{"", " prefer"} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, 0, three(prefer), map[string]*source{"10.0.0.1": {delay: ms1, wrong: time.Hour}, "10.0.0.2": {delay: ms1}, "10.0.0.3": {delay: ms1}})
			w.live(5 * time.Minute)
			if w.machine.steps != 0 || w.machine.off().Abs() > ms1 {
				t.Errorf("%d steps, off by %v", w.machine.steps, w.machine.off())
			}
			if got := w.states(); !strings.HasPrefix(got, "10.0.0.1 falseticker, 10.0.0.2 ") || !strings.Contains(got, stateFollowed) {
				t.Error(got)
			}
			if n := strings.Count(w.log.String(), "%NTP-4-FALSETICKER: server 10.0.0.1"); n != 1 {
				t.Errorf("said %d times:\n%s", n, w.log)
			}
		})
	}
}

// Of two servers that contradict each other nobody knows which one is right.
func TestNoMajority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 5*time.Second, "ntp server 10.0.0.1\nntp server 10.0.0.2\n", map[string]*source{"10.0.0.1": {delay: ms1, wrong: time.Hour}, "10.0.0.2": {delay: ms1}})
		w.live(10 * time.Minute)
		if s := w.status(); s.Synchronized || w.machine.steps != 0 || !strings.Contains(s.Reason, "contradict") {
			t.Errorf("%+v", s)
		}
	})
}

// Once the clock was right, servers that all agree on another time by far are not believed, until the operator says so.
func TestPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := map[string]*source{"10.0.0.1": {delay: ms1}, "10.0.0.2": {delay: ms1}, "10.0.0.3": {delay: ms1}}
		w := newWorld(t, 0, three(""), all)
		w.live(time.Minute)
		for name := range all {
			w.set(name, source{delay: ms1, wrong: 2000 * time.Second})
		}
		w.live(time.Hour)
		if s := w.status(); w.machine.steps != 0 || s.Synchronized || !strings.Contains(s.Reason, "ntp allow-large-step") {
			t.Errorf("%d steps, %+v", w.machine.steps, s)
		}
		if n := strings.Count(w.log.String(), "%NTP-3-REFUSED"); n != 1 {
			t.Errorf("said %d times:\n%s", n, w.log)
		}
		w.configure(three("") + "ntp allow-large-step\n")
		w.live(time.Hour)
		if off := w.machine.off() - 2000*time.Second; off.Abs() > ms1 || !w.status().Synchronized {
			t.Errorf("off by %v, %+v", off, w.status())
		}
	})
}

// A jam in the network looks like an offset for a moment; what stays is believed.
func TestSpikeIsIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 0, "ntp server 10.0.0.1\n", map[string]*source{"10.0.0.1": {delay: ms1}})
		w.live(time.Minute)
		w.set("10.0.0.1", source{delay: ms1, wrong: 700 * ms1})
		w.live(80 * time.Second) // one or two questions
		w.set("10.0.0.1", source{delay: ms1})
		w.live(30 * time.Minute)
		if w.machine.steps != 0 {
			t.Errorf("%d steps: %s", w.machine.steps, w.log)
		}
		w.set("10.0.0.1", source{delay: ms1 / 2, wrong: 700 * ms1})
		w.live(3 * time.Hour)
		if off := w.machine.off() - 700*ms1; off.Abs() > ms1 || w.machine.steps != 1 {
			t.Errorf("off by %v after %d steps", off, w.machine.steps)
		}
	})
}

// No server takes the clock behind the day the software was built, nor far beyond it.
func TestNeverBeforeTheBuild(t *testing.T) {
	for _, wrong := range []time.Duration{-40 * 24 * time.Hour, 30 * 365 * 24 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, 0, "ntp server 10.0.0.1\nntp allow-large-step\n", map[string]*source{"10.0.0.1": {delay: ms1, wrong: wrong}})
			w.live(10 * time.Minute)
			if s := w.status(); w.machine.steps+len(w.machine.slewed) != 0 || s.Synchronized || !strings.Contains(s.Reason, "the servers say it is") {
				t.Errorf("%+v", s)
			}
		})
	}
}

// Kiss-o'-death, RFC 5905 section 7.4: DENY and RSTR end the questions, RATE makes them rare.
func TestKissOfDeath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 0, three(""), map[string]*source{"10.0.0.1": {kiss: "DENY"}, "10.0.0.2": {kiss: "RATE"}, "10.0.0.3": {delay: ms1}})
		w.live(time.Hour)
		if w.asked["10.0.0.1"] != 1 {
			t.Errorf("a server that said DENY was asked %d times", w.asked["10.0.0.1"])
		}
		if n := w.asked["10.0.0.2"]; n < 2 || n > 6 {
			t.Errorf("a server that said RATE was asked %d times in an hour", n)
		}
		if got := w.states(); !strings.HasPrefix(got, "10.0.0.1 stopped, ") || !strings.HasSuffix(got, "10.0.0.3 followed") {
			t.Error(got)
		}
	})
}

// Nobody answers at first, as when the network comes up after the box; then all do; then nobody.
func TestReachability(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		none := errors.New("nothing answers at this port")
		w := newWorld(t, time.Minute, "ntp server 10.0.0.1\n", map[string]*source{"10.0.0.1": {err: none}})
		w.live(10 * time.Minute)
		if s := w.status(); s.Synchronized || s.Reason != "no server answers" || w.states() != "10.0.0.1 unreachable" {
			t.Errorf("%+v %s", s, w.states())
		}
		if n := w.asked["10.0.0.1"]; n < 10 || n > 20 {
			t.Errorf("asked %d times in ten minutes", n)
		}
		w.set("10.0.0.1", source{delay: ms1})
		w.live(3 * time.Minute)
		if !w.status().Synchronized || w.machine.off().Abs() > ms1 {
			t.Errorf("%+v, off by %v", w.status(), w.machine.off())
		}
		w.set("10.0.0.1", source{err: none})
		w.live(5 * time.Hour)
		if s := w.status(); s.Synchronized || s.Reason != "no server answers" {
			t.Errorf("%+v", s)
		}
		if n := strings.Count(w.log.String(), "%NTP-4-UNSYNC"); n != 2 {
			t.Errorf("said %d times:\n%s", n, w.log)
		}
	})
}

// A machine that does not obey (no privilege, or a recorder) is never called synchronized, and the log says so once.
func TestFixedClock(t *testing.T) {
	for name, m := range map[string]*machine{"frozen": {frozen: true}, "no privilege": {err: fmt.Errorf("set the clock: %w", errPermission)}} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, time.Minute, "ntp server 10.0.0.1\n", map[string]*source{"10.0.0.1": {delay: ms1}})
			w.machine.frozen, w.machine.err = m.frozen, m.err
			w.live(time.Hour)
			if s := w.status(); s.Synchronized || s.Steps != 0 || s.Reason != errFixed.Error() || *s.OffsetMS > -59_000 {
				t.Errorf("%s: %+v", name, s)
			}
			if n := strings.Count(w.log.String(), "%NTP-4-FIXED"); n != 1 || strings.Contains(w.log.String(), "STEP") {
				t.Errorf("%s: said %d times:\n%s", name, n, w.log)
			}
		})
	}
}

// The same answer never moves the clock twice.
func TestSlewedOnceByEachAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 50*ms1, "ntp server 10.0.0.1\n", map[string]*source{"10.0.0.1": {delay: ms1}})
		w.machine.frozen = true // as if the slew took for ever
		w.live(30 * time.Second)
		// From here on each answer has waited longer than the best, which therefore stays the best until it is too old.
		w.set("10.0.0.1", source{delay: 20 * ms1})
		before := len(w.machine.slewed)
		w.live(2 * time.Minute)
		if got := len(w.machine.slewed); got != before {
			t.Errorf("slewed %d times more by an answer that was used", got-before)
		}
	})
}

// What servers said before a step is worth nothing after it, however quick they were.
func TestStepForgetsAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, time.Hour, "ntp server 10.0.0.1\n", map[string]*source{"10.0.0.1": {delay: ms1}})
		w.slower = 30 * ms1
		w.live(20 * time.Second)
		if off, s := w.machine.off(), w.status(); off.Abs() > ms1 || w.machine.steps != 1 || !s.Synchronized || *s.OffsetMS < -1 || *s.OffsetMS > 1 {
			t.Errorf("off by %v after %d steps, %+v", off, w.machine.steps, s)
		}
	})
}

// The first answer may have waited on its way: a clock that is right is not set by it.
func TestFirstAnswerIsNotBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 0, "ntp server 10.0.0.1\n", map[string]*source{"10.0.0.1": {delay: ms1}})
		w.first = &source{delay: 1400 * ms1, wrong: 700 * ms1}
		w.live(time.Minute)
		if w.machine.steps != 0 || w.machine.off().Abs() > ms1 || !w.status().Synchronized {
			t.Errorf("%d steps, off by %v, %+v", w.machine.steps, w.machine.off(), w.status())
		}
	})
}

func TestRemovedServersAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 0, three(""), map[string]*source{"10.0.0.1": {delay: ms1}, "10.0.0.2": {delay: ms1}, "10.0.0.3": {delay: ms1}})
		w.live(time.Minute)
		w.configure("ntp server 10.0.0.2\n")
		if got := w.states(); !strings.HasPrefix(got, "10.0.0.2 ") || strings.Contains(got, ",") || w.module.client.servers[0].reach == 0 {
			t.Errorf("%s: what was known of the server that stays is lost", got)
		}
		w.configure("")
		if s := w.status(); s.Synchronized || s.Reason != "no NTP server is configured" {
			t.Errorf("%+v", s)
		}
	})
}
