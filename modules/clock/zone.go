package clock

import (
	"errors"
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // the box must know zones where the system does not: 450 KB

	"mbox/modules"
)

// zoneOf makes the zone of `clock timezone NAME [HOURS [MINUTES]]`: with hours the name is only a name, as in IOS; without,
// it is one of the IANA database, which knows of summer time.
func zoneOf(v modules.Values) (*time.Location, error) {
	name := modules.Get[string](v, "NAME")
	if v.Has("HOURS") {
		hours, minutes := modules.Get[int](v, "HOURS"), modules.Get[int](v, "MINUTES")
		if hours < 0 {
			minutes = -minutes
		}
		return time.FixedZone(name, hours*3600+minutes*60), nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil || strings.EqualFold(name, "local") {
		return nil, &modules.Error{
			Message: fmt.Sprintf("no zone is called %s", name),
			Hint:    fmt.Sprintf("Give one of the IANA database such as Europe/Berlin, or the hours as well: clock timezone %s 1", name),
		}
	}
	return zone, nil
}

func cleanZone(s string) (string, error) {
	other := func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_+-/", r))
	}
	if s == "" || len(s) > 64 || strings.ContainsFunc(s, other) || strings.Contains(s, "//") || s[0] == '/' {
		return "", errors.New("expected a zone such as Europe/Berlin, UTC, or a name with hours such as CET 1")
	}
	return s, nil
}

// offsetText is a zone's distance from UTC such as +01:00.
func offsetText(t time.Time) string { return t.Format("-07:00") }
