package system

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"mbox/credential"
	"mbox/modules"
)

// fullLevel is the privilege that may do everything; `enable` without a level asks for it.
const fullLevel = 15

// consoleFrom is Actor.From of whoever sits at the box itself.
const consoleFrom = "console"

// enableWords are the two lines that IOS knows. A `secret` counts before a `password` for the same level.
var enableWords = []string{"password", "secret"}

func enableSyntax(word string) string      { return "enable " + word + " [TYPE] SECRET" }
func enableLevelSyntax(word string) string { return "enable " + word + " level LEVEL [TYPE] SECRET" }

func (m *Module) enableStatements() []modules.Statement {
	var out []modules.Statement
	for _, word := range enableWords {
		help := map[string]string{
			"secret": "Secret in clear, or the verifier that another box shows", "password": "Used where there is no enable secret",
			"level": "Privilege level below 15 that the secret is for",
		}
		out = append(out, modules.Statement{
			Syntax: enableSyntax(word), Help: "Secret that the enable command asks for", Words: help,
			Args: map[string]modules.Type{"TYPE": secretType{}, "SECRET": secretArg()}, Normalize: m.storeEnable,
		}, modules.Statement{
			Syntax: enableLevelSyntax(word), Help: "Secret that enable LEVEL asks for", Words: help,
			Args: map[string]modules.Type{
				"LEVEL": modules.Int(1, fullLevel-1, "Privilege level"), "TYPE": secretType{}, "SECRET": secretArg(),
			},
			Key: []string{"LEVEL"}, Normalize: m.storeEnable,
		})
	}
	return out
}

// storeEnable is storeSecret for `enable`.
func (m *Module) storeEnable(v modules.Values) (modules.Values, error) {
	if !v.Has("TYPE") && modules.Get[string](v, "SECRET") == "level" { // the line was not finished
		return nil, &modules.Error{Message: "The level and its secret are missing", Hint: "A secret that is the word level is typed as 0 level."}
	}
	return storeSecret(v, func(secret string) error { return m.judge("", secret) })
}

// readEnable returns the secrets of `enable` by their level, without the lines that it refuses.
func readEnable(tree *modules.Tree) (map[int]credential.Hash, []error) {
	secrets := map[int]credential.Hash{}
	var refused []error
	for _, word := range enableWords {
		for _, syntax := range []string{enableSyntax(word), enableLevelSyntax(word)} {
			for _, node := range tree.All(syntax) {
				hash, err := storedHash(node.Values)
				if err != nil {
					refused = append(refused, modules.Refuse(node, err))
					continue
				}
				level := fullLevel
				if node.Values.Has("LEVEL") {
					level = modules.Get[int](node.Values, "LEVEL")
				}
				secrets[level] = hash
			}
		}
	}
	return secrets, refused
}

// Asks says whether `enable` to a level wants a secret of this actor. The console gives a level that neither has a secret
// nor lies below one that has: who sits at the box must not be locked out. Everybody else needs the secret of that level.
func (m *Module) Asks(actor modules.Actor, level int) (bool, error) {
	secrets := m.applied.Load().enable
	if secrets[level] != nil {
		return true, nil
	}
	highest := slices.Max(slices.AppendSeq([]int{0}, maps.Keys(secrets)))
	switch {
	case actor.From == consoleFrom && highest < level:
		return false, nil
	case level == fullLevel:
		return false, &modules.Error{Message: "No password set", Hint: "An enable secret must be configured before enable can ask for it."}
	}
	return false, &modules.Error{
		Message: "No password set", Hint: fmt.Sprintf("enable secret level %d SECRET sets one.", level),
	}
}

var errWrongSecret = errors.New("wrong secret")

// Prove checks a secret of `enable`, and counts one that is wrong as a failed login from there.
func (m *Module) Prove(ctx context.Context, actor modules.Actor, level int, secret string) error {
	if err := m.guard.blocked(actor.From); err != nil {
		return &modules.Error{Message: err.Error()}
	}
	hash := m.applied.Load().enable[level]
	if hash == nil {
		return errWrongSecret
	}
	ok, err := m.guard.matches(ctx, hash, secret)
	if err != nil {
		return err
	}
	if !ok {
		m.Failed(actor.Name, actor.From, "wrong enable secret")
		return errWrongSecret
	}
	return nil
}
