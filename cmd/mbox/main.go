// Command mbox is the box: `mbox run` is the program that serves, `mbox shell` the console to it. This package only wires
// the rooms of the house together; what the box does is in them.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"mbox/shell"
)

// Exit statuses of every subcommand. Scripts depend on them.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
	exitBusy   = 3 // run: another box uses the folder; shell: no box does
)

const usage = `usage:
  mbox run --data DIR [--startup-config FILE] [--record-host] [--debug]
        run a box in the foreground; DIR holds everything it keeps. FILE is the configuration of a box that has none of
        its own, as an operator would type it: secrets in clear are kept sealed or hashed
  mbox shell --data DIR [--wait SECONDS] [-c LINE]...
        the box's console; without a terminal it reads lines from standard input
  mbox version
        what this program is
  mbox commands
        every line the box understands, as Markdown
  mbox schema DIR
        write the JSON schemas of what "| json" prints
`

func main() { os.Exit(mbox(os.Args[1:])) }

func mbox(args []string) int {
	if len(args) == 0 {
		fmt.Fprint(os.Stderr, usage)
		return exitUsage
	}
	switch name, rest := args[0], args[1:]; name {
	case "run":
		return runCommand(rest)
	case "shell":
		return shellCommand(rest)
	case "version":
		return print(rest, describeProgram())
	case "commands":
		text, err := commandsMarkdown()
		if err != nil {
			return fail(err)
		}
		return print(rest, text)
	case "schema":
		return schemaCommand(rest)
	case "help", "-h", "--help":
		return print(nil, usage)
	}
	return misuse("there is no subcommand %q", args[0])
}

// fail reports an error of the program itself.
func fail(err error) int {
	fmt.Fprintf(os.Stderr, "mbox: %v\n", err)
	return exitFailed
}

func misuse(format string, args ...any) int {
	fmt.Fprintf(os.Stderr, "mbox: "+format+"\n%s", append(args, usage)...)
	return exitUsage
}

// print is a subcommand that takes no arguments and writes text.
func print(args []string, text string) int {
	if len(args) > 0 {
		return misuse("unexpected %q", args[0])
	}
	if _, err := io.WriteString(os.Stdout, text); err != nil {
		return fail(err)
	}
	return exitOK
}

// newFlags makes the flags of a subcommand; parse answers mistakes in the program's own words.
func newFlags(name string) *flag.FlagSet {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	return flags
}

// parse returns -1 if the subcommand may go on.
func parse(flags *flag.FlagSet, args []string, dir *string) int {
	switch err := flags.Parse(args); {
	case err == flag.ErrHelp:
		return print(nil, usage)
	case err != nil:
		return misuse("%s: %v", flags.Name(), err)
	case flags.NArg() > 0:
		return misuse("%s: unexpected %q", flags.Name(), flags.Arg(0))
	case *dir == "":
		return misuse("%s: --data DIR is missing", flags.Name())
	}
	return -1
}

// lines collects -c, which may come several times.
type lines []string

func (l *lines) String() string { return strings.Join(*l, "; ") }

func (l *lines) Set(line string) error { *l = append(*l, line); return nil }

// maxWait bounds --wait, in seconds.
const maxWait = 24 * 60 * 60

func shellCommand(args []string) int {
	var commands lines
	flags := newFlags("shell")
	dir := flags.String("data", "", "")
	wait := flags.Float64("wait", 0, "")
	flags.Var(&commands, "c", "")
	if exit := parse(flags, args, dir); exit >= 0 {
		return exit
	}
	if !(*wait >= 0 && *wait <= maxWait) {
		return misuse("shell: --wait is from 0 to %d seconds", maxWait)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	return shell.Main(ctx, shell.ClientOptions{
		Dir: *dir, Wait: time.Duration(*wait * float64(time.Second)), Commands: commands,
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
	})
}
