// Package diag is what an operator looks for trouble with: ping, traceroute, the state of the program itself, and the files
// of the box's file area.
package diag

import (
	"context"
	"net/netip"
	"time"

	"mbox/host"
	"mbox/modules"
)

// Resolver is the box's own: what it dials and what an operator pings are the same.
type Resolver interface {
	// LookupNetIP returns the addresses of a name; an address stands for itself.
	LookupNetIP(ctx context.Context, name string) ([]netip.Addr, error)
	// LookupAddr returns a name of an address, or an error if nobody knows one.
	LookupAddr(ctx context.Context, addr netip.Addr) (string, error)
}

// Deps is what the module needs of the rest of the box.
type Deps struct {
	Resolver   Resolver
	Names      func(prefix string) []modules.Candidate // hosts that `?` shows; may be nil
	Interfaces func(context.Context) ([]host.Interface, error)
	Files      modules.Files // whose names `?` shows; may be nil
	Started    time.Time     // when the box was
}

// Module has the commands. Its methods may be called from many goroutines.
type Module struct {
	deps  Deps
	slots chan struct{} // one for each ping or traceroute that runs
	usage usage
}

var _ modules.Runner = (*Module)(nil)

// maxRunning bounds the pings and traceroutes that run at once, in all sessions together.
const maxRunning = 16

// New makes the module.
func New(deps Deps) *Module {
	return &Module{deps: deps, slots: make(chan struct{}, maxRunning)}
}

// Name is "diag".
func (*Module) Name() string { return "diag" }

// Grammar has the commands.
func (m *Module) Grammar() modules.Grammar {
	var commands []modules.Command
	commands = append(commands, m.pingCommand(), m.traceCommand())
	commands = append(commands, m.processCommands()...)
	commands = append(commands, m.fileCommands()...)
	return modules.Grammar{Commands: commands}
}

// Run watches how much the program works, for `show processes`, until ctx ends.
func (m *Module) Run(ctx context.Context) error {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		if busy, err := processorTime(); err == nil {
			m.usage.add(time.Now(), busy)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// take waits for nobody: too many tests at once are refused, and the last slots are for who may do everything. The function
// returned gives the slot back.
func (m *Module) take(actor modules.Actor) (func(), error) {
	crowded := &modules.Error{Message: "Too many pings and traceroutes run on this box", Hint: "Stop one with Ctrl-C, or wait for it."}
	if actor.Level < operator && len(m.slots) >= maxRunning/2 {
		return nil, crowded
	}
	select {
	case m.slots <- struct{}{}:
		return func() { <-m.slots }, nil
	default:
		return nil, crowded
	}
}
