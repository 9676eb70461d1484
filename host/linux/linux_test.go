package linux

import (
	"context"
	"net"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"
)

// TestInterfaces compares with what package net sees by its own means.
func TestInterfaces(t *testing.T) {
	got, err := New().Interfaces(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	want, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Fatalf("%d interfaces, want %d", len(got), len(want))
	}
	for i, w := range want {
		g := got[i]
		if g.Name != w.Name || g.Index != w.Index || g.MTU != w.MTU || g.MAC.String() != w.HardwareAddr.String() ||
			g.AdminUp != (w.Flags&net.FlagUp != 0) {
			t.Errorf("got %+v, want %+v", g, w)
		}
		addrs, err := w.Addrs()
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range addrs {
			if p := netip.MustParsePrefix(a.String()); !slices.Contains(g.Addresses, p) {
				t.Errorf("%s: %s is missing in %v", g.Name, p, g.Addresses)
			}
		}
		if len(addrs) != len(g.Addresses) {
			t.Errorf("%s: %v, want %v", g.Name, g.Addresses, addrs)
		}
	}
}

func TestInterfacesOfAnEndedContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := New().Interfaces(ctx); err == nil {
		t.Fatal("no error")
	}
}

func TestPrivilegedAgreesWithTheKernel(t *testing.T) {
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
	if want := caps&(1<<12) != 0; Privileged() != want { // 12: CAP_NET_ADMIN in linux/capability.h
		t.Fatalf("Privileged() = %t, effective capabilities %#x", Privileged(), caps)
	}
}

func TestUptimeAndHostname(t *testing.T) {
	up, err := New().Uptime(context.Background())
	if err != nil || up <= 0 || up > 50*365*24*time.Hour {
		t.Fatalf("uptime %v, %v", up, err)
	}
	want, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := New().Hostname(context.Background()); got != want || err != nil {
		t.Fatalf("hostname %q, %v; want %q", got, err, want)
	}
}
