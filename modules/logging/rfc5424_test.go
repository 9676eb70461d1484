package logging

import (
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// parsed is an RFC 5424 message as a receiver understands it.
type parsed struct {
	priority                          int
	time                              time.Time
	hostname, app, process, messageID string
	data                              map[string]map[string]string
	text                              string
}

var (
	header = regexp.MustCompile(`^<(0|[1-9]\d{0,2})>1 (\S+) ([!-~]{1,255}) ([!-~]{1,48}) ([!-~]{1,128}) ([!-~]{1,32}) `)
	sdName = regexp.MustCompile(`^[!#-<>-\\^-~]{1,32}`)
)

// parse is the grammar of RFC 5424 section 6, read strictly.
func parse(message string) (p parsed, err error) {
	m := header.FindStringSubmatch(message)
	if m == nil {
		return p, errors.New("no header")
	}
	if p.priority, err = strconv.Atoi(m[1]); err != nil || p.priority > 191 {
		return p, fmt.Errorf("PRI %s", m[1])
	}
	if m[2] != "-" {
		if !regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)$`).MatchString(m[2]) {
			return p, fmt.Errorf("TIMESTAMP %s", m[2])
		}
		if p.time, err = time.Parse(time.RFC3339, m[2]); err != nil {
			return p, err
		}
	}
	p.hostname, p.app, p.process, p.messageID = m[3], m[4], m[5], m[6]
	rest := message[len(m[0]):]
	if p.data, rest, err = parseStructured(rest); err != nil {
		return p, err
	}
	if rest == "" {
		return p, nil
	}
	if rest[0] != ' ' {
		return p, fmt.Errorf("behind STRUCTURED-DATA: %q", rest)
	}
	p.text = rest[1:]
	return p, nil
}

func parseStructured(rest string) (map[string]map[string]string, string, error) {
	data := map[string]map[string]string{}
	for strings.HasPrefix(rest, "[") {
		rest = rest[1:]
		id := sdName.FindString(rest)
		if id == "" || data[id] != nil {
			return nil, "", fmt.Errorf("SD-ID %q", rest)
		}
		data[id], rest = map[string]string{}, rest[len(id):]
		for strings.HasPrefix(rest, " ") {
			name := sdName.FindString(rest[1:])
			if rest = rest[1+len(name):]; name == "" || !strings.HasPrefix(rest, `="`) {
				return nil, "", fmt.Errorf("PARAM-NAME at %q", rest)
			}
			rest = rest[2:]
			var value strings.Builder
			for rest != "" && rest[0] != '"' {
				if rest[0] == ']' {
					return nil, "", errors.New("a bracket that is not escaped")
				}
				if rest[0] == '\\' && len(rest) > 1 && strings.ContainsRune(`"\]`, rune(rest[1])) {
					rest = rest[1:]
				}
				value.WriteByte(rest[0])
				rest = rest[1:]
			}
			if rest == "" {
				return nil, "", errors.New("PARAM-VALUE does not end")
			}
			data[id][name], rest = value.String(), rest[1:]
		}
		if !strings.HasPrefix(rest, "]") {
			return nil, "", fmt.Errorf("SD-ELEMENT does not end: %q", rest)
		}
		rest = rest[1:]
	}
	if len(data) == 0 {
		return nil, "", errors.New("no STRUCTURED-DATA")
	}
	return data, rest, nil
}

func format(e *Entry, from sender, limit int) string {
	return string(appendRFC5424(nil, e, from, 0, limit))
}

func TestRFC5424(t *testing.T) {
	hub, log, _ := newLog(t)
	log.Info("%SYNC-5-PEERUP: edge2: it follows this box", "peer", `quoted "x" [y] \z`, "größe", "ü")
	e := hub.Buffered()[0]
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	p, err := parse(format(e, sender{hostname: "edge1", process: "7", facility: local7, zone: berlin, synced: true}, maxFrame))
	if err != nil {
		t.Fatal(err)
	}
	if p.priority != 23*8+5 || p.hostname != "edge1" || p.app != "mbox" || p.process != "7" || p.messageID != "SYNC-PEERUP" {
		t.Errorf("header %+v", p)
	}
	if !p.time.Equal(e.Time.Truncate(time.Microsecond)) {
		t.Errorf("time %v, logged %v", p.time, e.Time)
	}
	own := p.data[sdID]
	if own["peer"] != `quoted "x" [y] \z` || own["gr____e"] != "ü" || own["module"] != "sync" || p.data["timeQuality"]["isSynced"] != "1" ||
		p.data["meta"]["sequenceId"] != "1" {
		t.Errorf("data %+v", p.data)
	}
	if p.text != e.Line() || !strings.HasPrefix(p.text, "%SYNC-5-PEERUP: edge2") {
		t.Errorf("text %s", p.text)
	}
}

func TestRFC5424SequenceIsAnInteger31(t *testing.T) {
	e := &Entry{Time: time.Now(), Facility: "A", Mnemonic: "B"}
	for sequence, want := range map[uint64]string{0: "1", 1<<31 - 2: "2147483647", 1<<31 - 1: "1"} {
		p, err := parse(string(appendRFC5424(nil, e, sender{}, sequence, maxFrame)))
		if err != nil || p.data["meta"]["sequenceId"] != want || p.hostname != "-" {
			t.Errorf("%d: %v, %v", sequence, p.data["meta"], err)
		}
	}
}

// A short datagram keeps a whole header and whole attributes, and some of the message.
func TestRFC5424IsCut(t *testing.T) {
	e := &Entry{Time: time.Now(), Facility: "A", Mnemonic: "B", Message: strings.Repeat("ä", 5000)}
	for range 30 {
		e.Attributes = append(e.Attributes, Attribute{"key", strings.Repeat("]", 100)})
	}
	message := format(e, sender{hostname: "box"}, maxDatagram)
	p, err := parse(message)
	if err != nil {
		t.Fatal(err)
	}
	if len(message) > maxDatagram || len(message) < maxDatagram-4 || !strings.HasPrefix(p.text, "%A-0-B: ää") || !utf8.ValidString(message) {
		t.Errorf("%d bytes: %s", len(message), message)
	}
}

// FuzzRFC5424 gives the log whatever may come from outside: what leaves the box always parses, is one line, fits, and says who
// spoke and how grave it is, whatever stands in the text.
func FuzzRFC5424(f *testing.F) {
	f.Add("%SYNC-5-PEERUP: up", "peer", "edge2", "edge1", 0, int64(1_700_000_000))
	f.Add("x\n<0>1 - - - - - - forged", "a=b]\"", "v]\"\\\n\xff", "bad name\x00", 8, int64(-70_000_000_000))
	f.Add(strings.Repeat("\u202e", 3000), strings.Repeat("k", 300), strings.Repeat("]", 3000), "", -4, int64(1<<40))
	f.Fuzz(func(t *testing.T, message, key, value, hostname string, level int, at int64) {
		hub := NewHub(Options{Debug: true})
		hub.Register("sync")
		r := slog.NewRecord(time.Unix(at, 0), slog.Level(level), message, 0)
		r.Add(key, value, slog.Group(value, key, message))
		h := hub.Handler().(*handler)
		e, _ := h.entry(r)
		for _, limit := range []int{maxDatagram, maxFrame} {
			out := format(e, sender{hostname: hostname, process: hostname, facility: local7, zone: time.UTC}, limit)
			p, err := parse(out)
			if err != nil {
				t.Fatalf("%v: %q", err, out)
			}
			if len(out) > limit || !utf8.ValidString(out) || strings.ContainsFunc(out, func(r rune) bool { return r < ' ' || r == 0x7f }) {
				t.Fatalf("%d bytes: %q", len(out), out)
			}
			if p.priority != local7*8+e.Severity || !strings.HasPrefix(p.text, "%"+e.Facility+"-"+strconv.Itoa(e.Severity)+"-") {
				t.Fatalf("%+v of %q", p, out)
			}
		}
		if line := e.Line(); strings.ContainsAny(line, "\n\r\x1b") {
			t.Fatalf("%q", line)
		}
	})
}
