package diag

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"mbox/modules"
)

const (
	sniffed     = 64 << 10 // bytes that are read to tell text from other data
	maxMoreLine = 16 << 10 // bytes; a longer line is shown as several
	maxMoreJSON = 4 << 20  // bytes of a file in one JSON document
)

// moreView is a file of text, read while it is shown.
type moreView struct {
	ctx   context.Context
	files modules.Files
	name  string
}

// moreJSON is what `more` is as JSON.
type moreJSON struct {
	File  string   `json:"file"`
	Bytes int64    `json:"bytes"`
	Lines []string `json:"lines"`
}

func (m *Module) more(ctx context.Context, call modules.Call) (modules.View, error) {
	v := moreView{ctx, call.Files, modules.Get[string](call.Values, "FILE")}
	file, err := call.Files.Open(v.name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := isText(file)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", v.name, err)
	}
	if !text {
		return nil, &modules.Error{
			Message: fmt.Sprintf("%s is not text", v.name),
			Hint:    "Copy it from the box to look at it, or see what it is with: show file " + modules.RenderWord(v.name),
		}
	}
	return v, nil
}

// isText says whether a file begins like text: UTF-8, and nearly no control characters.
func isText(r io.Reader) (bool, error) {
	head, err := io.ReadAll(io.LimitReader(r, sniffed))
	if err != nil {
		return false, err
	}
	if len(head) == sniffed {
		head = head[:wholeRunes(head)]
	}
	if bytes.IndexByte(head, 0) >= 0 || !utf8.Valid(head) {
		return false, nil
	}
	odd := 0
	for _, r := range string(head) {
		if unicode.IsControl(r) && !strings.ContainsRune("\t\n\r\f\x1b", r) {
			odd++
		}
	}
	return odd <= len(head)/32, nil
}

// wholeRunes is the length of text without a last character that is cut.
func wholeRunes(text []byte) int {
	for i := 1; i <= utf8.UTFMax && i <= len(text); i++ {
		if at := len(text) - i; utf8.RuneStart(text[at]) {
			if !utf8.FullRune(text[at:]) {
				return at
			}
			break
		}
	}
	return len(text)
}

// lines reads the file line by line, without what would drive a terminal.
func (v moreView) lines(yield func(line string) error) error {
	file, err := v.files.Open(v.name)
	if err != nil {
		return err
	}
	defer file.Close()
	r := bufio.NewReaderSize(file, maxMoreLine)
	var begun []byte // of a character that a long line was cut in
	for {
		line, err := r.ReadSlice('\n')
		line = append(begun, line...)
		begun = nil
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return nil
		}
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
			return fmt.Errorf("read %s: %w", v.name, err)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			whole := wholeRunes(line)
			line, begun = line[:whole], bytes.Clone(line[whole:])
		}
		if err := v.ctx.Err(); err != nil {
			return err
		}
		if err := yield(plainLine(string(line))); err != nil {
			return err
		}
	}
}

// plainLine is a line without its end, tabs as blanks up to the next eighth column.
func plainLine(line string) string {
	line = strings.TrimRight(line, "\r\n")
	if !strings.ContainsRune(line, '\t') {
		return modules.Printable(line)
	}
	var b strings.Builder
	at := 0
	for i, part := range strings.Split(line, "\t") {
		if i > 0 {
			n := 8 - at%8
			b.WriteString(strings.Repeat(" ", n))
			at += n
		}
		part = modules.Printable(part)
		b.WriteString(part)
		at += modules.DisplayWidth(part)
	}
	return b.String()
}

// Text is the file.
func (v moreView) Text(w io.Writer, _ int) error {
	return v.lines(func(line string) error {
		_, err := io.WriteString(w, line+"\n")
		return err
	})
}

// MarshalJSON refuses what is too long for one document.
func (v moreView) MarshalJSON() ([]byte, error) {
	info, err := v.files.Stat(v.name)
	if err != nil {
		return nil, err
	}
	out := moreJSON{File: v.name, Bytes: info.Size(), Lines: []string{}}
	left := maxMoreJSON
	err = v.lines(func(line string) error {
		if left -= len(line) + 1; left < 0 {
			return &modules.Error{Message: fmt.Sprintf("%s is too long for one JSON document", v.name), Hint: "Copy it from the box instead."}
		}
		out.Lines = append(out.Lines, line)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return json.Marshal(out)
}

// fileView is the result of `show file`.
type fileView struct {
	File     string    `json:"file"`
	Kind     string    `json:"kind"` // as of dir
	Bytes    *int64    `json:"bytes"`
	Modified time.Time `json:"modified"`
	IsText   *bool     `json:"is_text"` // null: not a file
	SHA256   *string   `json:"sha256"`
}

func (m *Module) showFile(ctx context.Context, call modules.Call) (modules.View, error) {
	name := modules.Get[string](call.Values, "FILE")
	info, err := call.Files.Stat(name)
	if err != nil {
		return nil, err
	}
	e := entryOf(info)
	v := fileView{File: name, Kind: e.Kind, Bytes: e.Bytes, Modified: e.Modified}
	if e.Bytes == nil {
		return v, nil
	}
	file, err := call.Files.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := isText(file)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	sum, _, err := digest(ctx, file, call.Terminal)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	v.IsText, v.SHA256 = &text, &sum
	return v, nil
}

// Text is a line for each thing that is known.
func (v fileView) Text(w io.Writer, _ int) error {
	var b strings.Builder
	fmt.Fprintf(&b, "File     : %s\nKind     : %s\n", modules.Printable(v.File), v.Kind)
	if v.Bytes != nil {
		fmt.Fprintf(&b, "Length   : %d bytes (%s)\n", *v.Bytes, modules.SizeText(*v.Bytes))
	}
	fmt.Fprintf(&b, "Modified : %s UTC\n", v.Modified.Format(time.DateTime))
	if v.IsText != nil {
		content := "not text"
		if *v.IsText {
			content = "text"
		}
		fmt.Fprintf(&b, "Content  : %s\nSHA-256  : %s\n", content, *v.SHA256)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// digest reads all of a file.
func digest(ctx context.Context, file *os.File, terminal modules.Terminal) (sum string, n int64, err error) {
	var total int64
	if info, err := file.Stat(); err == nil {
		total = info.Size()
	}
	h, buf := sha256.New(), make([]byte, 256<<10)
	for {
		if err := ctx.Err(); err != nil {
			return "", n, err
		}
		read, err := file.Read(buf)
		h.Write(buf[:read])
		n += int64(read)
		if errors.Is(err, io.EOF) {
			return hex.EncodeToString(h.Sum(nil)), n, nil
		}
		if err != nil {
			return "", n, err
		}
		terminal.Progress(n, max(total, n), "bytes")
	}
}
