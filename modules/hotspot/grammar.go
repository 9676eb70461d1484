package hotspot

import (
	"context"

	"mbox/hotspotdb"
	"mbox/modules"
)

const (
	anybody  = 1  // counts only: nothing about a person
	operator = 15 // a list of guests is personal data
)

// Grammar lists the commands.
func (m *Module) Grammar() modules.Grammar {
	var commands []modules.Command
	commands = append(commands, m.userCommands()...)
	commands = append(commands, m.profileCommands()...)
	commands = append(commands, m.fileCommands()...)
	commands = append(commands, m.showCommands()...)
	commands = append(commands, m.voucherCommands()...)
	commands = append(commands, m.migrationCommands()...)
	commands = append(commands, m.quotaCommands()...)
	commands = append(commands, m.recordCommands()...)
	commands = append(commands, m.stickyCommands()...)
	statements := []modules.Statement{historyStatement(), partitionStatement(), quotaResetStatement(), passwordStorageStatement()}
	return modules.Grammar{Statements: statements, Commands: commands, Foreign: stickyLines}
}

func (m *Module) userCommands() []modules.Command {
	const options = " [password SECRET] [usertype TYPE] [profile PROFILE]... [disabled] [expires TIME] [FIELD VALUE]..."
	words := map[string]string{
		"hotspot":  "Guests, profiles and sessions",
		"user":     "Accounts of guests",
		"password": "The guest's password",
		"usertype": "How the guest logs in",
		"profile":  "A profile; the first one typed wins",
		"disabled": "The account cannot log in",
		"expires":  "When the account ends",
		"force":    "Without asking",
	}
	args := map[string]modules.Type{
		"NAME":    m.userName(),
		"SECRET":  modules.Secret("1 to 128 bytes", nil),
		"TYPE":    userType(),
		"PROFILE": m.profileName("A profile's name; \"\" for none"),
		"TIME":    expiry{m.now},
		"FIELD":   fieldName("An access attribute or a field of user info", accountDetails()),
		"VALUE":   modules.Word("The field's value; \"\" clears it", nil),
	}
	name := map[string]modules.Type{"NAME": args["NAME"]}
	return []modules.Command{
		{Syntax: "hotspot user add NAME" + options, Help: "Add an account", Words: words, Args: args, Level: operator, Run: m.addUser},
		{Syntax: "hotspot user set NAME" + options, Help: "Change an account; what is not named stays", Words: words, Args: args, Level: operator, Run: m.setUser},
		{Syntax: "hotspot user delete NAME", Help: "Delete an account and end its sessions", Words: words, Args: name, Level: operator, Run: m.deleteUser},
		{Syntax: "hotspot user erase NAME [force]", Help: "Remove all that is known of a person, from all boxes and for good", Words: words, Args: name, Level: operator, Run: m.eraseUser, Result: erased{}},
		{Syntax: "hotspot user disable NAME", Help: "Keep an account from logging in and end its sessions", Words: words, Args: name, Level: operator, Run: m.disableUser},
		{Syntax: "hotspot user enable NAME", Help: "Let a disabled account log in again", Words: words, Args: name, Level: operator, Run: m.enableUser},
	}
}

func (m *Module) profileCommands() []modules.Command {
	const options = " [description TEXT] [ATTRIBUTE VALUE]..."
	words := map[string]string{
		"profile":     "Access profiles: limits shared by accounts",
		"description": "What the profile is for",
		"force":       "Also if accounts or vouchers use it; they are denied then",
	}
	args := map[string]modules.Type{
		"NAME":      m.profileName("The profile's name"),
		"TEXT":      modules.Word("In quotes if it has spaces", nil),
		"ATTRIBUTE": fieldName("An access attribute", profileDetails()),
		"VALUE":     modules.Word("The attribute's value; \"\" removes it", nil),
	}
	name := map[string]modules.Type{"NAME": args["NAME"]}
	return []modules.Command{
		{Syntax: "hotspot profile add NAME" + options, Help: "Add a profile", Words: words, Args: args, Level: operator, Run: m.addProfile},
		{Syntax: "hotspot profile set NAME" + options, Help: "Change a profile; what is not named stays", Words: words, Args: args, Level: operator, Run: m.setProfile},
		{Syntax: "hotspot profile delete NAME [force]", Help: "Delete a profile", Words: words, Args: name, Level: operator, Run: m.deleteProfile},
	}
}

func (m *Module) fileCommands() []modules.Command {
	words := map[string]string{
		"import":         "Read a CSV file into the database",
		"export":         "Write a CSV file",
		"users":          "Accounts",
		"profiles":       "Access profiles",
		"sessions":       "Sessions, active and past",
		"atomic":         "All rows or none",
		"update":         "Change what exists already instead of refusing the row",
		"with-passwords": "Put the passwords in clear into the file",
	}
	args := map[string]modules.Type{"FILE": modules.FileName("A file in the file area", m.files)}
	command := func(syntax, help string, run func(context.Context, modules.Call) (modules.View, error), result any) modules.Command {
		return modules.Command{Syntax: syntax, Help: help, Words: words, Args: args, Level: operator, Run: run, Result: result}
	}
	return []modules.Command{
		command("hotspot import users FILE [atomic] [update]", "Import accounts from a CSV file", m.importUsers, importResult{}),
		command("hotspot import profiles FILE [atomic] [update]", "Import profiles from a CSV file", m.importProfiles, importResult{}),
		command("hotspot export users FILE [with-passwords]", "Export accounts to a CSV file", m.exportUsers, exportResult{}),
		command("hotspot export profiles FILE", "Export profiles to a CSV file", m.exportProfiles, exportResult{}),
		command("hotspot export sessions FILE", "Export sessions to a CSV file", m.exportSessions, exportResult{}),
	}
}

func (m *Module) showCommands() []modules.Command {
	words := map[string]string{
		"hotspot":  "Guests, profiles and sessions",
		"users":    "Accounts of guests",
		"disabled": "Only disabled accounts",
		"profile":  "Only accounts with this profile",
		"match":    "Only accounts whose name or info holds this text",
		"limit":    "No more than this many",
		"sessions": "Sessions",
		"active":   "Only sessions that go on",
		"history":  "Only sessions that have ended",
		"username": "Only sessions of this account",
	}
	args := map[string]modules.Type{
		"NAME":    m.userName(),
		"PROFILE": m.profileName("The profile's name"),
		"TEXT":    modules.Word("Part of the name or info", nil),
		"N":       modules.Int(1, 10_000_000, "How many"),
	}
	profile := map[string]modules.Type{"NAME": args["PROFILE"]}
	return []modules.Command{
		{Syntax: "show hotspot users NAME", Help: "One account in full", Words: words, Args: pick(args, "NAME"), Level: operator, Run: m.showUser,
			Result: shape(m.accountInFull(hotspotdb.Account{}, nil))},
		{Syntax: "show hotspot users [disabled] [profile PROFILE] [match TEXT] [limit N]", Help: "Accounts", Words: words,
			Args: pick(args, "PROFILE", "TEXT", "N"), Level: operator, Run: m.showUsers,
			Result: shapes(m.accountObject(hotspotdb.Account{}))},
		{Syntax: "show hotspot profiles [NAME]", Help: "Access profiles", Words: words, Args: profile, Level: operator, Run: m.showProfiles,
			Result: modules.OneOf{shapes(profileObject(hotspotdb.Profile{})), shape(profileObject(hotspotdb.Profile{}))}},
		{Syntax: "show hotspot sessions [active | history] [username NAME] [limit N]", Help: "Sessions, newest first", Words: words,
			Args: pick(args, "NAME", "N"), Level: operator, Run: m.showSessions,
			Result: shapes(sessionFields(hotspotdb.Segment{}))},
		{Syntax: "show hotspot retention", Help: "What is kept of deleted records and of history", Words: words, Level: anybody, Run: m.showRetention, Support: "show hotspot retention", Result: retention{}},
		{Syntax: "show hotspot statistics", Help: "How many of each there are", Words: words, Level: anybody, Run: m.showStatistics, Support: "show hotspot statistics", Result: statistics{}},
	}
}

func pick(args map[string]modules.Type, labels ...string) map[string]modules.Type {
	out := map[string]modules.Type{}
	for _, label := range labels {
		out[label] = args[label]
	}
	return out
}
