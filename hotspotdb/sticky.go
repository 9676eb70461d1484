package hotspotdb

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"mbox/proto/hotspotpb"
)

// StickyMode says from when the days of a binding count.
type StickyMode uint8

// The modes.
const (
	StickyStart StickyMode = iota // from the first login
	StickyLast                    // from the last logout
)

func (m StickyMode) String() string {
	if m == StickyLast {
		return "last"
	}
	return "start"
}

// MarshalText makes a StickyMode its name in JSON.
func (m StickyMode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// Binding binds a device to an account in a hotspot: it is let in without the portal.
type Binding struct {
	MAC        string     `json:"macaddress"`
	Username   string     `json:"username"`
	Account    uint64     `json:"account"`
	Hotspot    string     `json:"hotspot"`
	Mode       StickyMode `json:"mode"`
	Days       uint32     `json:"days"`
	FirstLogin time.Time  `json:"first_login"`
	LastLogout time.Time  `json:"last_logout,omitzero"`
	Expires    time.Time  `json:"expires,omitzero"` // zero: never
}

// BindSticky makes a binding, or replaces the one that the device has in that hotspot.
func (tx *Tx) BindSticky(s Binding) error {
	if s.FirstLogin.IsZero() {
		s.FirstLogin = tx.now
	}
	mac, err := s.check()
	if err != nil {
		return err
	}
	return tx.putSticky(mac, &hotspotpb.Sticky{}, &s)
}

// UpdateSticky changes a binding; its MAC and hotspot stay.
func (tx *Tx) UpdateSticky(mac, hotspot string, edit func(*Binding) error) error {
	parsed, pb, err := tx.sticky(mac, hotspot)
	if err != nil {
		return err
	}
	s := stickyOf(pb)
	if err := edit(&s); err != nil {
		return err
	}
	s.MAC, s.Hotspot = pb.Mac, pb.Hotspot
	if _, err := s.check(); err != nil {
		return err
	}
	return tx.putSticky(parsed, pb, &s)
}

// DeleteSticky writes a binding's tombstone.
func (tx *Tx) DeleteSticky(mac, hotspot string) error {
	parsed, _, err := tx.sticky(mac, hotspot)
	if err != nil {
		return err
	}
	return tx.Delete(Sticky, StickyKey(parsed, hotspot))
}

func (tx *Tx) sticky(mac, hotspot string) ([6]byte, *hotspotpb.Sticky, error) {
	parsed, err := ParseMAC(mac)
	if err != nil {
		return parsed, nil, err
	}
	pb := &hotspotpb.Sticky{}
	if err := readMessage(tx, Sticky, StickyKey(parsed, hotspot), pb); err != nil {
		return parsed, nil, fmt.Errorf("sticky binding of %s in %s: %w", FormatMAC(parsed), hotspot, err)
	}
	return parsed, pb, nil
}

func (s *Binding) check() (mac [6]byte, err error) {
	if mac, err = ParseMAC(s.MAC); err != nil {
		return mac, err
	}
	if err := CheckUsername(s.Username); err != nil {
		return mac, err
	}
	return mac, checkText("hotspot", s.Hotspot, 1, maxKey-7)
}

func stickyOf(pb *hotspotpb.Sticky) Binding {
	return Binding{
		MAC: pb.Mac, Username: pb.Username, Account: pb.Account, Hotspot: pb.Hotspot, Mode: StickyMode(pb.Mode), Days: pb.Days,
		FirstLogin: micros(pb.FirstLoginUs), LastLogout: micros(pb.LastLogoutUs), Expires: seconds(pb.ExpiresS),
	}
}

func (tx *Tx) putSticky(mac [6]byte, pb *hotspotpb.Sticky, s *Binding) error {
	pb.Mac, pb.Username, pb.Account, pb.Hotspot = FormatMAC(mac), s.Username, s.Account, s.Hotspot
	pb.Mode, pb.Days, pb.ExpiresS = hotspotpb.Sticky_Mode(s.Mode), s.Days, toSeconds(s.Expires)
	pb.FirstLoginUs, pb.LastLogoutUs = toMicros(s.FirstLogin), toMicros(s.LastLogout)
	if err := tx.putMessage(Sticky, StickyKey(mac, s.Hotspot), pb); err != nil {
		return fmt.Errorf("bind %s in %s: %w", pb.Mac, s.Hotspot, err)
	}
	return nil
}

// Stickies lists the bindings by hotspot and MAC.
func (db *DB) Stickies() ([]Binding, error) {
	view := db.View()
	defer view.Close()
	list := []Binding{}
	err := view.scanLive(context.Background(), Sticky, KindSticky, func(c *Change) error {
		var pb hotspotpb.Sticky
		if err := unmarshal(c, &pb); err != nil {
			return err
		}
		list = append(list, stickyOf(&pb))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list sticky bindings: %w", err)
	}
	slices.SortFunc(list, func(a, b Binding) int {
		if c := strings.Compare(a.Hotspot, b.Hotspot); c != 0 {
			return c
		}
		return strings.Compare(a.MAC, b.MAC)
	})
	return list, nil
}
