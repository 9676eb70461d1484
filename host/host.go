// Package host is what the box asks of the operating system it runs on, as narrow as today's use. Package host/linux does
// it; the Recorder of this package stands in for it in tests and on a box without privileges.
package host

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// Host reads and changes the operating system.
type Host interface {
	Reader
	// SetHostname changes the name that the kernel answers for this machine.
	SetHostname(ctx context.Context, name string) error
	// SetTime sets the clock at once. Without the privilege the error is fs.ErrPermission.
	SetTime(ctx context.Context, t time.Time) error
	// SlewTime brings the clock by so much forward (or back) without a jump, and keeps its pace; interval is how often it is
	// called. Offsets are at most half a second. Without the privilege the error is fs.ErrPermission.
	SlewTime(ctx context.Context, by, interval time.Duration) error
}

// Reader is the part of Host that changes nothing and needs no privilege.
type Reader interface {
	// Interfaces lists the network interfaces by index.
	Interfaces(ctx context.Context) ([]Interface, error)
	Hostname(ctx context.Context) (string, error)
	// Uptime is the time since the machine started, suspend included.
	Uptime(ctx context.Context) (time.Duration, error)
}

// Interface is one network interface.
type Interface struct {
	Name      string
	Index     int
	AdminUp   bool   // switched on
	OperState string // RFC 2863 as Linux words it: up, down, unknown, dormant, lower-layer-down, testing, not-present
	MAC       net.HardwareAddr
	MTU       int // bytes
	Addresses []netip.Prefix
}

// OperUp says whether packets can pass. Interfaces that do not report a state (loopback, tunnels) are up when switched on.
func (i Interface) OperUp() bool {
	return i.OperState == "up" || i.OperState == "unknown" && i.AdminUp
}
