package hosts

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"mbox/modules"
)

// hostsView is the result of `show hosts`.
type hostsView struct {
	NameServers []netip.Addr `json:"name_servers"`
	Hosts       []hostView   `json:"hosts"`
}

type hostView struct {
	Name      string       `json:"name"`
	Addresses []netip.Addr `json:"addresses"`
}

func (m *Module) showHosts(_ context.Context, call modules.Call) (modules.View, error) {
	t := m.table.Load()
	view := hostsView{NameServers: append([]netip.Addr{}, t.servers...), Hosts: []hostView{}}
	if call.Values.Has("NAME") {
		name := modules.Get[string](call.Values, "NAME")
		addrs, known := t.names()[name]
		if !known {
			return nil, &modules.Error{
				Message: fmt.Sprintf("No host %s is configured", name),
				Hint:    fmt.Sprintf("Add it with: ip host %s ADDRESS", name),
			}
		}
		view.Hosts = append(view.Hosts, hostView{name, addrs})
		return view, nil
	}
	names := t.names()
	for _, name := range slices.Sorted(maps.Keys(names)) {
		view.Hosts = append(view.Hosts, hostView{name, names[name]})
	}
	return view, nil
}

// Text prints a line for each address, so that `| include` finds both ends of it.
func (v hostsView) Text(w io.Writer, width int) error {
	servers := "none configured, the system's are asked"
	if len(v.NameServers) > 0 {
		servers = join(v.NameServers)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Name servers: %s\n", servers)
	if len(v.Hosts) > 0 {
		b.WriteByte('\n')
	}
	if _, err := io.WriteString(w, b.String()); err != nil || len(v.Hosts) == 0 {
		return err
	}
	columns := []modules.Column{{Name: "Host", Min: 16}, {Name: "Address", Min: 15}}
	return modules.Table{Columns: columns, Rows: v.rows}.Text(w, width)
}

func (v hostsView) rows(yield func([]string, error) bool) {
	for _, h := range v.Hosts {
		for _, a := range h.Addresses {
			if !yield([]string{h.Name, a.String()}, nil) {
				return
			}
		}
	}
}

func join(addrs []netip.Addr) string {
	words := make([]string, len(addrs))
	for i, a := range addrs {
		words[i] = a.String()
	}
	return strings.Join(words, ", ")
}

// maxListed bounds the names that `?` shows.
const maxListed = 20

// serversNow are the name servers, for `?`.
func (m *Module) serversNow(string) (out []modules.Candidate) {
	for _, server := range m.table.Load().servers {
		out = append(out, modules.Candidate{Text: server.String(), Help: "asked now"})
	}
	return out
}

// nameType is a name of which `?` shows those that are configured.
type nameType struct {
	modules.Type
	module *Module
}

// List returns configured names with the prefix.
func (t nameType) List(prefix string) []modules.Candidate {
	var out []modules.Candidate
	names := t.module.table.Load().names()
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if strings.HasPrefix(name, strings.ToLower(prefix)) && len(out) < maxListed {
			out = append(out, modules.Candidate{Text: name, Help: join(names[name])})
		}
	}
	return out
}
