package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"mbox/modules"
)

// maxBatch bounds how many lines are one change of the configuration.
const maxBatch = 1024

// waiting is what was typed, pasted or piped ahead: whole lines that wait already.
type waiting interface {
	peek(limit int) []string // the next lines, which stay
	take(n int)              // takes the first n of what peek returned
}

// batch makes one change of the configuration lines that wait, and prints what typing them one by one would have: for
// thousands of lines checking and applying each would take minutes. If the change is refused it is tried with fewer
// lines, down to the one that is to blame, which is then run by itself. It returns false if the next line is to be run
// by itself.
func (s *Session) batch(ctx context.Context, from waiting, done func(line string, r Result)) bool {
	switch {
	case !s.config || s.Unfinished():
		return false
	case s.chunk == 1:
		s.chunk = 2
		return false
	}
	ctx, stop := s.end.Interruptible(ctx)
	defer stop()
	plan := s.plan(ctx, from.peek(s.chunk))
	if len(plan) < 2 {
		return false
	}
	if err := s.changeAll(ctx, plan); err != nil {
		if ctx.Err() != nil {
			from.take(len(plan))
			s.abandon(plan, done)
			return true
		}
		s.chunk = len(plan) / 2
		return s.batch(ctx, from, done)
	}
	s.server.retime()
	from.take(len(plan))
	s.chunk, s.normalized = min(2*s.chunk, maxBatch), nil
	s.contexts = plan[len(plan)-1].after
	s.tell(ctx, plan, done)
	return true
}

// planned is a line of a batch.
type planned struct {
	prompt, line  string
	parsed        parsed
	before, after []*modules.Node // the contexts around it, and behind it
	err           error
}

// sets says whether the line is to change the configuration.
func (p *planned) sets() bool { return p.err == nil && p.parsed.match.Statement != nil }

// plan reads lines up to the first that is no configuration line. One that is wrong by itself changes nothing and does
// not end the batch.
func (s *Session) plan(ctx context.Context, lines []string) []*planned {
	at := s.contexts
	defer func() { s.contexts = at }()
	var plan []*planned
	for _, line := range lines {
		p := &planned{prompt: s.Prompt(), line: strings.TrimSuffix(line, "\r"), before: s.contexts}
		if ctx.Err() != nil || !s.planLine(p) {
			break
		}
		s.contexts = p.after
		plan = append(plan, p)
	}
	return plan
}

// planLine says whether the line may be part of a batch.
func (s *Session) planLine(p *planned) bool {
	text := strings.TrimSpace(p.line)
	p.after = p.before
	if text == "" || text[0] == '!' {
		return true
	}
	if strings.HasSuffix(p.line, "?") && s.tty == nil {
		return false // asks for help
	}
	if _, do := cutDo(p.line); do > 0 || s.server.Engine.Book().Continues(p.line) != nil {
		return false
	}
	p.parsed, p.err = s.parse(p.line)
	m := &p.parsed.match
	if m.Command != nil {
		if leaves := m.Command.Syntax == exitSyntax && len(p.before) > 0; leaves {
			p.after = p.before[:len(p.before)-1]
			return true
		}
		return false
	}
	if p.err == nil && m.Statement.Alone {
		return false
	}
	if p.err == nil {
		*m, p.err = s.normalizeOnce(p.line, *m)
	}
	if p.err == nil {
		p.after = slices.Clone(p.before[:len(p.before)-m.Climbed])
		if m.Statement.Mode != "" && !m.Negated {
			p.after = append(p.after, &modules.Node{Statement: m.Statement, Values: m.Values})
		}
	}
	return true
}

// normalizeOnce keeps what it made of a line until its batch is done: hashing a secret takes its time.
func (s *Session) normalizeOnce(line string, m modules.Match) (modules.Match, error) {
	if m.Negated || m.Statement.Normalize == nil {
		return m, nil
	}
	if have, ok := s.normalized[line]; ok && have.Statement == m.Statement {
		m.Values = have.Values
		return m, nil
	}
	m, err := normalize(m)
	if err == nil {
		if s.normalized == nil {
			s.normalized = map[string]modules.Match{}
		}
		s.normalized[line] = m
	}
	return m, err
}

// errAlone ends a batch with a line that must be tried by itself.
var errAlone = errors.New("the line is tried by itself")

// changeAll makes one change of a plan. A line that removes what is not there is refused without ending it.
func (s *Session) changeAll(ctx context.Context, plan []*planned) error {
	if !slices.ContainsFunc(plan, (*planned).sets) {
		return nil
	}
	refused := map[*planned]error{}
	change := func(candidate *modules.Tree) error {
		clear(refused)
		for _, p := range plan {
			if !p.sets() {
				continue
			}
			e := edit{contexts: p.before}
			if err := e.line(candidate, p.parsed.match); err != nil && !p.parsed.match.Negated {
				return errAlone
			} else if err != nil {
				refused[p] = err
			}
		}
		return nil
	}
	var err error
	if s.editing.candidate != "" {
		err = s.server.Engine.EditCandidate(s.editing.candidate, change)
	} else {
		err = s.server.Engine.Change(ctx, s.actor, modules.Options{Force: s.editing.force}, change)
	}
	for p, why := range refused {
		p.err = why
	}
	return err
}

// tell shows the lines of a batch as if they had been typed, and what came of each.
func (s *Session) tell(ctx context.Context, plan []*planned, done func(line string, r Result)) {
	var out strings.Builder
	for _, p := range plan {
		if s.tty != nil {
			fmt.Fprintf(&out, "%s%s\n", p.prompt, printable([]byte(p.line)))
		}
		result := Result{Secret: p.parsed.match.Secret}
		if p.err != nil {
			text, outcome := s.explainAt(ctx, p)
			out.WriteString(text)
			result.Outcome = outcome
		}
		if p.sets() {
			out.WriteString(s.noteOf(p.parsed.match))
		}
		if text := strings.TrimSpace(p.line); text != "" && text[0] != '!' {
			s.remember(p.line, p.parsed, p.err)
		}
		done(p.line, result)
	}
	if s.tty != nil {
		s.tty.out.FreshLine()
	}
	io.WriteString(s.end, out.String())
}

// explainAt explains a line below the prompt that it was typed at.
func (s *Session) explainAt(ctx context.Context, p *planned) (string, Outcome) {
	now := s.contexts
	s.contexts = p.before
	defer func() { s.contexts = now }()
	return s.explain(ctx, p.line, p.parsed.match, p.err)
}

// abandon tells of a batch that was interrupted before it changed anything.
func (s *Session) abandon(plan []*planned, done func(line string, r Result)) {
	s.lost += len(plan)
	if s.tty != nil {
		return // they are counted, not listed
	}
	for _, p := range plan {
		done(p.line, Result{Outcome: Failed})
	}
}
