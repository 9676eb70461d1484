package hotspot

import "mbox/modules"

// migrationCommands read what another RADIUS server kept.
func (m *Module) migrationCommands() []modules.Command {
	words := map[string]string{
		"hotspot":      "Guests, profiles and sessions",
		"import":       "Read a CSV file into the database",
		"radius-users": "The users file of FreeRADIUS",
		"radius-sql":   "Tables of FreeRADIUS or daloRADIUS: an SQL dump, or CSV named after its table",
		"dry-run":      "Change nothing, only report",
	}
	args := map[string]modules.Type{"FILE": modules.FileName("A file in the file area", m.files)}
	return []modules.Command{
		{Syntax: "hotspot import radius-users FILE [dry-run]", Help: "Import the users file of a FreeRADIUS server", Words: words, Args: args,
			Level: operator, Run: m.importRadiusUsers, Result: migrationResult{}},
		{Syntax: "hotspot import radius-sql FILE [dry-run]", Help: "Import the tables of a FreeRADIUS or daloRADIUS server", Words: words, Args: args,
			Level: operator, Run: m.importRadiusSQL, Result: migrationResult{}},
	}
}

// recordCommands show what is recorded beside accounts and sessions.
func (m *Module) recordCommands() []modules.Command {
	words := map[string]string{
		"hotspot":         "Guests, profiles and sessions",
		"quota":           "What a guest may use",
		"quota-purchases": "What was sold beyond the free quota",
		"audit":           "Who changed what",
		"login-attempts":  "Logins of guests, let in or not",
		"username":        "Only of this account",
		"author":          "Only changes by this person",
		"mac":             "Only of this device",
		"rejected":        "Only those that were not let in",
		"since":           "Only from then on",
		"until":           "Only up to then",
		"limit":           "No more than this many",
	}
	name, count, since := m.userName(), modules.Int(1, 10_000_000, "How many"), past{now: m.now}
	return []modules.Command{
		{Syntax: "show hotspot quota NAME", Help: "What a guest may use, has used, and when it begins anew", Words: words,
			Args: map[string]modules.Type{"NAME": m.quotaName()}, Level: operator, Run: m.showQuota, Result: quotaView{}},
		{Syntax: "show hotspot quota-purchases [username NAME] [since SINCE] [until UNTIL]", Help: "Purchases of quota, newest first", Words: words,
			Args:  map[string]modules.Type{"NAME": m.quotaName(), "SINCE": since, "UNTIL": past{m.now, true}},
			Level: operator, Run: m.showPurchases, Result: []purchaseRow{}},
		{Syntax: "show hotspot audit [username NAME] [author AUTHOR] [since TIME] [limit N]", Help: "Who changed which account from where, newest first", Words: words,
			Args:  map[string]modules.Type{"NAME": name, "AUTHOR": modules.Word("The operator's name", nil), "TIME": since, "N": count},
			Level: operator, Run: m.showAudit, Result: []auditRow{}},
		{Syntax: "show hotspot login-attempts [username NAME] [mac MAC] [rejected] [limit N]", Help: "Logins of guests, let in or not, newest first", Words: words,
			Args:  map[string]modules.Type{"NAME": name, "MAC": macAddress(), "N": count},
			Level: operator, Run: m.showAttempts, Result: []attemptRow{}},
	}
}
