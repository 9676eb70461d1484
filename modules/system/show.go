package system

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"time"

	"mbox/modules"
)

func (m *Module) showCommands() []modules.Command {
	return []modules.Command{{
		Syntax: "show version", Help: "Software, box and how long both have been running",
		Level: 1, Run: m.showVersion, Support: "show version", Result: versionView{},
	}, {
		Syntax: "show ip interface brief", Help: "Interfaces with their addresses and state",
		Words: map[string]string{"ip": "Internet protocol", "interface": "Interfaces", "brief": "One line for each address"},
		Level: 1, Run: m.showInterfaces, Support: "show ip interface brief", Result: interfacesView{},
	}}
}

// versionView is the result of `show version`.
type versionView struct {
	Product       string     `json:"product"`
	Version       string     `json:"version"`
	Commit        string     `json:"commit"`
	Built         *time.Time `json:"built"`
	GoVersion     string     `json:"go_version"`
	Platform      string     `json:"platform"`
	Hostname      string     `json:"hostname"`
	Box           string     `json:"box"`
	Started       time.Time  `json:"started"`
	UptimeSeconds int64      `json:"uptime_seconds"`
	HostUptime    *int64     `json:"host_uptime_seconds"`
	Notice        string     `json:"notice"`
}

func (m *Module) showVersion(ctx context.Context, _ modules.Call) (modules.View, error) {
	d := m.deps.Box.Describe()
	view := versionView{
		Product: "mbox", Version: d.Version, Commit: d.Commit,
		GoVersion: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Hostname: m.Hostname(), Box: d.BoxID, Started: d.Started.UTC(), Notice: d.Notice,
		UptimeSeconds: int64(m.deps.Now().Sub(d.Started).Seconds()),
	}
	if !d.Built.IsZero() {
		built := d.Built.UTC()
		view.Built = &built
	}
	up, err := m.deps.Host.Uptime(ctx)
	switch {
	case err == nil:
		seconds := int64(up.Seconds())
		view.HostUptime = &seconds
	case !errors.Is(err, errors.ErrUnsupported):
		return nil, fmt.Errorf("read the uptime: %w", err)
	}
	return view, nil
}

// Text follows the order of IOS: software, uptime, hardware.
func (v versionView) Text(w io.Writer, _ int) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s software, version %s\n", v.Product, v.Version)
	build := v.GoVersion + " " + v.Platform
	if v.Commit != "" {
		build += ", commit " + v.Commit
	}
	if v.Built != nil {
		build += ", " + v.Built.Format("2006-01-02 15:04:05 MST")
	}
	fmt.Fprintf(&b, "Built with %s\n\n", build)
	fmt.Fprintf(&b, "%s uptime is %s\n", v.Hostname, duration(v.UptimeSeconds))
	if v.HostUptime != nil {
		fmt.Fprintf(&b, "The machine has been up for %s\n", duration(*v.HostUptime))
	}
	fmt.Fprintf(&b, "Started at %s\n", v.Started.Format("2006-01-02 15:04:05 MST"))
	fmt.Fprintf(&b, "Box id %s\n", v.Box)
	if v.Notice != "" {
		b.WriteByte('\n')
	}
	for line := range strings.Lines(v.Notice) {
		fmt.Fprintf(&b, "Notice: %s\n", strings.TrimSuffix(line, "\n"))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// duration words seconds as IOS does: "1 week, 2 days, 3 hours, 4 minutes"; less than a minute in seconds.
func duration(seconds int64) string {
	if seconds < 60 {
		return plural(max(seconds, 0), "second")
	}
	var parts []string
	for _, unit := range []struct {
		seconds int64
		name    string
	}{{365 * 86400, "year"}, {7 * 86400, "week"}, {86400, "day"}, {3600, "hour"}, {60, "minute"}} {
		if n := seconds / unit.seconds; n > 0 {
			parts = append(parts, plural(n, unit.name))
			seconds %= unit.seconds
		}
	}
	return strings.Join(parts, ", ")
}

func plural(n int64, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}
