package shell

import (
	"bufio"
	"context"
	"io"
	"strings"

	"mbox/modules"
)

// Run runs lines that came without a terminal in a session of their own, as in `ssh box 'show version'`: with the
// actor's privilege, one after the other, up to the first that is not done. Nobody answers questions. If out has a method
// Hangup it is called when the session is ended from outside.
func (s *Server) Run(ctx context.Context, actor modules.Actor, out io.Writer, line string) Outcome {
	ctx, session, done := s.begin(ctx, actor, NewScript(out, Size{}, noAnswer))
	defer done()
	defer hangUpWith(ctx, out)()
	for text := range strings.Lines(line) {
		result := session.Execute(ctx, strings.TrimSuffix(text, "\n"))
		if result.Outcome != Done || session.Closed() || ctx.Err() != nil {
			return result.Outcome
		}
	}
	return session.atEnd()
}

func noAnswer(context.Context) (string, error) { return "", io.EOF }

// hangUpWith tells out, if it has a method Hangup, that the session is ended from outside: a write to somebody who does not
// read would hold it open. The returned function calls that off.
func hangUpWith(ctx context.Context, out io.Writer) (stop func()) {
	carrier, ok := out.(interface{ Hangup() })
	if !ok {
		return func() {}
	}
	off := context.AfterFunc(ctx, carrier.Hangup)
	return func() { off() }
}

// RunAll runs the lines of in until it ends or a line ends the session, as `ssh box < lines` does; it goes on behind a
// line that is not done. A secret that is asked for is the next line. The outcome is that of the worst line. When the
// session is ended from outside, a last read of in may be left; it must end when the caller closes what carries it.
func (s *Server) RunAll(ctx context.Context, actor modules.Actor, in io.Reader, out io.Writer) Outcome {
	input := &reader{in: in, data: make([]byte, maxAhead), came: make(chan chunk, 1)}
	lines := piped{bufio.NewReaderSize(input, maxAhead)}
	now := &queue{}
	ctx, session, done := s.begin(ctx, actor, NewScript(out, Size{}, func(context.Context) (string, error) {
		if line, ok := now.next(); ok {
			return line, nil
		}
		return lines.next()
	}))
	defer done()
	defer hangUpWith(ctx, out)()
	input.ctx = ctx
	worst := Done
	for !session.Closed() && ctx.Err() == nil {
		waiting, err := lines.several()
		if err != nil {
			break
		}
		*now = queue{lines: waiting}
		worst = max(worst, session.runQueue(ctx, now).Outcome)
	}
	return max(worst, session.atEnd())
}

// reader reads in until ctx ends, which a reader of its own cannot hear.
type reader struct {
	ctx     context.Context
	in      io.Reader
	data    []byte
	came    chan chunk
	reading bool
}

// chunk says how much of data has come.
type chunk struct {
	n   int
	err error
}

func (r *reader) Read(p []byte) (int, error) {
	if !r.reading {
		r.reading = true
		data := r.data[:min(len(p), len(r.data))]
		go func() { // ends when in gives something or fails
			n, err := r.in.Read(data)
			r.came <- chunk{n, err}
		}()
	}
	select {
	case c := <-r.came:
		r.reading = false
		return copy(p, r.data[:c.n]), c.err
	case <-r.ctx.Done():
		return 0, context.Cause(r.ctx)
	}
}
