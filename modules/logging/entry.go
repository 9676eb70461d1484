package logging

import (
	"log/slog"
	"strconv"
	"strings"
	"time"

	"mbox/modules"
)

// Entry is one message. It does not change once it is published.
type Entry struct {
	Number     uint64      `json:"number"`
	Time       time.Time   `json:"time"`
	Severity   int         `json:"severity"` // RFC 5424 section 6.2.1
	Facility   string      `json:"facility"` // of Cisco: SYNC in %SYNC-5-PEERUP
	Mnemonic   string      `json:"mnemonic"`
	Module     string      `json:"module"`
	Message    string      `json:"message"`
	Attributes []Attribute `json:"attributes"`

	local bool // not for log hosts: it is about them
}

// Attribute is one named value of a message.
type Attribute struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Line is the message as Cisco words it, on one line: %SYNC-5-PEERUP: text key=value.
func (e *Entry) Line() string {
	b := make([]byte, 0, len(e.Message)+64+32*len(e.Attributes))
	return string(e.appendLine(b))
}

func (e *Entry) appendLine(b []byte) []byte {
	b = e.appendCode(append(b, '%'))
	b = append(b, ": "...)
	b = append(b, e.Message...)
	for _, a := range e.Attributes {
		b = append(b, ' ')
		b = append(b, a.Key...)
		b = append(b, '=')
		if a.Value == "" || strings.ContainsAny(a.Value, " =\"") {
			b = append(b, '"')
			b = append(b, strings.ReplaceAll(a.Value, `"`, `\"`)...)
			b = append(b, '"')
		} else {
			b = append(b, a.Value...)
		}
	}
	return b
}

func (e *Entry) appendCode(b []byte) []byte {
	b = append(b, e.Facility...)
	b = append(b, '-', byte('0'+e.Severity), '-')
	return append(b, e.Mnemonic...)
}

// size is about what an entry takes in memory, in bytes.
func (e *Entry) size() int {
	const fixed, each = 192, 40
	n := fixed + len(e.Facility) + len(e.Mnemonic) + len(e.Message)
	for _, a := range e.Attributes {
		n += each + len(a.Key) + len(a.Value)
	}
	return n
}

// cutCode takes %FACILITY-SEVERITY-MNEMONIC: off the front of a message.
func cutCode(message string) (facility string, severity int, mnemonic, rest string, ok bool) {
	if len(message) < 6 || message[0] != '%' {
		return "", 0, "", message, false
	}
	code, _, found := strings.Cut(message[1:min(len(message), maxCode)], ": ")
	if !found {
		return "", 0, "", message, false
	}
	facility, tail, _ := strings.Cut(code, "-")
	if len(tail) < 3 || tail[0] < '0' || tail[0] > '7' || tail[1] != '-' || !isCode(facility) || !isCode(tail[2:]) {
		return "", 0, "", message, false
	}
	return facility, int(tail[0] - '0'), tail[2:], message[len(code)+3:], true
}

// maxCode bounds a code, in bytes.
const maxCode = 80

func isCode(s string) bool {
	for i := range len(s) {
		if c := s[i]; !(c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_') {
			return false
		}
	}
	return s != ""
}

// attributes collects the attributes of a record, flat, clean and bounded.
type attributes struct {
	list  []Attribute
	bytes int
}

func (l *attributes) add(prefix string, a slog.Attr, depth int) {
	value := a.Value.Resolve()
	if value.Kind() == slog.KindGroup {
		if depth == maxDepth {
			return
		}
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, inner := range value.Group() {
			l.add(prefix, inner, depth+1)
		}
		return
	}
	if a.Key == "" || len(l.list) == maxAttributes || l.bytes >= maxAttrBytes {
		return
	}
	key := clean(prefix+a.Key, maxKey)
	text := modules.Masked
	if !isSecret(key, value) {
		text = clean(valueText(value), maxValue)
	}
	l.list = append(l.list, Attribute{key, text})
	l.bytes += len(key) + len(text)
}

func valueText(v slog.Value) string {
	switch v.Kind() {
	case slog.KindString:
		return v.String()
	case slog.KindInt64:
		return strconv.FormatInt(v.Int64(), 10)
	case slog.KindTime:
		return v.Time().Format(time.RFC3339Nano)
	}
	return v.String()
}
