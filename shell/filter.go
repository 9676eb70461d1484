package shell

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"

	"mbox/modules"
)

// sink takes the lines of a result, without their ends.
type sink interface {
	line(text []byte) error
	end() error
}

// errEnough ends a view whose reader has seen enough.
var errEnough = errors.New("no more output is wanted")

// show prints a result through its pipes and, for a person, the pager.
func (s *Session) show(ctx context.Context, view modules.View, p pipeline) (err error) {
	defer recoverAs(&err)
	buffered := bufio.NewWriterSize(s.end, maxOutput)
	var out sink = plain{buffered}
	if s.pageLength() > 0 {
		out = newPager(ctx, s.tty, buffered, func() (rows, width int) { return s.pageLength(), s.viewWidth() })
	}
	if p.file.how != "" {
		file, err := p.file.open(s.files(), out)
		if err != nil {
			return err
		}
		defer file.file.Abort() // does nothing to one that has its name
		out = file
	}
	width := s.viewWidth()
	if len(p.filters) > 0 || p.file.how != "" {
		width = 0 // a filter sees whole values
	}
	lines := &lineWriter{ctx: ctx, to: p.through(out)}
	if p.json {
		err = writeJSON(lines, view)
	} else {
		err = view.Text(lines, width)
	}
	if err == nil {
		err = lines.Close()
	}
	if errors.Is(err, errEnough) {
		err = nil
	}
	return errors.Join(err, buffered.Flush())
}

func writeJSON(w io.Writer, view modules.View) error {
	text, err := json.MarshalIndent(view, "", "  ")
	if err != nil {
		return fmt.Errorf("write the result as JSON: %w", err)
	}
	_, err = w.Write(append(text, '\n'))
	return err
}

// through puts the filters in front of a sink.
func (p pipeline) through(out sink) sink {
	for i := len(p.filters) - 1; i >= 0; i-- {
		f := p.filters[i]
		switch f.name {
		case "include":
			out = &matching{out, f.pattern, true}
		case "exclude":
			out = &matching{out, f.pattern, false}
		case "begin":
			out = &begin{sink: out, pattern: f.pattern}
		case "section":
			out = &section{sink: out, pattern: f.pattern}
		case "count":
			out = &count{sink: out, pattern: f.pattern}
		}
	}
	return out
}

// lineWriter cuts what a view writes into lines. It gives up when the operator interrupts or is gone, but not when the
// box ends: the result of the command that ended it is still to be read.
type lineWriter struct {
	ctx  context.Context
	to   sink
	part []byte
}

func (w *lineWriter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		if cause := context.Cause(w.ctx); errors.Is(cause, errInterrupted) || errors.Is(cause, errHangup) {
			return 0, cause
		}
		line, after, whole := bytes.Cut(rest, []byte("\n"))
		if !whole {
			w.part = append(w.part, line...)
			break
		}
		if len(w.part) > 0 {
			line = append(w.part, line...)
			w.part = w.part[:0]
		}
		if err := w.to.line(printable(line)); err != nil {
			return 0, err
		}
		rest = after
	}
	return len(p), nil
}

// Close ends a last line without newline and tells the sink.
func (w *lineWriter) Close() error {
	if len(w.part) > 0 {
		if err := w.to.line(printable(w.part)); err != nil {
			return err
		}
	}
	return w.to.end()
}

// plain writes lines.
type plain struct{ w *bufio.Writer }

func (p plain) line(text []byte) error {
	p.w.Write(text)
	return p.w.WriteByte('\n')
}

func (p plain) end() error { return p.w.Flush() }

type matching struct {
	sink
	pattern *regexp.Regexp
	wanted  bool
}

func (m *matching) line(text []byte) error {
	if m.pattern.Match(text) != m.wanted {
		return nil
	}
	return m.sink.line(text)
}

type begin struct {
	sink
	pattern *regexp.Regexp
	begun   bool
}

func (b *begin) line(text []byte) error {
	b.begun = b.begun || b.pattern.Match(text)
	if !b.begun {
		return nil
	}
	return b.sink.line(text)
}

// section passes a line that matches and the deeper lines below it.
type section struct {
	sink
	pattern *regexp.Regexp
	inside  bool
	depth   int
}

func (s *section) line(text []byte) error {
	depth := len(text) - len(bytes.TrimLeft(text, " \t"))
	s.inside = s.inside && depth > s.depth
	if !s.inside && s.pattern.Match(text) {
		s.inside, s.depth = true, depth
	}
	if !s.inside {
		return nil
	}
	return s.sink.line(text)
}

type count struct {
	sink
	pattern *regexp.Regexp
	lines   int
}

func (c *count) line(text []byte) error {
	if c.pattern.Match(text) {
		c.lines++
	}
	return nil
}

func (c *count) end() error {
	if err := c.sink.line(fmt.Appendf(nil, "Number of lines which match regexp = %d", c.lines)); err != nil {
		return err
	}
	return c.sink.end()
}
