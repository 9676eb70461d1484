package hotspot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"mbox/hotspotdb"
	"mbox/modules"
)

// stickyLines are those of RansNet's boxes that are a command here, or need none.
var stickyLines = []modules.Foreign{
	{Words: "client-sticky clean", Advice: "it is a command here: clear hotspot sticky hotspot NAME"},
	{Words: "client-sticky-vlanlist", Advice: "devices are remembered by hotspot: type client-sticky in the hotspot of each VLAN, and leave this line out"},
}

// stickyCommands look after the devices that are let in without the portal.
func (m *Module) stickyCommands() []modules.Command {
	words := map[string]string{
		"hotspot":  "Devices in this hotspot",
		"sticky":   "Devices that are let in without the portal",
		"username": "Devices of this account",
		"mac":      "This device",
		"all":      "All devices",
		"limit":    "No more than this many",
		"force":    "Without asking",
	}
	args := map[string]modules.Type{
		"NAME": m.quotaName(), "MAC": macAddress(), "N": modules.Int(1, 10_000_000, "How many"),
		"HOTSPOT": modules.Word("Devices of this hotspot: what its access points send as NAS-Identifier", nil),
	}
	return []modules.Command{
		{Syntax: "show hotspot sticky [username NAME] [mac MAC] [hotspot HOTSPOT] [limit N]", Help: "Devices that are let in without the portal", Words: words, Args: args,
			Level: operator, Run: m.showSticky, Result: shapes(stickyObject(hotspotdb.Binding{}))},
		{Syntax: "clear hotspot sticky {all | hotspot HOTSPOT | username NAME | mac MAC} [force]", Help: "Forget devices: their guests log in again", Words: words,
			Args: pick(args, "NAME", "MAC", "HOTSPOT"), Level: operator, Run: m.clearSticky, Result: forgotten{}},
	}
}

// forgotten is the View of devices that were unbound.
type forgotten struct {
	Devices int `json:"devices"`
}

func (f forgotten) Text(w io.Writer, _ int) error {
	_, err := fmt.Fprintf(w, "%s forgotten. Sessions that go on are not ended.\n", modules.Count(f.Devices, "device"))
	return err
}

// clearSticky unbinds devices. What concerns more than one guest is asked for.
func (m *Module) clearSticky(ctx context.Context, call modules.Call) (modules.View, error) {
	v := call.Values
	list, err := m.bindings(v)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, &modules.Error{Message: "no such device is bound", Hint: "show hotspot sticky lists them"}
	}
	if (v.Has("all") || v.Has("HOTSPOT")) && !v.Has("force") {
		what := "The guests of " + modules.Count(len(list), "device") + " have to log in again"
		ok, err := call.Terminal.Confirm(ctx, what+". Forget them?")
		if errors.Is(err, modules.ErrNotInteractive) {
			err = &modules.Error{Message: what, Hint: "Add force to forget them"}
		}
		if err != nil || !ok {
			return nil, err
		}
	}
	const chunk = 1000
	var pending error
	result := forgotten{}
	for part := range slices.Chunk(list, chunk) {
		var gone int
		late, err := m.store(ctx, call.Actor, "device", part[0].MAC, func(tx *hotspotdb.Tx) (err error) {
			gone, err = unbind(tx, part)
			return err
		})
		if err != nil {
			return nil, err
		}
		result.Devices += gone
		pending = errors.Join(pending, late)
	}
	m.audit(ctx, call.Actor, "hotspot devices forgotten", "devices", result.Devices)
	return result, pending
}

// unbind counts what was still there.
func unbind(tx *hotspotdb.Tx, list []hotspotdb.Binding) (gone int, err error) {
	for _, b := range list {
		switch err := tx.DeleteSticky(b.MAC, b.Hotspot); {
		case err == nil:
			gone++
		case !errors.Is(err, hotspotdb.ErrNotFound):
			return 0, err
		}
	}
	return gone, nil
}

func (m *Module) showSticky(_ context.Context, call modules.Call) (modules.View, error) {
	bindings, err := m.bindings(call.Values)
	if err != nil {
		return nil, err
	}
	l := stickyList{m: m, limited: m.limitOf(call.Values)}
	l.bindings = cut(bindings, &l.limited)
	return l, nil
}

// bindings lists those of a device, a guest and a hotspot, as far as they are named.
func (m *Module) bindings(v modules.Values) ([]hotspotdb.Binding, error) {
	bindings, err := m.db.Stickies()
	if err != nil {
		return nil, err
	}
	name, mac, hotspot := m.guestName(v), modules.Get[string](v, "MAC"), modules.Get[string](v, "HOTSPOT")
	var accounts []uint64
	named := func(string) bool { return true }
	if name != "" {
		if accounts, named, err = m.recorded(name); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(bindings, func(b hotspotdb.Binding) bool {
		return mac != "" && b.MAC != mac || hotspot != "" && b.Hotspot != hotspot || !named(b.Username) && !slices.Contains(accounts, b.Account)
	}), nil
}

// stickyList is a list of devices bound to accounts.
type stickyList struct {
	m        *Module
	bindings []hotspotdb.Binding
	limited
}

var stickyColumns = []modules.Column{
	{Name: "MAC"}, {Name: "USERNAME", Min: 12}, {Name: "HOTSPOT", Min: 8, Weight: 4, Cut: true}, {Name: "MODE"}, {Name: "DAYS"},
	{Name: "FIRST LOGIN"}, {Name: "LAST LOGOUT"}, {Name: "EXPIRES"},
}

func (l stickyList) Text(w io.Writer, width int) error {
	rows := func(yield func([]string, error) bool) {
		for _, s := range l.bindings {
			row := []string{s.MAC, s.Username, s.Hotspot, s.Mode.String(), fmt.Sprint(s.Days),
				l.m.displayTime(s.FirstLogin), l.m.displayTime(s.LastLogout), l.m.displayTime(s.Expires)}
			if !yield(row, nil) {
				return
			}
		}
	}
	if err := (modules.Table{Columns: stickyColumns, Rows: rows}).Text(w, width); err != nil || !l.more {
		return err
	}
	_, err := fmt.Fprintf(w, "There are more than these %d; raise the limit, or name a hotspot.\n", l.limit)
	return err
}

// MarshalJSON is a list of bindings with all fields. Without a limit it refuses what would not fit rather than leave some out.
func (l stickyList) MarshalJSON() ([]byte, error) {
	if l.more && !l.typed {
		return nil, l.m.tooMany("bindings")
	}
	out := []object{}
	for _, s := range l.bindings {
		out = append(out, stickyObject(s))
	}
	return json.Marshal(out)
}

func stickyObject(s hotspotdb.Binding) object {
	return object{
		{"macaddress", "", s.MAC},
		{"username", "", s.Username},
		{"hotspot", "", known(s.Hotspot)},
		{"mode", "", s.Mode.String()},
		{"days", "", s.Days},
		{"firstlogin", "", instant(s.FirstLogin)},
		{"lastlogout", "", instant(s.LastLogout)},
		{"expires", "", instant(s.Expires)},
	}
}
