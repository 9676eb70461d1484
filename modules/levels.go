package modules

import (
	"fmt"
	"slices"
	"strings"
)

// LevelRule moves the commands that begin with some words to another privilege level.
type LevelRule struct {
	Level int    // 0-15
	Words string // in full, as CommandWords returns them
}

// SetLevels makes rules the only ones in force, at once for every session. A command without a rule, and one that is
// Pinned, has the level that it came with; of several rules the one with the most words counts.
func (b *Book) SetLevels(rules []LevelRule) {
	var levels [maxLevel + 1]*scope
	for level := range levels {
		levels[level] = newScope()
	}
	for _, p := range b.commands {
		if p.command.ConfigOnly {
			continue
		}
		for level := p.level(rules); level <= maxLevel; level++ {
			levels[level].add(p)
		}
	}
	b.levels.Store(&levels)
}

// level is the lowest privilege level that may run the command.
func (p *pattern) level(rules []LevelRule) int {
	level, most := p.command.Level, 0
	if p.command.Pinned {
		return level
	}
	for _, rule := range rules {
		words := strings.Fields(rule.Words)
		if len(words) > most && beginsWith(p.leading(), words) {
			level, most = rule.Level, len(words)
		}
	}
	return level
}

// Allows says whether a command is understood at a privilege level.
func (b *Book) Allows(level int, c *Command) bool {
	return slices.ContainsFunc(b.commandScope(level).all, func(s state) bool { return s.pattern.command == c })
}

// CommandWords returns the first words of commands in full; the error is an *Error that says why there are none, or why
// they cannot be moved to another level.
func (b *Book) CommandWords(text string) (string, error) {
	typed := strings.Fields(text)
	left := slices.DeleteFunc(slices.Clone(b.commands), func(p *pattern) bool { return p.command.ConfigOnly })
	full := make([]string, 0, len(typed))
	for i, word := range typed {
		var found []string
		left, found = narrow(left, i, strings.ToLower(word))
		switch {
		case len(found) == 0:
			return "", &Error{
				Message: fmt.Sprintf("No command begins with %q", strings.Join(append(full, word), " ")),
				Hint:    "Type the first words of a command, without its arguments and options",
			}
		case len(found) > 1:
			return "", &Error{Message: fmt.Sprintf("%q may be %s", word, strings.Join(found, " or ")), Hint: "Type more of it"}
		}
		full = append(full, found[0])
	}
	words := strings.Join(full, " ")
	switch {
	case words == "":
		return "", Errorf("expected the first words of a command")
	case !slices.ContainsFunc(left, func(p *pattern) bool { return !p.command.Pinned }):
		return "", &Error{Message: fmt.Sprintf("%q stays at its privilege level", words), Hint: "Who could run it could give himself any other"}
	}
	return words, nil
}

// narrow keeps the commands whose word number i is word, or if there is none, begins with it; found are those words.
func narrow(commands []*pattern, i int, word string) (left []*pattern, found []string) {
	for _, exactly := range []bool{true, false} {
		for _, p := range commands {
			leading := p.leading()
			if i >= len(leading) || !strings.HasPrefix(leading[i], word) || exactly && leading[i] != word {
				continue
			}
			left = append(left, p)
			if !slices.Contains(found, leading[i]) {
				found = append(found, leading[i])
			}
		}
		if len(left) > 0 {
			break
		}
	}
	return left, found
}

// leading are the words that the line begins with, whatever its arguments are.
func (p *pattern) leading() []string {
	var words []string
	for _, e := range p.elements {
		if e.kind != literal {
			break
		}
		words = append(words, e.word)
	}
	return words
}

func beginsWith(words, prefix []string) bool {
	return len(prefix) <= len(words) && slices.Equal(words[:len(prefix)], prefix)
}
