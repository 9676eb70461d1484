package api

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"mbox/modules"
)

// operator is who may see which programs use the box.
const operator = 15

// usage counts the requests of a user since the box started.
type usage struct {
	requests, failures uint64
	last               time.Time
}

// countUser counts a request; one that was refused is a failure too.
func (m *Module) countUser(name string, status int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	u := m.users[name]
	if u == nil {
		u = &usage{}
		m.users[name] = u
	}
	u.requests++
	if status >= http.StatusBadRequest {
		u.failures++
	}
	u.last = m.Now()
}

// forgetUsers drops the counts and limits of users that are gone.
func (m *Module) forgetUsers(s *settings) {
	m.limits.keep(s)
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.DeleteFunc(m.users, func(name string, _ *usage) bool { return s.users[name] == nil })
}

func (m *Module) showCommand() modules.Command {
	return modules.Command{
		Syntax: "show web api", Help: "The REST API: who may use it and who does",
		Words: map[string]string{"show": "Show running system information", "web": words["web"], "api": words["api"]},
		Level: operator, Result: apiView{}, Support: "show web api", Run: m.show,
	}
}

// apiView is the result of `show web api`.
type apiView struct {
	Enabled   bool       `json:"enabled"`
	Listen    *string    `json:"listen"` // null: the API is off
	LockedOut int        `json:"locked_out_addresses"`
	Users     []userView `json:"users"`

	zone *time.Location
}

type userView struct {
	Name     string     `json:"name"`
	Scopes   []string   `json:"scopes"`
	From     *string    `json:"from"` // null: from everywhere
	Requests uint64     `json:"requests"`
	Failures uint64     `json:"failures"`
	Last     *time.Time `json:"last_request"` // null: none since the box started
}

func (m *Module) show(context.Context, modules.Call) (modules.View, error) {
	s := m.settings.Load()
	view := apiView{Enabled: len(s.listen) > 0, LockedOut: m.lockout.locked(), Users: []userView{}, zone: m.Location()}
	if view.Enabled {
		listen := s.listen[0].String()
		view.Listen = &listen
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(s.users)) {
		u := s.users[name]
		row := userView{Name: name, Scopes: []string{}, From: from(u.from)}
		for _, s := range u.scopes {
			row.Scopes = append(row.Scopes, string(s))
		}
		if n := m.users[name]; n != nil {
			last := n.last.UTC().Truncate(time.Second)
			row.Requests, row.Failures, row.Last = n.requests, n.failures, &last
		}
		view.Users = append(view.Users, row)
	}
	return view, nil
}

func from(p netip.Prefix) *string {
	if !p.IsValid() {
		return nil
	}
	return known(modules.Prefix("").Render(p))
}

// Text has a line for each user.
func (v apiView) Text(w io.Writer, width int) error {
	state := "off; turn it on with: web api"
	if v.Enabled {
		state = "on at " + *v.Listen
	}
	if _, err := fmt.Fprintf(w, "REST API is %s\nAddresses locked out after failed logins: %d\n", state, v.LockedOut); err != nil {
		return err
	}
	if len(v.Users) == 0 {
		_, err := io.WriteString(w, "No program may use it; add one with: web api user NAME secret SECRET\n")
		return err
	}
	rows := [][]string{}
	for _, u := range v.Users {
		where, last := "any", ""
		if u.From != nil {
			where = *u.From
		}
		if u.Last != nil {
			last = u.Last.In(v.zone).Format(screenTime)
		}
		rows = append(rows, []string{u.Name, where, fmt.Sprint(u.Requests), fmt.Sprint(u.Failures), last, strings.Join(u.Scopes, " ")})
	}
	return modules.Table{Columns: []modules.Column{
		{Name: "USER", Min: 8}, {Name: "FROM"}, {Name: "REQUESTS", Right: true}, {Name: "FAILURES", Right: true}, {Name: "LAST"},
		{Name: "SCOPES", Min: 12, Weight: 4},
	}, Rows: modules.Rows(rows)}.Text(w, width)
}
