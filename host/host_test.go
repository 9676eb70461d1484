package host

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"
)

func TestRecorderAnswersAsIfItWasDone(t *testing.T) {
	ctx := context.Background()
	r := NewRecorder(Fixtures{Name: "debian", Up: time.Hour, Links: []Interface{{Name: "eth0", Index: 2}}})
	if name, err := r.Hostname(ctx); name != "debian" || err != nil {
		t.Fatalf("hostname before: %q, %v", name, err)
	}
	for _, name := range []string{"mbox", "branch7"} {
		if err := r.SetHostname(ctx, name); err != nil {
			t.Fatal(err)
		}
	}
	if name, err := r.Hostname(ctx); name != "branch7" || err != nil {
		t.Fatalf("hostname after: %q, %v", name, err)
	}
	if want := []string{"hostname mbox", "hostname branch7"}; !slices.Equal(r.Lines(), want) {
		t.Fatalf("recorded %q, want %q", r.Lines(), want)
	}
	if links, err := r.Interfaces(ctx); err != nil || len(links) != 1 || links[0].Name != "eth0" {
		t.Fatalf("interfaces: %v, %v", links, err)
	}
	if up, err := r.Uptime(ctx); up != time.Hour || err != nil {
		t.Fatalf("uptime: %v, %v", up, err)
	}
}

func TestRecorderLeavesTheClockAlone(t *testing.T) {
	r := NewRecorder(Fixtures{})
	before := time.Now()
	if err := r.SetTime(context.Background(), time.Date(2030, 1, 2, 3, 4, 5, 6, time.UTC)); err != nil {
		t.Fatal(err)
	}
	if err := r.SlewTime(context.Background(), -20*time.Millisecond, time.Minute); err != nil {
		t.Fatal(err)
	}
	if off := time.Now().Round(0).Sub(before.Round(0)); off.Abs() > time.Hour {
		t.Errorf("the clock has moved by %v", off)
	}
	if want := []string{"time 2030-01-02T03:04:05.000000006Z", "slew -20ms"}; !slices.Equal(r.Lines(), want) {
		t.Errorf("recorded %q, want %q", r.Lines(), want)
	}
}

func TestRecorderIsBounded(t *testing.T) {
	r := NewRecorder(Fixtures{})
	for range maxLines + 1 {
		r.SetHostname(context.Background(), "mbox")
	}
	if n := len(r.Lines()); n > maxLines {
		t.Fatalf("%d lines kept", n)
	}
}

func TestFixturesFail(t *testing.T) {
	broken := errors.New("broken")
	r := NewRecorder(Fixtures{Err: broken})
	if _, err := r.Interfaces(context.Background()); !errors.Is(err, broken) {
		t.Fatalf("interfaces: %v", err)
	}
	if _, err := r.Hostname(context.Background()); !errors.Is(err, broken) {
		t.Fatalf("hostname: %v", err)
	}
}

func TestOperUp(t *testing.T) {
	for _, c := range []struct {
		state string
		admin bool
		want  bool
	}{{"up", true, true}, {"unknown", true, true}, {"unknown", false, false}, {"down", true, false}, {"dormant", true, false}} {
		if got := (Interface{OperState: c.state, AdminUp: c.admin}).OperUp(); got != c.want {
			t.Errorf("%s, admin %t: %t", c.state, c.admin, got)
		}
	}
}
