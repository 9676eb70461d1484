package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"mbox/modules/logging"
)

// stopTime is how long a box may take to end after SIGTERM or SIGINT. What is acknowledged is on the disk already, so a
// box that takes longer is cut off.
const stopTime = 4 * time.Second

func runCommand(args []string) int {
	var o options
	flags := newFlags("run")
	flags.StringVar(&o.dir, "data", "", "")
	flags.StringVar(&o.startup, "startup-config", "", "")
	flags.BoolVar(&o.record, "record-host", false, "")
	debug := flags.Bool("debug", false, "")
	if exit := parse(flags, args, &o.dir); exit >= 0 {
		return exit
	}
	o.hub = logging.NewHub(logging.Options{Console: os.Stderr, Debug: *debug})
	o.log = slog.New(o.hub.Handler())
	signal.Ignore(syscall.SIGHUP, syscall.SIGPIPE) // the terminal, or the reader of the log, may go; the box stays
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	lock, err := lockDir(o.dir)
	switch {
	case errors.Is(err, errBusy):
		fmt.Fprintf(os.Stderr, "mbox: %v\n", err)
		return exitBusy
	case err != nil:
		return fail(err)
	}
	defer lock.Close()
	return lives(ctx, o)
}

// lives runs a box, again after each reload.
func lives(ctx context.Context, o options) int {
	for {
		ended := make(chan error, 1)
		o.failed = make(chan error, 1)
		go func() { ended <- live(ctx, o) }()
		var err error
		select {
		case err = <-ended:
		case err = <-o.failed: // the storage may be stuck, and with it whoever waits for it
			select {
			case <-ended:
			case <-time.After(stopTime):
			}
			return fail(err)
		case <-ctx.Done():
			select {
			case err = <-ended:
			case <-time.After(stopTime):
				return fail(fmt.Errorf("the box did not end within %v and was cut off", stopTime))
			}
		}
		switch {
		case errors.Is(err, errReload) && ctx.Err() == nil:
			o.log.Info("the box starts again")
		case errors.Is(err, errReload), errors.Is(err, context.Canceled):
			o.log.Info("the box has stopped")
			return exitOK
		default:
			return fail(err)
		}
	}
}
