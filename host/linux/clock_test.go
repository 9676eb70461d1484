package linux

import (
	"errors"
	"io/fs"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What the kernel is asked for, by the rules of adjtimex(2): an offset it takes, and the constant that fits the poll interval.
func TestSlewing(t *testing.T) {
	for _, c := range []struct {
		by, interval time.Duration
		offset       int64
		constant     int64
	}{
		{20 * time.Millisecond, 64 * time.Second, 20_000_000, 6},
		{-128 * time.Millisecond, 1024 * time.Second, -128_000_000, 10},
		{time.Hour, time.Second, 500_000_000, 0},
		{-time.Hour, 0, -500_000_000, 0},
	} {
		got := slewing(c.by, c.interval)
		if got.Offset != c.offset || got.Constant != c.constant || got.Modes&unix.ADJ_NANO == 0 || got.Status != unix.STA_PLL {
			t.Errorf("%v each %v: %+v", c.by, c.interval, got)
		}
	}
}

// Without CAP_SYS_TIME the error says so, whatever else may be wrong, and the clock stays.
func TestClockWithoutPrivilege(t *testing.T) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("no /proc here")
	}
	hex := regexp.MustCompile(`(?m)^CapEff:\s*([0-9a-f]+)$`).FindSubmatch(status)
	if hex == nil {
		t.Skip("no capabilities in /proc/self/status")
	}
	caps, err := strconv.ParseUint(string(hex[1]), 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	if caps&(1<<unix.CAP_SYS_TIME) != 0 {
		t.Skip("this process may set the clock, and a test does not")
	}
	before := time.Now()
	if err := New().SetTime(t.Context(), before.Add(48*time.Hour)); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("set: %v", err)
	}
	if err := New().SlewTime(t.Context(), time.Millisecond, time.Minute); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("slew: %v", err)
	}
	if off := time.Now().Round(0).Sub(before.Round(0)); off.Abs() > time.Hour {
		t.Errorf("the clock has moved by %v", off)
	}
}
