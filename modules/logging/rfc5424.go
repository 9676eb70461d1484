package logging

import (
	"strconv"
	"time"
	"unicode/utf8"
)

// sdID names our structured data (RFC 5424 section 6.3.2). 32473 is the enterprise number for examples and documentation
// (RFC 5612): this product has none of its own.
const sdID = "mbox@32473"

// sender is what the header of each message says of this box.
type sender struct {
	hostname string // HOSTNAME, as logging origin-id says
	process  string // PROCID
	facility int    // of syslog, 0-23
	zone     *time.Location
	synced   bool // the clock is known to be right
}

// appendRFC5424 appends a message of at most limit bytes and without line ends (RFC 5424 section 6):
//
//	<PRI>1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID [SD] MSG
//
// What does not fit is left out: first attributes of the structured data, the last first, then the end of MSG. MSG has no
// byte order mark, because receivers print it; the RFC calls that MSG-ANY.
func appendRFC5424(b []byte, e *Entry, from sender, sequence uint64, limit int) []byte {
	start := len(b)
	b = append(b, '<')
	b = strconv.AppendInt(b, int64(from.facility*8+e.Severity), 10)
	b = append(b, ">1 "...)
	b = appendTimestamp(b, e.Time, from.zone)
	b = append(b, ' ')
	b = appendName(b, from.hostname, 255)
	b = append(b, " mbox "...)
	b = appendName(b, from.process, 128)
	b = append(b, ' ')
	b = appendName(b, e.Facility+"-"+e.Mnemonic, 32)
	b = append(b, ' ')
	b = appendStructured(b, e, from, sequence, limit-(len(b)-start)-1-minMessage)
	b = append(b, ' ')
	text := len(b)
	b = e.appendLine(b)
	if len(b)-start > limit {
		b = b[:text+cutAt(b[text:], limit-(text-start))]
	}
	return b
}

// minMessage is what is kept free for MSG, in bytes.
const minMessage = 256

// appendTimestamp writes RFC 5424 section 6.2.3: RFC 3339 with at most six digits of a second.
func appendTimestamp(b []byte, t time.Time, zone *time.Location) []byte {
	if zone != nil {
		t = t.In(zone)
	}
	if y := t.Year(); y < 0 || y > 9999 {
		return append(b, '-')
	}
	if _, offset := t.Zone(); offset%60 != 0 || offset <= -24*3600 || offset >= 24*3600 {
		t = t.UTC() // local mean time of the nineteenth century
	}
	return t.AppendFormat(b, "2006-01-02T15:04:05.000000Z07:00")
}

// appendName writes one word of the header: printable ASCII, or "-" if there is nothing to say.
func appendName(b []byte, name string, longest int) []byte {
	start := len(b)
	for i := 0; i < len(name) && len(b)-start < longest; i++ {
		if c := name[i]; c > ' ' && c <= '~' {
			b = append(b, c)
		} else {
			b = append(b, '_')
		}
	}
	if len(b) == start {
		b = append(b, '-')
	}
	return b
}

// appendStructured writes the elements timeQuality and meta (RFC 5424 section 7) and the attributes, as many as fit.
func appendStructured(b []byte, e *Entry, from sender, sequence uint64, room int) []byte {
	start := len(b)
	b = append(b, `[timeQuality tzKnown="1" isSynced="`...)
	if from.synced {
		b = append(b, '1')
	} else {
		b = append(b, '0')
	}
	b = append(b, `"][meta sequenceId="`...)
	b = strconv.AppendUint(b, sequence%(1<<31-1)+1, 10) // 1 to 2147483647, then again from 1
	b = append(b, `"][`+sdID...)
	b = appendParam(b, moduleKey, e.Module)
	for _, a := range e.Attributes {
		longer := appendParam(b, a.Key, a.Value)
		if len(longer)-start >= room {
			break
		}
		b = longer
	}
	return append(b, ']')
}

// appendParam writes one parameter: quotes, backslashes and closing brackets are escaped.
func appendParam(b []byte, key, value string) []byte {
	b = append(b, ' ')
	start := len(b)
	for i := 0; i < len(key) && len(b)-start < 32; i++ {
		if c := key[i]; c > ' ' && c <= '~' && c != '=' && c != ']' && c != '"' {
			b = append(b, c)
		} else {
			b = append(b, '_')
		}
	}
	if len(b) == start {
		b = append(b, '_')
	}
	b = append(b, `="`...)
	for _, r := range value {
		if r == '"' || r == '\\' || r == ']' {
			b = append(b, '\\')
		}
		b = utf8.AppendRune(b, r)
	}
	return append(b, '"')
}
