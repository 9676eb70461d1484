package hotspot

import (
	"bytes"
	"errors"
	"io"
	"unicode/utf8"
)

// maxRecord bounds one CSV row in bytes, quotes included. All info fields at their longest (1 KiB each) fit.
const maxRecord = 64 << 10

// rowError says why one row cannot be used; the rows after it can. It never repeats what the row holds, because
// that may be a password.
type rowError struct{ reason string }

func (e *rowError) Error() string { return e.reason }

var (
	errTooLong   = &rowError{"the row is longer than 65536 bytes; a quote may not be closed"}
	errUnclosed  = &rowError{`a quoted field is not closed: the " at its end is missing`}
	errBareQuote = &rowError{`a " inside a field: write "" and put the whole field in quotes`}
	errAfter     = &rowError{`text after the closing " of a field: write "" for a quote inside it`}
	errNUL       = &rowError{"the row holds a NUL byte"}
	errUTF8      = &rowError{"the row is not UTF-8: save the file as CSV UTF-8"}
)

// csvReader reads CSV as RFC 4180 has it, with LF or CRLF between rows. Unlike encoding/csv it bounds a row before it
// holds it, keeps the bytes of quoted fields as they are, and goes on behind a row with broken quoting: that costs the
// line on which the row began, so that one stray quote does not swallow the rest of the file.
type csvReader struct {
	src   io.Reader
	comma byte

	buf   []byte // holds one row at most, and what was read behind it
	start int    // of what is not yet consumed
	eof   bool
	err   error // of src, other than io.EOF
	skip  bool  // the rest of the line is dropped before the next row
	line  int   // number of the line that starts at start, from 1

	field []byte // the fields of the row, unquoted, one behind the other
	ends  []int  // where each ends in field
}

func newCSVReader(src io.Reader) *csvReader {
	return &csvReader{src: src, comma: ',', line: 1, buf: make([]byte, 0, maxRecord)}
}

// Read returns the fields of the next row and the number of the line where it began. Empty lines are passed over. The
// error is a *rowError if only this row is bad, io.EOF at the end, or that of the source.
func (r *csvReader) Read() (fields []string, line int, err error) {
	for {
		if err := r.finishSkip(); err != nil {
			return nil, r.line, err
		}
		data := r.buf[r.start:]
		if len(data) == 0 && r.eof {
			return nil, r.line, r.end()
		}
		n, err := r.parse(data)
		if err == errMore {
			if len(data) < maxRecord {
				r.fill()
				continue
			}
			err = errTooLong
		}
		line = r.line
		if r.err != nil && (err != nil || data[n-1] != '\n') {
			return nil, line, r.err // the row may only be cut off
		}
		if err != nil {
			r.skip = true
			return nil, line, err
		}
		raw := data[:n]
		r.consume(n)
		if len(r.ends) == 1 && r.ends[0] == 0 && raw[0] != '"' {
			continue
		}
		if bytes.IndexByte(raw, 0) >= 0 {
			return nil, line, errNUL
		}
		if !utf8.Valid(raw) {
			return nil, line, errUTF8
		}
		return r.fields(), line, nil
	}
}

// consume moves past n bytes and counts the lines in them.
func (r *csvReader) consume(n int) {
	r.line += bytes.Count(r.buf[r.start:r.start+n], []byte{'\n'})
	r.start += n
}

// finishSkip drops the rest of a bad row's first line, however long.
func (r *csvReader) finishSkip() error {
	for r.skip {
		data := r.buf[r.start:]
		if i := bytes.IndexByte(data, '\n'); i >= 0 {
			r.consume(i + 1)
			r.skip = false
			return nil
		}
		r.start = len(r.buf)
		if r.eof {
			return r.end()
		}
		r.fill()
	}
	return nil
}

// fill reads more behind what is held, at most maxRecord in all.
func (r *csvReader) fill() {
	r.buf = r.buf[:copy(r.buf[:cap(r.buf)], r.buf[r.start:])]
	r.start = 0
	n, err := r.src.Read(r.buf[len(r.buf):cap(r.buf)])
	r.buf = r.buf[:len(r.buf)+n]
	if err != nil {
		r.eof = true
		if err != io.EOF {
			r.err = err
		}
	}
}

func (r *csvReader) end() error {
	if r.err != nil {
		return r.err
	}
	return io.EOF
}

// errMore: the row does not end in what is held.
var errMore = errors.New("more")

// parse takes the row at the start of data apart into field and ends, and returns its length with its line end.
func (r *csvReader) parse(data []byte) (int, error) {
	r.field, r.ends = r.field[:0], r.ends[:0]
	for pos := 0; ; {
		var n int
		var err error
		if pos < len(data) && data[pos] == '"' {
			n, err = r.quoted(data[pos:])
		} else {
			n, err = r.plain(data[pos:])
		}
		if err != nil {
			return 0, err
		}
		pos += n
		r.ends = append(r.ends, len(r.field))
		switch {
		case pos == len(data):
			return pos, nil // only at the end of the file
		case data[pos] == r.comma:
			pos++
		case data[pos] == '\n':
			return pos + 1, nil
		default:
			return pos + 2, nil // CRLF
		}
	}
}

// plain reads an unquoted field up to its separator or line end, which it leaves.
func (r *csvReader) plain(data []byte) (int, error) {
	for i, c := range data {
		switch {
		case c == r.comma || c == '\n':
			if c == '\n' && i > 0 && data[i-1] == '\r' {
				i--
			}
			r.field = append(r.field, data[:i]...)
			return i, nil
		case c == '"':
			return 0, errBareQuote
		}
	}
	if !r.eof {
		return 0, errMore
	}
	r.field = append(r.field, bytes.TrimSuffix(data, []byte{'\r'})...)
	return len(data), nil
}

// quoted reads a field in quotes up to its separator or line end, which it leaves.
func (r *csvReader) quoted(data []byte) (int, error) {
	for pos := 1; ; {
		i := bytes.IndexByte(data[pos:], '"')
		if i < 0 {
			if !r.eof {
				return 0, errMore
			}
			return 0, errUnclosed
		}
		r.field = append(r.field, data[pos:pos+i]...)
		pos += i + 1
		rest := data[pos:]
		switch {
		case len(rest) > 0 && rest[0] == '"':
			r.field = append(r.field, '"')
			pos++
		case len(rest) > 0 && (rest[0] == r.comma || rest[0] == '\n'), bytes.HasPrefix(rest, []byte("\r\n")):
			return pos, nil
		case len(rest) == 0 || len(rest) == 1 && rest[0] == '\r':
			if !r.eof {
				return 0, errMore
			}
			return pos + len(rest), nil
		default:
			return 0, errAfter
		}
	}
}

// fields copies the row out of the buffer: one string, cut into its fields.
func (r *csvReader) fields() []string {
	all := string(r.field)
	out := make([]string, len(r.ends))
	from := 0
	for i, to := range r.ends {
		out[i] = all[from:to]
		from = to
	}
	return out
}
