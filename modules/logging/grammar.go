package logging

import (
	"slices"

	"mbox/modules"
)

var words = map[string]string{
	"logging":   "Messages of this box: where they go",
	"buffered":  "Keep messages in memory (default: 1048576 bytes, debugging)",
	"entries":   "Bound the buffer by a number of messages",
	"console":   "What a box that runs in the foreground writes to its standard error (default: informational)",
	"monitor":   "What terminals are shown after terminal monitor (default: debugging)",
	"trap":      "What log hosts are sent (default: informational)",
	"facility":  "Facility that log hosts are told (default: local7)",
	"origin-id": "What log hosts are told as the name of this box (default: the hostname)",
	"hostname":  "The hostname of this box",
	"ip":        "The address that messages are sent from",
	"string":    "A name of its own",
	"source":    "Address of this box to send from (default: as the routes choose)",
	"host":      "Send messages to a log host",
	"transport": "How to send (default: udp)",
	"udp":       "RFC 5426: nobody knows what arrives",
	"tcp":       "RFC 6587 with octet counting",
	"tls":       "RFC 5425: the log host must prove who it is",
	"port":      "Port of the log host (default: udp 514, tcp 601, tls 6514)",
	"level":     "Least severe messages to let through",
	"off":       "Nothing",

	"fingerprint": "Accept only this certificate, whoever has signed it (default: the roots of the system decide)",

	"show": "Show running system information", "clear": "Reset something", "last": "Only the newest messages",
	"since": "Only messages from then on", "module": "Only messages of one module", "match": "Only messages that match",
	"support": "Without debugging and without what may name guests",
	"force":   "Without asking", "debug": "Show what a module does while it does it", "undebug": "End debugging", "no": "Undo something",
	"debugging": "Modules that are debugged", "all": "All modules", "for": "For how long (default: 15 minutes)",
}

const maxBytes = 64 << 20

// Grammar is `logging ...`, `show logging` and `debug ...`.
func (m *Module) Grammar() modules.Grammar {
	return modules.Grammar{Statements: statements(), Commands: slices.Concat(m.showCommands(), m.debugCommands())}
}

func statements() []modules.Statement {
	level := newLevelType()
	one := func(syntax, help, otherwise string, args map[string]modules.Type) modules.Statement {
		return modules.Statement{Syntax: syntax, Help: help, Words: words, Args: args, Default: otherwise}
	}
	leveled := map[string]modules.Type{"LEVEL": level}
	host := one(syntaxHost, words["host"], "", map[string]modules.Type{
		"HOST": modules.Word("Address or name of the log host", cleanHost), "PORT": modules.Int(1, 65535, "Port"), "LEVEL": level,
		"FINGERPRINT": fingerprintType{},
	})
	host.Key = []string{"HOST"}
	return []modules.Statement{
		one(syntaxBuffered, words["buffered"], "logging buffered 1048576 debugging", map[string]modules.Type{
			"ENTRIES": modules.Int(1, 1_000_000, "Messages"), "BYTES": modules.Int(4096, maxBytes, "Bytes"), "LEVEL": level,
		}),
		one(syntaxConsole, words["console"], "logging console informational", leveled),
		one(syntaxMonitor, words["monitor"], "logging monitor debugging", leveled),
		one(syntaxTrap, words["trap"], "logging trap informational", leveled),
		one(syntaxFacility, words["facility"], "logging facility local7", map[string]modules.Type{"FACILITY": facilityType()}),
		one(syntaxOrigin, words["origin-id"], "logging origin-id hostname", map[string]modules.Type{"TEXT": modules.Word("Name of 1 to 255 printable ASCII characters", cleanOrigin)}),
		one(syntaxSource, words["source"], "", map[string]modules.Type{"ADDR": modules.Address("Address of this box")}),
		host,
	}
}

func (m *Module) showCommands() []modules.Command {
	return []modules.Command{{
		Syntax: "show logging [last N] [level LEVEL] [since SINCE] [module MODULE] [match REGEXP] [support]",
		Help:   "Where messages go, and those in memory; with a filter only these", Words: words,
		Args: map[string]modules.Type{
			"N": modules.Int(1, 1_000_000, "Messages"), "LEVEL": newLevelType(), "SINCE": m.sinceType(), "MODULE": m.moduleType("Name of a module"),
			"REGEXP": modules.Word("Regular expression (RE2) over the line", cleanRegexp),
		},
		Level: 2, Support: "show logging last 1000 support", Result: logView{}, Run: m.showLogging,
	}, {
		Syntax: "clear logging [force]", Help: "Empty the buffer of messages", Words: words, Level: 15, Run: m.clearLogging,
	}}
}

func (m *Module) debugCommands() []modules.Command {
	module := map[string]modules.Type{"MODULE": m.debugType(), "MINUTES": modules.Int(1, maxDebugMinutes, "Minutes")}
	only := map[string]modules.Type{"MODULE": m.debugType()}
	return []modules.Command{{
		Syntax: "debug {all | MODULE} [for MINUTES]", Help: "Show what a module does while it does it", Words: words, Args: module,
		Level: 15, Run: m.debug,
	}, {
		Syntax: "undebug {all | MODULE}", Help: "End debugging", Words: words, Args: only, Level: 15, Run: m.undebug,
	}, {
		Syntax: "no debug {all | MODULE}", Help: "End debugging", Words: words, Args: only, Level: 15, Run: m.undebug,
	}, {
		Syntax: "show debugging", Help: "Modules that are debugged, and until when", Words: words, Level: 2, Result: debugView{},
		Run: m.showDebugging,
	}}
}
