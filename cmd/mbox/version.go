package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"time"
)

// version and built are set by the build: -ldflags "-X main.version=1.2.3 -X main.built=2026-01-31T12:00:00Z".
var version, built = "dev", ""

// build is what the Go toolchain recorded about this program.
type build struct {
	commit string
	time   time.Time // of the commit; zero if unknown
}

func readBuild() build {
	var b build
	b.time, _ = time.Parse(time.RFC3339, built)
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	modified := false
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.commit = s.Value[:min(12, len(s.Value))]
		case "vcs.time":
			if t, err := time.Parse(time.RFC3339, s.Value); err == nil {
				b.time = t
			}
		case "vcs.modified":
			modified = s.Value == "true"
		}
	}
	if modified && b.commit != "" {
		b.commit += "+changes"
	}
	return b
}

func describeProgram() string {
	text := fmt.Sprintf("mbox %s, %s %s/%s", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	if b := readBuild(); b.commit != "" {
		text += ", commit " + b.commit
	}
	return text + "\n"
}
