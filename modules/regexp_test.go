package modules

import (
	"strings"
	"testing"
)

func TestCompileRegexp(t *testing.T) {
	for _, text := range []string{"", "a|b", `^interface (eth\d+)\s*$`, ".{1000}", strings.Repeat("x", maxRegexp), "(?i)mbox"} {
		got, err := CompileRegexp(text)
		if err != nil || got.String() != text {
			t.Errorf("%.20q: %v", text, err)
		}
	}
	for text, want := range map[string]string{
		strings.Repeat("x", maxRegexp+1): "at most 256 characters", strings.Repeat(".{1000}", 30): "repeats too much", "(": "missing closing )",
	} {
		if _, err := CompileRegexp(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v", text, err)
		}
	}
	if _, err := CompileRegexp("a**"); err == nil || !strings.Contains(err.Error(), "invalid nested repetition operator: `**`") {
		t.Errorf("what is wrong is not said: %v", err)
	}
}
