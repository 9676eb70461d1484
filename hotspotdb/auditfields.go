package hotspotdb

import (
	"strconv"
	"strings"
	"time"

	"mbox/proto/hotspotpb"
)

// accountFields lists what of an account was changed; secret is what was set without being compared.
func accountFields(before, after *accountParts, password bool) []AuditField {
	old, now := before.access, after.access
	var list []AuditField
	list = appendTexts(list, "username", old.Username, now.Username)
	if old.Usertype != now.Usertype {
		list = appendTexts(list, "usertype", UserType(old.Usertype).String(), UserType(now.Usertype).String())
	}
	list = appendTexts(list, "disabled", yesNo(old.Disabled), yesNo(now.Disabled))
	list = appendTexts(list, "expires", instant(seconds(old.ExpiresS)), instant(seconds(now.ExpiresS)))
	list = appendTexts(list, "profiles", strings.Join(old.Profiles, ","), strings.Join(now.Profiles, ","))
	list = appendAttributes(list, old.Attributes, now.Attributes)
	if password {
		list = append(list, AuditField{Name: "password"})
	}
	return appendInfo(list, before.self, after.self)
}

// appendInfo adds the names of the user info that differs, and nothing of what it says.
func appendInfo(list []AuditField, old, now *hotspotpb.Self) []AuditField {
	if old == now {
		return list
	}
	if old == nil {
		old = &hotspotpb.Self{}
	}
	if now == nil {
		now = &hotspotpb.Self{}
	}
	before, after := infoRefs(old), infoRefs(now)
	for i := range before {
		if *before[i] != *after[i] {
			list = append(list, AuditField{Name: InfoFields[i]})
		}
	}
	return list
}

func profileFields(old, now *hotspotpb.Profile) []AuditField {
	var list []AuditField
	if old.Description != now.Description {
		list = append(list, AuditField{Name: "description"}) // as long as it likes, and decides nothing
	}
	return appendAttributes(list, old.Attributes, now.Attributes)
}

func batchChanges(old, now *hotspotpb.VoucherBatch) []AuditField {
	var list []AuditField
	list = appendTexts(list, "profile", old.Profile, now.Profile)
	list = appendTexts(list, "validity", lasting(old.ValidityS), lasting(now.ValidityS))
	list = appendTexts(list, "expires", instant(micros(old.ExpiresUs)), instant(micros(now.ExpiresUs)))
	list = appendNumber(list, "uses", uint64(old.MaxUses), uint64(now.MaxUses))
	list = appendTexts(list, "note", old.Note, now.Note)
	list = appendTexts(list, "owner", owner(old.Owner), owner(now.Owner))
	return appendTexts(list, "disabled", yesNo(old.Disabled), yesNo(now.Disabled))
}

func owner(id []byte) string {
	if len(id) != len(DatabaseID{}) {
		return ""
	}
	return DatabaseID(id).String()
}

// appendAttributes adds the attributes that differ, in the order of the new ones; those that are gone come last.
func appendAttributes(list []AuditField, old, now []*hotspotpb.Attribute) []AuditField {
	for _, a := range now {
		list = appendTexts(list, a.Name, valueOf(old, a.Name), a.Value)
	}
	for _, a := range old {
		if valueOf(now, a.Name) == "" {
			list = appendTexts(list, a.Name, a.Value, "")
		}
	}
	return list
}

func valueOf(attributes []*hotspotpb.Attribute, name string) string {
	for _, a := range attributes {
		if a.Name == name {
			return a.Value
		}
	}
	return ""
}

// appendTexts adds a field if its values differ.
func appendTexts(list []AuditField, name, old, now string) []AuditField {
	if old == now {
		return list
	}
	return append(list, AuditField{Name: name, Old: old, New: now})
}

// appendNumber adds a field if its values differ; 0 is none.
func appendNumber(list []AuditField, name string, old, now uint64) []AuditField {
	return appendTexts(list, name, unlessZero(old), unlessZero(now))
}

func unlessZero(n uint64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatUint(n, 10)
}

func noFields() []AuditField { return nil }

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// onOff is the action that disables, or the other.
func onOff(disabled bool) string {
	if disabled {
		return "disabled"
	}
	return "enabled"
}

// switched is the action of an edit that changed these fields.
func switched(fields []AuditField) string {
	for _, f := range fields {
		if f.Name == "username" {
			return "renamed"
		}
	}
	if len(fields) == 1 && fields[0].Name == "disabled" {
		return onOff(fields[0].New == "yes")
	}
	return "changed"
}

func instant(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Format(time.RFC3339)
}

func lasting(s uint64) string {
	if s == 0 {
		return ""
	}
	return (time.Duration(min(s, uint64(maxValidity/time.Second))) * time.Second).String()
}
