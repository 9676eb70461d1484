package diag

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	sampleEvery = 5 * time.Second
	sampleSpan  = 5 * time.Minute // the longest figure
	maxSamples  = int(sampleSpan/sampleEvery) + 1

	// ticks per second of the times in /proc: sysconf(_SC_CLK_TCK), 100 on every Linux that Go runs on.
	clockTicks = 100
)

// usage is how busy the program was lately.
type usage struct {
	mu      sync.Mutex // guards samples
	samples []sample   // the oldest first, at most maxSamples
}

type sample struct {
	at   time.Time
	busy time.Duration // processor time since the program started
}

func (u *usage) add(at time.Time, busy time.Duration) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.samples = append(u.samples, sample{at, busy})
	if len(u.samples) > maxSamples {
		u.samples = u.samples[1:]
	}
}

// percent is the share of one processor over the last span, up to now; nil if that is not known for nearly as long.
func (u *usage) percent(span time.Duration, now time.Time, busy time.Duration) *float64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	for i := len(u.samples) - 1; i >= 0; i-- {
		s := u.samples[i]
		if took := now.Sub(s.at); took >= span-sampleEvery/2 && took > 0 {
			return share(busy-s.busy, took)
		}
	}
	return nil
}

// share is in percent with one decimal.
func share(busy, of time.Duration) *float64 {
	percent := float64(int64(float64(busy)/float64(of)*1000+0.5)) / 10
	return &percent
}

// processorTime is what the program has used, in user and kernel mode.
func processorTime() (time.Duration, error) {
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0, fmt.Errorf("read the processor time: %w", err)
	}
	return parseStat(string(stat))
}

// parseStat reads utime and stime, fields 14 and 15 (proc_pid_stat(5)). The program's name, the second field, is in
// parentheses and may hold any character.
func parseStat(stat string) (time.Duration, error) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("read the processor time: %d fields", len(fields))
	}
	user, err := strconv.ParseUint(fields[11], 10, 63)
	if err == nil {
		var system uint64
		if system, err = strconv.ParseUint(fields[12], 10, 63); err == nil {
			return time.Duration(user+system) * (time.Second / clockTicks), nil
		}
	}
	return 0, fmt.Errorf("read the processor time: %w", err)
}

// procStatus is what /proc/self/status says of sizes, in bytes, and of counts.
func procStatus() map[string]int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return nil // a kernel without /proc: nothing is known
	}
	return parseStatus(string(status))
}

func parseStatus(status string) map[string]int64 {
	out := map[string]int64{}
	for line := range strings.Lines(status) {
		name, rest, _ := strings.Cut(line, ":")
		fields := strings.Fields(rest)
		if len(fields) == 0 {
			continue
		}
		n, err := strconv.ParseInt(fields[0], 10, 52)
		if err != nil {
			continue
		}
		if len(fields) == 2 && fields[1] == "kB" {
			n *= 1024
		}
		out[name] = n
	}
	return out
}
