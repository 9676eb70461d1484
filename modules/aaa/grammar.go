package aaa

import (
	"fmt"
	"net/netip"
	"strings"
	"unicode/utf8"

	"mbox/modules"
)

const (
	syntaxServer   = "security radius-server"
	syntaxClient   = "client PREFIX key {6 SEALED | SECRET} [name NASNAME] [type TYPE] [coa-port PORT] [message-authenticator optional]"
	syntaxRealm    = "realm NAME server ADDR key {6 SEALED | SECRET} [auth-port AUTHPORT] [acct-port ACCTPORT] [strip] [message-authenticator optional]"
	syntaxAuthPort = "auth-port PORT"
	syntaxAcctPort = "acct-port PORT"
	syntaxListen   = "listen ADDR"
	syntaxInterim  = "interim SECONDS"
)

var words = map[string]string{
	"security":              "Who may use the network",
	"radius-server":         "The RADIUS server of this box",
	"client":                "A NAS that may ask: an access point, a gateway, a proxy",
	"key":                   "The secret that is shared with it",
	"6":                     "The key as this box has encrypted it",
	"name":                  "What sessions and logs call it (default: its address)",
	"type":                  "Which reply attributes it understands (default: standard)",
	"coa-port":              "Its UDP port for Disconnect and CoA requests (default: 3799)",
	"message-authenticator": "Whether its packets must have a Message-Authenticator (default: they must)",
	"optional":              "Take packets without one: they can be forged (CVE-2024-3596)",
	"realm":                 "Send users of NAME, as in user@NAME, to another server",
	"server":                "The server that knows these users",
	"strip":                 "Send the username without @NAME",
	"auth-port":             "UDP port for authentication",
	"acct-port":             "UDP port for accounting",
	"listen":                "Own address that takes requests (default: every address)",
	"interim":               "How often a NAS reports a session",
	"show":                  "Show running system information",
	"test":                  "Try something without changing anything",
	"clear":                 "Reset something",
}

// Dialects of reply attributes.
const (
	dialectStandard   = "standard"
	dialectWISPr      = "wispr"
	dialectChilliSpot = "chillispot"
	dialectMikroTik   = "mikrotik"
)

// Grammar is `security radius-server` and the commands about it.
func (m *Module) Grammar() modules.Grammar {
	secret := modules.Secret("The shared secret, 1 to 128 characters; long and random is best", checkKey)
	sealed := modules.Word("Key encrypted by this box", nil)
	port := modules.Int(1, 65535, "UDP port")
	return modules.Grammar{
		Statements: []modules.Statement{
			{Syntax: syntaxServer, Help: "The RADIUS server of this box", Words: words, Mode: "radius-server"},
			{
				In: syntaxServer, Syntax: syntaxClient, Help: "A NAS that may ask: an access point, a gateway, a proxy", Words: words, Key: []string{"PREFIX"},
				Args: map[string]modules.Type{
					"PREFIX": modules.Known(modules.Prefix("Address or prefix of the client; the longest prefix wins"), m.prefixes), "SECRET": secret, "SEALED": sealed,
					"NASNAME": modules.Word("Name of the client", checkNASName), "TYPE": dialectType(), "PORT": port,
				},
				Normalize: m.sealKey(func(v modules.Values) string { return clientLabel(modules.Get[netip.Prefix](v, "PREFIX")) }),
			},
			{
				In: syntaxServer, Syntax: syntaxRealm, Help: "Send users of a realm to another server", Words: words, Key: []string{"NAME", "ADDR"}, Order: modules.AsTyped,
				Args: map[string]modules.Type{
					"NAME": modules.Known(modules.Word("Realm, as in user@NAME", checkRealm), m.realmNames), "ADDR": modules.Address("Address of the server; several servers of a realm are tried in the order typed"),
					"SECRET": secret, "SEALED": sealed, "AUTHPORT": port, "ACCTPORT": port,
				},
				Normalize: m.sealKey(func(v modules.Values) string {
					return realmLabel(modules.Get[string](v, "NAME"), modules.Get[netip.Addr](v, "ADDR"))
				}),
			},
			{In: syntaxServer, Syntax: syntaxAuthPort, Help: "UDP port for authentication", Args: map[string]modules.Type{"PORT": port}, Default: fmt.Sprint("auth-port ", defaultAuthPort)},
			{In: syntaxServer, Syntax: syntaxAcctPort, Help: "UDP port for accounting", Args: map[string]modules.Type{"PORT": port}, Default: fmt.Sprint("acct-port ", defaultAcctPort)},
			{
				In: syntaxServer, Syntax: syntaxListen, Help: "Own address that takes requests (default: every address)", Key: []string{"ADDR"},
				Args: map[string]modules.Type{"ADDR": modules.Address("Own address")},
			},
			{
				In: syntaxServer, Syntax: syntaxInterim, Help: "How often a NAS reports a session; a quota is overdrawn by no more than passes in this time",
				Args:    map[string]modules.Type{"SECONDS": modules.Int(minInterim, maxInterim, "Seconds between two reports")},
				Default: fmt.Sprint("interim ", int(defaultInterim.Seconds())),
			},
		},
		Commands: m.commands(),
	}
}

func dialectType() modules.Type {
	return modules.Enum("Which reply attributes it understands",
		modules.Candidate{Text: dialectStandard, Help: "Those of the RFCs and of WISPr"},
		modules.Candidate{Text: dialectWISPr, Help: "WISPr"},
		modules.Candidate{Text: dialectChilliSpot, Help: "ChilliSpot and CoovaChilli"},
		modules.Candidate{Text: dialectMikroTik, Help: "MikroTik RouterOS"})
}

// maxKey bounds a shared secret in bytes.
const maxKey = 128

func checkKey(s string) (string, error) {
	if s == "" || len(s) > maxKey || !utf8.ValidString(s) {
		return "", fmt.Errorf("expected the key itself, 1 to %d characters", maxKey)
	}
	return s, nil
}

func checkNASName(s string) (string, error) {
	if s == "" || len(s) > 64 || modules.Printable(s) != s || strings.TrimSpace(s) != s {
		return "", fmt.Errorf("expected a name of 1 to 64 characters")
	}
	return s, nil
}

func checkRealm(s string) (string, error) {
	s = strings.ToLower(strings.TrimPrefix(s, "@"))
	if s == "" || len(s) > 253 || strings.ContainsAny(s, "@ ") || modules.Printable(s) != s {
		return "", fmt.Errorf("expected a realm such as crew.example.com")
	}
	return s, nil
}

// sealKey replaces a typed key by what only this box can open. The label ties it to its line.
func (m *Module) sealKey(label func(modules.Values) string) func(modules.Values) (modules.Values, error) {
	return func(v modules.Values) (modules.Values, error) {
		if !v.Has("SECRET") {
			return v, nil
		}
		sealed, err := m.deps.Sealer.Seal6([]byte(modules.Get[string](v, "SECRET")), label(v))
		if err != nil {
			return nil, fmt.Errorf("encrypt the key: %w", err)
		}
		v = v.Clone()
		delete(v, "SECRET")
		v["6"], v["SEALED"] = true, sealed
		return v, nil
	}
}
