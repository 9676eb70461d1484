package sync

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"mbox/hotspotdb"
	"mbox/modules"
)

var conflictWords = map[string]string{
	"mbox": words["mbox"], "sync": words["sync"], "show": words["show"], "clear": words["clear"], "conflicts": words["conflicts"],
	"conflict": "Decide a record that was changed on two boxes at once",
	"keep":     "What is in force stays",
	"restore":  "Bring back the version that was lost",
	"force":    "Without asking",
}

func (m *Module) conflictCommands() []modules.Command {
	number := map[string]modules.Type{"N": modules.Int(1, math.MaxInt32, "Number of the conflict, as `show mbox sync conflicts` prints it")}
	return []modules.Command{
		{
			Syntax: "show mbox sync conflicts [N]", Help: "Records that were changed on two boxes at once", Words: conflictWords, Level: levelWrite,
			Args: number, Result: modules.OneOf{Conflicts{}, ConflictDetail{}},
			Run: func(_ context.Context, call modules.Call) (modules.View, error) {
				if call.Values.Has("N") {
					return m.conflictDetail(uint64(modules.Get[int](call.Values, "N")))
				}
				return m.conflicts()
			},
		},
		{
			Syntax: "mbox sync conflict N {keep | restore}", Help: "Decide a record that was changed on two boxes at once", Words: conflictWords,
			Level: levelWrite, Args: number, Run: m.resolveConflict, Result: Resolved{},
		},
		{
			Syntax: "clear mbox sync conflicts [force]", Help: "Empty the list of conflicts on this box; the records stay as they are",
			Words: conflictWords, Level: levelWrite, Run: m.clearConflicts, Result: Cleared{},
		},
	}
}

// Resolved is `mbox sync conflict N {keep | restore}`.
type Resolved struct {
	Number uint64 `json:"number"`
	Record string `json:"record"`
	Action string `json:"action"` // keep or restore
	Box    string `json:"box"`    // whose version that is
}

// Text prints the result.
func (r Resolved) Text(w io.Writer, _ int) error {
	what := "stays as it is"
	if r.Action == "restore" {
		what = "is again as " + r.Box + " had made it"
	}
	_, err := fmt.Fprintf(w, "Conflict %d is resolved: %s %s.\n", r.Number, r.Record, what)
	return err
}

func (m *Module) resolveConflict(ctx context.Context, call modules.Call) (modules.View, error) {
	number := uint64(modules.Get[int](call.Values, "N"))
	c, err := m.findConflict(number)
	if err != nil {
		return nil, err
	}
	boxes, err := m.boxNames()
	if err != nil {
		return nil, err
	}
	shown := m.conflict(&c, boxes)
	done := Resolved{Number: number, Action: "keep", Box: shown.Winner}
	if call.Values.Has("restore") {
		done.Action, done.Box = "restore", shown.Loser
	}
	err = m.deps.DB.ResolveConflict(ctx, number, done.Action == "restore", call.Actor.Name)
	pending := errors.Is(err, hotspotdb.ErrUnconfirmed)
	if err != nil && !pending {
		return nil, m.unresolved(err, shown)
	}
	done.Record = m.recordName(c.Loser.Key) // it may have got its name back
	m.deps.Log.Info("sync: a conflict was resolved", "conflict", number, "record", done.Record, "action", done.Action, "actor", call.Actor.Name)
	if pending {
		return done, &modules.Error{Message: err.Error(), Hint: "It goes to the other boxes as soon as they can be reached"}
	}
	return done, nil
}

// unresolved words an error that the operator can mend.
func (m *Module) unresolved(err error, c Conflict) error {
	switch {
	case errors.Is(err, hotspotdb.ErrExists):
		return &modules.Error{Message: err.Error(), Hint: "Rename or delete the account that has the name now, then restore"}
	case errors.Is(err, hotspotdb.ErrNotFound):
		return &modules.Error{
			Message: c.Record + " is not there any more",
			Hint:    fmt.Sprintf("mbox sync conflict %d keep takes the conflict off the list", c.Number),
		}
	case errors.Is(err, hotspotdb.ErrErased), errors.Is(err, hotspotdb.ErrNoSpace), errors.Is(err, hotspotdb.ErrReadOnly):
		return &modules.Error{Message: err.Error()}
	}
	return err
}

// Cleared is `clear mbox sync conflicts`.
type Cleared struct {
	Conflicts int `json:"conflicts"`
}

// Text prints the result.
func (c Cleared) Text(w io.Writer, _ int) error {
	_, err := fmt.Fprintf(w, "%s taken off the list. The records are as they were.\n", plural(c.Conflicts, "conflict was", "conflicts were"))
	return err
}

func (m *Module) clearConflicts(ctx context.Context, call modules.Call) (modules.View, error) {
	if m.deps.DB == nil || m.deps.DB.ConflictCount() == 0 {
		return Cleared{}, nil
	}
	if !call.Values.Has("force") {
		question := fmt.Sprintf("%s will be forgotten on this box, with the versions that were lost. Go on?",
			plural(m.deps.DB.ConflictCount(), "conflict", "conflicts"))
		ok, err := call.Terminal.Confirm(ctx, question)
		if errors.Is(err, modules.ErrNotInteractive) {
			return nil, &modules.Error{Message: "clear mbox sync conflicts needs a terminal to confirm", Hint: "Type: clear mbox sync conflicts force"}
		}
		if err != nil || !ok {
			return nil, err
		}
	}
	n, err := m.deps.DB.ClearConflicts(ctx)
	if err != nil {
		return nil, err
	}
	m.deps.Log.Info("sync: the conflict list was cleared", "conflicts", n, "actor", call.Actor.Name)
	return Cleared{n}, nil
}
