package clock

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"

	"mbox/modules"
)

// MaxServers bounds the NTP servers.
const MaxServers = 16

const (
	defaultPort    = 123 // RFC 5905 section 7.2
	defaultVersion = 4

	syntaxTimezone  = "clock timezone NAME [HOURS [MINUTES]]"
	syntaxServer    = "ntp server SERVER [version VERSION] [port PORT] [source SOURCE] [prefer]"
	syntaxLargeStep = "ntp allow-large-step"
)

var words = map[string]string{
	"clock":            "Time of this box",
	"timezone":         "Zone in which times are shown (default: UTC)",
	"set":              "Set the clock by hand",
	"ntp":              "Keep the clock by the Network Time Protocol",
	"server":           "Ask a server for the time",
	"version":          "Version of the protocol (default: 4)",
	"port":             "Port of the server (default: 123)",
	"source":           "Address of this box to ask from (default: as the routes choose)",
	"prefer":           "Follow this server as long as the others do not contradict it",
	"allow-large-step": "Let servers move a clock that was right by more than 1000 seconds",
	"show":             "Show running system information",
	"detail":           "With the source of the time",
	"status":           "Whether the clock is kept, and by whom",
	"associations":     "Servers and what they say",
}

// Grammar is `clock ...`, `ntp ...` and their commands.
func (m *Module) Grammar() modules.Grammar {
	return modules.Grammar{
		Statements: []modules.Statement{{
			Syntax: syntaxTimezone, Help: words["timezone"], Words: words, Default: "clock timezone UTC",
			Args: map[string]modules.Type{
				"NAME":  modules.Word("Zone of the IANA database such as Europe/Berlin, or any name with hours", cleanZone),
				"HOURS": modules.Int(-23, 23, "Hours ahead of UTC"), "MINUTES": modules.Int(0, 59, "And minutes"),
			},
		}, {
			Syntax: syntaxServer, Help: words["server"], Words: words, Key: []string{"SERVER"},
			Args: map[string]modules.Type{
				"SERVER":  modules.Word("Address or name of the server", cleanServer),
				"VERSION": modules.Int(3, 4, "Version"), "PORT": modules.Int(1, 65535, "UDP port"), "SOURCE": modules.Address("Address of this box"),
			},
		}, {
			Syntax: syntaxLargeStep, Help: words["allow-large-step"], Words: words,
		}},
		Commands: []modules.Command{{
			Syntax: "show clock [detail]", Help: "Time of this box", Words: words, Level: 1, Result: clockView{}, Run: m.showClock,
		}, {
			Syntax: "clock set TIME DAY MONTH YEAR", Help: "Set the clock by hand, in the zone of the box", Words: words, Level: 15,
			Args: map[string]modules.Type{
				"TIME": modules.Word("HH:MM:SS", cleanTime), "DAY": modules.Int(1, 31, "Day of the month"), "MONTH": monthType(),
				"YEAR": modules.Int(1993, 2262, "Year"),
			},
			Result: clockView{}, Run: m.setClock,
		}, {
			Syntax: "show ntp status", Help: "Whether the clock is kept by NTP, and how well", Words: words, Level: 1,
			Support: "show ntp status", Result: statusView{}, Run: m.showStatus,
		}, {
			Syntax: "show ntp associations", Help: "NTP servers and what they say", Words: words, Level: 1,
			Support: "show ntp associations", Result: associationsView{}, Run: m.showAssociations,
		}},
	}
}

func monthType() modules.Type {
	var choices []modules.Candidate
	for month := time.January; month <= time.December; month++ {
		choices = append(choices, modules.Candidate{Text: month.String(), Help: "Month"})
	}
	return modules.Enum("Month of the year", choices...)
}

func cleanTime(s string) (string, error) {
	for _, layout := range []string{"15:04:05", "15:04"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.Format("15:04:05"), nil
		}
	}
	return "", errors.New("expected a time of day such as 14:30:05")
}

// cleanServer accepts an address, or a name as RFC 1123 section 2.1 has them, with underscores tolerated.
func cleanServer(s string) (string, error) {
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" {
		if addr.IsUnspecified() || addr.IsMulticast() {
			return "", errors.New("expected the address of a server")
		}
		return addr.Unmap().String(), nil
	}
	name := strings.ToLower(strings.TrimSuffix(s, "."))
	other := func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.')
	}
	labels := strings.Split(name, ".")
	last := labels[len(labels)-1]
	if len(name) > 253 || strings.ContainsFunc(name, other) || slices.Contains(labels, "") || strings.Trim(last, "0123456789") == "" {
		return "", errors.New("expected an address such as 10.0.0.5, or a name such as ntp.example.com")
	}
	return name, nil
}
