package freeradius

import (
	"strings"
	"time"
)

// hashes are the attributes that hold a password which cannot be had back, and the header that rlm_pap knows each by.
var hashes = map[string]string{
	"nt-password": "nt", "lm-password": "lm", "crypt-password": "crypt", "md5-password": "md5", "smd5-password": "smd5",
	"sha-password": "sha", "sha1-password": "sha", "ssha-password": "ssha", "ssha1-password": "ssha",
	"sha2-password": "sha2", "ssha2-password": "ssha2", "ssha224-password": "ssha224", "ssha256-password": "ssha256",
	"ssha384-password": "ssha384", "ssha512-password": "ssha512", "sha3-password": "sha3", "pbkdf2-password": "pbkdf2",
}

// headers of rlm_pap for passwords in clear.
var clearHeaders = []string{"{clear}", "{cleartext}"}

// credential takes what proves a guest, and says whether the item was of that kind.
func (t *translator) credential(item Item) bool {
	name := strings.ToLower(item.Name)
	scheme, hashed := hashes[name]
	switch {
	case !item.Check:
		return false
	case !item.sets() && item.Op != "==":
		return false
	case name == "cleartext-password", name == "user-password", name == "password":
		t.clear(item, item.Value)
	case name == "password-with-header":
		t.headed(item)
	case hashed:
		t.hash(item, item.Name, "{"+scheme+"}"+item.Value)
	case name == "auth-type":
		t.authType(item)
	default:
		return false
	}
	return true
}

func (t *translator) clear(item Item, password string) {
	if t.Password == nil {
		t.Password = &password
	}
	t.note(item, "password", "")
}

// hash keeps what a password is known by; the first counts.
func (t *translator) hash(item Item, kind, header string) {
	if t.Hash == "" {
		t.Hash, t.Header = kind, header
	}
	t.leave(item, hashReason)
}

const hashReason = "the password cannot be had back from its hash: give the guest a new one"

func (t *translator) headed(item Item) {
	for _, header := range clearHeaders {
		if len(item.Value) > len(header) && strings.EqualFold(item.Value[:len(header)], header) {
			t.clear(item, item.Value[len(header):])
			return
		}
	}
	if strings.HasPrefix(item.Value, "{") {
		t.hash(item, item.Name, item.Value)
		return
	}
	t.clear(item, item.Value)
}

func (t *translator) authType(item Item) {
	switch value := strings.ToLower(item.Value); {
	case value == "reject":
		t.Reject = true
		t.note(item, "disabled", "")
	case value == "accept" && item.Op != "==":
		t.Accept = true
		t.note(item, "usertype", "no password is asked for")
	case value == "local", value == "pap", value == "chap", value == "ms-chap", value == "mschap":
		t.note(item, "password", "any kind of login that the password allows")
	default:
		t.leave(item, "the password is kept elsewhere")
	}
}

// dateForms are what FreeRADIUS writes and reads for dates (lib/misc.c: gettime), and ISO 8601. A date alone is its first second.
var dateForms = []string{
	"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02",
	"2 Jan 2006 15:04:05", "2 Jan 2006 15:04", "2 Jan 2006", "Jan 2 2006 15:04:05 MST", "Jan 2 2006 15:04:05", "Jan 2 2006 15:04", "Jan 2 2006",
	"2 January 2006", "January 2 2006", "January 2 2006 15:04:05", "2 January 2006 15:04:05",
	"Mon Jan 2 15:04:05 2006",
}

// parseDate reads a date in one of these forms, or seconds since 1970.
func parseDate(text string, zone *time.Location) (time.Time, bool) {
	text = strings.Join(strings.Fields(strings.ReplaceAll(text, ",", " ")), " ")
	if n, ok := number(text); ok && len(n) >= 9 && len(n) <= 11 && n == text {
		var seconds int64
		for _, c := range n {
			seconds = seconds*10 + int64(c-'0')
		}
		return time.Unix(seconds, 0), true
	}
	for _, form := range dateForms {
		if at, err := time.ParseInLocation(form, text, zone); err == nil && at.Year() >= 1971 && at.Year() <= 9998 {
			return at, true
		}
	}
	return time.Time{}, false
}
