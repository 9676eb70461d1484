package system

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"
)

// processView says how the program itself is doing.
type processView struct {
	Started    time.Time `json:"started"`
	Goroutines int       `json:"goroutines"`
	CPUs       int       `json:"cpus"`
	HeapBytes  uint64    `json:"heap_bytes"`   // in use
	TotalBytes uint64    `json:"memory_bytes"` // taken from the operating system
	Garbage    uint32    `json:"garbage_collections"`
	OpenFiles  *int      `json:"open_files"`
	Unsaved    bool      `json:"configuration_unsaved"`
	Storage    []Volume  `json:"storage"`
	Notice     string    `json:"notice"`
}

// Volume is a part of the data folder.
type Volume struct {
	Name  string  `json:"name"`
	Path  string  `json:"path"`
	Bytes int64   `json:"bytes"`      // that it takes
	Free  *uint64 `json:"free_bytes"` // of the file system below it
}

func (m *Module) process(context.Context) processView {
	d := m.deps.Box.Describe()
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	v := processView{
		Started: d.Started.UTC(), Goroutines: runtime.NumGoroutine(), CPUs: runtime.GOMAXPROCS(0), HeapBytes: mem.HeapInuse, TotalBytes: mem.Sys,
		Garbage: mem.NumGC, Unsaved: m.deps.Config.Dirty(), Storage: []Volume{}, Notice: d.Notice,
	}
	if d.Storage != nil {
		v.Storage = append(v.Storage, d.Storage()...)
	}
	if files, err := os.ReadDir("/proc/self/fd"); err == nil {
		n := len(files)
		v.OpenFiles = &n
	}
	return v
}

// Text is a line for each figure.
func (v processView) Text(w io.Writer, _ int) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Started %s\n", v.Started.Format(time.RFC3339))
	fmt.Fprintf(&b, "%d goroutines on %d CPUs\n", v.Goroutines, v.CPUs)
	fmt.Fprintf(&b, "%d MiB heap in use, %d MiB taken\n", v.HeapBytes>>20, v.TotalBytes>>20)
	fmt.Fprintf(&b, "%d garbage collections\n", v.Garbage)
	if v.OpenFiles != nil {
		fmt.Fprintf(&b, "%d open files\n", *v.OpenFiles)
	}
	if v.Unsaved {
		b.WriteString("The configuration has unsaved changes\n")
	}
	for _, s := range v.Storage {
		fmt.Fprintf(&b, "%s: %d KiB", s.Name, s.Bytes>>10)
		if s.Free != nil {
			fmt.Fprintf(&b, ", %d MiB free", *s.Free>>20)
		}
		fmt.Fprintf(&b, "\n  %s\n", s.Path)
	}
	for line := range strings.Lines(v.Notice) {
		fmt.Fprintf(&b, "Notice: %s\n", strings.TrimSuffix(line, "\n"))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func marshal(v any) ([]byte, error) { return json.Marshal(v) }
