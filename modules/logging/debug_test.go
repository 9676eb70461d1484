package logging

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestDebug(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Deps{})
		defer r.stop()
		sync, web := r.log.With("module", "sync"), r.log.With("module", "web")
		sync.Debug("before")
		if got := r.text("show debugging"); got != "No module is being debugged.\n" {
			t.Error(got)
		}
		if got := r.text("debug sync for 2"); !strings.HasPrefix(got, "sync debugging is on until ") {
			t.Error(got)
		}
		sync.Debug("seen", "n", 1)
		web.Debug("not seen")
		r.log.Debug("sync: also seen")
		r.log.Debug("not seen either")
		if got := r.text("show logging level 7 match DEBUG:"); strings.Count(got, "seen") != 2 || strings.Contains(got, "not seen") || strings.Contains(got, "before") {
			t.Errorf("%s", got)
		}
		if got := r.text("show debugging"); !strings.Contains(got, "sync debugging is on until") || !strings.Contains(got, "switched on by admin") {
			t.Error(got)
		}
		time.Sleep(2*time.Minute + time.Second)
		synctest.Wait()
		sync.Debug("too late")
		if got := r.text("show logging"); strings.Contains(got, "too late") || !strings.Contains(got, "%LOGGING-5-DEBUGOFF: debugging of sync has ended by itself after 2m0s") {
			t.Errorf("%s", got)
		}
		if web.Enabled(context.Background(), slog.LevelDebug) || sync.Enabled(context.Background(), slog.LevelDebug) {
			t.Error("still on")
		}
	})
}

// Debugging that outlives a reload of the box ends by itself all the same.
func TestDebugEndsAfterReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Deps{})
		r.text("debug sync for 2")
		r.stop()
		time.Sleep(time.Minute)
		again := New(Deps{Hub: r.hub})
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		_ = again.Run(ctx)
		if r.hub.debugged.Load() != 0 {
			t.Error("still on")
		}
	})
}

func TestDebugAllAndUndebug(t *testing.T) {
	r := start(t, Deps{})
	r.text("debug all")
	for _, name := range []string{"sync", "web", "hotspot"} {
		if !r.log.With("module", name).Enabled(context.Background(), slog.LevelDebug) {
			t.Errorf("%s is not debugged", name)
		}
	}
	if got := r.text("undebug web"); got != "web debugging is off\n" {
		t.Error(got)
	}
	if _, err := r.run("no debug web"); err == nil || !strings.Contains(err.Error(), "not being debugged") {
		t.Errorf("%v", err)
	}
	if got := r.text("no debug all"); got != "All possible debugging has been turned off\n" {
		t.Error(got)
	}
	if n := r.hub.debugged.Load(); n != 0 {
		t.Errorf("%d are debugged", n)
	}
	for _, line := range []string{"debug nothing", "debug sync for 0", "debug"} {
		if _, err := r.run(line); err == nil {
			t.Errorf("%s is taken", line)
		}
	}
}

// Debugging of a module that never stops talking is held to its rate, and says so; others are not held back by it.
func TestDebugRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Deps{})
		defer r.stop()
		r.text("debug all for 5")
		r.hub.clear()
		loud, quiet := r.log.With("module", "sync"), r.log.With("module", "web")
		for range 1000 {
			loud.Debug("again")
		}
		quiet.Debug("once")
		time.Sleep(1500 * time.Millisecond)
		synctest.Wait()
		counts := map[string]int{}
		for _, e := range r.hub.Buffered() {
			counts[e.Message]++
		}
		if counts["again"] != MaxDebugRate || counts["once"] != 1 || counts["suppressed 900 debug messages of sync: more than 100 in a second"] != 1 {
			t.Errorf("%v", counts)
		}
		loud.Debug("again")
		if n := len(r.hub.Buffered()); n != MaxDebugRate+3 {
			t.Errorf("%d messages: the next second is held back too", n)
		}
	})
}

// Debug messages go to the buffer and to terminals; to a log host only if its level says so, and to the console likewise.
func TestDebugStaysInTheBox(t *testing.T) {
	r := start(t, Deps{})
	r.configure("logging host 127.0.0.1 port 9\nlogging host 127.0.0.2 port 9 level debugging\n")
	r.stop() // the queues stay as they are
	r.module.mu.Lock()
	hosts := r.module.hosts
	r.module.mu.Unlock()
	r.hub.attach(hosts, []int{informational, debugging})
	r.hub.startDebug("sync", "admin", time.Now(), time.Minute)
	for _, h := range hosts {
		for len(h.queue) > 0 {
			<-h.queue
		}
	}
	r.log.With("module", "sync").Debug("only inside")
	if len(hosts[0].queue) != 0 || len(hosts[1].queue) != 1 {
		t.Errorf("%d and %d wait", len(hosts[0].queue), len(hosts[1].queue))
	}
}
