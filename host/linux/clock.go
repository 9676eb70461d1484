package linux

import (
	"context"
	"fmt"
	"math/bits"
	"time"

	"golang.org/x/sys/unix"
)

// SetTime needs CAP_SYS_TIME.
func (Host) SetTime(_ context.Context, t time.Time) error {
	spec := unix.NsecToTimespec(t.UnixNano())
	if err := unix.ClockSettime(unix.CLOCK_REALTIME, &spec); err != nil {
		return fmt.Errorf("set the clock to %s: %w", t.UTC().Format(time.RFC3339), err)
	}
	return nil
}

// maxSlew is what the kernel's loop takes: MAXPHASE of linux/timex.h.
const maxSlew = 500 * time.Millisecond

// SlewTime hands an offset to the kernel's phase-locked loop (RFC 5905 appendix A.5.6), which also learns how wrong the
// oscillator is, and with which the kernel keeps the hardware clock right. It needs CAP_SYS_TIME.
func (Host) SlewTime(_ context.Context, by, interval time.Duration) error {
	t := slewing(by, interval)
	if _, err := unix.Adjtimex(&t); err != nil {
		return fmt.Errorf("slew the clock by %v: %w", by, err)
	}
	return nil
}

func slewing(by, interval time.Duration) unix.Timex {
	seconds := uint(max(interval/time.Second, 1))
	return unix.Timex{
		Modes:  unix.ADJ_OFFSET | unix.ADJ_STATUS | unix.ADJ_NANO | unix.ADJ_TIMECONST | unix.ADJ_MAXERROR | unix.ADJ_ESTERROR,
		Offset: min(max(by, -maxSlew), maxSlew).Nanoseconds(),
		Status: unix.STA_PLL, // and no STA_UNSYNC: the time is right
		// The logarithm of the poll interval, as ntpd gives it: the phase is corrected by 1/4 of itself in each interval.
		Constant: int64(bits.Len(seconds) - 1),
	}
}
