package shell

import (
	"bufio"
	"context"
	"fmt"
	"regexp"
	"unicode/utf8"

	"mbox/modules"
)

const (
	morePrompt = " --More-- "
	eraseLine  = "\x1b[2K\r"
)

// pager stops at each full page and waits for a key: Space for a page, Enter for a line, q to stop, / to search on.
type pager struct {
	ctx   context.Context
	tty   *TTY
	w     *bufio.Writer
	sizes func() (rows, width int) // of the window, as it is now; the prompt has a row of its own
	rows  int                      // of a page
	width int
	room  int            // rows until the next stop
	seek  *regexp.Regexp // lines are skipped until one matches
}

func newPager(ctx context.Context, tty *TTY, w *bufio.Writer, sizes func() (rows, width int)) *pager {
	p := &pager{ctx: ctx, tty: tty, w: w, sizes: sizes}
	p.measure()
	p.room = p.rows
	return p
}

// measure takes the window as it is: it may have changed while a page waited.
func (p *pager) measure() {
	rows, width := p.sizes()
	p.rows, p.width = max(rows-1, 1), max(width, 1)
}

func (p *pager) line(text []byte) error {
	if p.seek != nil {
		if !p.seek.Match(text) {
			return nil
		}
		p.seek = nil
	}
	rows := max(1, (columns(string(text))+p.width-1)/p.width)
	if p.room < rows && p.room < p.rows {
		if err := p.stop(); err != nil {
			return err
		}
		if p.seek != nil {
			return p.line(text)
		}
	}
	p.room -= rows
	p.w.Write(text)
	return p.w.WriteByte('\n')
}

func (p *pager) end() error {
	if p.seek != nil {
		fmt.Fprintln(p.w, "% Pattern not found")
	}
	return p.w.Flush()
}

// stop waits for a key that says how to go on.
func (p *pager) stop() error {
	for {
		if err := p.w.Flush(); err != nil {
			return err
		}
		p.tty.out.Ask(morePrompt)
		key, err := p.tty.keys.ReadKey(p.ctx)
		p.tty.out.Answered(eraseLine)
		if err != nil {
			return err
		}
		p.measure()
		switch key {
		case ' ', 'f':
			p.room = p.rows
			return nil
		case keyEnter, 'j':
			p.room = 1
			return nil
		case 'q', 'Q', keyInterrupt, endOfMode:
			return errEnough
		case '/':
			found, err := p.search()
			if found || err != nil {
				return err
			}
		}
	}
}

// search reads a regular expression; found is false if it was given up or is none.
func (p *pager) search() (found bool, err error) {
	typed := ""
	for {
		p.tty.out.Ask("/" + typed)
		key, err := p.tty.keys.ReadKey(p.ctx)
		p.tty.out.Answered(eraseLine)
		if err != nil {
			return false, err
		}
		switch {
		case key == keyEnter:
			p.seek, err = modules.CompileRegexp(typed)
			if err != nil || typed == "" {
				p.seek = nil
				return false, nil
			}
			fmt.Fprint(p.w, "skipping\n")
			p.room = p.rows
			return true, nil
		case key == keyBackspace || key == keyRubout:
			_, size := utf8.DecodeLastRuneInString(typed)
			typed = typed[:len(typed)-size]
		case key == keyInterrupt || key == endOfMode || key == keyKillLine:
			return false, nil
		case key >= ' ' && key != utf8.RuneError && len(typed) < 256:
			typed += string(key)
		}
	}
}
