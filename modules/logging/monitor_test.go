package logging

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// A terminal that reads nothing holds up neither the box nor another terminal, and is told what it missed.
func TestSlowTerminal(t *testing.T) {
	r := start(t, Deps{})
	stuck, begun := make(chan struct{}), make(chan struct{}, 1)
	slow, quick := make(chan string, 10_000), make(chan string, 10_000)
	defer r.module.Subscribe(func(line string) {
		select {
		case begun <- struct{}{}:
		default:
		}
		<-stuck
		slow <- line
	})()
	stop := r.module.Subscribe(func(line string) { quick <- line })
	const sent = 5 * maxWaiting
	for i := range sent {
		r.log.Info("message", "i", i)
		select { // as fast as the quick one reads
		case line := <-quick:
			if !strings.HasSuffix(line, fmt.Sprintf("message i=%d", i)) {
				t.Fatalf("message %d came as %s", i, line)
			}
		case <-time.After(30 * time.Second):
			t.Fatal("the quick terminal is held up")
		}
		if i == 0 {
			<-begun // the slow one has it in hand: it does not wait with the others
		}
	}
	close(stuck)
	got, missed := 0, 0
	for got+missed < sent {
		select {
		case line := <-slow:
			var n int
			if _, err := fmt.Sscanf(line, "%%LOGGING-4-DROPPED: %d messages", &n); err == nil {
				missed += n
			} else {
				got++
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("%d messages came and %d were reported as missed, of %d", got, missed, sent)
		}
	}
	if got != maxWaiting+1 {
		t.Errorf("%d messages came", got)
	}
	stop()
	r.log.Info("after the end")
	if len(quick) != 0 {
		t.Error("a terminal goes on after its cancel")
	}
}

func TestTerminalsEndWithTheBox(t *testing.T) {
	before := runtime.NumGoroutine()
	r := start(t, Deps{})
	for range 20 {
		r.module.Subscribe(func(string) {})
	}
	r.configure("logging host 127.0.0.1 port 9\nlogging host 127.0.0.2 transport tcp port 9\n")
	r.log.Info("message")
	r.stop()
	if cancel := r.module.Subscribe(func(string) { t.Error("a line after the end") }); cancel == nil {
		t.Error("no cancel")
	} else {
		cancel()
	}
	r.log.Info("message")
	boxEnded(t, before)
}

// boxEnded waits until as many goroutines are left as before.
func boxEnded(t *testing.T, before int) {
	t.Helper()
	limit := time.After(30 * time.Second)
	for runtime.NumGoroutine() > before {
		select {
		case <-limit:
			buf := make([]byte, 1<<16)
			t.Fatalf("%d goroutines, before %d\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		default:
			runtime.Gosched()
		}
	}
}

func TestMonitorLevel(t *testing.T) {
	r := start(t, Deps{})
	seen := make(chan string, 10)
	defer r.module.Subscribe(func(line string) { seen <- line })()
	r.configure("logging monitor errors\n")
	r.log.Warn("a warning")
	r.log.Error("an error")
	if line := <-seen; !strings.HasSuffix(line, "%SYSTEM-3-ERROR: an error") {
		t.Error(line)
	}
}
