package main

// rule is what a break breaks. Tests speak of it by its number.
type rule struct{ number, text string }

var rules = []rule{
	{"1", "the feed holds each record once, by the sequence of its last change; everything since N is one range scan"},
	{"2", "positions name database, incarnation and sequence; forgotten history rewinds the reader; it never means delete"},
	{"3", "nothing leaves a box before it is durable there; changes and position are stored in one write"},
	{"4", "a change does not go back where it came from; profiles go first; only own changes go up"},
	{"5", "the greater stamp wins; stamps of the future wait, durably, until the clock allows"},
	{"6", "records are cut along their writers; claims of names; usage by maximum; conflicts are listed, without passwords"},
	{"7", "tombstones and history end; who was away too long is stale, not served; the erased stay erased"},
	{"8", "sums of buckets prove that two boxes hold the same; what differs is explained, or an alarm and repaired"},
	{"9", "a replicated change acts as if made here, after it is durable"},
	{"10", "a write is confirmed when the other boxes that are asked for have it on disk; to degrade is loud"},
	{"11", "a box that comes back is ready when it has caught up, or has waited in vain for long enough"},
	{"12", "a session that is taken over is counted in ranges, each byte once"},
	{"login", "who gets in: who proves it, at a client that proves itself, when, where and on how many devices; who guesses is slowed down"},
	{"count", "what a NAS reports is counted once, and free before purchased; who may not go on is ended"},
	{"voucher", "a use of a voucher has one winner, and ends"},
	{"rest", "the REST API does what a user's scopes allow, once, for the version that was meant; who asks too much costs others nothing"},
	{"sec", "who may connect, what he gets, and how much of a box he can use up"},
}
