package aaa

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"mbox/modules"
)

// ServerView is `show security radius-server`.
type ServerView struct {
	Listening       []Listening  `json:"listening"`
	InterimSeconds  int          `json:"interim_seconds"`
	Clients         []ClientView `json:"clients"`
	Realms          []RealmView  `json:"realms"`
	Waiting         int          `json:"waiting"` // packets in queues
	UnknownPackets  uint64       `json:"unknown_client_packets"`
	UnknownClients  []Stranger   `json:"unknown_clients"`
	RequestsToNAS   NASRequests  `json:"requests_to_nas"`
	RememberedCount int64        `json:"remembered_answers"`
}

// Listening is one open port.
type Listening struct {
	Address string `json:"address"`
	Port    uint16 `json:"port"`
	For     string `json:"for"` // authentication or accounting
}

// ClientView is one client line. Counts are since the box started, or since they were cleared.
type ClientView struct {
	Client              string   `json:"client"` // address or prefix
	Name                string   `json:"name"`
	Type                string   `json:"type"`
	CoAPort             uint16   `json:"coa_port"`
	AccessRequests      uint64   `json:"access_requests"`
	AccessAccepts       uint64   `json:"access_accepts"`
	AccessRejects       uint64   `json:"access_rejects"`
	AccountingRequests  uint64   `json:"accounting_requests"`
	AccountingResponses uint64   `json:"accounting_responses"`
	StatusRequests      uint64   `json:"status_requests"`
	Proxied             uint64   `json:"proxied"`
	Repeated            uint64   `json:"repeated_answers"`
	Duplicates          uint64   `json:"dropped_duplicate"`
	Malformed           uint64   `json:"dropped_malformed"`
	Unsigned            uint64   `json:"dropped_no_message_authenticator"`
	Forged              uint64   `json:"dropped_bad_authenticator"`
	Unexpected          uint64   `json:"dropped_unexpected_code"`
	Overload            uint64   `json:"dropped_overload"`
	Loops               uint64   `json:"dropped_loop"`
	Failed              uint64   `json:"dropped_failed"`
	Warnings            []string `json:"warnings"`
}

// RealmView is one server of a realm.
type RealmView struct {
	Realm    string   `json:"realm"`
	Server   string   `json:"server"`
	State    string   `json:"state"` // alive or dead
	Strip    bool     `json:"strip"`
	Sent     uint64   `json:"sent"`
	Repeated uint64   `json:"repeated"`
	Answered uint64   `json:"answered"`
	Expired  uint64   `json:"unanswered"`
	Forged   uint64   `json:"dropped_bad_authenticator"`
	InFlight int      `json:"in_flight"`
	Warnings []string `json:"warnings"`
}

// NASRequests counts Disconnect and CoA requests by what became of them.
type NASRequests struct {
	Done      uint64 `json:"done"`
	NoSession uint64 `json:"no_session"`
	Refused   uint64 `json:"refused"`
	NoAnswer  uint64 `json:"no_answer"`
}

// shortKey is the length below which a secret is likely to be guessed from one packet that somebody saw. RFC 2865 section 3
// prefers 16 octets.
const shortKey = 16

func warningsOf(key string, lenient bool, what string) []string {
	out := []string{}
	if lenient {
		out = append(out, what+" without a Message-Authenticator are taken: they can be forged (CVE-2024-3596)")
	}
	if len(key) < shortKey {
		out = append(out, fmt.Sprintf("the key is shorter than %d characters", shortKey))
	}
	return out
}

func (c *client) view() ClientView {
	n := c.counters.get
	return ClientView{
		Client: modules.Prefix("").Render(c.prefix), Name: c.name, Type: c.dialectName(), CoAPort: c.coaPort,
		AccessRequests: n(accessRequests), AccessAccepts: n(accessAccepts), AccessRejects: n(accessRejects),
		AccountingRequests: n(accountingRequests), AccountingResponses: n(accountingResponses), StatusRequests: n(statusRequests),
		Proxied: n(proxied), Repeated: n(repeatedAnswers), Duplicates: n(droppedDuplicate), Malformed: n(droppedMalformed),
		Unsigned: n(droppedUnsigned), Forged: n(droppedForged), Unexpected: n(droppedUnexpected), Overload: n(droppedOverload),
		Loops: n(droppedLoop), Failed: n(droppedUnanswerable), Warnings: warningsOf(c.key, c.lenient, "requests"),
	}
}

func (c *client) dialectName() string {
	if c.dialect == "" {
		return dialectStandard
	}
	return c.dialect
}

func (s *server) view(now time.Time) RealmView {
	v := RealmView{
		Realm: s.realm, Server: s.addr.String(), State: "alive", Strip: s.strip, Sent: s.sent.Load(), Repeated: s.repeated.Load(),
		Answered: s.answered.Load(), Expired: s.expired.Load(), Forged: s.forged.Load(), Warnings: warningsOf(s.key, s.lenient, "answers"),
	}
	if !s.alive(now) {
		v.State = "dead"
	}
	for _, p := range s.paths {
		v.InFlight += p.inFlight()
	}
	return v
}

func (m *Module) showServer(context.Context, modules.Call) (modules.View, error) {
	if m.deps.Policy == nil {
		return nil, &modules.Error{Message: "the RADIUS server is off: there is no hotspot database", Hint: "show version says why."}
	}
	v := ServerView{
		Listening: []Listening{}, InterimSeconds: int(m.settings.Load().interim.Seconds()), Clients: []ClientView{}, Realms: []RealmView{},
		RememberedCount: m.bound.held.Load(),
		RequestsToNAS: NASRequests{
			m.commanded[commandDone].Load(), m.commanded[commandNoSession].Load(), m.commanded[commandRefused].Load(), m.commanded[commandSilent].Load(),
		},
	}
	m.mu.Lock()
	for e := range m.sockets {
		v.Listening = append(v.Listening, Listening{e.addr.Addr().String(), e.addr.Port(), e.kind.String()})
	}
	m.mu.Unlock()
	slices.SortFunc(v.Listening, func(a, b Listening) int {
		return strings.Compare(fmt.Sprint(a.Address, " ", a.Port), fmt.Sprint(b.Address, " ", b.Port))
	})
	for _, c := range m.clients.Load().list {
		v.Clients = append(v.Clients, c.view())
	}
	for _, s := range m.realms.Load().list() {
		v.Realms = append(v.Realms, s.view(time.Now()))
	}
	for _, q := range m.queues {
		v.Waiting += q.depth()
	}
	v.UnknownClients, v.UnknownPackets = m.strangers.list()
	return v, nil
}

var clientColumns = []modules.Column{
	{Name: "CLIENT", Min: 12}, {Name: "NAME", Min: 8, Cut: true}, {Name: "TYPE"}, {Name: "ACCESS", Right: true}, {Name: "ACCEPT", Right: true},
	{Name: "REJECT", Right: true}, {Name: "ACCT", Right: true}, {Name: "PROXIED", Right: true}, {Name: "REPEATED", Right: true}, {Name: "DROPPED", Right: true},
}

var realmColumns = []modules.Column{
	{Name: "REALM", Min: 12}, {Name: "SERVER"}, {Name: "STATE"}, {Name: "SENT", Right: true}, {Name: "REPEATED", Right: true},
	{Name: "ANSWERED", Right: true}, {Name: "UNANSWERED", Right: true}, {Name: "IN FLIGHT", Right: true},
}

// Text is a table of clients and one of realms, with what is wrong below them.
func (v ServerView) Text(w io.Writer, width int) error {
	var lines []string
	if len(v.Listening) == 0 {
		lines = append(lines, "The RADIUS server does not listen: it has no client. Type security radius-server, then client ADDRESS key SECRET name NAME.")
	}
	for _, l := range v.Listening {
		lines = append(lines, fmt.Sprintf("Listening on %s port %d for %s", l.Address, l.Port, l.For))
	}
	lines = append(lines, fmt.Sprintf("Sessions are reported every %d s; %s waiting", v.InterimSeconds, modules.Count(v.Waiting, "packet")))
	if n := v.RequestsToNAS; n != (NASRequests{}) {
		lines = append(lines, fmt.Sprintf("Requests to NAS: %d done, %d for unknown sessions, %d refused, %d without an answer", n.Done, n.NoSession, n.Refused, n.NoAnswer))
	}
	if err := folded(w, width, lines...); err != nil {
		return err
	}
	for _, t := range []modules.Table{v.clientTable(), v.realmTable()} {
		if t.Rows == nil {
			continue
		}
		if _, err := io.WriteString(w, "\n"); err != nil {
			return err
		}
		if err := t.Text(w, width); err != nil {
			return err
		}
	}
	if lines = v.troubles(); len(lines) > 0 {
		return folded(w, width, append([]string{""}, lines...)...)
	}
	return nil
}

func (v ServerView) clientTable() modules.Table {
	var rows [][]string
	for _, c := range v.Clients {
		rows = append(rows, []string{
			c.Client, c.Name, c.Type, fmt.Sprint(c.AccessRequests), fmt.Sprint(c.AccessAccepts), fmt.Sprint(c.AccessRejects), fmt.Sprint(c.AccountingRequests),
			fmt.Sprint(c.Proxied), fmt.Sprint(c.Repeated), fmt.Sprint(c.dropped()),
		})
	}
	if rows == nil {
		return modules.Table{}
	}
	return modules.Table{Columns: clientColumns, Rows: modules.Rows(rows)}
}

func (c ClientView) dropped() uint64 {
	return c.Duplicates + c.Malformed + c.Unsigned + c.Forged + c.Unexpected + c.Overload + c.Loops + c.Failed
}

func (v ServerView) realmTable() modules.Table {
	var rows [][]string
	for _, r := range v.Realms {
		rows = append(rows, []string{
			r.Realm, r.Server, r.State, fmt.Sprint(r.Sent), fmt.Sprint(r.Repeated), fmt.Sprint(r.Answered), fmt.Sprint(r.Expired), fmt.Sprint(r.InFlight),
		})
	}
	if rows == nil {
		return modules.Table{}
	}
	return modules.Table{Columns: realmColumns, Rows: modules.Rows(rows)}
}

// troubles says what should not be, and what to do about it.
func (v ServerView) troubles() (lines []string) {
	for _, c := range v.Clients {
		for _, d := range []struct {
			n    uint64
			what string
		}{
			{c.Malformed, "malformed; " + dropHints[droppedMalformed]}, {c.Unsigned, "without a Message-Authenticator; " + dropHints[droppedUnsigned]},
			{c.Forged, "with a wrong authenticator; " + dropHints[droppedForged]}, {c.Unexpected, "on the wrong port; " + dropHints[droppedUnexpected]},
			{c.Overload, "too many; " + dropHints[droppedOverload]}, {c.Loops, "in a loop; " + dropHints[droppedLoop]},
			{c.Failed, "not answered; show security radius-log says why"},
		} {
			if d.n > 0 {
				lines = append(lines, fmt.Sprintf("Client %s: %s %s", c.Name, modules.Count(int(d.n), "packet"), d.what))
			}
		}
		for _, warning := range c.Warnings {
			lines = append(lines, "Warning: client "+c.Name+": "+warning)
		}
	}
	for _, r := range v.Realms {
		for _, warning := range r.Warnings {
			lines = append(lines, "Warning: realm "+r.Realm+": "+warning)
		}
	}
	for _, s := range v.UnknownClients {
		lines = append(lines, fmt.Sprintf("Unknown client %s: %s; to serve it: client %s key SECRET name NAME", s.Address, modules.Count(int(s.Packets), "packet"), s.Address))
	}
	return lines
}
