package hotspot

import "mbox/modules"

const passwordStorageSyntax = "hotspot password-storage {reversible | hashed}"

func passwordStorageStatement() modules.Statement {
	return modules.Statement{
		Syntax: passwordStorageSyntax,
		Help:   "How guests' passwords are kept from now on; the same on all boxes",
		Words: map[string]string{
			"hotspot":          "Guests, profiles and sessions",
			"password-storage": "How guests' passwords are kept",
			"reversible":       "Encrypted: every kind of login works, and an export can hold passwords",
			"hashed":           "argon2id: only PAP works, no CHAP and no MS-CHAPv2; each login takes about 25 ms of a core and 19 MB",
		},
		Default: "hotspot password-storage reversible",
		Note:    passwordStorageNote,
	}
}

// passwordStorageNote says what the line costs.
func passwordStorageNote(v modules.Values) string {
	if !v.Has("hashed") {
		return ""
	}
	return "a password that is hashed can be checked by PAP only: its guest's logins by CHAP and MS-CHAPv2 are refused. " +
		"It is hashed when it is set or proved, and cannot be had back: neither an export has it, nor does `hotspot password-storage reversible` return it. " +
		"Each login takes about 25 ms of a core and 19 MB: two cores let in about 40 guests a second"
}

// applyPasswordStorage concerns passwords that are set, and logins with a password in clear, from now on.
func (m *Module) applyPasswordStorage(tree *modules.Tree) {
	hashed := false
	for _, node := range tree.All(passwordStorageSyntax) {
		hashed = node.Values.Has("hashed")
	}
	m.db.SetHashedPasswords(hashed)
}
