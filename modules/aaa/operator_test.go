package aaa

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"

	"mbox/modules"
	"mbox/modules/aaa/acct"
	"mbox/modules/aaa/policy"
	"mbox/modules/moduletest"
)

func TestGrammar(t *testing.T) {
	const in = "security radius-server\n"
	m := New(Deps{Sealer: sealer{}})
	moduletest.Grammar(t, m,
		"security radius-server",
		in+"client 10.0.0.5 key PSK name NASNAME",
		in+"client 10.1.0.0/16 key testing123",
		in+"client 2001:db8::/32 key testing123 name six type chillispot coa-port 1700 message-authenticator optional",
		in+"realm crew.example.com server 10.0.0.1 key testing123 auth-port 1645 acct-port 1646 strip message-authenticator optional",
		in+"auth-port 1645", in+"acct-port 1646", in+"listen 10.0.0.1", in+"listen ::", in+"interim 300",
	)
}

func TestRefusedLines(t *testing.T) {
	m := New(Deps{Sealer: sealer{}})
	book, err := modules.NewBook(m)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"auth-port 1813":                 "two ports",
		"auth-port 1700\nacct-port 1700": "two ports",
		clientOf("10.0.0.1", "x", "name a") + "\n" + clientOf("10.0.0.2", "x", "name a"):        "another client is called a",
		clientOf("10.0.0.1", "x", "name 10.0.0.2"):                                              "somebody else",
		strings.Replace(clientOf("10.0.0.1", "x", ""), "10.0.0.1", "10.0.0.2", 1):               "encrypted by another box",
		strings.Replace(realmOf("a.example", "10.0.0.1", "x", ""), "a.example", "b.example", 1): "encrypted by another box",
	} {
		tree, err := book.LoadStrict("security radius-server\n " + strings.ReplaceAll(text, "\n", "\n ") + "\n")
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if err := m.Check(tree); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// A port that is taken is refused, and what was open stays open.
func TestPortInUse(t *testing.T) {
	r := start(t, clientOf("127.0.0.1", secret, "name nas"))
	other := start(t, clientOf("127.0.0.1", secret, "name nas"))
	text := fmt.Sprintf("security radius-server\n auth-port %d\n acct-port %d\n %s\n", r.auth, other.acct, clientOf("127.0.0.1", secret, "name nas"))
	err := other.m.Apply(context.Background(), moduletest.Tree(t, text, other.m))
	if err == nil || !strings.Contains(err.Error(), fmt.Sprint(r.auth)) {
		t.Fatalf("%v", err)
	}
	n := other.nas("127.0.0.1", "127.0.0.1", other.auth, secret)
	n.ask(n.access(1, "alice", "x", nil))
}

// Nothing listens before the first client, and nothing after the last.
func TestNothingListensWithoutClients(t *testing.T) {
	r := start(t)
	if n := len(r.m.sockets); n != 0 {
		t.Errorf("%d sockets", n)
	}
	r.configure(clientOf("127.0.0.1", secret, ""), "interim 120")
	if n := len(r.m.sockets); n != 4 || r.world.interim != 2*time.Minute {
		t.Errorf("%d sockets, interim %v", n, r.world.interim)
	}
	r.configure(clientOf("127.0.0.1", secret, ""), "listen 127.0.0.1")
	if n := len(r.m.sockets); n != 2 {
		t.Errorf("%d sockets", n)
	}
	r.configure()
	if n := len(r.m.sockets); n != 0 {
		t.Errorf("%d sockets", n)
	}
}

func TestApplyTwice(t *testing.T) {
	r := start(t)
	sockets := 0
	text := fmt.Sprintf("security radius-server\n auth-port %d\n acct-port %d\n %s\n", r.auth, r.acct, clientOf("127.0.0.1", secret, "name nas"))
	var before []*socket
	moduletest.ApplyTwice(t, r.m, text, func() int {
		for _, s := range r.m.sockets {
			if !slices.Contains(before, s) {
				sockets++
				before = append(before, s)
			}
		}
		return sockets
	})
}

// command runs a line as an operator types it.
func (r *rig) command(line string) (modules.View, error) {
	r.t.Helper()
	book, err := modules.NewBook(r.m)
	if err != nil {
		r.t.Fatal(err)
	}
	match, err := book.ParseCommand(operator, line)
	if err != nil {
		r.t.Fatalf("%s: %v", line, err)
	}
	return match.Command.Run(context.Background(), modules.Call{Values: match.Values})
}

func (r *rig) text(line string) string {
	r.t.Helper()
	view, err := r.command(line)
	if err != nil {
		r.t.Fatalf("%s: %v", line, err)
	}
	var b strings.Builder
	if err := view.Text(&b, 0); err != nil {
		r.t.Fatal(err)
	}
	j, err := json.Marshal(view)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, word := range []string{secret, "wonderland"} {
		if strings.Contains(b.String(), word) || strings.Contains(string(j), word) {
			r.t.Errorf("%s shows a secret", line)
		}
	}
	return b.String()
}

// The test commands ask whatever server there is, by each method.
func TestTestAuthentication(t *testing.T) {
	r := start(t, clientOf("127.0.0.1", secret, "name nas"))
	for method, want := range map[string]func(policy.Proof) bool{
		"pap": func(p policy.Proof) bool { return p == policy.PAP{Password: "wonderland"} },
		"chap": func(p policy.Proof) bool {
			c, ok := p.(policy.CHAP)
			return ok && len(c.Response) == 16 && len(c.Challenge) == 16
		},
		"mschapv2": func(p policy.Proof) bool {
			c, ok := p.(policy.MSCHAP2)
			return ok && c.Response != [24]byte{} && c.PeerChallenge != c.Challenge
		},
	} {
		got := r.text(fmt.Sprintf("test authentication radius-server 127.0.0.1 radius-key \"%s\" username alice password wonderland port %d method %s mac 3a:71:b4:e9:f7:99 nas-identifier lobby", secret, r.auth, method))
		if !strings.HasPrefix(got, "Access-Accept\n") {
			t.Error(got)
		}
		if l := r.lastLogin(t); l.Username != "alice" || l.MAC != "3A-71-B4-E9-F7-99" || l.Hotspot != "lobby" || l.NAS != "nas" || !want(l.Proof) {
			t.Errorf("%s: %+v", method, l)
		}
	}
	r.decide(func(policy.Login) (policy.Decision, error) {
		return policy.Decision{Reason: policy.WrongPassword, Message: "Go away"}, nil
	})
	got := r.text(fmt.Sprintf("test authentication radius-server 127.0.0.1 radius-key \"%s\" username alice password wonderland port %d", secret, r.auth))
	if !strings.HasPrefix(got, "Access-Reject\n  Reply-Message = Go away\n") {
		t.Error(got)
	}
}

func TestTestAccounting(t *testing.T) {
	r := start(t, clientOf("127.0.0.1", secret, "name nas"))
	got := r.text(fmt.Sprintf("test accounting radius-server 127.0.0.1 radius-key \"%s\" username alice port %d status stop session s9 time 60 upload 5000000000 download 7", secret, r.acct))
	if !strings.HasPrefix(got, "Accounting-Response\n") || !strings.Contains(got, "Acct-Session-Id s9\n") {
		t.Error(got)
	}
	list := r.accounted()
	if len(list) != 1 {
		t.Fatalf("%+v", list)
	}
	a := list[0]
	if a.Status != acct.Stop || a.SessionID != "s9" || a.SessionTime != 60 || a.Input != (acct.Octets{Low: 705032704, High: 1, Known: true, Wide: true}) ||
		a.Output.Low != 7 || a.TerminateCause != "User-Request" || a.EventTimestamp.IsZero() || a.NAS != "nas" {
		t.Errorf("%+v", a)
	}
}

func TestTestExplainsSilence(t *testing.T) {
	r := start(t, clientOf("127.0.0.1", secret, "name nas"))
	_, err := r.command(fmt.Sprintf("test authentication radius-server 127.0.0.1 radius-key wrong username alice password wonderland port %d", r.auth))
	if e, ok := err.(*modules.Error); !ok || !strings.Contains(e.Hint, "another key") {
		t.Errorf("%v", err)
	}
	if r.counts("nas").get(droppedForged) != uint64(defaultPatience.test.tries) {
		t.Errorf("%d tries", r.counts("nas").get(droppedForged))
	}
}

// What an operator sees of clients, and of what they asked; never a secret.
func TestShow(t *testing.T) {
	r := start(t, clientOf("127.0.0.1", secret, "name nas type mikrotik"), clientOf("127.0.0.2", "short", "name old message-authenticator optional"),
		realmOf("crew.example", "127.0.0.1", secret, "strip"))
	n := r.nas("127.0.0.1", "127.0.0.1", r.auth, secret)
	n.ask(n.access(1, "alice", "wonderland", func(p *radius.Packet) { _ = rfc2865.CallingStationID_AddString(p, "3a71.b4e9.f799") }))
	r.decide(func(policy.Login) (policy.Decision, error) {
		return policy.Decision{Reason: policy.WrongPassword, Message: "Go away"}, nil
	})
	n.ask(n.access(2, "bob", "wonderland", nil))
	until(t, "the log", func() bool { return len(r.m.journal.find(func(*Record) bool { return true }, 9)) == 2 })
	stranger := r.nas("127.0.0.3", "127.0.0.1", r.auth, secret)
	stranger.send(stranger.access(1, "alice", "wonderland", nil))
	until(t, "the log", func() bool { return len(r.m.journal.find(func(*Record) bool { return true }, 9)) == 3 })
	got := r.text("show security radius-server")
	for _, want := range []string{
		fmt.Sprintf("Listening on 0.0.0.0 port %d for authentication", r.auth), "127.0.0.1  nas   mikrotik       2       1       1     0",
		"Warning: client old: requests without a Message-Authenticator are taken", "Warning: client old: the key is shorter than 16 characters",
		"crew.example  127.0.0.1  alive", "Unknown client 127.0.0.3: 1 packet; to serve it: client 127.0.0.3 key SECRET name NAME",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	for line, want := range map[string]string{
		"show security radius-log username ALICE":        "accept",
		"show security radius-log mac 3A:71:B4:E9:F7:99": "alice",
		"show security radius-log result reject":         "wrong-password: Go away",
		"show security radius-log client 127.0.0.3":      "unknown-client",
	} {
		if got := r.text(line); strings.Count(got, "\n") != 2 || !strings.Contains(got, want) {
			t.Errorf("%s:\n%s", line, got)
		}
	}
	if got := r.text("show security radius-log last 2"); strings.Count(got, "\n") != 3 || strings.Contains(got, "alice") {
		t.Error(got)
	}
	r.text("clear security radius-log")
	if got := r.text("show security radius-log"); got != "There is nothing like this in the radius log.\n" {
		t.Error(got)
	}
	r.text("clear security radius-server counters")
	if n := r.counts("nas").get(accessRequests); n != 0 {
		t.Errorf("%d", n)
	}
}

// No line of text is wider than the terminal, and none loses a word.
func TestTextFits(t *testing.T) {
	r := start(t, clientOf("127.0.0.1", "x", "name old message-authenticator optional"), realmOf("crew.example", "127.0.0.1", "x", "message-authenticator optional"))
	wrong := r.nas("127.0.0.1", "127.0.0.1", r.auth, secret)
	wrong.send(wrong.access(1, "alice", "x", nil))
	until(t, "the drop", func() bool { return r.counts("old").get(droppedForged) == 1 })
	view, err := r.command("show security radius-server")
	if err != nil {
		t.Fatal(err)
	}
	words := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	var wide, narrow strings.Builder
	_ = view.Text(&wide, 0)
	_ = view.Text(&narrow, 60)
	for line := range strings.Lines(narrow.String()) {
		if n := modules.DisplayWidth(strings.TrimSuffix(line, "\n")); n > 60 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	_, wideEnd, _ := strings.Cut(wide.String(), "Client old")
	_, narrowEnd, _ := strings.Cut(narrow.String(), "Client old")
	if wideEnd == "" || words(wideEnd) != words(narrowEnd) {
		t.Errorf("%s\nbecomes\n%s", wideEnd, narrowEnd)
	}
}

// The log keeps the newest, in order.
func TestJournalIsBounded(t *testing.T) {
	var j journal
	for i := range maxRecords + 5 {
		j.add(Record{Micros: int64(i)})
	}
	list := j.find(func(*Record) bool { return true }, maxRecords+5)
	if len(list) != maxRecords || list[0].Micros != 5 || list[maxRecords-1].Micros != maxRecords+4 {
		t.Errorf("%d, from %d to %d", len(list), list[0].Micros, list[len(list)-1].Micros)
	}
	if list := j.find(func(*Record) bool { return true }, 2); list[0].Micros != maxRecords+3 || list[1].Micros != maxRecords+4 {
		t.Errorf("%+v", list)
	}
}

func TestMetrics(t *testing.T) {
	r := start(t, clientOf("127.0.0.1", secret, "name nas"), realmOf("crew.example", "127.0.0.1", secret, ""))
	n := r.nas("127.0.0.1", "127.0.0.1", r.auth, secret)
	n.ask(n.access(1, "alice", "x", nil))
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(r.m.Collector())
	gathered, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	value := map[string]float64{}
	for _, f := range gathered {
		for _, one := range f.Metric {
			name := f.GetName()
			for _, l := range one.Label {
				name += " " + l.GetValue()
			}
			value[name] = one.GetCounter().GetValue() + one.GetGauge().GetValue() + float64(one.GetHistogram().GetSampleCount())
		}
	}
	for name, want := range map[string]float64{
		"mbox_radius_requests_total nas access": 1, "mbox_radius_responses_total nas accept": 1, "mbox_radius_dropped_total nas bad-authenticator": 0,
		"mbox_radius_realm_server_up crew.example 127.0.0.1": 1, "mbox_radius_request_duration_seconds authentication": 1, "mbox_radius_remembered_answers": 1,
	} {
		if got, found := value[name]; !found || got != want {
			t.Errorf("%s is %v, %v", name, got, found)
		}
	}
}

// A guest is found in the radius log by any form of his name that a client may have written.
func TestSameName(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"alice", "ALICE", true}, {"3ND3XVQV7QL3", "3nd3-xvqv-7ql3", true}, {"3a:71:b4:e9:f7:99", "3A-71-B4-E9-F7-99", true},
		{"3a71.b4e9.f799", "3A-71-B4-E9-F7-99", true}, {"alice", "alicia", false}, {"3a:71:b4:e9:f7:99", "3A-71-B4-E9-F7-98", false}, {"", "alice", false},
	} {
		if sameName(c.a, c.b) != c.same {
			t.Errorf("%q and %q: not %v", c.a, c.b, c.same)
		}
	}
}

// In a narrow terminal the radius log of today has no dates.
func TestLogLayout(t *testing.T) {
	now := time.Date(2026, 11, 23, 0, 30, 0, 0, time.FixedZone("East", 8*3600))
	today, yesterday := Record{Time: now.Add(-time.Minute).UTC()}, Record{Time: now.Add(-time.Hour).UTC()}
	for _, c := range []struct {
		records []Record
		width   int
		want    string
	}{
		{[]Record{today}, 80, time.TimeOnly}, {[]Record{yesterday, today}, 80, time.DateTime}, {[]Record{today}, 120, time.DateTime}, {[]Record{today}, 0, time.DateTime},
	} {
		if got := (LogView{records: c.records, now: now}).layout(c.width); got != c.want {
			t.Errorf("%v at %d columns: %s", c.records, c.width, got)
		}
	}
}
