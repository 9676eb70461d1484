package credential

import (
	"strings"
	"testing"
)

func TestVerifierRoundTripAndMatch(t *testing.T) {
	v, err := Make("securemboxpass")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(v.String(), "securemboxpass") {
		t.Fatal("the verifier holds the password")
	}
	again, err := Parse(v.String())
	if err != nil {
		t.Fatal(err)
	}
	if again.String() != v.String() {
		t.Fatalf("parsed %s, want %s", again, v)
	}
	if !again.Matches("securemboxpass") || again.Matches("securemboxpasS") || again.Matches("") {
		t.Fatal("Matches does not tell the password from others")
	}
}

func FuzzParse(f *testing.F) {
	v, _ := Make("x")
	f.Add(v.String())
	f.Add("SCRAM-SHA-256$4096:$:")
	f.Fuzz(func(t *testing.T, text string) {
		v, err := Parse(text)
		if err == nil && (v.Iters < 4096 || len(v.StoredKey) != 32) {
			t.Fatalf("accepted %q", text)
		}
	})
}
