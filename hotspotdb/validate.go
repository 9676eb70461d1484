package hotspotdb

import (
	"fmt"
	"net"
	"strings"
	"unicode"
	"unicode/utf8"
)

// FieldError says which field of a record breaks which rule. It is meant for the operator; errors.Is(err, ErrInvalid).
type FieldError struct {
	Field string
	Rule  string
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Rule }

func (e *FieldError) Unwrap() error { return ErrInvalid }

func refuse(field, rule string, args ...any) error {
	return &FieldError{field, fmt.Sprintf(rule, args...)}
}

// Limits of fields, in bytes.
const (
	maxUsername  = 253 // RFC 2865 section 5: the value of an attribute; 5.1 User-Name
	maxPassword  = 128 // RFC 2865 section 5.2 User-Password
	maxGroupname = 64
	maxInfo      = 1024
	maxProfiles  = 64
	maxAttrs     = 256
)

// CheckUsername says what is wrong with a username.
func CheckUsername(s string) error {
	if err := checkText("username", s, 1, maxUsername); err != nil {
		return err
	}
	if strings.TrimSpace(s) != s {
		return refuse("username", "must not begin or end with a space")
	}
	return nil
}

// CheckPassword says what is wrong with a password, without repeating it.
func CheckPassword(s string) error { return checkText("password", s, 1, maxPassword) }

// CheckGroupname says what is wrong with the name of a profile.
func CheckGroupname(s string) error {
	if len(s) == 0 || len(s) > maxGroupname || strings.ContainsFunc(s, notGroupname) {
		return refuse("groupname", "must be 1 to %d letters, digits, _ or -", maxGroupname)
	}
	return nil
}

func notGroupname(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-')
}

func checkText(field, s string, least, most int) error {
	switch {
	case len(s) < least || len(s) > most:
		return refuse(field, "must be %d to %d bytes long, is %d", least, most, len(s))
	case !utf8.ValidString(s):
		return refuse(field, "must be UTF-8")
	case strings.ContainsFunc(s, unicode.IsControl):
		return refuse(field, "must not have control characters")
	}
	return nil
}

// ParseMAC accepts the usual forms of a MAC address and returns its 6 bytes.
func ParseMAC(s string) (mac [6]byte, err error) {
	text := s
	if len(s) == 12 { // 3a71b4e9f799
		text = s[0:4] + "." + s[4:8] + "." + s[8:12]
	}
	parsed, err := net.ParseMAC(text)
	if err != nil || len(parsed) != len(mac) {
		return mac, refuse("macaddress", "expected a MAC address like 3A-71-B4-E9-F7-99")
	}
	return [6]byte(parsed), nil
}

// FormatMAC writes a MAC address as 3A-71-B4-E9-F7-99.
func FormatMAC(mac [6]byte) string {
	return strings.ToUpper(strings.ReplaceAll(net.HardwareAddr(mac[:]).String(), ":", "-"))
}
