package hotspot

import (
	"errors"
	"fmt"

	"mbox/hotspotdb"
	"mbox/modules"
)

// guestName is the name of an account that an operator typed, as it is kept: a device's address may be typed in any of its forms.
func (m *Module) guestName(v modules.Values) string {
	name := modules.Get[string](v, "NAME")
	mac, err := hotspotdb.ParseMAC(name)
	if err != nil {
		return name
	}
	if _, err := m.db.Account(name); err == nil {
		return name
	}
	return hotspotdb.FormatMAC(mac)
}

// recorded says under which accounts sessions of a guest are recorded, and whether what a client wrote is his name: clients write an
// address or a voucher's code as they like, and a voucher has an account for each of its uses.
func (m *Module) recorded(name string) (accounts []uint64, named func(string) bool, err error) {
	account, err := m.db.Account(name)
	if err == nil {
		return []uint64{account.ID}, sameAs(name, oneAddress), nil
	}
	if !errors.Is(err, hotspotdb.ErrNotFound) {
		return nil, nil, fmt.Errorf("look for an account: %w", err)
	}
	voucher, _, err := m.db.Voucher(name)
	switch {
	case errors.Is(err, hotspotdb.ErrNotFound), errors.Is(err, hotspotdb.ErrInvalid):
		return nil, sameAs(name, oneAddress), nil
	case err != nil:
		return nil, nil, fmt.Errorf("look for a voucher: %w", err)
	}
	for _, use := range voucher.Uses {
		accounts = append(accounts, use.ID)
	}
	return accounts, sameAs(name, hotspotdb.NormalCode), nil
}

// sameAs compares what is brought into one form.
func sameAs(name string, form func(string) string) func(string) bool {
	want := form(name)
	return func(other string) bool { return form(other) == want }
}

// oneAddress leaves a name alone that is no address.
func oneAddress(text string) string {
	if mac, err := hotspotdb.ParseMAC(text); err == nil {
		return hotspotdb.FormatMAC(mac)
	}
	return text
}
