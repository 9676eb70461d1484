package system

import (
	"strings"

	"mbox/modules"
)

const levelSyntax = "privilege exec level LEVEL COMMAND"

// maxLevelRules bounds the lines that move commands.
const maxLevelRules = 500

func (m *Module) levelStatement() modules.Statement {
	return modules.Statement{
		Syntax: levelSyntax,
		Help:   "Privilege level that a command needs, with all that begins with it",
		Words:  map[string]string{"privilege": "Privilege that commands need", "exec": "Commands, not configuration", "level": "The level to give"},
		Args: map[string]modules.Type{
			"LEVEL":   modules.Int(0, fullLevel, "Privilege level"),
			"COMMAND": commandWords{modules.Line("First words of a command"), m.deps.Book},
		},
		Key: []string{"COMMAND"},
	}
}

// commandWords are the first words of commands, in full once they are read.
type commandWords struct {
	modules.Type
	book func() *modules.Book
}

// Parse completes abbreviations. Words that no command has are left for Check, which says why they are refused.
func (t commandWords) Parse(s string) (any, error) {
	if t.book != nil && t.book() != nil {
		if full, err := t.book().CommandWords(s); err == nil {
			return full, nil
		}
	}
	return strings.Join(strings.Fields(s), " "), nil
}

// List offers the words that commands begin with.
func (t commandWords) List(prefix string) []modules.Candidate {
	if t.book == nil || t.book() == nil {
		return nil
	}
	help := t.book().HelpCommand(fullLevel, prefix)
	return help.Candidates
}

// readLevels returns the rules of a tree, without the lines that it refuses.
func (m *Module) readLevels(tree *modules.Tree) (rules []modules.LevelRule, refused []error) {
	for i, node := range tree.All(levelSyntax) {
		words := modules.Get[string](node.Values, "COMMAND")
		err := error(nil)
		if i >= maxLevelRules {
			err = modules.Errorf("more than %d commands are moved", maxLevelRules)
		} else if m.deps.Book != nil && m.deps.Book() != nil {
			_, err = m.deps.Book().CommandWords(words)
		}
		if err != nil {
			refused = append(refused, modules.Refuse(node, err))
			continue
		}
		rules = append(rules, modules.LevelRule{Level: modules.Get[int](node.Values, "LEVEL"), Words: words})
	}
	return rules, refused
}

// setLevels makes the rules take effect.
func (m *Module) setLevels(rules []modules.LevelRule) {
	if m.deps.Book != nil && m.deps.Book() != nil {
		m.deps.Book().SetLevels(rules)
	}
}
