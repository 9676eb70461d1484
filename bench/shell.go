package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// The figures of the operator's line.
const (
	configLines  = 10_000 // of the startup-config
	pastedLines  = 5_000
	keystrokes   = 500
	questions    = 100
	sshSessions  = 100
	screenUpdate = 1000.0 / 60 // milliseconds between two pictures of a usual screen
)

// shellFigures measures what an operator feels, on a box of its own process that is reached by SSH; beside it FRR's vtysh, and a
// bash behind OpenSSH, if they are installed.
func shellFigures(t *harness, w *tabwriter.Writer) {
	box := newShellBox(t)
	frr := startFRR(t)
	openssh := startOpenSSH(t)

	loading := func(lines int) time.Duration { return box.start(lines) }
	empty := loading(0)
	box.stop()
	full := loading(configLines)
	beside, ratio := "-", "-"
	if frr != nil {
		took := frr.load(configLines)
		beside, ratio = fmt.Sprintf("vtysh -f %.2f s", took.Seconds()), fmt.Sprintf("%.1f", took.Seconds()/(full-empty).Seconds())
	}
	fmt.Fprintf(w, "starting with a startup-config of %d lines / with an empty one\t%.2f / %.2f s\t%s\t%s\n", configLines, full.Seconds(), empty.Seconds(), beside, ratio)

	compare(w, fmt.Sprintf("keystroke -> echo with %d lines configured", configLines), echoes(t, box.login(), "mbox#"), "bash behind sshd", openssh.times(func(l *line) []time.Duration { return echoes(t, l, "plain$") }))
	compare(w, "show ? -> list and line again", answers(t, box.login(), "mbox#", "show ", '?', "mbox#show "), "vtysh", frr.times(func(l *line) []time.Duration {
		return answers(t, l, "# ", "show ", '?', "# show ")
	}))
	configuring := box.login()
	configuring.ask("configure terminal\r", "(config)#")
	compare(w, fmt.Sprintf("no ip host ? with %d hosts", configLines/2), answersPaged(t, configuring, "no ip host ", '?'), "", nil)
	compare(w, "Tab completes show runn", answers(t, box.login(), "mbox#", "show runn", '\t', "ing-config "), "vtysh", frr.times(func(l *line) []time.Duration {
		return answers(t, l, "# ", "show runn", '\t', "ing-config ")
	}))

	took := box.paste(pastedLines)
	beside, ratio = "-", "-"
	if frr != nil {
		other := frr.paste(pastedLines)
		beside, ratio = fmt.Sprintf("vtysh, from a pipe %.2f s", other.Seconds()), fmt.Sprintf("%.1f", other.Seconds()/took.Seconds())
	}
	fmt.Fprintf(w, "pasting %d configuration lines over SSH\t%.2f s\t%s\t%s\n", pastedLines, took.Seconds(), beside, ratio)

	memory, each := box.crowd(sshSessions)
	beside, ratio = "-", "-"
	if openssh != nil {
		other := openssh.crowd(sshSessions)
		beside, ratio = fmt.Sprintf("sshd and bash %d KiB", other>>10), fmt.Sprintf("%.1f", float64(other)/float64(memory))
	}
	fmt.Fprintf(w, "memory of each of %d SSH sessions (proportional set size)\t%d KiB\t%s\t%s\n", sshSessions, memory>>10, beside, ratio)
	fmt.Fprintf(w, "logging in by key, one after the other\t%.1f ms\t\t\n", each.Seconds()*1000)
}

// compare prints a row of two lists of times.
func compare(w *tabwriter.Writer, what string, ours []time.Duration, name string, theirs []time.Duration) {
	beside, ratio := "-", "-"
	slices.Sort(ours)
	if len(theirs) > 0 {
		slices.Sort(theirs)
		beside = name + " " + bothPercentiles(theirs)
		ratio = fmt.Sprintf("%.1f", percentile(theirs, 0.5).Seconds()/percentile(ours, 0.5).Seconds())
	}
	fmt.Fprintf(w, "%s, p50 / p99 (a screen shows a picture each %.1f ms)\t%s\t%s\t%s\n", what, screenUpdate, bothPercentiles(ours), beside, ratio)
}

func bothPercentiles(sorted []time.Duration) string {
	return fmt.Sprintf("%.2f / %.2f ms", percentile(sorted, 0.5).Seconds()*1000, percentile(sorted, 0.99).Seconds()*1000)
}

// echoes times how long each typed letter takes to come back; between them the letter is taken back.
func echoes(t *harness, l *line, prompt string) (took []time.Duration) {
	if l == nil {
		return nil
	}
	l.ask("\r", prompt)
	for i := range keystrokes {
		letter := string(rune('a' + i%26))
		took = append(took, l.ask(letter, letter))
		l.ask("\x7f", "") // whatever comes, it has been handled
	}
	l.close()
	return took
}

// answers times what a key at the end of typed text brings until the line stands there again as again.
func answers(t *harness, l *line, prompt, typed string, key rune, again string) (took []time.Duration) {
	if l == nil {
		return nil
	}
	for range questions {
		l.ask("\x15\r", prompt)
		l.ask(typed, strings.TrimSpace(typed))
		took = append(took, l.ask(string(key), again))
	}
	l.close()
	return took
}

// answersPaged is answers where the list is longer than the screen or cut: it ends with the line as typed.
func answersPaged(t *harness, l *line, typed string, key rune) (took []time.Duration) {
	for range questions {
		l.ask("\x15\r", "(config)#")
		l.ask(typed, strings.TrimSpace(typed))
		took = append(took, l.ask(string(key), "#"+typed))
	}
	l.close()
	return took
}

// proportional is the proportional set size of a process and its descendants, in bytes: shared pages count once.
func proportional(t *harness, pid int) (bytes int64) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0 // ended meanwhile
	}
	for text := range strings.Lines(string(raw)) {
		var kib int64
		if _, err := fmt.Sscanf(text, "Pss: %d kB", &kib); err == nil {
			bytes += kib << 10
		}
	}
	children, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	t.must(err)
	for _, name := range children {
		list, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		for _, field := range strings.Fields(string(list)) {
			var child int
			if _, err := fmt.Sscan(field, &child); err == nil {
				bytes += proportional(t, child)
			}
		}
	}
	return bytes
}
