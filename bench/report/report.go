// Package report is what the measuring programs share: the machine they ran on, tables, and the places in a document that
// they rewrite.
package report

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
)

// Machine is where figures were taken.
type Machine struct {
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	Memory int    `json:"memory_gib"`
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
	Load   string `json:"load"` // average number of running programs over the minute before
}

// ThisMachine describes the machine that the program runs on, and how busy it is with other things.
func ThisMachine() Machine {
	m := Machine{CPU: cpuName(), Cores: runtime.NumCPU(), Go: runtime.Version()}
	var info syscall.Sysinfo_t
	if syscall.Sysinfo(&info) == nil {
		const gib = 1 << 30
		m.Memory = int((info.Totalram*uint64(info.Unit) + gib/2) / gib)
	}
	if raw, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel = strings.TrimSpace(string(raw))
	}
	if raw, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.Load, _, _ = strings.Cut(string(raw), " ")
	}
	return m
}

func cpuName() string {
	raw, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(raw)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.TrimSpace(strings.TrimLeft(name, "\t: "))
		}
	}
	return "unknown processor"
}

func (m Machine) String() string {
	return fmt.Sprintf("%d cores of %s, %d GiB, Linux %s, %s, load average before the run %s", m.Cores, m.CPU, m.Memory, m.Kernel, m.Go, m.Load)
}

// Table is rows of cells; the first is the head.
type Table [][]string

// Markdown aligns every column but the first to the right.
func (t Table) Markdown() string {
	var out strings.Builder
	for i, cells := range t {
		fmt.Fprintf(&out, "| %s |\n", strings.Join(cells, " | "))
		if i == 0 {
			out.WriteString("|---|" + strings.Repeat("---:|", len(cells)-1) + "\n")
		}
	}
	return out.String()
}

// Rewrite replaces what stands in a document between <!-- name --> and <!-- /name -->, each on a line of its own.
func Rewrite(file, name, text string) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	begin, end := fmt.Appendf(nil, "<!-- %s -->\n", name), fmt.Appendf(nil, "<!-- /%s -->\n", name)
	before, rest, ok := bytes.Cut(raw, begin)
	if !ok {
		return fmt.Errorf("%s has no line %s", file, bytes.TrimSpace(begin))
	}
	_, after, ok := bytes.Cut(rest, end)
	if !ok {
		return fmt.Errorf("%s has no line %s", file, bytes.TrimSpace(end))
	}
	out := bytes.Join([][]byte{before, begin, []byte(strings.TrimSpace(text)), []byte("\n"), end, after}, nil)
	return os.WriteFile(file, out, 0o644)
}
