package policy

import (
	"time"

	"mbox/hotspotdb"
)

// Limits are what an accepted session may do from now on. Zero means no limit, where nothing else is said.
type Limits struct {
	SessionTimeout time.Duration // the least of Session-Timeout, time quotas, expiry and Login-Time; whole seconds
	IdleTimeout    time.Duration
	Interim        time.Duration // Acct-Interim-Interval; set by the server
	UpKbps         uint64        // from the user, 1,000 bit/s
	DownKbps       uint64

	TotalOctets     uint64 // both directions, left for this session
	HasTotal        bool   // there is such a limit
	RedirectURL     string
	SimultaneousUse int  // sessions at the same time
	HasSimultaneous bool // there is such a limit

	Attributes []hotspotdb.Attribute // merged, of account and profiles: what the session's record keeps
}

// Verdict is what becomes of a session that goes on.
type Verdict struct {
	End    bool
	Cause  string    // Acct-Terminate-Cause, RFC 2866 section 5.10
	Reason Reason    // OK while it goes on
	Limits Limits    // what is left while it goes on
	Next   time.Time // when to look again although nothing was heard; zero: no such time
}
