package sync

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"mbox/modules"
	"mbox/modules/sync/auth"
)

const syntaxAcknowledge = "mbox sync acknowledge N [from PEER...] timeout MS {block | degrade}"

const maxRequired = 8 // other boxes that can be asked for

var acknowledgeWords = map[string]string{
	"mbox": words["mbox"], "sync": words["sync"],
	"acknowledge": "Confirm a write only when other boxes have stored it",
	"from":        "Only these boxes count (default: all that get the dataset)",
	"timeout":     "How long a write waits",
	"block":       "Report each write that was not confirmed in time",
	"degrade":     "After a write that was not confirmed in time go on alone until the others have caught up",
}

func (m *Module) acknowledgeStatement() modules.Statement {
	return modules.Statement{
		Syntax: syntaxAcknowledge, Help: acknowledgeWords["acknowledge"], Words: acknowledgeWords,
		Args: map[string]modules.Type{
			"N":    modules.Int(1, maxRequired, "Number of other boxes"),
			"PEER": modules.Known(modules.Word("Host name or key of a box, as `show mbox sync peers` prints them", peerName), m.peerNames),
			"MS":   modules.Int(10, 60_000, "Milliseconds"),
		},
	}
}

// peerName takes a host name as a box says it, or its key.
func peerName(s string) (string, error) {
	if strings.HasPrefix(s, keyPrefix) {
		id, err := auth.ParseFingerprint(s)
		return keyPrefix + id, err
	}
	if s == "" || len(s) > 253 {
		return "", fmt.Errorf("expected a host name of at most 253 characters, or the key of a box")
	}
	return s, nil
}

func parseAcknowledge(tree *modules.Tree) (*acknowledge, error) {
	lines := tree.All(syntaxAcknowledge)
	if len(lines) == 0 {
		return nil, nil
	}
	v := lines[0].Values
	from := slices.Sorted(slices.Values(modules.List[string](v, "PEER"))) // a copy: the tree is not to be changed
	a := &acknowledge{
		Required: modules.Get[int](v, "N"), From: slices.Compact(from), Degrade: v.Has("degrade"),
		Timeout: time.Duration(modules.Get[int](v, "MS")) * time.Millisecond,
	}
	if len(a.From) > 0 && len(a.From) < a.Required {
		return nil, modules.Refuse(lines[0], &modules.Error{
			Message: fmt.Sprintf("%d boxes must confirm, but only %d are named", a.Required, len(a.From)),
			Hint:    "Name more of them, or ask for fewer",
		})
	}
	return a, nil
}

// applyAcknowledge is called with m.mu held.
func (m *Module) applyAcknowledge(a *acknowledge) {
	if a != nil && !same(a, m.config.acknowledge) {
		mode := "block"
		if a.Degrade {
			mode = "degrade"
		}
		if text := m.noSpare(a.Required, a.From, mode); text != "" {
			m.deps.Log.Warn("sync: " + text)
		}
	}
	m.quorum.configure(m.ctx, a, m.tasks.Go)
}
