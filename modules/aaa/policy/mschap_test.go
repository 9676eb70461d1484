package policy

import (
	"bytes"
	"encoding/hex"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The example of RFC 2759 section 9.2, and for the keys that of RFC 3079 section 3.5.3.
func TestMSCHAPv2Vectors(t *testing.T) {
	authenticator := unhex(t, "5B5D7C7D7B3F2F3E3C2C602132262628")
	response := append([]byte{5, 0}, unhex(t, "21402324255E262A28295F2B3A337C7E"+"0000000000000000"+"82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF")...)
	m, err := ParseMSCHAP2(authenticator, response)
	if err != nil {
		t.Fatal(err)
	}
	if !m.fits("User", "clientPass") || m.fits("User", "clientpass") || m.fits("user", "clientPass") {
		t.Error("the response fits other passwords or names")
	}
	success, send, recv := m.success("User", "clientPass")
	if string(success) != "\x05S=407A5589115FD0D6209F510FE9C04566932CDA56" {
		t.Errorf("success %q", success)
	}
	if !bytes.Equal(send, unhex(t, "8B7CDC149B993A1BA118CB153F56DCCB")) {
		t.Errorf("send key %X", send)
	}
	if len(recv) != 16 || bytes.Equal(send, recv) {
		t.Errorf("receive key %X", recv)
	}
}

func TestParseMSCHAP2Refuses(t *testing.T) {
	for _, lengths := range [][2]int{{0, 0}, {16, 49}, {16, 51}, {15, 50}, {17, 50}, {8, 50}} {
		if _, err := ParseMSCHAP2(make([]byte, lengths[0]), make([]byte, lengths[1])); err == nil {
			t.Errorf("a challenge of %d and a response of %d octets were read", lengths[0], lengths[1])
		}
	}
}

// RFC 1994 section 4.1: the response is MD5 over the identifier, the secret and the challenge.
func TestCHAPVector(t *testing.T) {
	// md5("\x01" "secret" "challenge")
	a := &attempt{Login: Login{Proof: CHAP{ID: 1, Challenge: []byte("challenge"), Response: unhex(t, "46e47770030e2b4e26a0db72a7efec00")}}}
	if !a.fits("secret") || a.fits("secre") || a.fits("") {
		t.Error("the response fits other secrets")
	}
}

func FuzzMSCHAP2(f *testing.F) {
	f.Add(make([]byte, 16), make([]byte, 50), "User", "clientPass")
	f.Add([]byte{}, []byte{}, "", "")
	f.Add(make([]byte, 16), bytes.Repeat([]byte{0xff}, 50), "DOMAIN\\user", "p\xff\x00ä")
	f.Fuzz(func(t *testing.T, challenge, response []byte, username, password string) {
		m, err := ParseMSCHAP2(challenge, response)
		if (err == nil) != (len(challenge) == 16 && len(response) == 50) {
			t.Fatalf("challenge of %d, response of %d: %v", len(challenge), len(response), err)
		}
		if err != nil {
			return
		}
		m.fits(username, password)
		if value, _, _ := m.success(username, password); value != nil && (len(value) != 43 || value[0] != m.Ident) {
			t.Fatalf("success %q", value)
		}
		if value := m.failure(Disabled); value[0] != m.Ident || len(value) > 253 {
			t.Fatalf("failure %q", value)
		}
	})
}
