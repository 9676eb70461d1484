package shell

import (
	"bytes"
	"strings"
	"time"
	"unicode/utf8"
)

// What is typed ahead: lines that are here already when the box is ready for them.

// TakeLine returns the next line if all of it is here already and needs no editing: then it was pasted or typed ahead,
// and redrawing it for each character would cost more than running it.
func (k *keyboard) TakeLine() (string, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	line, size := wholeLine(k.queue)
	if size == 0 || k.closed {
		return "", false
	}
	k.drop(size)
	return line, true
}

// wholeLine is the first line of a queue and its size, 0 if it is not all there or needs an editor.
func wholeLine(queue []byte) (line string, size int) {
	end := bytes.IndexByte(queue, keyEnter)
	if end < 0 {
		return "", 0
	}
	line = string(queue[:end])
	for _, r := range line {
		if r < ' ' || r == keyRubout || r == '?' || r == endOfMode || r == utf8.RuneError {
			return "", 0
		}
	}
	return strings.ReplaceAll(line, string(literalHelp), "?"), end + 1
}

// peekLines returns up to limit lines that TakeLine would, and leaves them.
func (k *keyboard) peekLines(limit int) []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.flushed = false
	var lines []string
	for rest := k.queue; len(lines) < limit && !k.closed; {
		line, size := wholeLine(rest)
		if size == 0 {
			break
		}
		lines = append(lines, line)
		rest = rest[size:]
	}
	return lines
}

// dropLines takes the first n of the lines that peekLines returned. If an interrupt has taken them away since, they are
// not counted as lost: they were run.
func (k *keyboard) dropLines(n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.flushed {
		k.lost = max(k.lost-n, 0)
		return
	}
	for range n {
		_, size := wholeLine(k.queue)
		k.drop(size)
	}
}

// flush takes away what waits, for an interrupt; the caller holds mu. more is what came with it.
func (k *keyboard) flush(more []byte) {
	k.lost += bytes.Count(k.queue, []byte{keyEnter}) + bytes.Count(more, []byte{keyEnter})
	k.queue = k.queue[:0]
	k.flushed = true
}

// takeLost returns how many lines interrupts took away since it was asked last.
func (k *keyboard) takeLost() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	lost := k.lost
	k.lost = 0
	return lost
}

// lastTyped is when the last key came.
func (k *keyboard) lastTyped() time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.typed
}

// isPasting says whether the terminal is in the middle of what it marked as a paste.
func (k *keyboard) isPasting() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.decoder.pasting && !k.closed
}
