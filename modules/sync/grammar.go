package sync

import (
	"fmt"
	"slices"
	"strings"

	"mbox/credential"
	"mbox/hotspotdb"
	"mbox/modules"
	"mbox/modules/sync/auth"
)

const (
	syntaxAllow       = "mbox sync allow PREFIX [datasets DATASET...] [accept ACCEPTED...]"
	syntaxListen      = "mbox sync listen ADDR [port PORT]"
	syntaxPrimary     = "mbox sync primary NAME [username USER password {6 SEALED | SECRET}] [port PORT] [source SOURCE] [datasets DATASET...] [send SENT...] [auto-resync]"
	syntaxFingerprint = "mbox sync fingerprint NAME FINGERPRINT"
)

var words = map[string]string{
	"mbox":        "This box and its peers",
	"sync":        "Keep the hotspot database in step with other boxes",
	"allow":       "Let boxes at an address follow this one",
	"listen":      "Where followers connect (default: every address)",
	"primary":     "Follow a box",
	"fingerprint": "Accept only this key from a primary",
	"datasets":    "Only these datasets flow to the follower (default: all)",
	"accept":      "Take these datasets from the follower (default: none)",
	"send":        "Send these datasets to the primary (default: none)",
	"username":    "Account on the primary",
	"password":    "Its password, the same as on the primary",
	"6":           "The password as this box has encrypted it",
	"port":        "TCP port",
	"source":      "Address to connect from (default: the listen address)",
	"auto-resync": "Start anew by itself after too long an absence (default: wait for the operator)",
	"pause":       "Hold all replication until resume",
	"resume":      "Go on after pause",
	"recover":     "Take back what this box has lost",
	"from":        "From which follower",
	"resync":      "Compare everything from the beginning",
	"status":      "Who is in step with whom",
	"detail":      "With every dataset",
	"peers":       "All boxes that were ever connected",
	"log":         "What has happened with peers, the newest last",
	"last":        "Only the newest entries",
	"conflicts":   "Records that were changed on two boxes at once",
	"test":        "Try something without changing anything",
	"clear":       "Reset something",
	"pin":         "Forget the key of a primary that was replaced",
	"show":        "Show running system information",
}

// Grammar is `mbox sync ...` and what belongs to it.
func (m *Module) Grammar() modules.Grammar {
	port := modules.Int(1, 65535, "TCP port")
	name := modules.Known(modules.Word("Name or address of the primary", cleanName), m.primaryNames)
	return modules.Grammar{
		Statements: []modules.Statement{
			{
				Syntax: syntaxAllow, Help: "Let boxes at an address follow this one", Words: words, Key: []string{"PREFIX"},
				Args: map[string]modules.Type{
					"PREFIX": modules.Prefix("Address or prefix of the followers"), "DATASET": datasetType("Dataset that flows to the follower"),
					"ACCEPTED": datasetType("Dataset that is taken from the follower"),
				},
			},
			{
				Syntax: syntaxListen, Help: "Where followers connect (default: every address)", Words: words, Key: []string{"ADDR"},
				Args: map[string]modules.Type{"ADDR": modules.Address("Own address; 0.0.0.0 or :: for all"), "PORT": port},
			},
			{
				Syntax: syntaxPrimary, Help: "Follow a box", Words: words, Key: []string{"NAME"}, Order: modules.AsTyped,
				Args: map[string]modules.Type{
					"NAME": name, "PORT": port, "SOURCE": modules.Address("Own address to connect from"),
					"USER":    modules.Word("Account on the primary", nil),
					"SECRET":  modules.Secret("Password of the account", checkPassword),
					"SEALED":  modules.Word("Password encrypted by this box", nil),
					"DATASET": datasetType("Dataset to receive"), "SENT": datasetType("Dataset to send"),
				},
				Normalize: m.sealPassword,
			},
			{
				Syntax: syntaxFingerprint, Help: "Accept only this key from a primary", Words: words, Key: []string{"NAME", "FINGERPRINT"},
				Args: map[string]modules.Type{"NAME": name, "FINGERPRINT": fingerprintType{}},
			},
			m.acknowledgeStatement(),
		},
		Commands: slices.Concat(m.commands(name), m.lifecycle(name), m.conflictCommands()),
	}
}

func datasetType(help string) modules.Type {
	choices := []modules.Candidate{{Text: everything, Help: "Every dataset"}}
	for _, ds := range hotspotdb.Datasets() {
		choices = append(choices, modules.Candidate{Text: ds.String(), Help: datasetHelp[ds]})
	}
	return modules.Enum(help, choices...)
}

var datasetHelp = map[hotspotdb.Dataset]string{
	hotspotdb.Profiles: "Access profiles", hotspotdb.Users: "Accounts of guests", hotspotdb.Sessions: "Sessions and usage",
	hotspotdb.Sticky: "Devices that need no portal", hotspotdb.Vouchers: "Vouchers", hotspotdb.Portal: "Portal contents",
	hotspotdb.Audit: "Who changed what",
}

func cleanName(s string) (string, error) {
	s = strings.ToLower(strings.TrimSuffix(s, "."))
	if s == "" || len(s) > 253 || strings.ContainsAny(s, "/@ []") {
		return "", fmt.Errorf("expected a host name such as mboxprimary.ransnet.com, or an address")
	}
	return s, nil
}

func checkPassword(s string) (string, error) {
	if s == auth.FactoryPassword {
		return "", fmt.Errorf("the factory password is refused for sync; set another one on the primary first")
	}
	if s == "" || len(s) > 128 || credential.Is(s) {
		return "", fmt.Errorf("expected the password itself, 1 to 128 characters")
	}
	return s, nil
}

// sealPassword replaces a typed password by what only this box can open.
func (m *Module) sealPassword(v modules.Values) (modules.Values, error) {
	if !v.Has("USER") {
		return nil, &modules.Error{
			Message: "the account is missing",
			Hint:    fmt.Sprintf("Type: mbox sync primary %s username mboxadmin password PASSWORD", modules.Get[string](v, "NAME")),
		}
	}
	if !v.Has("SECRET") {
		return v, nil
	}
	sealed, err := m.deps.Identity.Seal6([]byte(modules.Get[string](v, "SECRET")), sealLabel(modules.Get[string](v, "NAME")))
	if err != nil {
		return nil, fmt.Errorf("encrypt the password: %w", err)
	}
	v = v.Clone()
	delete(v, "SECRET")
	v["6"], v["SEALED"] = true, sealed
	return v, nil
}

// fingerprintType is the key of a box.
type fingerprintType struct{}

func (fingerprintType) Parse(s string) (any, error) { return auth.ParseFingerprint(s) }
func (fingerprintType) Render(v any) string         { return "sha256:" + v.(string) }
func (fingerprintType) Form() string                { return "sha256:HEX" }
func (fingerprintType) Help() string {
	return "Key of the primary, as its `show mbox sync status` prints it"
}
func (fingerprintType) Secret() bool { return false }
