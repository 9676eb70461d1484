package shell

import (
	"encoding/json"
	"fmt"
	"io"
)

// maxHistory is how many lines a session remembers.
const maxHistory = 256

// history is what a session remembers, oldest first. Secrets are masked before they come here.
type history struct{ lines []string }

func (h *history) add(line string) {
	if n := len(h.lines); n > 0 && h.lines[n-1] == line {
		return
	}
	h.lines = append(h.lines, line)
	if extra := len(h.lines) - maxHistory; extra > 0 {
		h.lines = append([]string(nil), h.lines[extra:]...)
	}
}

// Text is the View of `show history`.
func (h history) Text(w io.Writer, _ int) error {
	for _, line := range h.lines {
		if _, err := fmt.Fprintf(w, "  %s\n", line); err != nil {
			return err
		}
	}
	return nil
}

// MarshalJSON is the same for `| json`.
func (h history) MarshalJSON() ([]byte, error) {
	lines := h.lines
	if lines == nil {
		lines = []string{}
	}
	return json.Marshal(map[string][]string{"lines": lines})
}
