package main

import (
	"encoding/csv"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mbox/bench/report"
	"mbox/bench/servers"
)

// TestWhatIsMeasuredHappens runs a small round of every system that is installed: a round itself fails unless right passwords
// are told from wrong ones, the profile's limit is returned, every reply proves the secret, and what is stored in the end, at the
// standby too, is exactly what was confirmed.
func TestWhatIsMeasuredHappens(t *testing.T) {
	program := filepath.Join(t.TempDir(), "mbox")
	if out, err := exec.Command("go", "build", "-o", program, "../../cmd/mbox").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	at, err := servers.New("mbox-radius-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		at.KillAll()
		if err := at.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, s := range all(program) {
		t.Run(s.Name(), func(t *testing.T) {
			if _, err := s.Version(); errors.Is(err, servers.ErrMissing) {
				t.Skip(err)
			}
			b := &bench{
				options: options{Accounts: 50, Rounds: 1, Time: 50 * time.Millisecond, Sessions: 70, Interim: 500 * time.Millisecond, parts: []string{"auth", "acct", "open"}},
				site:    at, began: time.Now(), results: &results{Resent: map[string]int{}},
			}
			if err := b.round(s, 0); err != nil {
				t.Fatal(err)
			}
			for _, n := range []string{"auth_1", "auth_64_p99"} {
				if v, ok := b.results.Figures.Find(n).Of(s.Name()); !ok || v <= 0 {
					t.Errorf("%s: %v, %v", n, v, ok)
				}
			}
		})
	}
}

// TestUsageIsThatOfTheTree has a child that works while its parent waits.
func TestUsageIsThatOfTheTree(t *testing.T) {
	cmd := exec.Command("sh", "-c", "while :; do :; done & read end; kill $!")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = in.Write([]byte("\n"))
		_ = cmd.Wait()
	})
	limit := time.Now().Add(30 * time.Second)
	for {
		u, err := usageOf([]int{cmd.Process.Pid})
		if err != nil {
			t.Fatal(err)
		}
		if u.processor >= 5*tick && u.memory > 0 {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("a child works and %+v is all that is seen", u)
		}
		time.Sleep(tick)
	}
}

func TestUsageOfNobody(t *testing.T) {
	cmd := exec.Command("true")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	if _, err := usageOf([]int{cmd.Process.Pid}); err == nil {
		t.Error("a process that has ended has used something")
	}
}

func TestSum(t *testing.T) {
	const text = "radacctid,acctinputoctets,username,acctoutputoctets\n1,10,a,5\n2,4294967296,b,0\n"
	sessions, octets, err := sum(csv.NewReader(strings.NewReader(text)))
	if err != nil || sessions != 2 || octets != 10+5+1<<32 {
		t.Errorf("got %d sessions with %d octets, %v", sessions, octets, err)
	}
	if _, _, err := sum(csv.NewReader(strings.NewReader("acctinputoctets\nmany\n"))); err == nil {
		t.Error("text counts as octets")
	}
}

// held is a server that has stored this.
type held struct {
	server
	sessions, octets uint64
}

func (h held) Held() (sessions, octets uint64, err error) { return h.sessions, h.octets, nil }

func TestAudit(t *testing.T) {
	var l ledger
	l.sessions.Add(2)
	l.octets.Add(100)
	for _, tt := range []struct {
		held held
		good bool
	}{{held{nil, 2, 100}, true}, {held{nil, 3, 100}, false}, {held{nil, 2, 99}, false}} {
		if err := audit(tt.held, &l); (err == nil) != tt.good {
			t.Errorf("%+v: %v", tt.held, err)
		}
	}
}

func sample() *results {
	r := &results{Options: options{Time: shortest}, Resent: map[string]int{}, Systems: []report.System{{Name: alone}, {Name: "FreeRADIUS files"}, {Name: "FreeRADIUS MariaDB"}}}
	for _, v := range []float64{30, 10, 20} {
		rate := report.Figure{Key: "auth_8", Work: "logins", Unit: "/s"}
		r.Figures.Add(alone, rate, v*1000)
		r.Figures.Add("FreeRADIUS files", rate, v*800)
		r.Figures.Add("FreeRADIUS MariaDB", rate, v*250)
		r.Figures.Add(alone, report.Figure{Key: "auth_8_p99", Work: "— p99", Unit: "ms", Lower: true}, v)
		r.Figures.Add("FreeRADIUS files", report.Figure{Key: "auth_8_p99"}, v*2)
	}
	return r
}

func TestComparison(t *testing.T) {
	got := sample().comparison().Markdown()
	for _, line := range []string{"| logins | 20,000/s | 16,000/s | 5,000/s | 1.2 | 4 |", "| — p99 | 20 ms | 40 ms |  | 2 |  |"} {
		if !strings.Contains(got, line+"\n") {
			t.Errorf("no line %s in\n%s", line, got)
		}
	}
}

func TestVerdicts(t *testing.T) {
	got := sample().verdicts().Markdown()
	for _, line := range []string{
		"| authentications/s, 8 in flight: at least FreeRADIUS files | 1.25 times | reached |",
		"| authentications/s, 8 in flight: 10 times FreeRADIUS MariaDB | 4.00 times | **missed** |",
		"| durable accounting requests/s, 64 in flight: 5 times FreeRADIUS PostgreSQL |  | not measured |",
	} {
		if !strings.Contains(got, line+"\n") {
			t.Errorf("no line %s in\n%s", line, got)
		}
	}
}
