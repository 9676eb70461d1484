package sync

import (
	"strings"
	"testing"
	"time"

	"mbox/hotspotdb"
	"mbox/modules/sync/auth"
	"mbox/modules/sync/feed"
)

// Times of the tests: the connection began ten minutes before now.
var (
	judged = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	began  = judged.Add(-10 * time.Minute)
)

func before(d time.Duration) time.Time { return judged.Add(-d) }

// fine is a dataset that is received, at the head and verified.
func fine() feed.Incoming {
	return feed.Incoming{Begun: true, Position: 500, Head: 500, AtHead: before(0), Verified: before(time.Second)}
}

// given is a dataset that is sent to a follower, which holds all of it.
func given() feed.Outgoing {
	return feed.Outgoing{Sent: 500, Stored: 500, Head: 500, AtHead: before(0), Verified: before(time.Second), Provable: true}
}

// writing is how the head of users has grown by 100 every half second, up to 500.
func writing() (t trail) {
	for i := range 5 {
		m := headMark{at: before(time.Duration(4-i) * 500 * time.Millisecond)}
		m.heads[hotspotdb.Users] = uint64(100 * (i + 1))
		t = append(t, m)
	}
	return t
}

func TestEveryStateOfAConnectedPeer(t *testing.T) {
	for name, tt := range map[string]struct {
		in    func(*feed.Incoming)
		out   func(*feed.Outgoing)
		all   func(*feed.Report, *sight)
		state string
		says  string // in the reason or advice
	}{
		"receiving":                   {in: func(*feed.Incoming) {}, state: stateInSync},
		"sending":                     {out: func(*feed.Outgoing) {}, state: stateInSync},
		"nothing is granted":          {state: stateCatchingUp, says: "Compare `datasets` on both sides"},
		"just connected":              {all: func(r *feed.Report, _ *sight) { r.Since = before(time.Second) }, state: stateCatchingUp, says: "just connected"},
		"asked, not begun":            {in: func(in *feed.Incoming) { *in = feed.Incoming{} }, state: stateCatchingUp},
		"a moment behind":             {in: func(in *feed.Incoming) { in.Head, in.AtHead = 600, before(time.Second) }, state: stateInSync},
		"ten seconds behind":          {in: func(in *feed.Incoming) { in.Head, in.AtHead = 600, before(10*time.Second) }, state: stateCatchingUp},
		"never at the head":           {in: func(in *feed.Incoming) { in.Head, in.AtHead = 600, time.Time{} }, state: stateCatchingUp},
		"not verified yet":            {in: func(in *feed.Incoming) { in.Verified = time.Time{} }, state: stateCatchingUp, says: "comparing digests"},
		"verified long ago":           {in: func(in *feed.Incoming) { in.Verified = before(6 * time.Minute) }, state: stateCatchingUp, says: "comparing digests"},
		"the follower is unverified":  {out: func(out *feed.Outgoing) { out.Verified = time.Time{} }, state: stateCatchingUp, says: "comparing digests"},
		"explained differences":       {in: func(in *feed.Incoming) { in.LocalChanges = 7 }, state: stateInSync},
		"unexplained differences":     {in: func(in *feed.Incoming) { in.Unexplained = 3 }, state: stateDiverged, says: "clear mbox sync hq resync"},
		"they differ at the follower": {out: func(out *feed.Outgoing) { out.Unexplained = 3 }, state: stateDiverged, says: "3 records"},
		"away too long":               {in: func(in *feed.Incoming) { in.Stale = true }, state: stateStale, says: "clear mbox sync hq resync"},
		"the follower was away":       {out: func(out *feed.Outgoing) { out.Stale = true }, state: stateStale, says: "hq was away"},
		"being seeded anew":           {in: func(in *feed.Incoming) { in.Reseeding = true }, state: stateCatchingUp, says: "seeded anew"},
		"differences while seeding":   {in: func(in *feed.Incoming) { in.Reseeding, in.Unexplained = true, 9 }, state: stateCatchingUp, says: "seeded anew"},
		"taking back":                 {in: func(in *feed.Incoming) { in.Recovering = true }, state: stateCatchingUp, says: "takes back what it had lost"},
		"giving back":                 {out: func(out *feed.Outgoing) { out.Returning = true }, state: stateCatchingUp, says: "the peer takes back"},
		"its clock is ahead":          {in: func(*feed.Incoming) {}, all: func(r *feed.Report, _ *sight) { r.ClockOff = 2 * time.Minute }, state: stateSkewed, says: "2m0s"},
		"its clock is behind":         {in: func(*feed.Incoming) {}, all: func(r *feed.Report, _ *sight) { r.ClockOff = -2 * time.Minute }, state: stateSkewed, says: "Correct the clock"},
		"changes wait here":           {in: func(*feed.Incoming) {}, all: func(_ *feed.Report, s *sight) { s.aside = 4 }, state: stateSkewed, says: "4 changes wait here"},
		"changes wait there":          {in: func(*feed.Incoming) {}, all: func(r *feed.Report, _ *sight) { r.PeerSetAside = 5 }, state: stateSkewed, says: "5 there"},
		"stale is worse than diverged": {
			in: func(in *feed.Incoming) { in.Stale, in.Unexplained = true, 1 }, state: stateStale,
		},
		"diverged is worse than behind": {
			in: func(in *feed.Incoming) { in.Unexplained, in.Head, in.AtHead = 1, 600, before(time.Hour) }, state: stateDiverged,
		},
		"behind is worse than skewed": {
			in: func(in *feed.Incoming) { in.Head, in.AtHead = 600, before(time.Hour) }, all: func(_ *feed.Report, s *sight) { s.aside = 1 },
			state: stateCatchingUp,
		},
		// Writing never pauses, so the peer never holds all of it; it is a round trip behind and no more.
		"a round trip behind": {
			out: func(out *feed.Outgoing) {
				out.Stored, out.Sent, out.AtHead, out.Oldest = 350, 500, time.Time{}, before(700*time.Millisecond)
			},
			state: stateInSync,
		},
		"a round trip behind, with some not yet sent": {
			out: func(out *feed.Outgoing) {
				out.Stored, out.Sent, out.Oldest, out.AtHead = 350, 450, before(700*time.Millisecond), before(time.Hour)
			},
			state: stateInSync,
		},
		"a slow link, and writes that came in one go": {
			out: func(out *feed.Outgoing) {
				out.Stored, out.Sent, out.AtHead, out.Oldest = 50, 500, before(3*time.Second), before(1500*time.Millisecond)
			},
			state: stateInSync,
		},
		"the last batches of a first sync": {
			out: func(out *feed.Outgoing) {
				out.Stored, out.Sent, out.AtHead, out.Oldest = 50, 500, time.Time{}, before(time.Second)
			},
			state: stateCatchingUp,
		},
		"the link is dead": {
			out: func(out *feed.Outgoing) {
				out.Stored, out.Sent, out.Oldest, out.AtHead = 50, 500, before(5*time.Second), before(time.Hour)
			},
			state: stateCatchingUp,
		},
		"a batch is confirmed quickly, but there are many": {
			out: func(out *feed.Outgoing) {
				out.Stored, out.Sent, out.Oldest, out.AtHead = 40, 60, before(50*time.Millisecond), before(time.Hour)
			},
			state: stateCatchingUp,
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := feed.Report{Since: began, Incoming: map[hotspotdb.Dataset]feed.Incoming{}, Outgoing: map[hotspotdb.Dataset]feed.Outgoing{}}
			s := sight{now: judged, following: tt.in != nil, own: writing(), entries: func(hotspotdb.Dataset) uint64 { return 1000 }}
			p := PeerStatus{Name: "hq", Role: roleDownstream}
			if tt.in != nil {
				in := fine()
				tt.in(&in)
				r.Incoming[hotspotdb.Users], p.Role = in, roleUpstream
			}
			if tt.out != nil {
				out := given()
				tt.out(&out)
				r.Outgoing[hotspotdb.Users] = out
			}
			if tt.all != nil {
				tt.all(&r, &s)
			}
			p.describe(r, s)
			if p.State != tt.state {
				t.Errorf("%s, want %s (%s, %v s behind)", p.State, tt.state, orNothing(p.Reason), *p.BehindSeconds)
			}
			if said := orNothing(p.Reason) + "\n" + orNothing(p.Advice); !strings.Contains(said, tt.says) {
				t.Errorf("it says %q, not %q", said, tt.says)
			}
		})
	}
}

// What a dataset lags behind never counts for more changes than it has entries.
func TestBehindIsBoundedByTheRecords(t *testing.T) {
	out := given()
	out.Stored, out.Head = 0, 1_000_000
	p := PeerStatus{Role: roleDownstream}
	p.describe(feed.Report{Since: began, Outgoing: map[hotspotdb.Dataset]feed.Outgoing{hotspotdb.Users: out}},
		sight{now: judged, entries: func(hotspotdb.Dataset) uint64 { return 12 }})
	if *p.BehindChanges != 12 {
		t.Errorf("%d changes behind, of 12 records", *p.BehindChanges)
	}
}

// Catching up says how far it is, how fast, and for how long.
func TestProgress(t *testing.T) {
	link := glance{}
	for i := range 5 {
		r := feed.Report{Incoming: map[hotspotdb.Dataset]feed.Incoming{hotspotdb.Users: {Begun: true, Position: uint64(1000 * i), Head: 10_000, Changes: uint64(900 * i)}}}
		link.add(r, before(time.Duration(4-i)*time.Second))
		link.add(r, before(time.Duration(4-i)*time.Second-time.Millisecond)) // too soon to count
	}
	p := PeerStatus{Name: "hq", Role: roleUpstream, Rates: link.rates()}
	p.describe(feed.Report{Since: began, Incoming: map[hotspotdb.Dataset]feed.Incoming{
		hotspotdb.Users: {Begun: true, Position: 4000, Head: 10_000},
	}}, sight{now: judged, following: true, seen: link})
	if p.State != stateCatchingUp || *p.Percent != 40 || *p.EtaSeconds < 5.9 || *p.EtaSeconds > 6.1 {
		t.Errorf("%s, %d%%, %v s left; want 40%% and 6 s", p.State, *p.Percent, *p.EtaSeconds)
	}
	if got := p.stateText(judged); got != "catching-up 40% (6s left, 900 changes/s)" {
		t.Errorf("it says %q", got)
	}
}

// Every reason for not being connected comes with what to do, unless nothing is to be done.
func TestEveryRefusalHasAdvice(t *testing.T) {
	c := primary{Name: "hq", Port: 8443, Account: "branch7"}
	for code, says := range map[string]string{
		auth.CodeAddress: "`source`", auth.CodeCredentials: "mbox sync primary hq username branch7 password PASSWORD",
		auth.CodeFactory: "mbox sync primary hq", auth.CodeLockout: "by itself", auth.CodeCloned: "empty its folder",
		auth.CodePin: "clear mbox sync pin hq", auth.CodeProtocol: "show version", auth.CodeRevoked: "mbox sync primary hq", auth.CodeExpired: "by itself",
		auth.CodeBusy: "mbox sync primary OTHER", auth.CodeSpace: "free some space",
		causeNoListener: "8443", causeUnreachable: "test mbox sync hq", causeTimeout: "test mbox sync hq", causeNotMbox: "8443", causeTLS: "proxy",
		causeNoSpace: "Free some space", causeOther: "test mbox sync hq", "from-the-future": "from-the-future",
	} {
		if text := advice(code, c); !strings.Contains(text, says) {
			t.Errorf("%s: %q does not say %q", code, text, says)
		}
	}
	for _, code := range []string{auth.CodeStopping, auth.CodeChanged, auth.CodeReplaced, auth.CodePaused, causeReserve, causePausedHere, causeName, causeSource, causeBroken} {
		if text := advice(code, c); text != "" {
			t.Errorf("%s: %q, though the reason says it all", code, text)
		}
	}
}

// The box is as well as its worst peer; one in reserve does not count.
func TestOverallState(t *testing.T) {
	peers := []PeerStatus{{State: stateInSync}, {State: stateStandby, Standby: true}}
	if got := overall(peers); got != stateInSync {
		t.Errorf("with a primary in reserve: %s", got)
	}
	for _, worse := range worstLast[1:] {
		if peers = append(peers, PeerStatus{State: worse}); overall(peers) != worse {
			t.Errorf("with a peer that is %s: %s", worse, overall(peers))
		}
	}
}
