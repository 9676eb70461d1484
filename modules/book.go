package modules

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
)

// Book is the compiled grammar of all modules. After NewBook only the levels of commands change, by SetLevels.
type Book struct {
	statements  []*pattern
	commands    []*pattern
	scopes      map[string]*scope                    // by the Syntax of the statement that opens the context; "" is the top
	levels      atomic.Pointer[[maxLevel + 1]*scope] // the commands of each privilege level
	foreign     []Foreign
	multiline   []*pattern // statements whose text may have several lines
	secretWords []string   // literals that stand before a secret
}

const maxLevel = 15

// BookStatement is a Statement with the module that brought it.
type BookStatement struct {
	Module string
	*Statement
}

// BookCommand is a Command with the module that brought it.
type BookCommand struct {
	Module string
	*Command
}

// scope is what may be typed in one mode, by the first letter of the line.
type scope struct {
	all        []state
	statements []state // what may follow `no`
	first      map[byte][]state
	negatable  map[byte][]state
}

func newScope() *scope {
	return &scope{first: map[byte][]state{}, negatable: map[byte][]state{}}
}

func (s *scope) add(p *pattern) {
	start, letter := state{pattern: p}, p.elements[0].word[0]
	s.all = append(s.all, start)
	s.first[letter] = append(s.first[letter], start)
	if p.statement != nil {
		s.statements = append(s.statements, start)
		s.negatable[letter] = append(s.negatable[letter], start)
	}
}

// starting returns the states that a line with this first word can begin in; all of them without a word.
func (s *scope) starting(word string, negated bool) []state {
	switch {
	case word == "" && negated:
		return s.statements
	case word == "":
		return s.all
	case negated:
		return s.negatable[lowerLetter(word)]
	}
	return s.first[lowerLetter(word)]
}

func lowerLetter(word string) byte { return strings.ToLower(word[:1])[0] }

// NewBook compiles the grammar of the modules. Mistakes in a grammar are found here, when the box starts, and name the
// module and the Syntax.
func NewBook(mods ...Module) (*Book, error) {
	b := &Book{scopes: map[string]*scope{"": newScope()}}
	for _, mod := range mods {
		grammar := mod.Grammar()
		b.foreign = append(b.foreign, grammar.Foreign...)
		for _, s := range grammar.Statements {
			if err := b.addStatement(mod.Name(), s); err != nil {
				return nil, fmt.Errorf("module %s: statement %q: %w", mod.Name(), s.Syntax, err)
			}
		}
		for _, c := range grammar.Commands {
			if err := b.addCommand(mod.Name(), c); err != nil {
				return nil, fmt.Errorf("module %s: command %q: %w", mod.Name(), c.Syntax, err)
			}
		}
	}
	if err := b.openScopes(); err != nil {
		return nil, err
	}
	b.fillScopes()
	b.SetLevels(nil)
	b.findMultiline()
	b.findSecretWords()
	return b, nil
}

func (b *Book) addStatement(module string, s Statement) error {
	p, err := compile(s.Syntax, s.Args)
	if err != nil {
		return err
	}
	if s.Help == "" {
		return fmt.Errorf("has no help")
	}
	for _, key := range s.Key {
		if s.Args[key] == nil || !slices.ContainsFunc(p.places, func(at place) bool { return at.label == key }) {
			return fmt.Errorf("key %s is not a label of it", key)
		}
	}
	for _, have := range b.statements {
		if have.statement.In == s.In && have.statement.Syntax == s.Syntax {
			return fmt.Errorf("is also in module %s", have.module)
		}
	}
	s.pattern = p
	p.statement, p.module, p.rank = &s, module, len(b.statements)+len(b.commands)
	b.statements = append(b.statements, p)
	return nil
}

func (b *Book) addCommand(module string, c Command) error {
	p, err := compile(c.Syntax, c.Args)
	if err != nil {
		return err
	}
	if c.Help == "" {
		return fmt.Errorf("has no help")
	}
	if c.Level < 0 || c.Level > maxLevel {
		return fmt.Errorf("level %d is not from 0 to %d", c.Level, maxLevel)
	}
	for _, have := range b.commands {
		if have.command.Syntax == c.Syntax {
			return fmt.Errorf("is also in module %s", have.module)
		}
	}
	p.command, p.module, p.rank = &c, module, len(b.statements)+len(b.commands)
	b.commands = append(b.commands, p)
	return nil
}

// openScopes makes a scope for every statement that opens a context.
func (b *Book) openScopes() error {
	for _, p := range b.statements {
		if p.statement.Mode != "" {
			b.scopes[p.statement.Syntax] = newScope()
		}
	}
	for _, p := range b.statements {
		if b.scopes[p.statement.In] == nil {
			return fmt.Errorf("module %s: statement %q: no statement %q opens a context", p.module, p.statement.Syntax,
				p.statement.In)
		}
	}
	return nil
}

func (b *Book) fillScopes() {
	for _, p := range b.statements {
		b.scopes[p.statement.In].add(p)
	}
	for _, p := range b.commands {
		if p.command.InConfig || p.command.ConfigOnly {
			for _, s := range b.scopes {
				s.add(p)
			}
		}
	}
}

func (b *Book) commandScope(level int) *scope { return b.levels.Load()[min(max(level, 0), maxLevel)] }

// Statements returns all statements in the order in which running-config shows them.
func (b *Book) Statements() []BookStatement {
	out := make([]BookStatement, len(b.statements))
	for i, p := range b.statements {
		out[i] = BookStatement{p.module, p.statement}
	}
	return out
}

// Commands returns all commands in the order of registration.
func (b *Book) Commands() []BookCommand {
	out := make([]BookCommand, len(b.commands))
	for i, p := range b.commands {
		out[i] = BookCommand{p.module, p.command}
	}
	return out
}
