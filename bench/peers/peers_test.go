package main

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mbox/bench/report"
	"mbox/bench/servers"
)

// TestMain makes this program also the backup box.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == backupWord {
		if err := runBackup(os.Args[2:]); err != nil {
			panic(err)
		}
		return
	}
	os.Exit(m.Run())
}

// TestPairs proves of every system that is installed that what is measured happens: the replica copies, is cut off, misses
// changes, catches up with them, and holds the same.
func TestPairs(t *testing.T) {
	at, err := newSite()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := at.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, s := range []system{mbox{}, &postgres{}, &mariadb{}, redis{}} {
		t.Run(s.Name(), func(t *testing.T) {
			if _, err := s.Version(); errors.Is(err, servers.ErrMissing) {
				t.Skip(err)
			}
			pairWorks(t, s, at)
		})
	}
}

func pairWorks(t *testing.T, s system, at *site) {
	b := &bench{site: at}
	err := b.with(s, direct, 500, func(p pair) error {
		if err := p.Same(); err != nil {
			return err
		}
		if err := p.Detach(); err != nil {
			return err
		}
		if err := change(p, 500, 0, 300); err != nil {
			return err
		}
		missed, err := mark(p)
		if err != nil {
			return err
		}
		r, err := p.Reader()
		if err != nil {
			return err
		}
		defer r.Close()
		const comes = 500 * time.Millisecond // by then a replica that is not cut off would have it
		for end := time.Now().Add(comes); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			if found, err := r.Has(missed); found || err != nil {
				t.Fatalf("a replica that is cut off has what was written meanwhile: %v, %v", found, err)
			}
		}
		if p.Same() == nil {
			t.Error("Same does not notice a difference")
		}
		if err := p.Attach(); err != nil {
			return err
		}
		if err := settle(p); err != nil {
			return err
		}
		return p.Same()
	})
	if err != nil {
		t.Error(err)
	}
}

func TestRowsAreAbout300Bytes(t *testing.T) {
	const n = 1000
	sum := 0
	for i := range n {
		r := numbered(i)
		if len(r.values()) != len(columns) {
			t.Fatalf("%d values for %d columns", len(r.values()), len(columns))
		}
		sum += len(strings.Join(r.values(), ""))
	}
	if mean := sum / n; mean < 220 || mean > 330 {
		t.Errorf("rows have %d bytes of content on average", mean)
	}
}

func TestRESP(t *testing.T) {
	a, b := net.Pipe()
	client, server := newRESP(a), newRESP(b)
	defer client.Close()
	defer server.Close()
	for _, tt := range []struct {
		reply, want, fails string
	}{
		{"+OK\r\n", "OK", ""},
		{":1\r\n", "1", ""},
		{"$3\r\na\nb\r\n", "a\nb", ""},
		{"$-1\r\n", "", ""},
		{"-LOADING later\r\n", "", "LOADING later"},
		{"$99999999999\r\n", "", "length"},
		{"?\r\n", "", "unexpected"},
	} {
		got := make(chan []string, 1)
		go func() {
			args, err := server.command()
			if err != nil {
				args = []string{err.Error()}
			}
			got <- args
			_, _ = b.Write([]byte(tt.reply))
		}()
		answer, err := client.do("EXISTS", "über\r\n")
		if args := <-got; len(args) != 2 || args[1] != "über\r\n" {
			t.Fatalf("the server understood %q", args)
		}
		if answer != tt.want || (err == nil) != (tt.fails == "") || err != nil && !strings.Contains(err.Error(), tt.fails) {
			t.Errorf("%q: got %q and %v, want %q and %q", tt.reply, answer, err, tt.want, tt.fails)
		}
	}
}

// held is a replica that has what is in it.
type held map[string]bool

func (h held) Has(username string) (bool, error) { return h[username], nil }
func (held) Close() error                        { return nil }

func TestJournal(t *testing.T) {
	now := time.Now()
	for there := range 8 {
		j, replica := &journal{}, held{}
		for i := range 7 {
			j.confirmed = append(j.confirmed, now.Add(time.Duration(i-10)*time.Second))
			replica[steady(i)] = i < there
		}
		for from := range min(there, 7) + 1 {
			seen, err := j.seen(replica, from)
			if want := min(there, 7); seen != want || err != nil {
				t.Errorf("%d are there, %d were known: seen %d, %v", there, from, seen, err)
			}
		}
		want := time.Duration(10-there) * time.Second
		if there >= 7 {
			want = 0
		}
		if got := j.age(there, now); got != want {
			t.Errorf("%d are there: behind by %s, want %s", there, got, want)
		}
	}
}

func sample() *results {
	r := &results{Systems: []report.System{{Name: "mbox", Version: "1"}, {Name: "PostgreSQL", Version: "15"}, {Name: "Redis", Version: "7"}}}
	for _, v := range []float64{30, 10, 20} {
		r.Figures.Add("mbox", report.Figure{Key: "commits_64", Work: "commits", Unit: "/s"}, v*1000)
		r.Figures.Add("PostgreSQL", report.Figure{Key: "commits_64"}, v*400)
		r.Figures.Add("Redis", report.Figure{Key: "commits_64"}, v*800)
		r.Figures.Add("mbox", report.Figure{Key: "visible_p50", Work: "visible", Unit: "ms", Lower: true}, v)
		r.Figures.Add("PostgreSQL", report.Figure{Key: "visible_p50"}, v*1.5)
	}
	return r
}

func TestComparison(t *testing.T) {
	got := sample().comparison().Markdown()
	for _, line := range []string{
		"| commits | 20,000/s | 8,000/s | 16,000/s | 2.5 | 1.2 |",
		"| visible | 20 ms | 30 ms |  | 1.5 | 1.5 |",
	} {
		if !strings.Contains(got, line+"\n") {
			t.Errorf("no line %s in\n%s", line, got)
		}
	}
}

func TestVerdicts(t *testing.T) {
	got := sample().verdicts().Markdown()
	for _, end := range []string{"| 2.50 times | reached |", "| 1.50 times | **missed** |", "|  | not measured |"} {
		if !strings.Contains(got, end) {
			t.Errorf("nothing says %s in\n%s", end, got)
		}
	}
}

func TestResultsSurviveTheirFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "r.json")
	r := sample()
	r.Satellite = map[string]*satelliteResult{"mbox": {Bytes: 21}}
	r.Partition = map[string][]lagPoint{"mbox": {{At: 1, Lag: 2}}}
	r.Sweep = map[string][]sweepPoint{"mbox": {{Rate: 100, VisibleP50: 0.2, VisibleP99: 0.4, ConfirmedP50: 0.1, ConfirmedP99: 0.2}}}
	if err := report.Write(file, r); err != nil {
		t.Fatal(err)
	}
	again, err := report.Read[results](file)
	if err != nil {
		t.Fatal(err)
	}
	if again.text() != r.text() {
		t.Errorf("got\n%s\nwant\n%s", again.text(), r.text())
	}
	dir := t.TempDir()
	if err := again.plots(dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"latency-confirmed.svg", "latency-visible.svg", "partition-lag.svg"} {
		if raw, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !strings.Contains(string(raw), "mbox") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
