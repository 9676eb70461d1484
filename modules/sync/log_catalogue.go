package sync

// kind names an event of sync. Names and severities are stable: rules of log collectors match them, as in %SYNC-5-PEERUP.
type kind string

// Events of a connection, of what flows over it, of keys, and of this box.
const (
	evPeerUp     kind = "PEERUP"
	evPeerDown   kind = "PEERDOWN"
	evNoPeer     kind = "NOPEER"
	evDenied     kind = "DENIED"
	evRejected   kind = "REJECTED"
	evRevoked    kind = "REVOKED"
	evKeyChanged kind = "KEYCHANGED"
	evCloned     kind = "CLONED"
	evGuessing   kind = "GUESSING"

	evInSync     kind = "INSYNC"
	evCatchingUp kind = "CATCHUP"
	evSkewed     kind = "SKEWED"
	evStale      kind = "STALE"
	evDiverged   kind = "DIVERGED"
	evRepaired   kind = "REPAIRED"
	evForgotten  kind = "FORGOTTEN"
	evSetAside   kind = "SETASIDE"
	evConflict   kind = "CONFLICT"
	evNoSpace    kind = "NOSPACE"

	evPaused        kind = "PAUSED"
	evResumed       kind = "RESUMED"
	evResync        kind = "RESYNC"
	evRecover       kind = "RECOVER"
	evRecovered     kind = "RECOVERED"
	evPinned        kind = "PINNED"
	evUnpinned      kind = "UNPINNED"
	evPeerForgotten kind = "PEERFORGOTTEN"

	evDegraded   kind = "DEGRADED"
	evConfirming kind = "CONFIRMING"
	evDamaged    kind = "DAMAGED"
	evReady      kind = "READY"
)

// catalogue has the severity of each kind, by RFC 5424 section 6.2.1: 0 emergency, 1 alert, 2 critical, 3 error, 4 warning,
// 5 notice, 6 informational. docs/monitoring.md explains each.
var catalogue = map[kind]int{
	evPeerUp: 5, evPeerDown: 4, evNoPeer: 4, evDenied: 3, evRejected: 4, evRevoked: 4, evKeyChanged: 2, evCloned: 3, evGuessing: 4,
	evInSync: 5, evCatchingUp: 6, evSkewed: 4, evStale: 3, evDiverged: 3, evRepaired: 2, evForgotten: 4, evSetAside: 4,
	evConflict: 4, evNoSpace: 2,
	evPaused: 4, evResumed: 5, evResync: 5, evRecover: 5, evRecovered: 5, evPinned: 5, evUnpinned: 5, evPeerForgotten: 5,
	evDegraded: 2, evConfirming: 5, evDamaged: 1, evReady: 5,
}

// stateEvents are recorded when a connected peer comes into a state.
var stateEvents = map[string]kind{
	stateInSync: evInSync, stateCatchingUp: evCatchingUp, stateSkewed: evSkewed, stateStale: evStale, stateDiverged: evDiverged,
}
