package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// piece is one command of a round.
type piece struct {
	name string
	args []string // of go
	env  []string
	most time.Duration // it hangs if it takes longer
	sums []sum
}

// sum adds up a figure that the command prints.
type sum struct {
	name    string
	pattern *regexp.Regexp // its first group is the figure
	last    bool           // the figure grows; only the last one counts
}

// result is how a piece ended.
type result struct {
	ok     bool
	took   time.Duration
	counts map[string]int
	output string
}

// What the commands print; the tests' own log lines are the interface.
var (
	modelSums = []sum{
		{"model runs", regexp.MustCompile(`OK, passed (\d+) tests`), false},
		{"actions", regexp.MustCompile(`(\d+) actions`), false},
		{"power cuts", regexp.MustCompile(`(\d+) power cuts`), false},
		{"disks replaced", regexp.MustCompile(`(\d+) disks replaced`), false},
		{"conflicts", regexp.MustCompile(`(\d+) conflicts listed`), false},
	}
	chaosSums = []sum{
		{"kills -9", regexp.MustCompile(`(\d+) kills`), false},
		{"confirmed accounts", regexp.MustCompile(`(\d+) confirmed accounts`), false},
		{"writes confirmed by a peer", regexp.MustCompile(`(\d+) writes were confirmed`), false},
		{"damaged stores", regexp.MustCompile(`(\d+) moved aside`), false},
	}
	fuzzSums   = []sum{{"fuzzed inputs", regexp.MustCompile(`execs: (\d+)`), true}}
	mutantSums = []sum{
		{"breaks tried", regexp.MustCompile(`of (\d+) breaks`), false},
		{"breaks noticed", regexp.MustCompile(`(\d+) of \d+ breaks`), false},
	}
)

// perBreak is about what one break costs; the breaks may take a third of the whole time.
const perBreak = 6 * time.Second

// share is a part of what an hour has: a shorter soak does less of it in a round, but not less than least.
func share(length time.Duration, whole, least int) int {
	return max(least, int(float64(whole)*min(1, length.Hours())))
}

// roundOf is what a round does. The first one also tries the breaks: all of them if there is time for that.
func roundOf(round int, seed uint64, target fuzzTarget, length time.Duration) []piece {
	s := strconv.FormatUint(seed, 10)
	fuzzTime := time.Duration(share(length, 40, 5)) * time.Second
	rapid := func(name, pkg, run string, checks int, sums []sum) piece {
		return piece{name, []string{"test", pkg, "-run", run, "-count=1", "-v", "-timeout", "20m",
			"-rapid.seed=" + s, "-rapid.checks=" + strconv.Itoa(checks)}, nil, 25 * time.Minute, sums}
	}
	pieces := []piece{
		rapid("model of boxes", "./modules/sync", "^TestModel", share(length, 250, 10), modelSums),
		rapid("model of databases", "./hotspotdb", "Converges|^TestCrash$", share(length, 1000, 50), nil),
		{"processes under fire", []string{"test", "./soak", "-count=1", "-v", "-timeout", "20m"}, []string{"SOAK_ROUNDS=" + strconv.Itoa(share(length, 20, 2)), "SOAK_SEED=" + s}, 25 * time.Minute, chaosSums},
		{"fuzz " + target.name, []string{"test", target.pkg, "-run", "^$", "-fuzz", "^" + target.name + "$", "-fuzztime", fuzzTime.String()}, nil, 5*time.Minute + fuzzTime, fuzzSums},
	}
	if round == 0 {
		sample := max(1, int(length/3/perBreak))
		pieces = append(pieces, piece{"breaks", []string{"run", "./mutants", "-sample", strconv.Itoa(sample), "-seed", s}, nil, 2 * time.Hour, mutantSums})
	}
	return pieces
}

// String is how to repeat the piece.
func (p piece) String() string {
	words := append([]string{}, p.env...)
	words = append(words, "go")
	for _, a := range p.args {
		if strings.ContainsAny(a, "|^$ ") {
			a = "'" + a + "'"
		}
		words = append(words, a)
	}
	return strings.Join(words, " ")
}

func (p piece) run(ctx context.Context) result {
	ctx, cancel := context.WithTimeout(ctx, p.most)
	defer cancel()
	began := time.Now()
	cmd := exec.CommandContext(ctx, "go", p.args...)
	cmd.Env = append(os.Environ(), p.env...)
	// What it started must end with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	raw, err := cmd.CombinedOutput()
	r := result{ok: err == nil, took: time.Since(began), counts: map[string]int{}, output: string(raw)}
	for _, s := range p.sums {
		for _, found := range s.pattern.FindAllStringSubmatch(r.output, -1) {
			n, _ := strconv.Atoi(found[1]) // the pattern has digits only
			if s.last {
				r.counts[s.name] = n
			} else {
				r.counts[s.name] += n
			}
		}
	}
	return r
}

// fuzzTarget is one of `go test -fuzz`.
type fuzzTarget struct{ pkg, name string }

// fuzzTargets finds all of them.
func fuzzTargets(ctx context.Context) ([]fuzzTarget, error) {
	out, err := exec.CommandContext(ctx, "go", "test", "-list", "^Fuzz", "./...").CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("list the fuzz targets: %w\n%s", err, out)
	}
	var list []fuzzTarget
	var names []string
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 1 && strings.HasPrefix(fields[0], "Fuzz"):
			names = append(names, fields[0])
		case len(fields) > 1 && fields[0] == "ok":
			for _, name := range names {
				list = append(list, fuzzTarget{fields[1], name})
			}
			names = nil
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("list the fuzz targets: there are none")
	}
	return list, nil
}
