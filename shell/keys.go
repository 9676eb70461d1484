package shell

import (
	"bytes"
	"unicode/utf8"
)

// Control characters as the line editor knows them.
const (
	keyHome      = 0x01 // Ctrl-A
	keyLeft      = 0x02 // Ctrl-B
	keyInterrupt = 0x03 // Ctrl-C
	keyDelete    = 0x04 // Ctrl-D
	keyEnd       = 0x05 // Ctrl-E
	keyRight     = 0x06 // Ctrl-F
	keyBell      = 0x07 // Ctrl-G
	keyBackspace = 0x08 // Ctrl-H
	keyTab       = 0x09
	keyDown      = 0x0e // Ctrl-N
	keyEnter     = 0x0d
	keyUp        = 0x10 // Ctrl-P
	keyKillLine  = 0x15 // Ctrl-U
	keyQuote     = 0x16 // Ctrl-V
	keyCtrlZ     = 0x1a
	keyEsc       = 0x1b
	keyRubout    = 0x7f
)

// Two characters of Unicode's private use area carry through the editor what its one-rune keys cannot say. Typed ones
// are replaced, so they cannot be forged.
const (
	literalHelp = '\ue03f' // a question mark that asks for nothing
	endOfMode   = '\ue01a' // Ctrl-Z
)

// edited are the control characters that the editor is given. The rest is dropped: it would insert them (or, with
// Ctrl-T on a line of one character, run past its end).
const edited = "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0b\x0c\x0d\x0e\x10\x12\x13\x15\x17\x19\x7f"

// maxEscape is the longest escape sequence that is waited for, in bytes.
const maxEscape = 32

// decoder turns what a terminal sends into the few keys that the editor handles well: runs of whole characters, the
// control characters of edited, and Esc followed by b, f, d or Rubout (word moves). All cursor keys become control
// characters. It keeps what a read cut off.
type decoder struct {
	rest    []byte // the start of a character or an escape sequence
	pasting bool   // between the terminal's bracketed-paste marks nothing but text is meant
	quoting bool   // after Ctrl-V
	afterCR bool
}

// decode returns the keys of p. Interrupt stands for itself, everything before it is still there.
func (d *decoder) decode(p []byte) []byte {
	in := p
	if len(d.rest) > 0 {
		in = append(d.rest, p...)
		d.rest = nil
	}
	var keys []byte
	for len(in) > 0 {
		used, key := d.next(in)
		if used == 0 {
			d.rest = bytes.Clone(in)
			break
		}
		keys = append(keys, key...)
		in = in[used:]
	}
	return keys
}

// next decodes one key; used 0 means that more bytes are needed.
func (d *decoder) next(in []byte) (used int, key []byte) {
	afterCR := d.afterCR
	d.afterCR = false
	switch c := in[0]; {
	case c == keyEsc:
		return d.escape(in)
	case c == '\n' && afterCR:
		return 1, nil
	case c == '\r', c == '\n':
		d.afterCR = c == '\r'
		d.quoting = false
		return 1, []byte{keyEnter}
	case c == keyInterrupt:
		d.quoting, d.pasting = false, false
		return 1, in[:1]
	case c < ' ' || c == keyRubout:
		return 1, d.control(c)
	case c == '?':
		if d.pasting || d.quoting {
			d.quoting = false
			return 1, []byte(string(literalHelp))
		}
		return 1, in[:1]
	default:
		d.quoting = false
		return character(in)
	}
}

func (d *decoder) control(c byte) []byte {
	wasQuoting := d.quoting
	d.quoting = c == keyQuote && !d.pasting
	switch {
	case d.pasting && c == keyTab:
		return []byte{' '}
	case d.pasting || wasQuoting || d.quoting:
		return nil
	case c == keyCtrlZ:
		return []byte(string(endOfMode))
	case bytes.IndexByte([]byte(edited), c) >= 0:
		return []byte{c}
	}
	return nil
}

// character returns one whole character; what is not UTF-8 or would be taken for a mark becomes U+FFFD, which a line
// is refused for.
func character(in []byte) (used int, key []byte) {
	if !utf8.FullRune(in) {
		return 0, nil
	}
	r, size := utf8.DecodeRune(in)
	if r == utf8.RuneError || r == literalHelp || r == endOfMode || (r >= 0x80 && r < 0xa0) {
		return size, []byte(string(utf8.RuneError))
	}
	return size, in[:size]
}

// escape decodes the sequences that terminals send for keys (ECMA-48 CSI, SS3, and Esc as Meta).
func (d *decoder) escape(in []byte) (used int, key []byte) {
	if len(in) < 2 {
		return 0, nil
	}
	switch c := in[1]; {
	case c == '[':
		return d.csi(in)
	case c == 'O':
		if len(in) < 3 {
			return 0, nil
		}
		if in[2] < ' ' {
			return 2, nil
		}
		return 3, cursorKey(in[2], nil)
	case c == 'b' || c == 'f' || c == 'd' || c == keyRubout:
		if d.pasting {
			return 2, nil
		}
		return 2, in[:2]
	case c < ' ' || c >= utf8.RuneSelf:
		return 1, nil // a lone Esc before another key
	}
	return 2, nil
}

// csi decodes Esc [ parameters final.
func (d *decoder) csi(in []byte) (used int, key []byte) {
	if len(in) > 2 && in[2] == '[' { // the Linux console's function keys: Esc [ [ A
		if len(in) == 3 {
			return 0, nil
		}
		return 4, nil
	}
	at := 2
	for at < len(in) && in[at] >= 0x20 && in[at] < 0x40 {
		at++
	}
	if at >= maxEscape {
		return at, nil
	}
	if at == len(in) {
		return 0, nil
	}
	if in[at] < 0x40 || in[at] > 0x7e {
		return at, nil // cut short by another key
	}
	params := in[2:at]
	if in[at] == '~' {
		return at + 1, d.tilde(string(params))
	}
	if d.pasting {
		return at + 1, nil
	}
	return at + 1, cursorKey(in[at], params)
}

// tilde decodes the keys of the VT220 and the marks of bracketed paste.
func (d *decoder) tilde(param string) []byte {
	switch param {
	case "200":
		d.pasting = true
	case "201":
		d.pasting = false
	}
	if d.pasting {
		return nil
	}
	switch param {
	case "1", "7":
		return []byte{keyHome}
	case "4", "8":
		return []byte{keyEnd}
	case "3":
		return []byte{keyDelete}
	}
	return nil
}

// cursorKey maps the final byte of a cursor key; with a modifier (xterm: "1;5") left and right move by words.
func cursorKey(final byte, params []byte) []byte {
	modified := bytes.IndexByte(params, ';') >= 0
	switch final {
	case 'A':
		return []byte{keyUp}
	case 'B':
		return []byte{keyDown}
	case 'C':
		if modified {
			return []byte{keyEsc, 'f'}
		}
		return []byte{keyRight}
	case 'D':
		if modified {
			return []byte{keyEsc, 'b'}
		}
		return []byte{keyLeft}
	case 'H':
		return []byte{keyHome}
	case 'F':
		return []byte{keyEnd}
	}
	return nil
}
