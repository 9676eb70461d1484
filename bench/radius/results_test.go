package main

import (
	"strings"
	"testing"
)

// A run that only shows that everything works has figures, and no verdict on them.
func TestShortRunIsNotJudged(t *testing.T) {
	r := sample()
	r.Options = small
	got := r.verdicts().Markdown()
	for _, verdict := range []string{"missed", "reached", " times |"} {
		if strings.Contains(got, verdict) {
			t.Errorf("a short run is judged (%s):\n%s", verdict, got)
		}
	}
	if !strings.Contains(got, "| authentications/s, 8 in flight: at least FreeRADIUS files |  | too short to judge |") {
		t.Errorf("got\n%s", got)
	}
}
