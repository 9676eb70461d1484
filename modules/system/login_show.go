package system

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"mbox/modules"
)

func (m *Module) loginCommands() []modules.Command {
	show := map[string]string{"show": "Show what the box knows", "login": "Logins that failed, and who is locked out"}
	return []modules.Command{
		{Syntax: "show login", Help: "Who is locked out after failed logins", Words: show, Level: fullLevel, Result: loginView{},
			Run: m.showLogin},
		{Syntax: "show login failures", Help: "Logins that failed, by account and address", Words: show, Level: fullLevel,
			Result: failuresView{}, Run: m.showFailures},
		{Syntax: "clear login failures [ADDRESS]", Help: "Forget failed logins and let everybody, or one address, try again", Level: fullLevel,
			Words: map[string]string{"clear": "Reset something", "login": "Logins that failed"},
			Args:  map[string]modules.Type{"ADDRESS": modules.Address("Address that is locked out")}, Result: doneView{}, Run: m.clearFailures},
	}
}

// loginView is the result of `show login`.
type loginView struct {
	BlockSeconds  int            `json:"block_seconds"` // 0: nobody is locked out
	Attempts      int            `json:"attempts"`
	WithinSeconds int            `json:"within_seconds"`
	Exempt        []netip.Prefix `json:"exempt"`        // networks that are never locked out
	QuietSeconds  int            `json:"quiet_seconds"` // for so long everybody else is; 0: not
	Counted       int            `json:"counted"`       // failures that count towards quiet mode
	QuietAfter    int            `json:"quiet_after"`   // so many of them begin it
	Blocked       []blockedView  `json:"blocked"`       // addresses that are locked out
}

type blockedView struct {
	Source  netip.Prefix `json:"source"`
	Seconds int          `json:"seconds_left"`
}

func (m *Module) showLogin(context.Context, modules.Call) (modules.View, error) {
	return m.guard.describe(), nil
}

func (g *guard) describe() loginView {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.elapsed()
	s := g.settings
	v := loginView{
		BlockSeconds: modules.WholeSeconds(s.block), Attempts: s.attempts, WithinSeconds: modules.WholeSeconds(s.within),
		Exempt: append([]netip.Prefix{}, s.exempt...), QuietAfter: quietFactor * s.attempts, Blocked: []blockedView{},
	}
	if g.quiet > 0 {
		v.QuietSeconds = modules.WholeSeconds(g.quiet - now)
	}
	for _, at := range g.all {
		if now-at < s.within {
			v.Counted++
		}
	}
	for key, source := range g.sources {
		if source.blocked > now && g.locks(key.Addr()) {
			v.Blocked = append(v.Blocked, blockedView{key, modules.WholeSeconds(source.blocked - now)})
		}
	}
	slices.SortFunc(v.Blocked, func(a, b blockedView) int {
		return cmp.Or(a.Source.Addr().Compare(b.Source.Addr()), cmp.Compare(a.Source.Bits(), b.Source.Bits()))
	})
	return v
}

// Text says what is configured, then what is the case.
func (v loginView) Text(w io.Writer, width int) error {
	var b strings.Builder
	if v.BlockSeconds == 0 {
		b.WriteString("No login is blocked: login block-for is not configured\n")
	} else {
		fmt.Fprintf(&b, "%d failures within %d seconds from an address block it for %d seconds\n", v.Attempts, v.WithinSeconds, v.BlockSeconds)
		fmt.Fprintf(&b, "%d failures from all addresses begin quiet mode; %d are counted\n", v.QuietAfter, v.Counted)
		if v.QuietSeconds > 0 {
			fmt.Fprintf(&b, "Quiet mode is on for %d more seconds\n", v.QuietSeconds)
		} else {
			b.WriteString("Quiet mode is off\n")
		}
	}
	for _, p := range v.Exempt {
		fmt.Fprintf(&b, "Never blocked: %s\n", prefixText(p))
	}
	if _, err := io.WriteString(w, b.String()); err != nil || len(v.Blocked) == 0 {
		return err
	}
	rows := make([][]string, len(v.Blocked))
	for i, s := range v.Blocked {
		rows[i] = []string{prefixText(s.Source), strconv.Itoa(s.Seconds)}
	}
	return modules.Table{Columns: []modules.Column{{Name: "Blocked"}, {Name: "Seconds left", Right: true}}, Rows: modules.Rows(rows)}.Text(w, width)
}

func prefixText(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

// failuresView is the result of `show login failures`.
type failuresView struct {
	Failures []failure `json:"failures"`
}

func (m *Module) showFailures(context.Context, modules.Call) (modules.View, error) {
	m.guard.mu.Lock()
	defer m.guard.mu.Unlock()
	return failuresView{append([]failure{}, m.guard.failures...)}, nil
}

// unknownName stands for a name that no account has: people type secrets there.
const unknownName = "(unknown)"

// Text has the newest last, above the prompt.
func (v failuresView) Text(w io.Writer, width int) error {
	if len(v.Failures) == 0 {
		_, err := io.WriteString(w, "No login has failed\n")
		return err
	}
	rows := make([][]string, len(v.Failures))
	for i, f := range v.Failures {
		name := unknownName
		if f.Name != nil {
			name = *f.Name
		}
		rows[i] = []string{name, f.From, strconv.Itoa(f.Count), f.Last.Format(time.DateTime), f.Reason}
	}
	return modules.Table{
		Columns: []modules.Column{{Name: "Username", Min: 9}, {Name: "From", Min: 9}, {Name: "Count", Right: true}, {Name: "Last (UTC)"}, {Name: "Reason", Min: 10}},
		Rows:    modules.Rows(rows),
	}.Text(w, width)
}

func (m *Module) clearFailures(_ context.Context, call modules.Call) (modules.View, error) {
	g := m.guard
	g.mu.Lock()
	defer g.mu.Unlock()
	addr := modules.Get[netip.Addr](call.Values, "ADDRESS")
	if !addr.IsValid() {
		g.forgive()
		g.failures = nil
		m.deps.Log.Info("%SEC_LOGIN-5-QUIET_MODE_OFF: failed logins were forgotten", "by", call.Actor.Name)
		return doneView{Done: "Failed logins are forgotten; nobody is blocked"}, nil
	}
	_, key, _ := sourceOf(addr.String())
	if g.sources[key] == nil {
		return nil, modules.Errorf("No login has failed from %s", addr)
	}
	delete(g.sources, key)
	m.deps.Log.Info("%SEC_LOGIN-5-SOURCE_FREED: an address may log in again", "by", call.Actor.Name, "address", addr)
	return doneView{Done: "Logins from " + addr.String() + " are not blocked"}, nil
}
