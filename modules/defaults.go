package modules

// WithDefaults is a configuration with the lines that say what is in force where nothing was typed.
func (b *Book) WithDefaults(t *Tree) *Tree {
	out := t.Clone()
	b.addDefaults(out, nil)
	return out
}

func (b *Book) addDefaults(t *Tree, contexts []*Node) {
	siblings, path, err := t.below(contexts, 0)
	if err != nil {
		return // was just listed
	}
	in := innermost(path)
	for _, p := range b.statements {
		s := p.statement
		if s.Default == "" || s.In != in || len(all(*siblings, s.Syntax)) > 0 {
			continue
		}
		m, err := b.parseStatement(path, len(path), s.Default)
		if err != nil || m.Statement != s {
			continue // moduletest.Grammar finds it
		}
		enter(siblings, &Node{Statement: s, Values: m.Values, owner: t.owned()})
	}
	for i := range *siblings {
		n := (*siblings)[i]
		if n.Statement.Mode != "" {
			b.addDefaults(t, append(path[:len(path):len(path)], n))
		}
	}
}
