package modules

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// BadLine is a line of a text that cannot be taken.
type BadLine struct {
	Number int    `json:"number"` // from 1; 0: unknown
	Line   string `json:"line"`   // secrets masked
	Reason string `json:"reason"`
}

// BadLines is the error of a text in which not every line is good.
type BadLines []BadLine

func (b BadLines) Error() string {
	first := b[0]
	text := fmt.Sprintf("line %d: %s: %s", first.Number, first.Line, first.Reason)
	if len(b) > 1 {
		text += fmt.Sprintf(", and %d more", len(b)-1)
	}
	return text
}

// Input is a configuration text that comes from outside of the store.
type Input struct {
	Text    string
	Typed   bool // as an operator would type it: secrets in clear are hashed or sealed
	Replace bool // the whole configuration; else it is merged into the one in force
}

// Input takes a configuration text: all of it in one change, or if any line is bad nothing, with BadLines. Options.Force
// takes the good lines and returns the bad ones.
func (e *Engine) Input(ctx context.Context, actor Actor, o Options, in Input) (BadLines, error) {
	var bad BadLines
	err := e.Change(ctx, actor, o, func(candidate *Tree) (err error) {
		if bad, err = e.read(candidate, in, o.Force); err == nil && len(bad) > 0 && !o.Force {
			err = bad
		}
		return err
	})
	return bad, err
}

// ParseInput reads a whole configuration as Input does, and returns it as it would be saved; nothing changes.
func (e *Engine) ParseInput(in Input, force bool) (string, BadLines, error) {
	e.changing.Lock() // modules are asked one at a time
	defer e.changing.Unlock()
	tree := &Tree{}
	in.Replace = true
	bad, err := e.read(tree, in, force)
	if err == nil && len(bad) > 0 && !force {
		err = bad
	}
	return tree.saved(), bad, err
}

// read puts a text into a tree. Lines that do not parse, or that a module refuses, are left out and returned.
func (e *Engine) read(candidate *Tree, in Input, force bool) (BadLines, error) {
	old := candidate.Clone()
	target := candidate
	if in.Replace {
		target = &Tree{}
	}
	known := len(target.SetAside)
	l := loader{book: e.book, tree: target, typed: in.Typed, numbers: map[*Node]int{}}
	l.read(in.Text)
	var bad BadLines
	kept := target.SetAside[:known:known]
	for _, s := range target.SetAside[known:] {
		if in.Replace && old.hasAside(s) { // the box has it set aside already
			kept = append(kept, s)
			continue
		}
		for i, line := range s.Lines {
			bad = append(bad, BadLine{s.Number + i, e.book.MaskLine(strings.TrimSpace(line)), s.Reason})
		}
	}
	target.SetAside = kept
	refused, err := e.refusals(old, target, l.numbers)
	bad = append(bad, refused...)
	slices.SortStableFunc(bad, func(a, b BadLine) int { return a.Number - b.Number })
	if err != nil && (len(bad) == 0 || force) {
		return bad, err
	}
	if in.Replace {
		candidate.become(target)
	}
	return bad, nil
}

// hasAside says whether a line is set aside in this tree.
func (t *Tree) hasAside(s *SetAside) bool {
	return slices.ContainsFunc(t.SetAside, func(have *SetAside) bool {
		return slices.Equal(have.Lines, s.Lines) && samePath(have.Path, s.Path)
	})
}

// refusals takes away the lines that modules refuse until all accept the rest, and returns them. The error is of a module
// that names no line.
func (e *Engine) refusals(old, tree *Tree, numbers map[*Node]int) (BadLines, error) {
	var bad BadLines
	for {
		t := &transaction{engine: e, old: old, candidate: tree, touched: touched(old, tree)}
		var refused []*StatementError
		for _, s := range t.concerned() {
			err := s.mod.Check(s.candidate)
			lines := statementErrors(err)
			if err != nil && len(lines) == 0 && !t.excused(s) {
				return bad, err
			}
			refused = append(refused, lines...)
		}
		if len(refused) == 0 {
			return bad, nil
		}
		taken := 0
		for _, r := range refused {
			line := BadLine{Line: r.Line, Reason: r.Err.Error(), Number: numbers[r.Node]}
			before := len(tree.SetAside)
			if tree.refuse(r) {
				tree.SetAside = tree.SetAside[:before:before]
				bad = append(bad, line)
				taken++
			}
		}
		if taken == 0 {
			return bad, refused[0]
		}
	}
}

// statementErrors are the lines that an error names.
func statementErrors(err error) []*StatementError {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		var out []*StatementError
		for _, one := range several.Unwrap() {
			out = append(out, statementErrors(one)...)
		}
		return out
	}
	var one *StatementError
	if errors.As(err, &one) {
		return []*StatementError{one}
	}
	return nil
}
