// Mutants breaks each rule of the sync and of AAA on purpose, one line at a time, and looks which test notices. The tree is never
// modified: a break is an overlay of the build (`go help build`, -overlay). A break that no test notices is a test that is
// missing; one whose old text is no longer found exactly once is a list that is no longer true. Both end with exit 1.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"
)

func main() {
	list := flag.Bool("list", false, "print the breaks and do nothing")
	compile := flag.Bool("compile", false, "only look whether the breaks compile")
	only := flag.String("only", "", "only these breaks: names or rules, separated by commas")
	sample := flag.Int("sample", 0, "only so many, drawn by -seed")
	seed := flag.Uint64("seed", 1, "of -sample")
	by := flag.String("by", "", "look whether these tests notice, and no others: PACKAGE:PATTERN, such as ./modules/sync:TestModel")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, options{*list, *compile, *only, *by, *sample, *seed}); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

type options struct {
	list, compile bool
	only, by      string
	sample        int
	seed          uint64
}

func run(ctx context.Context, o options) error {
	root, err := moduleRoot(ctx)
	if err != nil {
		return err
	}
	all := mutants()
	chosen := choose(all, o.only, o.sample, o.seed)
	if len(chosen) == 0 {
		return fmt.Errorf("no break is called %q; see -list", o.only)
	}
	suspects := all // a sample finds an outdated entry elsewhere in the list, too
	if o.only != "" {
		suspects = chosen
	}
	if err := check(root, suspects); err != nil {
		return err
	}
	if o.list {
		return printList(chosen)
	}
	b, err := newBench(root, o.by)
	if err != nil {
		return err
	}
	defer b.close()
	if o.compile {
		return b.compileAll(ctx, chosen)
	}
	return try(ctx, b, chosen)
}

// choose narrows the list down.
func choose(all []mutant, only string, sample int, seed uint64) []mutant {
	chosen := all
	if only != "" {
		wanted := strings.Split(only, ",")
		chosen = slices.DeleteFunc(slices.Clone(all), func(m mutant) bool {
			return !slices.Contains(wanted, m.name) && !slices.Contains(wanted, m.rule)
		})
	}
	if sample <= 0 || sample >= len(chosen) {
		return chosen
	}
	random := rand.New(rand.NewPCG(seed, seed))
	drawn := make([]mutant, 0, sample)
	for _, i := range random.Perm(len(chosen))[:sample] {
		drawn = append(drawn, chosen[i])
	}
	return drawn
}

func printList(list []mutant) error {
	t := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "RULE\tBREAK\tFILE\tLIKELY KILLERS")
	for _, m := range list {
		var killers []string
		for _, k := range m.killers {
			killers = append(killers, k.String())
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", m.rule, m.name, m.file, strings.Join(killers, ", "))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Printf("%d breaks\n\n", len(list))
	for _, r := range rules {
		fmt.Printf("%-7s %s\n", r.number, r.text)
	}
	return nil
}

// try applies each break in turn and prints a line for it as soon as it is known.
func try(ctx context.Context, b *bench, list []mutant) error {
	const row = "%-7s  %-46s  %-52s  %6.1f\n"
	fmt.Printf("%-7s  %-46s  %-52s  %6s\n", "RULE", "BREAK", "NOTICED BY", "SECONDS")
	began := time.Now()
	var survived []string
	var errs []error
	for _, m := range list {
		start := time.Now()
		killer, err := b.try(ctx, m)
		switch {
		case errors.Is(err, errSurvived):
			killer = "SURVIVED"
			survived = append(survived, m.name)
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			killer = "NOT TRIED"
			errs = append(errs, fmt.Errorf("%s: %w", m.name, err))
		}
		fmt.Printf(row, m.rule, m.name, killer, time.Since(start).Seconds())
	}
	noticed := len(list) - len(survived) - len(errs)
	fmt.Printf("%d of %d breaks were noticed, in %v\n", noticed, len(list), time.Since(began).Round(time.Second))
	if len(survived) > 0 {
		errs = append(errs, fmt.Errorf("no test noticed: %s", strings.Join(survived, ", ")))
	}
	return errors.Join(errs...)
}
