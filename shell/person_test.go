package shell

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"mbox/modules"
)

// vt is a small terminal: enough of ECMA-48 to know what a person would see.
type vt struct {
	mu       sync.Mutex // guards all below
	changed  *sync.Cond
	width    int
	rows     [][]rune
	row, col int
	rest     []byte
	raw      int // bytes so far
}

func newVT(width int) *vt {
	v := &vt{width: width, rows: [][]rune{nil}}
	v.changed = sync.NewCond(&v.mu)
	return v
}

func (v *vt) Write(p []byte) (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	defer v.changed.Broadcast()
	v.raw += len(p)
	v.rest = append(v.rest, p...)
	for len(v.rest) > 0 {
		used := v.step(v.rest)
		if used == 0 {
			break
		}
		v.rest = v.rest[used:]
	}
	return len(p), nil
}

func (v *vt) step(in []byte) int {
	switch in[0] {
	case '\r':
		v.col = 0
	case '\n':
		v.row++
		for len(v.rows) <= v.row {
			v.rows = append(v.rows, nil)
		}
	case '\b':
		v.col = max(v.col-1, 0)
	case '\a':
	case keyEsc:
		return v.escape(in)
	default:
		if !utf8.FullRune(in) {
			return 0
		}
		r, size := utf8.DecodeRune(in)
		v.put(r)
		return size
	}
	return 1
}

func (v *vt) put(r rune) {
	if v.col+columns(string(r)) > v.width {
		v.col = 0
		v.step([]byte{'\n'})
	}
	for range columns(string(r)) {
		for len(v.rows[v.row]) <= v.col {
			v.rows[v.row] = append(v.rows[v.row], ' ')
		}
		v.rows[v.row][v.col] = r
		r = 0 // the second cell of a wide character
		v.col++
	}
}

func (v *vt) escape(in []byte) int {
	at := 2
	for at < len(in) && (in[at] < 0x40 || in[at] > 0x7e) {
		at++
	}
	if at >= len(in) {
		return 0
	}
	n, err := strconv.Atoi(string(in[2:at]))
	if err != nil {
		n = 1
	}
	switch in[at] {
	case 'A':
		v.row = max(v.row-n, 0)
	case 'C':
		v.col = min(v.col+n, v.width-1)
	case 'K':
		if string(in[2:at]) == "2" {
			v.rows[v.row] = nil
		} else if v.col < len(v.rows[v.row]) {
			v.rows[v.row] = v.rows[v.row][:v.col]
		}
	case 'J':
		if v.col < len(v.rows[v.row]) {
			v.rows[v.row] = v.rows[v.row][:v.col]
		}
		v.rows = v.rows[:v.row+1]
	}
	return at + 1
}

// text is all that can be seen, without blanks at the ends of rows.
func (v *vt) text() string {
	rows := make([]string, len(v.rows))
	for i, row := range v.rows {
		rows[i] = strings.TrimRight(strings.ReplaceAll(string(row), "\x00", ""), " ")
	}
	return strings.TrimRight(strings.Join(rows, "\n"), "\n")
}

// await waits until what is seen satisfies ok.
func (v *vt) await(t testing.TB, what string, ok func(seen string) bool) {
	t.Helper()
	late := false
	timer := time.AfterFunc(20*time.Second, func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		late = true
		v.changed.Broadcast()
	})
	defer timer.Stop()
	v.mu.Lock()
	defer v.mu.Unlock()
	for !ok(v.text()) {
		if late {
			t.Fatalf("waited in vain for %s; the screen shows:\n%s", what, v.text())
		}
		v.changed.Wait()
	}
}

// person sits at a terminal of a box.
type person struct {
	t  testing.TB
	vt *vt
	*TTY
	left chan struct{} // closed when the session is over
}

func (b *box) person(t testing.TB, level int, size Size) *person {
	t.Helper()
	p := &person{t: t, vt: newVT(clampWidth(size.Width)), left: make(chan struct{})}
	p.TTY = NewTTY(p.vt, size)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer close(p.left)
		if err := b.Interact(ctx, modules.Actor{Name: "console", From: "console", Level: level}, p.TTY); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() { cancel(); <-p.left })
	p.ends("host>", "host#")
	return p
}

func (p *person) types(keys string) { p.Feed([]byte(keys)) }

// ends waits until the screen ends in one of the texts.
func (p *person) ends(texts ...string) {
	p.t.Helper()
	p.vt.await(p.t, "the screen to end in "+strconv.Quote(texts[0]), func(seen string) bool {
		for _, text := range texts {
			if strings.HasSuffix(seen, text) {
				return true
			}
		}
		return false
	})
}

// does types a line and waits for the screen to end in text.
func (p *person) does(line, text string) {
	p.t.Helper()
	p.types(line + "\r")
	p.ends(text)
}
