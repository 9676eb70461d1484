package diag

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"mbox/modules"
)

func (m *Module) processCommands() []modules.Command {
	words := map[string]string{
		"show": "Show what the box knows", "processes": "What the program of the box is doing, and what it uses", "memory": "What memory the program uses",
	}
	return []modules.Command{
		{Syntax: "show processes", Help: "What the program of the box is doing, and what it uses", Words: words, Level: 1,
			Run: m.showProcesses, Support: "show processes", Result: processView{}},
		{Syntax: "show memory", Help: "What memory the program uses", Words: words, Level: 1,
			Run: m.showMemory, Support: "show memory", Result: memoryView{}},
	}
}

// processView is the result of `show processes`. Figures of the processor are percent of one.
type processView struct {
	Started         time.Time `json:"started"`
	UptimeSeconds   int64     `json:"uptime_seconds"`
	CPUs            int       `json:"cpus"`
	CPUFiveSeconds  *float64  `json:"cpu_five_seconds_percent"` // null: the box has not run for so long
	CPUOneMinute    *float64  `json:"cpu_one_minute_percent"`
	CPUFiveMinutes  *float64  `json:"cpu_five_minutes_percent"`
	CPUSeconds      *float64  `json:"cpu_seconds"` // since the program started
	Threads         *int64    `json:"threads"`
	OpenFiles       *int      `json:"open_files"`
	MaxFiles        *uint64   `json:"max_open_files"`
	ResidentBytes   *int64    `json:"resident_bytes"`
	Goroutines      int       `json:"goroutines"`
	Rooms           []room    `json:"rooms"`
	ContextSwitches *int64    `json:"context_switches"`
}

func (m *Module) showProcesses(context.Context, modules.Call) (modules.View, error) {
	now := time.Now()
	v := processView{Started: m.deps.Started.UTC(), UptimeSeconds: int64(now.Sub(m.deps.Started).Seconds()), CPUs: runtime.GOMAXPROCS(0)}
	if busy, err := processorTime(); err == nil {
		seconds := busy.Seconds()
		v.CPUSeconds = &seconds
		v.CPUFiveSeconds = m.usage.percent(sampleEvery, now, busy)
		v.CPUOneMinute = m.usage.percent(time.Minute, now, busy)
		v.CPUFiveMinutes = m.usage.percent(sampleSpan, now, busy)
	}
	status := procStatus()
	v.Threads, v.ResidentBytes = figure(status, "Threads"), figure(status, "VmRSS")
	if a, b := figure(status, "voluntary_ctxt_switches"), figure(status, "nonvoluntary_ctxt_switches"); a != nil && b != nil {
		*a += *b
		v.ContextSwitches = a
	}
	if files, err := os.ReadDir("/proc/self/fd"); err == nil {
		n := len(files) - 1 // the folder itself
		v.OpenFiles = &n
	}
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil {
		v.MaxFiles = &limit.Cur
	}
	v.Rooms, v.Goroutines = goroutines()
	return v, nil
}

func figure(status map[string]int64, name string) *int64 {
	if n, known := status[name]; known {
		return &n
	}
	return nil
}

// Text begins with the line that IOS begins with.
func (v processView) Text(w io.Writer, width int) error {
	var b strings.Builder
	fmt.Fprintf(&b, "CPU utilization for five seconds: %s; one minute: %s; five minutes: %s\n",
		percent(v.CPUFiveSeconds), percent(v.CPUOneMinute), percent(v.CPUFiveMinutes))
	fmt.Fprintf(&b, "%d CPUs", v.CPUs)
	if v.CPUSeconds != nil {
		fmt.Fprintf(&b, ", %s of processor time in %s", wordTime(*v.CPUSeconds), wordTime(float64(v.UptimeSeconds)))
	}
	b.WriteByte('\n')
	line := func(format string, value *int64) {
		if value != nil {
			fmt.Fprintf(&b, format, *value)
		}
	}
	if v.ResidentBytes != nil {
		fmt.Fprintf(&b, "%s of memory\n", modules.SizeText(*v.ResidentBytes))
	}
	line("%d threads\n", v.Threads)
	line("%d context switches\n", v.ContextSwitches)
	if v.OpenFiles != nil && v.MaxFiles != nil {
		fmt.Fprintf(&b, "%d open files of at most %d\n", *v.OpenFiles, *v.MaxFiles)
	}
	fmt.Fprintf(&b, "%d goroutines\n\n", v.Goroutines)
	if _, err := io.WriteString(w, b.String()); err != nil {
		return err
	}
	rows := make([][]string, len(v.Rooms))
	for i, r := range v.Rooms {
		rows[i] = []string{fmt.Sprint(r.Goroutines), r.Room}
	}
	columns := []modules.Column{{Name: "GOROUTINES", Right: true}, {Name: "ROOM", Min: 8}}
	return modules.Table{Columns: columns, Rows: modules.Rows(rows)}.Text(w, width)
}

func percent(p *float64) string {
	if p == nil {
		return "-"
	}
	return fmt.Sprintf("%.1f%%", *p)
}

func wordTime(seconds float64) string {
	if seconds < 60 {
		return fmt.Sprintf("%.2f s", seconds)
	}
	return time.Duration(seconds * float64(time.Second)).Round(time.Second).String()
}

// memoryView is the result of `show memory`.
type memoryView struct {
	ResidentBytes *int64  `json:"resident_bytes"` // of the program, as the kernel counts
	PeakBytes     *int64  `json:"peak_bytes"`
	SwapBytes     *int64  `json:"swap_bytes"`
	HeapBytes     uint64  `json:"heap_bytes"`    // of Go, in use
	HeapIdle      uint64  `json:"idle_bytes"`    // of Go, free but not given back
	StackBytes    uint64  `json:"stack_bytes"`   // of goroutines
	RuntimeBytes  uint64  `json:"runtime_bytes"` // of Go for its own ends
	Objects       uint64  `json:"objects"`
	Collections   uint32  `json:"garbage_collections"`
	TotalBytes    *uint64 `json:"machine_total_bytes"`
	Available     *uint64 `json:"machine_available_bytes"`
}

func (m *Module) showMemory(context.Context, modules.Call) (modules.View, error) {
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	status := procStatus()
	v := memoryView{
		ResidentBytes: figure(status, "VmRSS"), PeakBytes: figure(status, "VmHWM"), SwapBytes: figure(status, "VmSwap"),
		HeapBytes: mem.HeapInuse, HeapIdle: mem.HeapIdle - mem.HeapReleased, StackBytes: mem.StackInuse,
		RuntimeBytes: mem.MSpanSys + mem.MCacheSys + mem.BuckHashSys + mem.GCSys + mem.OtherSys, Objects: mem.HeapObjects, Collections: mem.NumGC,
	}
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		machine := parseStatus(string(text))
		v.TotalBytes, v.Available = unsigned(figure(machine, "MemTotal")), unsigned(figure(machine, "MemAvailable"))
	}
	return v, nil
}

func unsigned(n *int64) *uint64 {
	if n == nil {
		return nil
	}
	u := uint64(*n)
	return &u
}

// Text is a line for each figure.
func (v memoryView) Text(w io.Writer, width int) error {
	var rows [][]string
	add := func(what string, bytes int64, note string) {
		rows = append(rows, []string{what, modules.SizeText(bytes), note})
	}
	for _, kernel := range []struct {
		what  string
		bytes *int64
		note  string
	}{{"Resident", v.ResidentBytes, "in memory, as the kernel counts"}, {"Peak", v.PeakBytes, "the most it ever was"}, {"Swapped", v.SwapBytes, ""}} {
		if kernel.bytes != nil {
			add(kernel.what, *kernel.bytes, kernel.note)
		}
	}
	add("Heap", int64(v.HeapBytes), fmt.Sprintf("%d objects, %d garbage collections", v.Objects, v.Collections))
	add("Idle", int64(v.HeapIdle), "free, kept for later")
	add("Stacks", int64(v.StackBytes), "of goroutines")
	add("Runtime", int64(v.RuntimeBytes), "of Go itself")
	if v.TotalBytes != nil && v.Available != nil {
		add("Machine", int64(*v.TotalBytes), fmt.Sprintf("%s available", modules.SizeText(int64(*v.Available))))
	}
	columns := []modules.Column{{Name: "MEMORY"}, {Name: "SIZE", Right: true}, {Name: "NOTE", Min: 12}}
	return modules.Table{Columns: columns, Rows: modules.Rows(rows)}.Text(w, width)
}
