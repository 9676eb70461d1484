package modules

import (
	"slices"
	"strings"
)

// Foreign are configuration lines that other systems have and this one does not, as they come with a pasted text.
type Foreign struct {
	Words  string // that such a line begins with
	Advice string // what to do with it, for people
}

// advise puts what to do with a foreign line in the place of what the grammar would have expected. A line that this
// system knows never comes here.
func (b *Book) advise(e *LineError, line string) bool {
	if e.Kind != Invalid {
		return false
	}
	words := strings.Fields(strings.ToLower(line))
	if len(words) > 0 && (words[0] == "no" || words[0] == "default") {
		words = words[1:]
	}
	most := 0
	for _, f := range b.foreign {
		if prefix := strings.Fields(f.Words); len(prefix) > most && len(prefix) <= len(words) && slices.Equal(prefix, words[:len(prefix)]) {
			most, e.Detail, e.Hint = len(prefix), f.Advice, ""
		}
	}
	return most > 0
}
