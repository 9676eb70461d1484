package freeradius

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// tuple reads one (...) of VALUES, or the end of the list. The row is empty if there is none to return.
func (d *Dump) tuple() (Row, error) {
	k := d.lex.next()
	if d.is(k, ",") {
		k = d.lex.next()
	}
	line := d.lex.line
	switch {
	case d.is(k, ";"):
		d.table = ""
		return Row{}, nil
	case k == end:
		return Row{}, d.cutOff(line)
	case d.is(k, "("):
	case k == name: // ON DUPLICATE KEY, ON CONFLICT, RETURNING
		d.table = ""
		return Row{}, d.finish()
	default:
		return Row{}, d.bad(line, d.table, "the rows cannot be read")
	}
	row := Row{Table: d.table, Line: line}
	problem := ""
	wanted := Wanted(d.table)
	for {
		v, closed, reason := d.value(wanted)
		if d.lex.err != nil {
			return Row{}, d.cutOff(line)
		}
		if reason != "" && problem == "" {
			problem = reason
		}
		if wanted && len(row.values) <= maxColumns {
			row.values = append(row.values, v)
		}
		if closed {
			break
		}
	}
	return d.deliver(row, problem)
}

// cutOff is for a dump that ends in the middle.
func (d *Dump) cutOff(line int) error {
	table := d.table
	d.table = ""
	if err := d.lex.failed(); err != nil {
		return err
	}
	return &LineError{line, table, "the file ends in the middle of this statement"}
}

// deliver names the values of a row.
func (d *Dump) deliver(row Row, problem string) (Row, error) {
	if !Wanted(row.Table) {
		if _, known := d.Others[row.Table]; known || len(d.Others) < maxOthers {
			d.Others[row.Table]++
		}
		return Row{}, nil
	}
	row.columns = d.heads
	if row.columns == nil {
		row.columns = schema(row.Table, len(row.values))
	}
	switch missing := lacks(row.Table, row.columns); {
	case problem != "":
	case row.columns == nil:
		problem = "the file does not name the columns: dump the table with its CREATE TABLE"
	case len(row.values) != len(row.columns):
		problem = fmt.Sprintf("%d values for %d columns", len(row.values), len(row.columns))
	case missing != "":
		problem = "there is no column " + missing
	default:
		return row, nil
	}
	return Row{}, &LineError{row.Line, row.Table, problem}
}

// value reads one value and the comma or parenthesis behind it.
func (d *Dump) value(keep bool) (v value, closed bool, reason string) {
	k := d.lex.next()
	if k == name && d.lex.word[0] == '_' { // _binary 'text'
		k = d.lex.next()
	}
	switch {
	case d.is(k, ")"): // no value at all
		return v, true, "an empty row"
	case k == text && d.lex.long:
		reason = fmt.Sprintf("a value is longer than %d bytes", maxValue)
	case k == text && keep:
		v.text = string(d.lex.word)
	case k == text:
	case d.is(k, "NULL"), d.is(k, "DEFAULT"):
		v.null = true
	case d.is(k, "-"), d.is(k, "+"):
		sign := string(d.lex.word)
		if k = d.lex.next(); k != name {
			reason = notLiteral
		}
		v.text = strings.TrimPrefix(sign, "+") + string(d.lex.word)
	case k == name:
		v.text, reason = literal(d.lex.word)
	default:
		reason = notLiteral
	}
	return d.behind(v, k, reason)
}

const notLiteral = "a value is not a plain number or text"

// behind reads what may follow a value: a cast, and then the comma or parenthesis. A call such as NOW() is passed over.
func (d *Dump) behind(v value, k kind, reason string) (value, bool, string) {
	depth := 0
	if d.is(k, "(") {
		depth++
	}
	for cast := false; ; {
		k = d.lex.next()
		switch {
		case k == end:
			return v, true, reason
		case d.is(k, "("):
			depth++
			if !cast && reason == "" {
				reason = notLiteral
			}
		case d.is(k, ")") && depth > 0:
			depth--
		case d.is(k, ")"):
			return v, true, reason
		case d.is(k, ",") && depth == 0:
			return v, false, reason
		case d.is(k, ":"):
			cast = true
		case !cast && reason == "":
			reason = notLiteral
		}
	}
}

// literal is a number, a truth value, or octets in hexadecimal.
func literal(word []byte) (string, string) {
	switch {
	case bytes.HasPrefix(word, []byte("0x")) && len(word) > 2:
		out, ok := decodeHex(word[2:])
		if !ok {
			return "", notLiteral
		}
		return string(out), ""
	case bytes.EqualFold(word, []byte("true")):
		return "1", ""
	case bytes.EqualFold(word, []byte("false")):
		return "0", ""
	case word[0] >= '0' && word[0] <= '9', word[0] == '.':
		return string(word), ""
	}
	return "", notLiteral
}

// copy reads the head of COPY up to its rows, which begin on the next line.
func (d *Dump) copy() error {
	line := d.lex.line
	table, k := d.tableName(d.lex.next())
	if table == "" {
		return d.finishFrom(k)
	}
	heads, k, ok := d.list(k)
	if !ok {
		return d.bad(line, table, "the list of columns cannot be read")
	}
	stdin := false
	for ; k != end && !d.is(k, ";"); k = d.lex.next() {
		stdin = stdin || d.is(k, "STDIN")
	}
	if !stdin {
		return d.lex.failed()
	}
	d.lex.dropLine()
	return d.begin(table, heads, true)
}

// copied reads one line of COPY.
func (d *Dump) copied() (Row, error) {
	line := d.lex.line
	data, err := d.copyLine()
	if errors.Is(err, errLong) {
		return Row{}, &LineError{line, d.table, fmt.Sprintf("a value is longer than %d bytes", maxValue)}
	}
	if err == io.EOF {
		return Row{}, d.cutOff(line)
	}
	if err != nil {
		return Row{}, err
	}
	if string(data) == `\.` {
		d.table = ""
		return Row{}, nil
	}
	row := Row{Table: d.table, Line: line}
	if Wanted(d.table) {
		for cell := range bytes.SplitSeq(data, []byte{'\t'}) {
			if len(row.values) > maxColumns {
				break
			}
			row.values = append(row.values, copyValue(cell))
		}
	}
	return d.deliver(row, "")
}

// copyLine reads a line, which is good until the next read; a long one is read to its end.
func (d *Dump) copyLine() ([]byte, error) {
	data, err := d.lex.src.ReadSlice('\n')
	if err == nil {
		d.lex.line++
		return bytes.TrimRight(data, "\r\n"), nil
	}
	if !errors.Is(err, bufio.ErrBufferFull) {
		d.lex.err = err
		return nil, err
	}
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = d.lex.src.ReadSlice('\n')
	}
	if err != nil {
		d.lex.err = err
		return nil, err
	}
	d.lex.line++
	return nil, errLong
}

// copyValue undoes the escapes of COPY's text format (PostgreSQL's manual, COPY, "Text Format").
func copyValue(cell []byte) value {
	if string(cell) == `\N` {
		return value{null: true}
	}
	if bytes.IndexByte(cell, '\\') < 0 {
		return value{text: string(cell)}
	}
	var b strings.Builder
	for i := 0; i < len(cell); i++ {
		if cell[i] != '\\' || i+1 == len(cell) {
			b.WriteByte(cell[i])
			continue
		}
		i++
		i += copyEscape(&b, cell[i:]) - 1
	}
	return value{text: b.String()}
}

var copyEscapes = map[byte]byte{'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v'}

// copyEscape writes what stands behind a backslash and returns its length.
func copyEscape(b *strings.Builder, cell []byte) int {
	if c, known := copyEscapes[cell[0]]; known {
		b.WriteByte(c)
		return 1
	}
	if n, code := 0, byte(0); isOctal(cell[0]) {
		for n < min(3, len(cell)) && isOctal(cell[n]) {
			code = code<<3 | cell[n] - '0'
			n++
		}
		b.WriteByte(code)
		return n
	}
	if cell[0] == 'x' && len(cell) > 1 {
		n, code := 1, byte(0)
		for n < min(3, len(cell)) {
			digit, ok := hexDigit(cell[n])
			if !ok {
				break
			}
			code = code<<4 | digit
			n++
		}
		if n > 1 {
			b.WriteByte(code)
			return n
		}
	}
	b.WriteByte(cell[0])
	return 1
}
