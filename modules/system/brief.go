package system

import (
	"cmp"
	"context"
	"io"
	"net/netip"
	"slices"

	"mbox/host"
	"mbox/modules"
)

// interfacesView is the result of `show ip interface brief`.
type interfacesView struct {
	Interfaces []interfaceView `json:"interfaces"`
}

type interfaceView struct {
	Name      string         `json:"name"`
	Index     int            `json:"index"`
	MAC       *string        `json:"mac"` // null: it has none
	MTU       int            `json:"mtu"`
	Status    string         `json:"status"`   // up, down, administratively down
	Protocol  string         `json:"protocol"` // up, down
	Addresses []netip.Prefix `json:"addresses"`
}

func (m *Module) showInterfaces(ctx context.Context, _ modules.Call) (modules.View, error) {
	links, err := m.deps.Host.Interfaces(ctx)
	if err != nil {
		return nil, err
	}
	view := interfacesView{Interfaces: make([]interfaceView, 0, len(links))}
	for _, link := range links {
		view.Interfaces = append(view.Interfaces, interfaceOf(link))
	}
	return view, nil
}

func interfaceOf(link host.Interface) interfaceView {
	v := interfaceView{
		Name: link.Name, Index: link.Index, MTU: link.MTU,
		Status: "down", Protocol: "down",
		Addresses: append([]netip.Prefix{}, link.Addresses...),
	}
	if mac := link.MAC.String(); mac != "" {
		v.MAC = &mac
	}
	slices.SortStableFunc(v.Addresses, func(a, b netip.Prefix) int { return cmp.Compare(a.Addr().BitLen(), b.Addr().BitLen()) })
	switch {
	case !link.AdminUp:
		v.Status = "administratively down"
	case link.OperUp():
		v.Status, v.Protocol = "up", "up"
	}
	return v
}

var interfaceColumns = []modules.Column{
	{Name: "Interface"}, {Name: "IP-Address", Min: 15}, {Name: "OK?", Tight: true}, {Name: "Method", Tight: true}, {Name: "Status", Min: 16, Tight: true}, {Name: "Protocol"},
}

// Text has the columns of IOS, with a line for each address, IPv4 first. OK? and Method say that the address is in force
// and was not set by this configuration.
func (v interfacesView) Text(w io.Writer, width int) error {
	var rows [][]string
	for _, i := range v.Interfaces {
		if len(i.Addresses) == 0 {
			rows = append(rows, []string{i.Name, "unassigned", "YES", "unset", i.Status, i.Protocol})
		}
		for _, a := range i.Addresses {
			rows = append(rows, []string{i.Name, a.Addr().String(), "YES", "other", i.Status, i.Protocol})
		}
	}
	return modules.Table{Columns: interfaceColumns, Rows: modules.Rows(rows)}.Text(w, width)
}
