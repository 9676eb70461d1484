package modules

import (
	"fmt"
	"regexp"
	"strings"
)

// element is a part of a parsed Syntax.
type element struct {
	kind  elementKind
	word  string      // literal, or label
	list  bool        // LABEL...
	alts  [][]element // of a group: the alternatives, each a sequence
	place int         // of a literal or label: its index in pattern.places
}

type elementKind int

const (
	literal elementKind = iota
	label
	choice   // {a | b}
	option   // [a]
	repeated // [a]...
)

var (
	syntaxToken  = regexp.MustCompile(`\.\.\.|[{}\[\]|]|[^\s{}\[\]|.]+(?:\.[^\s{}\[\]|.]+)*`)
	labelForm    = regexp.MustCompile(`^[A-Z][A-Z0-9_-]*$`)
	literalForm  = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*$`)
	closingGroup = map[string]string{"{": "}", "[": "]"}
)

// parseSyntax reads a Syntax string; the language is described at Statement.
func parseSyntax(syntax string) ([]element, error) {
	p := &syntaxParser{tokens: syntaxToken.FindAllString(syntax, -1)}
	alts, err := p.alternatives("")
	if err != nil {
		return nil, err
	}
	if len(alts) != 1 {
		return nil, fmt.Errorf("| outside of { } or [ ]")
	}
	seq := alts[0]
	if seq[0].kind != literal {
		return nil, fmt.Errorf("must start with a literal")
	}
	_, err = labelsOf(seq)
	return seq, err
}

type syntaxParser struct{ tokens []string }

func (p *syntaxParser) next() string {
	if len(p.tokens) == 0 {
		return ""
	}
	tok := p.tokens[0]
	p.tokens = p.tokens[1:]
	return tok
}

func (p *syntaxParser) accept(tok string) bool {
	if len(p.tokens) == 0 || p.tokens[0] != tok {
		return false
	}
	p.tokens = p.tokens[1:]
	return true
}

// alternatives reads sequences separated by | up to closing, which it takes.
func (p *syntaxParser) alternatives(closing string) ([][]element, error) {
	alts := [][]element{nil}
	for {
		tok := p.next()
		last := len(alts) - 1
		if (tok == closing || tok == "|") && len(alts[last]) == 0 {
			return nil, fmt.Errorf("nothing before %q", tok)
		}
		switch tok {
		case closing:
			return alts, nil
		case "|":
			alts = append(alts, nil)
		case "":
			return nil, fmt.Errorf("%s is missing", closing)
		default:
			e, err := p.element(tok)
			if err != nil {
				return nil, err
			}
			alts[last] = append(alts[last], e)
		}
	}
}

func (p *syntaxParser) element(tok string) (element, error) {
	switch {
	case tok == "{" || tok == "[":
		return p.group(tok)
	case labelForm.MatchString(tok):
		return element{kind: label, word: tok, list: p.accept("...")}, nil
	case literalForm.MatchString(tok):
		return element{kind: literal, word: tok}, nil
	}
	return element{}, fmt.Errorf("unexpected %q", tok)
}

func (p *syntaxParser) group(opening string) (element, error) {
	alts, err := p.alternatives(closingGroup[opening])
	if err != nil {
		return element{}, err
	}
	e := element{kind: choice, alts: alts}
	if opening == "[" {
		e.kind = option
		if p.accept("...") {
			e.kind = repeated
			err = checkRepeated(alts)
		}
	}
	return e, err
}

// checkRepeated keeps [...]... to what can be rendered from lists of equal length.
func checkRepeated(alts [][]element) error {
	labels := 0
	for _, e := range alts[0] {
		if e.kind > label || e.list {
			return fmt.Errorf("[...]... may hold only literals and labels")
		}
		if e.kind == label {
			labels++
		}
	}
	if len(alts) > 1 || labels == 0 {
		return fmt.Errorf("[...]... must be one sequence with a label")
	}
	return nil
}

// labelsOf refuses a label that could be given twice: its values would overwrite each other.
func labelsOf(seq []element) (map[string]bool, error) {
	all := map[string]bool{}
	for _, e := range seq {
		found := map[string]bool{}
		if e.kind == label {
			found[e.word] = true
		}
		for _, alt := range e.alts {
			inner, err := labelsOf(alt)
			if err != nil {
				return nil, err
			}
			for name := range inner {
				found[name] = true
			}
		}
		for name := range found {
			if all[name] {
				return nil, fmt.Errorf("label %s may come twice", name)
			}
			all[name] = true
		}
	}
	return all, nil
}

// hasPrefixFold says whether word starts with prefix, in whatever case.
func hasPrefixFold(word, prefix string) bool {
	return len(prefix) <= len(word) && strings.EqualFold(word[:len(prefix)], prefix)
}
