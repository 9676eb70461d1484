package hotspotdb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"mbox/proto/hotspotpb"
)

// Profile is a set of access attributes that accounts share.
type Profile struct {
	Name        string      `json:"groupname"`
	Description string      `json:"description"`
	Attributes  []Attribute `json:"attributes"`
	Created     time.Time   `json:"created"`
	CreatedBy   string      `json:"createdby"`
	Updated     time.Time   `json:"updated"`
	UpdatedBy   string      `json:"updatedby"`
}

func profileOf(p *hotspotpb.Profile) Profile {
	return Profile{
		Name: p.Groupname, Description: p.Description, Attributes: fromAttributes(p.Attributes),
		Created: micros(p.CreatedUs), CreatedBy: p.CreatedBy, Updated: micros(p.UpdatedUs), UpdatedBy: p.UpdatedBy,
	}
}

// AddProfile makes a profile. ErrExists if there is one of that name.
func (tx *Tx) AddProfile(p Profile, by string) error {
	if err := CheckGroupname(p.Name); err != nil {
		return err
	}
	switch err := readMessage(tx, Profiles, ProfileKey(p.Name), &hotspotpb.Profile{}); {
	case err == nil:
		return fmt.Errorf("profile %s: %w", p.Name, ErrExists)
	case !errors.Is(err, ErrNotFound):
		return fmt.Errorf("add profile %s: %w", p.Name, err)
	}
	return tx.putProfile(&hotspotpb.Profile{Groupname: p.Name, CreatedUs: tx.now.UnixMicro(), CreatedBy: by}, &p, by)
}

// EditProfile changes a profile; its name and the times are ignored. Nothing is written if nothing changed.
func (tx *Tx) EditProfile(name, by string, edit func(*Profile) error) error {
	pb, err := tx.profile(name)
	if err != nil {
		return err
	}
	p := profileOf(pb)
	if err := edit(&p); err != nil {
		return err
	}
	return tx.putProfile(pb, &p, by)
}

// PutProfile makes a profile or gives an existing one this description and these attributes.
func (tx *Tx) PutProfile(p Profile, by string) error {
	err := tx.AddProfile(p, by)
	if errors.Is(err, ErrExists) {
		return tx.EditProfile(p.Name, by, func(old *Profile) error {
			old.Description, old.Attributes = p.Description, p.Attributes
			return nil
		})
	}
	return err
}

// DeleteProfile writes a profile's tombstone. Accounts that have the profile are denied afterwards, not unlimited;
// DB.ProfileUsers counts them.
func (tx *Tx) DeleteProfile(name, by string) error {
	if _, err := tx.profile(name); err != nil {
		return err
	}
	if err := tx.Delete(Profiles, ProfileKey(name)); err != nil {
		return fmt.Errorf("delete profile %s: %w", name, err)
	}
	return tx.record(by, "profile", name, 0, "deleted", noFields)
}

// Profile finds a profile by its name.
func (tx *Tx) Profile(name string) (Profile, error) {
	pb, err := tx.profile(name)
	if err != nil {
		return Profile{}, err
	}
	return profileOf(pb), nil
}

func (tx *Tx) profile(name string) (*hotspotpb.Profile, error) {
	pb := &hotspotpb.Profile{}
	if err := readMessage(tx, Profiles, ProfileKey(name), pb); err != nil {
		return nil, fmt.Errorf("profile %s: %w", name, err)
	}
	return pb, nil
}

func (tx *Tx) putProfile(pb *hotspotpb.Profile, p *Profile, by string) error {
	if err := checkText("description", p.Description, 0, maxInfo); err != nil {
		return err
	}
	attributes, err := checkAttributes(p.Attributes, fromAttributes(pb.Attributes))
	if err != nil {
		return err
	}
	next := proto.CloneOf(pb)
	next.Description, next.Attributes = p.Description, toAttributes(attributes)
	if proto.Equal(next, pb) && pb.UpdatedUs != 0 {
		return nil
	}
	next.UpdatedUs, next.UpdatedBy = tx.now.UnixMicro(), by
	if err := tx.putMessage(Profiles, ProfileKey(pb.Groupname), next); err != nil {
		return fmt.Errorf("store profile %s: %w", pb.Groupname, err)
	}
	action := "changed"
	if pb.UpdatedUs == 0 {
		action = "added"
	}
	return tx.record(by, "profile", pb.Groupname, 0, action, func() []AuditField { return profileFields(pb, next) })
}

// Profile finds a profile by its name.
func (db *DB) Profile(name string) (Profile, error) {
	pb := &hotspotpb.Profile{}
	if err := readMessage(db, Profiles, ProfileKey(name), pb); err != nil {
		return Profile{}, fmt.Errorf("profile %s: %w", name, err)
	}
	return profileOf(pb), nil
}

// Profiles lists all profiles by name.
func (db *DB) Profiles() ([]Profile, error) {
	list, err := listAll(db, Profiles, KindProfile, profileOf)
	if err != nil {
		return nil, fmt.Errorf("list profiles: %w", err)
	}
	slices.SortFunc(list, func(a, b Profile) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

// ProfileUsers counts the accounts that have a profile. It reads all accounts.
func (db *DB) ProfileUsers(ctx context.Context, name string) (int, error) {
	view := db.View()
	defer view.Close()
	n := 0
	err := view.scanLive(ctx, Users, KindAccess, func(c *Change) error {
		var access hotspotpb.Access
		if err := unmarshal(c, &access); err != nil {
			return err
		}
		if slices.Contains(access.Profiles, name) {
			n++
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("count the accounts of profile %s: %w", name, err)
	}
	return n, nil
}
