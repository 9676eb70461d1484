// Hour abuses the boxes for an hour, or for SOAK_TIME: the model test with fresh seeds, whole processes that are killed and
// damaged, every fuzz target in turn, and once all the breaks of package mutants. It prints a line for each thing that it
// did, and at the end what that was in all, and how to repeat what failed. It ends with exit 1 if anything did.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	length := flag.Duration("time", soakTime(), "how long; the default is SOAK_TIME, or an hour")
	seed := flag.Uint64("seed", uint64(time.Now().Unix()), "of the first round; each round takes the next one")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	failed, err := soak(ctx, *length, *seed)
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
	}
	if failed || err != nil {
		os.Exit(1)
	}
}

func soakTime() time.Duration {
	if d, err := time.ParseDuration(os.Getenv("SOAK_TIME")); err == nil && d > 0 {
		return d
	}
	return time.Hour
}

// soak does rounds until the time is over. Only what has begun is waited for.
func soak(ctx context.Context, length time.Duration, seed uint64) (failed bool, err error) {
	r := &report{began: time.Now(), end: time.Now().Add(length), log: os.Stdout, sums: map[string]int{}}
	fuzz, err := fuzzTargets(ctx)
	if err != nil {
		return false, err
	}
	fmt.Fprintf(r.log, "soak for %v, first seed %d, %d fuzz targets\n", length, seed, len(fuzz))
	for round := 0; ctx.Err() == nil && (round == 0 || time.Now().Before(r.end)); round++ {
		r.rounds++
		pieces := roundOf(round, seed+uint64(round), fuzz[round%len(fuzz)], length)
		for _, p := range pieces {
			if ctx.Err() != nil || round > 0 && time.Now().After(r.end) {
				break
			}
			r.add(round, p, p.run(ctx))
		}
	}
	r.summary()
	return len(r.failures) > 0, nil
}
