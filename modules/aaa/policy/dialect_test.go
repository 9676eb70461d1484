package policy

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"testing"
	"time"
)

// told reads attributes as a client does.
func told(attributes []Attribute) map[string]any {
	names := map[string]string{
		"0/1": "User-Name", "0/18": "Reply-Message", "0/27": "Session-Timeout", "0/28": "Idle-Timeout", "0/85": "Acct-Interim-Interval",
		"311/2": "MS-CHAP-Error", "311/26": "MS-CHAP2-Success", "14122/4": "WISPr-Redirection-URL",
		"14122/7": "WISPr-Bandwidth-Max-Up", "14122/8": "WISPr-Bandwidth-Max-Down",
		"14559/3": "ChilliSpot-Max-Total-Octets", "14559/23": "ChilliSpot-Max-Total-Gigawords",
		"14559/4": "ChilliSpot-Bandwidth-Max-Up", "14559/5": "ChilliSpot-Bandwidth-Max-Down",
		"14988/8": "Mikrotik-Rate-Limit", "14988/17": "Mikrotik-Total-Limit", "14988/18": "Mikrotik-Total-Limit-Gigawords",
	}
	texts := map[string]bool{"0/1": true, "0/18": true, "311/2": true, "311/26": true, "14122/4": true, "14988/8": true}
	out := map[string]any{}
	for _, a := range attributes {
		key := fmt.Sprintf("%d/%d", a.Vendor, a.Type)
		name := names[key]
		if name == "" {
			name = key
		}
		switch {
		case texts[key]:
			out[name] = string(a.Value)
		case len(a.Value) == 4:
			out[name] = int(binary.BigEndian.Uint32(a.Value))
		default:
			out[name] = a.Value
		}
	}
	if len(out) != len(attributes) {
		out["twice"] = attributes
	}
	return out
}

func TestReplyInEveryDialect(t *testing.T) {
	full := Limits{
		SessionTimeout: 90 * time.Minute, IdleTimeout: 10 * time.Minute, Interim: time.Minute, UpKbps: 512, DownKbps: 2048,
		TotalOctets: 5<<32 + 7, HasTotal: true, RedirectURL: "http://example.com/",
	}
	all := map[string]any{
		"Session-Timeout": 5400, "Idle-Timeout": 600, "Acct-Interim-Interval": 60, "WISPr-Redirection-URL": "http://example.com/",
	}
	with := func(pairs ...any) map[string]any {
		out := map[string]any{}
		for name, value := range all {
			out[name] = value
		}
		for i := 0; i < len(pairs); i += 2 {
			out[pairs[i].(string)] = pairs[i+1]
		}
		return out
	}
	for dialect, want := range map[Dialect]map[string]any{
		Standard: with("WISPr-Bandwidth-Max-Up", 512_000, "WISPr-Bandwidth-Max-Down", 2_048_000),
		WISPr:    with("WISPr-Bandwidth-Max-Up", 512_000, "WISPr-Bandwidth-Max-Down", 2_048_000),
		ChilliSpot: with("ChilliSpot-Bandwidth-Max-Up", 512, "ChilliSpot-Bandwidth-Max-Down", 2048,
			"ChilliSpot-Max-Total-Octets", 7, "ChilliSpot-Max-Total-Gigawords", 5),
		MikroTik: with("Mikrotik-Rate-Limit", "512k/2048k", "Mikrotik-Total-Limit", 7, "Mikrotik-Total-Limit-Gigawords", 5),
	} {
		if got := told(ReplyLimits(full, dialect)); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v\nwant %v", dialect, got, want)
		}
		if got := ReplyLimits(Limits{}, dialect); len(got) != 0 {
			t.Errorf("%s: no limits are told as %v", dialect, told(got))
		}
	}
}

func TestReplyAtTheEdges(t *testing.T) {
	less := Limits{TotalOctets: math.MaxUint32, HasTotal: true, DownKbps: 100, SessionTimeout: 200 * 365 * 24 * time.Hour}
	want := map[string]any{"Session-Timeout": math.MaxUint32, "Mikrotik-Rate-Limit": "0k/100k", "Mikrotik-Total-Limit": math.MaxUint32}
	if got := told(ReplyLimits(less, MikroTik)); !reflect.DeepEqual(got, want) {
		t.Errorf("below 4 GiB: %v", got)
	}
	wisprMost := Limits{UpKbps: math.MaxUint32}
	if got := told(ReplyLimits(wisprMost, WISPr)); got["WISPr-Bandwidth-Max-Up"] != math.MaxUint32 {
		t.Errorf("more bit/s than can be said: %v", got)
	}
}

func TestReplyOfDecisions(t *testing.T) {
	limits := Limits{IdleTimeout: time.Minute}
	for name, test := range map[string]struct {
		decision Decision
		want     map[string]any
	}{
		"accepted": {Decision{Accept: true, Reason: OK, Limits: limits, Subject: Subject{Username: "alice", Kind: Account}}, map[string]any{"Idle-Timeout": 60}},
		"sticky": {Decision{Accept: true, Reason: OK, Limits: limits, Subject: Subject{Username: "alice", Kind: Bound}},
			map[string]any{"Idle-Timeout": 60, "User-Name": "alice"}},
		"mschap": {Decision{Accept: true, Reason: OK, MSCHAP2Success: []byte("\x01S=X"), SendKey: make([]byte, 16)},
			map[string]any{"MS-CHAP2-Success": "\x01S=X"}},
		"rejected": {Decision{Reason: Expired, Message: "expired", Limits: limits, MSCHAPError: []byte("\x01E=691")},
			map[string]any{"Reply-Message": "expired", "MS-CHAP-Error": "\x01E=691"}},
	} {
		if got := told(Reply(test.decision, Standard)); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

// Every text for a guest fits into one Reply-Message.
func TestMessagesFit(t *testing.T) {
	for reason := range messages {
		if text := reason.Message(); text == "" || len(text) > 253 {
			t.Errorf("%s: %d octets", reason, len(text))
		}
	}
	for _, reason := range []Reason{UnknownUser, WrongPassword, TooManyAttempts, Malformed} {
		if reason.Message() != stranger {
			t.Errorf("%s tells a stranger %q", reason, reason.Message())
		}
	}
}
