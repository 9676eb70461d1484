package shell

import (
	"context"
	"strings"
)

// queue holds lines that a program sent. A command that asks takes its answer from it.
type queue struct {
	lines []string
	taken int
}

func (q *queue) peek(limit int) []string { return q.lines[:min(limit, len(q.lines))] }

func (q *queue) take(n int) {
	q.lines = q.lines[n:]
	q.taken += n
}

// next takes one line; false if there is none.
func (q *queue) next() (string, bool) {
	if len(q.lines) == 0 {
		return "", false
	}
	line := q.lines[0]
	q.take(1)
	return line, true
}

// maxTold bounds what is told of a line that was not done, in columns.
const maxTold = 200

// runQueue runs the lines of a queue until it is empty or the session ends.
func (s *Session) runQueue(ctx context.Context, q *queue) status {
	var st status
	done := func(number int, line string, r Result) {
		st.Outcome = max(st.Outcome, r.Outcome)
		st.Secret = st.Secret || r.Secret
		if r.Outcome != Done && len(st.Refused) < maxRefusals {
			told := printable([]byte(strings.TrimSpace(s.masked(line))))
			st.Refused = append(st.Refused, refusal{number, cut(string(told), maxTold)})
		}
	}
	for !s.closed && ctx.Err() == nil && len(q.lines) > 0 {
		number := q.taken
		if s.batch(ctx, q, func(line string, r Result) { number++; done(number, line, r) }) {
			continue
		}
		if line, ok := q.next(); ok {
			done(number+1, line, s.Execute(ctx, line))
		}
	}
	st.Closed, st.More = s.closed, s.Unfinished()
	return st
}
