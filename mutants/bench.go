package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// errSurvived: no test noticed the break.
var errSurvived = errors.New("no test noticed it")

// killerTime and suiteTime end tests that hang; a sound run takes a fraction of them.
const (
	killerTime = 90 * time.Second
	suiteTime  = 8 * time.Minute
)

// bench is where breaks are tried.
type bench struct {
	root string
	dir  string   // of overlays
	by   []killer // if any, the only ones
	good map[killer]bool
}

func newBench(root, by string) (*bench, error) {
	b := &bench{root: root, good: map[killer]bool{}}
	if by != "" {
		pkg, run, ok := strings.Cut(by, ":")
		if !ok {
			return nil, fmt.Errorf("%q: expected PACKAGE:PATTERN", by)
		}
		b.by = []killer{{pkg, run}}
	}
	var err error
	b.dir, err = os.MkdirTemp("", "mutants-")
	return b, err
}

func (b *bench) killers(m mutant) []killer {
	if b.by != nil {
		return b.by
	}
	return append(m.killers, m.suite()...)
}

func (b *bench) close() { _ = os.RemoveAll(b.dir) }

// try breaks one line and returns the test that noticed: of the likely ones first, then of all of the concerned packages.
func (b *bench) try(ctx context.Context, m mutant) (string, error) {
	overlay, err := b.overlay(m)
	if err != nil {
		return "", err
	}
	for _, k := range b.killers(m) {
		if err := b.sound(ctx, k); err != nil {
			return "", err
		}
		verdict, err := b.test(ctx, k, overlay)
		switch {
		case err != nil:
			return "", err
		case verdict.hung && !m.hangs && b.by == nil:
			return "", fmt.Errorf("%s hangs, and the break is not marked to do that:\n%s", k, verdict.output)
		case verdict.failed:
			return fmt.Sprintf("%s.%s", path.Base(k.pkg), verdict.test), nil
		}
	}
	return "", errSurvived
}

// sound runs the tests without a break: what fails anyway notices nothing.
func (b *bench) sound(ctx context.Context, k killer) error {
	if b.good[k] {
		return nil
	}
	verdict, err := b.test(ctx, k, "")
	if err == nil && verdict.failed {
		err = fmt.Errorf("%s fails without a break:\n%s", k, verdict.output)
	}
	b.good[k] = err == nil
	return err
}

// overlay writes the broken file beside the tree and tells the build about it.
func (b *bench) overlay(m mutant) (string, error) {
	file := filepath.Join(b.root, m.file)
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	broken := filepath.Join(b.dir, m.name+".go")
	if err := os.WriteFile(broken, bytes.Replace(text, []byte(m.old), []byte(m.new), 1), 0o600); err != nil {
		return "", err
	}
	raw, err := json.Marshal(map[string]any{"Replace": map[string]string{file: broken}})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(b.dir, m.name+".json")
	return overlay, os.WriteFile(overlay, raw, 0o600)
}

// compileAll finds breaks that do not compile, which would otherwise be found one by one.
func (b *bench) compileAll(ctx context.Context, list []mutant) error {
	var errs []error
	for _, m := range list {
		overlay, err := b.overlay(m)
		if err != nil {
			return err
		}
		cmd := exec.CommandContext(ctx, "go", "build", "-overlay", overlay, "./"+path.Dir(m.file))
		cmd.Dir, cmd.Env = b.root, append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w\n%s", m.name, err, out))
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return errors.Join(errs...)
}

// verdict is how tests ended.
type verdict struct {
	failed bool
	hung   bool
	test   string // the first that failed
	output string
}

var failLine = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)

// test runs a killer. Tests that do not compile or do not exist are an error: they would notice everything or nothing.
func (b *bench) test(ctx context.Context, k killer, overlay string) (verdict, error) {
	limit := killerTime
	if k.run == everything {
		limit = suiteTime
	}
	args := []string{"test", "-failfast", "-timeout", limit.String(), "-run", k.run}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	cmd := exec.CommandContext(ctx, "go", append(args, k.pkg)...)
	cmd.Dir = b.root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	// The children of go test must end with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	raw, err := cmd.CombinedOutput()
	output := string(raw)
	switch {
	case ctx.Err() != nil:
		return verdict{}, ctx.Err()
	case strings.Contains(output, "[build failed]") || strings.Contains(output, "[setup failed]"):
		return verdict{}, fmt.Errorf("%s does not compile:\n%s", k, output)
	case strings.Contains(output, "[no tests to run]"):
		return verdict{}, fmt.Errorf("%s: no such test", k)
	case err == nil:
		return verdict{}, nil
	}
	v := verdict{failed: true, hung: strings.Contains(output, "panic: test timed out"), test: "?", output: tail(output)}
	if found := failLine.FindAllStringSubmatch(output, -1); len(found) > 0 {
		v.test = found[0][1]
	} else if v.hung {
		v.test = k.run + " (hangs)"
	} else if strings.Contains(output, "panic: ") {
		v.test = k.run + " (panics)"
	}
	return v, nil
}

func tail(text string) string {
	const most = 4000
	return text[max(0, len(text)-most):]
}

// moduleRoot is the folder of go.mod.
func moduleRoot(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("find the module: %w", err)
	}
	return filepath.Dir(strings.TrimSpace(string(out))), nil
}
