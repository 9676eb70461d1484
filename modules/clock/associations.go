package clock

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"mbox/modules"
)

// associationsView is the result of `show ntp associations`.
type associationsView struct {
	Servers []associationView `json:"servers"`
	now     time.Time
}

// associationView is one server. What is not known is null.
type associationView struct {
	Server     string     `json:"server"`
	Address    *string    `json:"address"`
	State      string     `json:"state"` // waiting, unreachable, invalid, stopped, falseticker, candidate, followed
	Prefer     bool       `json:"prefer"`
	Reference  string     `json:"reference"`
	Stratum    *int       `json:"stratum"`
	Reach      int        `json:"reach"` // one bit for each of the last eight questions, the newest the lowest
	DelayMS    *float64   `json:"delay_ms"`
	OffsetMS   *float64   `json:"offset_ms"`
	JitterMS   *float64   `json:"jitter_ms"`
	LastAnswer *time.Time `json:"last_answer"`
	Reason     string     `json:"reason"`
}

func (m *Module) showAssociations(context.Context, modules.Call) (modules.View, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.deps.Now()
	view := associationsView{Servers: []associationView{}, now: now.Round(0)}
	for _, s := range m.client.servers {
		view.Servers = append(view.Servers, s.view(now))
	}
	return view, nil
}

func (s *server) view(now time.Time) associationView {
	v := associationView{Server: s.config.Name, State: s.state, Prefer: s.config.Prefer, Reach: int(s.reach), Reason: s.reason}
	if s.last.at.IsZero() {
		return v
	}
	v.Reference, v.Stratum = s.last.refID, &[]int{s.last.stratum}[0]
	v.LastAnswer = &[]time.Time{now.Round(0).Add(-now.Sub(s.last.at)).UTC()}[0] // by the clock as it is now
	if s.last.address.IsValid() {
		address := s.last.address.Addr().String()
		v.Address = &address
	}
	if best, ok := s.best(now); ok {
		v.DelayMS, v.OffsetMS, v.JitterMS = ms(best.delay), ms(best.offset), ms(s.jitter(best))
	}
	return v
}

var marks = map[string]string{stateFollowed: "*", stateCandidate: "+", stateFalseticker: "x"}

var columns = []modules.Column{
	{Tight: true}, {Name: "Server", Min: 12}, {Name: "Ref clock", Min: 8}, {Name: "St", Right: true}, {Name: "When", Right: true},
	{Name: "Reach", Right: true}, {Name: "Delay ms", Right: true}, {Name: "Offset ms", Right: true}, {Name: "Jitter ms", Right: true},
}

// Text follows IOS.
func (v associationsView) Text(w io.Writer, width int) error {
	if len(v.Servers) == 0 {
		_, err := fmt.Fprintln(w, "No NTP server is configured. Type: ntp server ADDRESS")
		return err
	}
	var rows [][]string
	for _, s := range v.Servers {
		name := s.Server
		if s.Prefer {
			name += " (prefer)"
		}
		stratum, when := "-", "-"
		if s.Stratum != nil {
			stratum = strconv.Itoa(*s.Stratum)
		}
		if s.LastAnswer != nil {
			when = fmt.Sprintf("%.0f s", v.now.Sub(*s.LastAnswer).Seconds())
		}
		rows = append(rows, []string{
			marks[s.State], name, s.Reference, stratum, when, strconv.FormatInt(int64(s.Reach), 8), figure(s.DelayMS), figure(s.OffsetMS), figure(s.JitterMS),
		})
	}
	table := modules.Table{Columns: columns, Rows: modules.Rows(rows)}
	if err := table.Text(w, width); err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString("* followed, + agrees with it, x contradicted by the others\n")
	for _, s := range v.Servers {
		if s.Reason != "" {
			fmt.Fprintf(&b, "%s is %s: %s\n", s.Server, s.State, s.Reason)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func figure(f *float64) string {
	if f == nil {
		return "-"
	}
	return strconv.FormatFloat(*f, 'f', 3, 64)
}
