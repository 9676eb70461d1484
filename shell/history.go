package shell

import (
	"fmt"
	"io"
)

// maxHistory is how many lines a session remembers at most, and unless told otherwise.
const maxHistory = 256

// history is what a session remembers, oldest first. Secrets are masked before they come here.
type history struct {
	lines []string
	fewer int // than maxHistory are remembered
}

func (h *history) size() int { return maxHistory - h.fewer }

func (h *history) resize(lines int) {
	h.fewer = maxHistory - lines
	h.trim()
}

func (h *history) add(line string) {
	if n := len(h.lines); n > 0 && h.lines[n-1] == line {
		return
	}
	h.lines = append(h.lines, line)
	h.trim()
}

func (h *history) trim() {
	if extra := len(h.lines) - h.size(); extra > 0 {
		h.lines = append([]string(nil), h.lines[extra:]...)
	}
}

// historyView is the result of `show history`.
type historyView struct {
	Lines []string `json:"lines"`
}

func (h historyView) Text(w io.Writer, _ int) error {
	for _, line := range h.Lines {
		if _, err := fmt.Fprintf(w, "  %s\n", line); err != nil {
			return err
		}
	}
	return nil
}
