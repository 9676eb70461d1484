package aaa

import (
	"context"
	"errors"
	"fmt"
	"io"

	"mbox/hotspotdb"
	"mbox/modules"
	"mbox/modules/aaa/acct"
)

// SessionView is what the NAS said about the sessions of a guest.
type SessionView struct {
	Sessions []SessionResult `json:"sessions"`
}

// SessionResult is one of them.
type SessionResult struct {
	Session string `json:"acctsessionid"`
	NAS     string `json:"nas"`
	Result  string `json:"result"` // done, no-session, refused, no-answer, over
	Message string `json:"message"`
}

const resultOver = "over"

func (m *Module) sessionCommands() []modules.Command {
	args := map[string]modules.Type{"USER": modules.Word("Username", nil)}
	words := map[string]string{
		"clear": "Reset something", "hotspot": "Guests, profiles and sessions", "security": "Who may use the network", "session": "Sessions of a guest that this box serves",
		"username": "Of this guest", "update": "Tell the NAS what the guest may use now",
	}
	return []modules.Command{
		{
			Syntax: "clear security session username USER", Help: "Have the NAS end the sessions of a guest (Disconnect-Request)", Words: words, Args: args,
			Level: operator, Result: SessionView{}, Run: m.endSessions,
		},
		{
			Syntax: "hotspot session update username USER", Help: "Tell the NAS what a guest may use now, without ending his sessions (CoA-Request)", Words: words,
			Args: args, Level: operator, Result: SessionView{}, Run: m.updateSessions,
		},
	}
}

func (m *Module) endSessions(ctx context.Context, call modules.Call) (modules.View, error) {
	return m.eachSession(ctx, call, func(s hotspotdb.Segment) (string, error) { return "", m.Disconnect(ctx, s) })
}

func (m *Module) updateSessions(ctx context.Context, call modules.Call) (modules.View, error) {
	return m.eachSession(ctx, call, func(s hotspotdb.Segment) (string, error) {
		verdict, err := m.deps.Policy.Judge(ctx, s)
		switch {
		case err != nil:
			return "", err
		case verdict.End: // accounting is ending it
			return resultOver, errors.New(string(verdict.Reason))
		}
		verdict.Limits.Interim = m.settings.Load().interim
		return "", m.ChangeOfAuthorization(ctx, s, verdict.Limits)
	})
}

// eachSession does something with the sessions of a guest. do returns the result, if the error does not say it.
func (m *Module) eachSession(ctx context.Context, call modules.Call, do func(hotspotdb.Segment) (string, error)) (modules.View, error) {
	if m.deps.Policy == nil {
		return nil, modules.Errorf("there is no hotspot database")
	}
	name := modules.Get[string](call.Values, "USER")
	segments, err := m.deps.Sessions(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("find the sessions of %s: %w", name, err)
	}
	if len(segments) == 0 {
		return nil, &modules.Error{Message: "there is no session of " + name + " here", Hint: "See show hotspot sessions active."}
	}
	m.log.InfoContext(ctx, "radius: an operator asks NAS about sessions", "what", call.Line, "actor", call.Actor.Name, "from", call.Actor.From)
	view := SessionView{}
	for _, s := range segments {
		result, err := do(s)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		r := SessionResult{Session: s.AcctSessionID, NAS: s.NAS, Result: result}
		if result == "" {
			r.Result = outcomeNames[outcomeOf(err)]
		}
		if err != nil {
			r.Message = err.Error()
		}
		view.Sessions = append(view.Sessions, r)
	}
	return view, nil
}

// outcomeOf is what an error of a request to a NAS means.
func outcomeOf(err error) outcome {
	switch {
	case err == nil:
		return commandDone
	case errors.Is(err, acct.ErrNoSession):
		return commandNoSession
	case errors.Is(err, acct.ErrRefused):
		return commandRefused
	}
	return commandSilent
}

// Text is a table.
func (v SessionView) Text(w io.Writer, width int) error {
	var rows [][]string
	for _, s := range v.Sessions {
		rows = append(rows, []string{s.Session, s.NAS, s.Result, s.Message})
	}
	return modules.Table{
		Columns: []modules.Column{{Name: "SESSION", Min: 8}, {Name: "NAS", Min: 8}, {Name: "RESULT"}, {Name: "MESSAGE", Min: 16, Weight: 4}}, Rows: modules.Rows(rows),
	}.Text(w, width)
}
