package main

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
)

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The first example of RFC 2865 section 7.1: Nemo logs in with the password arctangent.
const (
	nemoSecret  = "xyzzy5461"
	nemoRequest = `01 00 00 38 0f 40 3f 94 73 97 80 57 bd 83 d5 cb 98 f4 22 7a 01 06 6e 65 6d 6f 02 12 0d be 70 8d 93 d4 13 ce
		31 96 e4 3f 78 2a 0a ee 04 06 c0 a8 01 10 05 06 00 00 00 03`
	nemoReply = `02 00 00 26 86 fe 22 0e 76 24 ba 2a 10 05 f6 bf 9b 55 e0 b2 06 06 00 00 00 01 0f 06 00 00 00 00 0e 06 c0 a8 01 03`
)

func TestPasswordIsHidden(t *testing.T) {
	want := unhex(t, nemoRequest)
	var p packet
	p.begin(0)
	copy(p.authenticator(), want[authenticatorFrom:])
	p.text(userName, "nemo")
	p.hide("arctangent", nemoSecret)
	if rest := len("....") + 2; !bytes.Equal(p.b[headerSize:], want[headerSize:len(want)-2*rest]) {
		t.Errorf("got\n%x, want\n%x", p.b, want)
	}
}

func TestReplyIsVerified(t *testing.T) {
	request, reply := unhex(t, nemoRequest), unhex(t, nemoReply)
	if err := verify(reply, request, nemoSecret); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(b []byte) []byte{
		"code":          func(b []byte) []byte { b[0] = accessReject; return b },
		"authenticator": func(b []byte) []byte { b[headerSize-1]++; return b },
		"attribute":     func(b []byte) []byte { b[len(b)-1]++; return b },
		"cut":           func(b []byte) []byte { return b[:len(b)-1] },
		"empty":         func([]byte) []byte { return nil },
	} {
		if verify(spoil(bytes.Clone(reply)), request, nemoSecret) == nil {
			t.Errorf("a reply with a wrong %s is believed", name)
		}
	}
	if verify(reply, request, "another") == nil {
		t.Error("a reply is believed whoever sent it")
	}
}

func TestNumberIn(t *testing.T) {
	reply := unhex(t, nemoReply)
	if v, ok := numberIn(reply, 15); !ok || v != 0 {
		t.Errorf("got %d, %v", v, ok)
	}
	if v, ok := numberIn(reply, 6); !ok || v != 1 {
		t.Errorf("got %d, %v", v, ok)
	}
	if _, ok := numberIn(reply, sessionTimeout); ok {
		t.Error("found an attribute that is not there")
	}
	if _, ok := numberIn(append(reply, 27, 0, 0), sessionTimeout); ok {
		t.Error("found an attribute without a length")
	}
}

// TestCountersBeyond32Bits reads back what octets wrote.
func TestCountersBeyond32Bits(t *testing.T) {
	var p packet
	p.begin(1)
	p.octets(acctInputOctets, acctInputGigawords, 5<<32+7)
	p.octets(acctOutputOctets, acctOutputGigawords, 9)
	p.sealAccounting(secret)
	for kind, want := range map[byte]uint32{acctInputOctets: 7, acctInputGigawords: 5, acctOutputOctets: 9} {
		if v, ok := numberIn(p.b, kind); !ok || v != want {
			t.Errorf("attribute %d: got %d, %v, want %d", kind, v, ok, want)
		}
	}
	if _, ok := numberIn(p.b, acctOutputGigawords); ok {
		t.Error("a small counter has a high half")
	}
}
