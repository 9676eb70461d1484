package shell

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"mbox/boxtest/vt"
	"mbox/modules"
)

// person sits at a terminal of a box.
type person struct {
	t  testing.TB
	vt *vt.Screen
	*TTY
	left chan struct{} // closed when the session is over
}

func (b *box) person(t testing.TB, level int, size Size) *person {
	t.Helper()
	p := &person{t: t, vt: vt.New(clampWidth(size.Width)), left: make(chan struct{})}
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
	p.vt.Shows(p.t, "the screen to end in "+strconv.Quote(texts[0]), func(seen string) bool {
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
