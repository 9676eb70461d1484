package shell

import "testing"

// TestPrintable: what comes from outside cannot move the cursor, nor make a row read otherwise than it is.
func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"grüße 日本\t#": "grüße 日本\t#", "a\x1b[2Jb": "a\ufffd[2Jb", "a\u009bb": "a\ufffdb", "a\nb\r": "a\nb\ufffd",
		"bob\u202etxt.exe": "bob\ufffdtxt.exe", "a\u2066b\u2069": "a\ufffdb\ufffd", "a\u2028b": "a\ufffdb", "👩\u200d🔧": "👩\u200d🔧",
	} {
		if got := printableText(text); got != want {
			t.Errorf("%q is shown as %q, want %q", text, got, want)
		}
	}
}
