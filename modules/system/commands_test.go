package system

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"mbox/host"
)

var links = []host.Interface{
	{Name: "lo", Index: 1, AdminUp: true, OperState: "unknown", MTU: 65536,
		Addresses: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/8"), netip.MustParsePrefix("::1/128")}},
	{Name: "eth0", Index: 2, AdminUp: true, OperState: "up", MTU: 1500, MAC: net.HardwareAddr{2, 0, 0, 0, 0, 1},
		Addresses: []netip.Prefix{netip.MustParsePrefix("2001:db8::1/64"), netip.MustParsePrefix("10.0.0.1/24")}},
	{Name: "eth1", Index: 3, AdminUp: true, OperState: "down", MTU: 1500},
	{Name: "eth2", Index: 4, OperState: "down", MTU: 1500},
}

func want(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n%s\nwant\n%s", what, got, want)
	}
}

func TestShowVersion(t *testing.T) {
	b := newBox(t, "hostname box2")
	platform := runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH
	want(t, "text", b.text("show version"), `mbox software, version 1.2.3
Built with `+platform+`, commit abcdef0, 2025-12-02 03:04:05 UTC

box2 uptime is 1 day, 2 hours, 3 minutes
The machine has been up for 1 week, 3 days
Started at 2026-01-02 03:04:05 UTC
Box id 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff
`)
	want(t, "json", b.json("show version"), `{"product":"mbox","version":"1.2.3","commit":"abcdef0","built":"2025-12-02T03:04:05Z",`+
		`"go_version":"`+runtime.Version()+`","platform":"`+runtime.GOOS+"/"+runtime.GOARCH+`","hostname":"box2",`+
		`"box":"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff","started":"2026-01-02T03:04:05Z",`+
		`"uptime_seconds":93780,"host_uptime_seconds":864000,"notice":""}`)
	b.about.Built, b.about.Commit, b.about.Notice = time.Time{}, "", "rescue: the config store is damaged\nset aside: x"
	if got := b.text("show version"); !strings.HasSuffix(got, "\n\nNotice: rescue: the config store is damaged\nNotice: set aside: x\n") ||
		strings.Contains(got, "commit") {
		t.Errorf("in rescue:\n%s", got)
	}
	if got := b.json("show version"); !strings.Contains(got, `"built":null`) {
		t.Errorf("json of an unknown build: %s", got)
	}
}

func TestDuration(t *testing.T) {
	for seconds, text := range map[int64]string{
		-5: "0 seconds", 0: "0 seconds", 1: "1 second", 59: "59 seconds", 60: "1 minute", 3600: "1 hour", 3661: "1 hour, 1 minute",
		86400 * 400: "1 year, 5 weeks",
	} {
		want(t, "duration", duration(seconds), text)
	}
}

func TestShowInterfaces(t *testing.T) {
	b := newBox(t)
	want(t, "text", b.text("show ip interface brief"), `Interface  IP-Address   OK? Method Status                Protocol
lo         127.0.0.1    YES other  up                    up
lo         ::1          YES other  up                    up
eth0       10.0.0.1     YES other  up                    up
eth0       2001:db8::1  YES other  up                    up
eth1       unassigned   YES unset  down                  down
eth2       unassigned   YES unset  administratively down down
`)
	got := b.json("show ip interface brief")
	for _, part := range []string{
		`{"name":"eth0","index":2,"mac":"02:00:00:00:00:01","mtu":1500,"status":"up","protocol":"up","addresses":["10.0.0.1/24","2001:db8::1/64"]}`,
		`{"name":"eth2","index":4,"mac":null,"mtu":1500,"status":"administratively down","protocol":"down","addresses":[]}`,
	} {
		if !strings.Contains(got, part) {
			t.Errorf("%s is not in\n%s", part, got)
		}
	}
	b.module.deps.Host = host.NewRecorder(host.Fixtures{})
	want(t, "json of none", b.json("show ip interface brief"), `{"interfaces":[]}`)
	broken := errors.New("broken")
	b.module.deps.Host = host.NewRecorder(host.Fixtures{Err: broken})
	if _, err := b.exec("show ip interface brief", nil); !errors.Is(err, broken) {
		t.Errorf("a host that fails: %v", err)
	}
}

const longEnough = "correct horse"

func TestBackupCommand(t *testing.T) {
	b := newBox(t)
	term := &terminal{secrets: []string{longEnough}}
	view, err := b.exec("backup box.mbk", term)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "backup", print(t, view), "6 bytes written to box.mbk\n[OK]\n")
	if got, _ := b.file("box.mbk"); got != "sealed" || b.back.passphrase != longEnough || term.progress != 6 {
		t.Errorf("wrote %q under %q, progress %d", got, b.back.passphrase, term.progress)
	}
	if strings.Contains(b.log.String(), longEnough) || !strings.Contains(b.log.String(), "by=alice") {
		t.Errorf("log: %s", b.log)
	}
	if view, err := b.exec("backup twice.mbk", &terminal{interactive: true, secrets: []string{longEnough, longEnough}}); err != nil {
		t.Errorf("at a terminal: %v, %v", view, err)
	}
	b.refused("backup no.mbk", &terminal{interactive: true, secrets: []string{longEnough, "another passphrase"}}, "differ")
	b.refused("backup no.mbk", &terminal{secrets: []string{"short"}}, "shorter than 8")
	b.back.fail = errors.New("no space left on device")
	b.refused("backup no.mbk", &terminal{secrets: []string{longEnough}}, "no space left on device")
	b.back.fail = context.Canceled
	b.refused("backup no.mbk", &terminal{secrets: []string{longEnough}}, "Stopped")
	if _, there := b.file("no.mbk"); there {
		t.Error("a backup that failed left a file")
	}
	if entries, _ := os.ReadDir(b.dir); len(entries) != 2 {
		t.Errorf("%d files in the file area", len(entries))
	}
}

func TestRestoreCommand(t *testing.T) {
	b := newBox(t)
	if err := os.WriteFile(filepath.Join(b.dir, "box.mbk"), []byte("sealed"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(b.dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	b.refused("restore missing.mbk force", nil, "There is no file missing.mbk")
	b.refused("restore folder force", nil, "folder is not a file")
	b.refused("restore box.mbk", &terminal{secrets: []string{longEnough}}, "restore box.mbk force")
	if view, err := b.exec("restore box.mbk", &terminal{interactive: true}); err != nil || print(t, view) != "" {
		t.Errorf("answered no: %v", err)
	}
	b.back.fail = errors.New("wrong passphrase")
	b.refused("restore box.mbk force", &terminal{secrets: []string{longEnough}}, "Nothing was restored: wrong passphrase")
	if b.reloads != 0 || b.back.staged != "" {
		t.Fatalf("%d reloads, staged %q", b.reloads, b.back.staged)
	}
	b.back.fail = nil
	term := &terminal{interactive: true, answers: []bool{true}, secrets: []string{longEnough}}
	view, err := b.exec("restore box.mbk", term)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "restore", print(t, view), "Reloading\n")
	if b.reloads != 1 || b.back.staged != "sealed" || b.back.passphrase != longEnough || term.progress != 6 {
		t.Errorf("%d reloads, staged %q under %q, progress %d", b.reloads, b.back.staged, b.back.passphrase, term.progress)
	}
	if strings.Contains(b.log.String(), longEnough) {
		t.Errorf("the passphrase is in the log: %s", b.log)
	}
}

// TestLevels: in user mode nothing can be changed, and nothing of the configuration is shown.
func TestLevels(t *testing.T) {
	b := newBox(t)
	for _, c := range b.engine.Book().Commands() {
		open := slices.Contains([]string{"show version", "show ip interface brief"}, c.Syntax)
		if open != (c.Level <= 1) {
			t.Errorf("%s needs level %d", c.Syntax, c.Level)
		}
	}
}
