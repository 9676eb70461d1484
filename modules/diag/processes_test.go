package diag

import (
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestShowProcesses(t *testing.T) {
	b := newBox(t)
	got := b.text("show processes")
	for _, want := range []string{
		`^CPU utilization for five seconds: -; one minute: -; five minutes: -\n`, `\d+ CPUs, [\d.]+ s of processor time in 0\.00 s\n`,
		`[\d.]+ [MG]iB of memory\n`, `\d+ threads\n`, `\d+ open files of at most \d+\n`, `GOROUTINES  ROOM\n( +\d+  \S+\n)+$`, ` diag\n`,
	} {
		if !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	var v struct {
		Goroutines int
		OpenFiles  int `json:"open_files"`
		Threads    int
		Rooms      []struct{ Goroutines int }
	}
	b.json("show processes", &v)
	sum := 0
	for _, r := range v.Rooms {
		sum += r.Goroutines
	}
	if sum != v.Goroutines || sum == 0 || v.OpenFiles < 3 || v.Threads < 1 {
		t.Errorf("%+v", v)
	}
}

func TestShowMemory(t *testing.T) {
	b := newBox(t)
	got := b.text("show memory")
	for _, want := range []string{"MEMORY", "Resident", "Heap", "objects", "Machine", "available"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	var v struct {
		Resident int64 `json:"resident_bytes"`
		Heap     int64 `json:"heap_bytes"`
		Machine  int64 `json:"machine_total_bytes"`
	}
	if b.json("show memory", &v); v.Resident < 1<<20 || v.Heap < 1<<16 || v.Machine < v.Resident {
		t.Errorf("%+v", v)
	}
}

// TestUsage: the figures are those of the last five seconds, minute and five minutes, and nothing before they are known.
func TestUsage(t *testing.T) {
	var u usage
	start := time.Unix(1_000_000, 0)
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	for s := 0; s <= 600; s += 5 { // half of one processor for five minutes, then all of it
		busy := time.Duration(s) * time.Second / 2
		if s > 300 {
			busy = time.Duration(s-150) * time.Second
		}
		u.add(at(s), busy)
	}
	if len(u.samples) > maxSamples {
		t.Errorf("%d samples", len(u.samples))
	}
	for _, c := range []struct {
		span time.Duration
		now  int
		busy time.Duration
		want float64
	}{
		{sampleEvery, 604, 454 * time.Second, 100}, {time.Minute, 600, 450 * time.Second, 100}, {sampleSpan, 600, 450 * time.Second, 100},
		{time.Minute, 660, 450 * time.Second, 0}, // idle since
	} {
		if got := u.percent(c.span, at(c.now), c.busy); got == nil || *got != c.want {
			t.Errorf("%v at %d s: %v, want %v", c.span, c.now, got, c.want)
		}
	}
	var young usage
	young.add(at(0), 0)
	if got := young.percent(time.Minute, at(10), time.Second); got != nil {
		t.Errorf("a minute is known after ten seconds: %v", *got)
	}
	if got := young.percent(sampleEvery, at(10), time.Second); got == nil || *got != 10 {
		t.Errorf("one second of ten: %v", got)
	}
}

// TestRunSamples: the module watches as long as the box runs, and ends with it.
func TestRunSamples(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := New(Deps{})
		ctx, stop := contextWithStop(t)
		done := make(chan error)
		go func() { done <- m.Run(ctx) }()
		time.Sleep(21 * time.Second)
		synctest.Wait()
		m.usage.mu.Lock()
		n := len(m.usage.samples)
		m.usage.mu.Unlock()
		if n != 5 {
			t.Errorf("%d samples in 21 s", n)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestParseProc(t *testing.T) {
	busy, err := parseStat("42 (a (strange) name) S 1 1 1 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 9 0 1 1 1")
	if err != nil || busy != 3*time.Second {
		t.Errorf("%v %v", busy, err)
	}
	for _, bad := range []string{"", "42 (x)", "42 (x) S 1 1 1 0 -1 1 1 1 1 1 a b 0", strings.Repeat(")", 20)} {
		if _, err := parseStat(bad); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
	got := parseStatus("Name:\tmbox\nVmRSS:\t  12 kB\nThreads:\t9\nbroken\nFar:\t99999999999999999999 kB\n:\n")
	if len(got) != 2 || got["VmRSS"] != 12<<10 || got["Threads"] != 9 {
		t.Errorf("%v", got)
	}
}

func TestPackageOf(t *testing.T) {
	for function, want := range map[string]string{
		"mbox/modules/sync/feed.(*Link).run.func1": "mbox/modules/sync/feed", "main.live": "main", "net/http.(*Server).Serve": "net/http",
		"github.com/cockroachdb/pebble.(*DB).x": "github.com/cockroachdb/pebble", "runtime.gopark": "runtime", "": "",
	} {
		if got := packageOf(function); got != want {
			t.Errorf("%s: %s", function, got)
		}
	}
}
