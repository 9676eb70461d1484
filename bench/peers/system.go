package main

// system is a kind of replicated store.
type system interface {
	Name() string
	// Version of what is installed; servers.ErrMissing if nothing is.
	Version() (string, error)
	// Settings are those that matter to the figures, in one line.
	Settings() string
	// Start makes a fresh, empty pair; the replica reaches the primary by the route, once Attach is called.
	Start(site *site, by route) (pair, error)
}

// route gives the address at which a replica finds the primary that listens at target; both are host:port.
type route func(target string) (string, error)

func direct(target string) (string, error) { return target, nil }

// pair is a primary and its replica.
type pair interface {
	// Load stores rows 0 to n-1 at the primary, in bulk.
	Load(n int) error
	// Attach makes the replica follow. The first time it copies everything, then it catches up with what it missed.
	Attach() error
	// Detach cuts the replica off and returns when nothing flows.
	Detach() error
	// Relax lets the primary confirm before it is durable, to prepare many changes quickly, or ends that.
	Relax(on bool) error
	// Acknowledge makes the primary confirm only what the replica has, until the pair ends. servers.ErrMissing if it cannot.
	Acknowledge() error
	// Same is an error unless both hold the same.
	Same() error
	Writer() (writer, error)
	Reader() (reader, error)
	Close() error
}

// writer is a client of the primary with a connection of its own. What returns is durable there.
type writer interface {
	Put(row) error
	Disable(username string) error
	Close() error
}

// reader is a client of the replica with a connection of its own.
type reader interface {
	Has(username string) (bool, error)
	Close() error
}

// watcher is a pair whose replica tells of changes, so that nobody has to poll.
type watcher interface {
	// Watch returns a func that waits until the replica has a username.
	Watch() (wait func(username string) error, stop func(), err error)
}
