// Package linux is the host of a box that runs on Linux: it reads by netlink, which needs no privilege, and changes what a
// privileged box may change.
package linux

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"mbox/host"
)

// Host is the machine that this program runs on.
type Host struct{}

var _ host.Host = Host{}

// New returns the machine that this program runs on.
func New() Host { return Host{} }

// Privileged says whether this process may change the network (CAP_NET_ADMIN is effective).
func Privileged() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return false
	}
	return data[0].Effective&(1<<unix.CAP_NET_ADMIN) != 0
}

// Interfaces lists the network interfaces of this network namespace by index.
func (Host) Interfaces(ctx context.Context) ([]host.Interface, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	links, err := consistent(netlink.LinkList)
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	addrs, err := consistent(func() ([]netlink.Addr, error) { return netlink.AddrList(nil, netlink.FAMILY_ALL) })
	if err != nil {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	byLink := map[int][]netip.Prefix{}
	for _, a := range addrs {
		if p, ok := prefix(a); ok {
			byLink[a.LinkIndex] = append(byLink[a.LinkIndex], p)
		}
	}
	out := make([]host.Interface, 0, len(links))
	for _, link := range links {
		attrs := link.Attrs()
		out = append(out, host.Interface{
			Name: attrs.Name, Index: attrs.Index,
			AdminUp: attrs.RawFlags&unix.IFF_UP != 0, OperState: attrs.OperState.String(),
			MAC: attrs.HardwareAddr, MTU: attrs.MTU, Addresses: byLink[attrs.Index],
		})
	}
	slices.SortFunc(out, func(a, b host.Interface) int { return cmp.Compare(a.Index, b.Index) })
	return out, nil
}

// consistent repeats a listing that the kernel says was changed while it was read.
func consistent[T any](list func() ([]T, error)) (out []T, err error) {
	for range 10 {
		if out, err = list(); !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	return out, err
}

func prefix(a netlink.Addr) (netip.Prefix, bool) {
	if a.IPNet == nil {
		return netip.Prefix{}, false
	}
	ip, ok := netip.AddrFromSlice(a.IP)
	ones, _ := a.Mask.Size()
	return netip.PrefixFrom(ip.Unmap(), ones), ok
}

// Hostname is the kernel's name for this machine.
func (Host) Hostname(context.Context) (string, error) { return os.Hostname() }

// SetHostname needs CAP_SYS_ADMIN.
func (Host) SetHostname(_ context.Context, name string) error {
	if err := unix.Sethostname([]byte(name)); err != nil {
		return fmt.Errorf("set the hostname to %s: %w", name, err)
	}
	return nil
}

// Uptime is the time since boot, suspend included.
func (Host) Uptime(context.Context) (time.Duration, error) {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		return 0, fmt.Errorf("read the boot clock: %w", err)
	}
	return time.Duration(now.Nano()), nil
}
