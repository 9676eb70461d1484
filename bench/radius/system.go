package main

import "mbox/bench/servers"

// system is a kind of RADIUS server.
type system interface {
	Name() string
	// Version of what is installed; servers.ErrMissing if nothing is.
	Version() (string, error)
	// Settings are those that matter to the figures, in one line.
	Settings() string
	// Start runs a fresh server that knows so many accounts and answers at 127.0.0.1.
	Start(at *servers.Site, accounts int) (server, error)
}

// server is one that runs.
type server interface {
	AuthAddress() string
	// AcctAddress is empty if it does not keep accounting durably.
	AcctAddress() string
	// Processes are those that the work is done by; their children count, too.
	Processes() []int
	// Held is how many sessions it has stored, and the octets of all.
	Held() (sessions, octets uint64, err error)
	Close() error
}

// followed is a server whose data another one may have as well.
type followed interface {
	// Followed returns once the other has everything, if there is one.
	Followed() error
	// Follower is the other's process; false if there is none.
	Follower() (pid int, ok bool)
}
