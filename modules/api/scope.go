package api

import (
	"strings"

	"mbox/modules"
)

// scope is what an API user may do.
type scope string

// The scopes.
const (
	usersRead     scope = "users:read"
	usersWrite    scope = "users:write"
	profilesRead  scope = "profiles:read"
	sessionsRead  scope = "sessions:read"
	attemptsRead  scope = "attempts:read"
	quotaRead     scope = "quota:read"
	quotaWrite    scope = "quota:write"
	vouchersRead  scope = "vouchers:read"
	vouchersWrite scope = "vouchers:write"
	auditRead     scope = "audit:read"
)

// scopes are all of them, with what they allow.
var scopes = []modules.Candidate{
	{Text: string(usersRead), Help: "Read accounts of guests and their access attributes"},
	{Text: string(usersWrite), Help: "Add, change and delete accounts of guests"},
	{Text: string(profilesRead), Help: "Read profiles"},
	{Text: string(sessionsRead), Help: "Read sessions"},
	{Text: string(attemptsRead), Help: "Read login attempts"},
	{Text: string(quotaRead), Help: "Read the report of purchased quotas"},
	{Text: string(quotaWrite), Help: "Sell quota to guests"},
	{Text: string(vouchersRead), Help: "Read vouchers, with their codes"},
	{Text: string(vouchersWrite), Help: "Create and disable vouchers"},
	{Text: string(auditRead), Help: "Read who changed what"},
}

// writes says whether a scope allows changes.
func (s scope) writes() bool { return strings.HasSuffix(string(s), ":write") }

// defaultScopes are those of a user for whom none is named: all that changes nothing.
func defaultScopes() (out []scope) {
	for _, c := range scopes {
		if s := scope(c.Text); !s.writes() {
			out = append(out, s)
		}
	}
	return out
}
