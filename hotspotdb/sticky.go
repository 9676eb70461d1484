package hotspotdb

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

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
	// PasswordSet is the account's Guest.PasswordSet when it was bound: with another password the binding is void.
	PasswordSet int64 `json:"-"`
}

// BindSticky makes a binding, or replaces the one that the device has in that hotspot. Bindings have no author of their own: an
// audit entry names the one that Tx.By was told.
func (tx *Tx) BindSticky(s Binding) error {
	if s.FirstLogin.IsZero() {
		s.FirstLogin = tx.now
	}
	mac, err := s.check()
	if err != nil {
		return err
	}
	before := &hotspotpb.Sticky{}
	switch err := readMessage(tx, Sticky, StickyKey(mac, s.Hotspot), before); {
	case err == nil:
	case errors.Is(err, ErrNotFound):
		before = nil
	default:
		return fmt.Errorf("sticky binding of %s in %s: %w", FormatMAC(mac), s.Hotspot, err)
	}
	pb := &hotspotpb.Sticky{}
	if err := tx.putSticky(mac, pb, &s); err != nil {
		return err
	}
	return tx.recordSticky(before, pb)
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
	before := proto.CloneOf(pb)
	if err := tx.putSticky(parsed, pb, &s); err != nil {
		return err
	}
	return tx.recordSticky(before, pb)
}

// DeleteSticky writes a binding's tombstone.
func (tx *Tx) DeleteSticky(mac, hotspot string) error {
	parsed, pb, err := tx.sticky(mac, hotspot)
	if err != nil {
		return err
	}
	if err := tx.Delete(Sticky, StickyKey(parsed, hotspot)); err != nil {
		return fmt.Errorf("delete the binding of %s in %s: %w", pb.Mac, hotspot, err)
	}
	return tx.record("", "sticky", pb.Username, pb.Account, "deleted", func() []AuditField { return stickyFields(pb, &hotspotpb.Sticky{}) })
}

// recordSticky writes the entry of a binding that was made or changed; old is nil if there was none. That a device came and
// went, and that its days count from then, is no change.
func (tx *Tx) recordSticky(old, now *hotspotpb.Sticky) error {
	if old == nil {
		return tx.record("", "sticky", now.Username, now.Account, "added", func() []AuditField {
			return stickyFields(&hotspotpb.Sticky{}, now)
		})
	}
	fields := stickyFields(old, now)
	if old.ExpiresS != now.ExpiresS && old.LastLogoutUs == now.LastLogoutUs && old.FirstLoginUs == now.FirstLoginUs {
		fields = appendTexts(fields, "expires", instant(seconds(old.ExpiresS)), instant(seconds(now.ExpiresS)))
	}
	if len(fields) == 0 {
		return nil
	}
	return tx.record("", "sticky", now.Username, now.Account, "changed", func() []AuditField { return fields })
}

func stickyFields(old, now *hotspotpb.Sticky) []AuditField {
	list := appendTexts(nil, "macaddress", old.Mac, now.Mac)
	list = appendTexts(list, "hotspot", old.Hotspot, now.Hotspot)
	list = appendTexts(list, "username", old.Username, now.Username)
	if old.Mode != now.Mode {
		list = appendTexts(list, "mode", StickyMode(old.Mode).String(), StickyMode(now.Mode).String())
	}
	return appendNumber(list, "days", uint64(old.Days), uint64(now.Days))
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
	return mac, CheckHotspot(s.Hotspot)
}

// CheckHotspot says what is wrong with the name of a hotspot.
func CheckHotspot(s string) error { return checkText("hotspot", s, 1, maxKey-7) }

func stickyOf(pb *hotspotpb.Sticky) Binding {
	return Binding{
		MAC: pb.Mac, Username: pb.Username, Account: pb.Account, Hotspot: pb.Hotspot, Mode: StickyMode(pb.Mode), Days: pb.Days,
		FirstLogin: micros(pb.FirstLoginUs), LastLogout: micros(pb.LastLogoutUs), Expires: seconds(pb.ExpiresS),
		PasswordSet: pb.PasswordUs,
	}
}

func (tx *Tx) putSticky(mac [6]byte, pb *hotspotpb.Sticky, s *Binding) error {
	pb.Mac, pb.Username, pb.Account, pb.Hotspot = FormatMAC(mac), s.Username, s.Account, s.Hotspot
	pb.Mode, pb.Days, pb.ExpiresS = hotspotpb.Sticky_Mode(s.Mode), s.Days, toSeconds(s.Expires)
	pb.FirstLoginUs, pb.LastLogoutUs, pb.PasswordUs = toMicros(s.FirstLogin), toMicros(s.LastLogout), s.PasswordSet
	if err := tx.putMessage(Sticky, StickyKey(mac, s.Hotspot), pb); err != nil {
		return fmt.Errorf("bind %s in %s: %w", pb.Mac, s.Hotspot, err)
	}
	return nil
}

// Stickies lists the bindings by hotspot and MAC.
func (db *DB) Stickies() ([]Binding, error) {
	list, err := listAll(db, Sticky, KindSticky, stickyOf)
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
