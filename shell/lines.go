package shell

import (
	"context"
	"fmt"
	"io"
	"time"

	"mbox/modules"
)

// lineCommands are about the sessions that are open, which IOS calls lines.
func lineCommands() []modules.Command {
	return []modules.Command{
		{Syntax: "show users", Help: "Who is logged in, from where, and since when", Words: showWord, Level: userLevel,
			Result: usersView{}, Run: in(showSessions)},
		{Syntax: "who", Help: "Who is logged in, from where, and since when", Level: userLevel, Result: usersView{}, Run: in(showSessions)},
		{Syntax: "clear line NUMBER [force]", Help: "End the session on a line", Level: fullLevel,
			Words: map[string]string{"clear": "Reset something", "line": "A session, by its number in show users", "force": "Without asking"},
			Args:  map[string]modules.Type{"NUMBER": modules.Int(1, 1<<16, "Number of the line")}, Run: in(clearLine)},
	}
}

// usersView is the result of `show users`.
type usersView struct {
	Sessions []userView `json:"sessions"`
}

type userView struct {
	Line        int       `json:"line"`
	Name        string    `json:"name"`
	From        string    `json:"from"`
	Level       int       `json:"level"`
	Mode        string    `json:"mode"`
	Terminal    bool      `json:"terminal"`
	Since       time.Time `json:"since"`
	IdleSeconds int64     `json:"idle_seconds"`
	Self        bool      `json:"self"`
}

func showSessions(_ context.Context, s *Session, _ modules.Call) (modules.View, error) {
	view := usersView{Sessions: []userView{}}
	for _, i := range s.server.Sessions() {
		view.Sessions = append(view.Sessions, userView{
			Line: i.Line, Name: i.Name, From: i.From, Level: i.Level, Mode: i.Mode, Terminal: i.Terminal,
			Since: i.Since.Round(0), IdleSeconds: int64(i.Idle.Seconds()), Self: i.Line == s.actor.Line,
		})
	}
	return view, nil
}

// Text marks the line of the reader, as IOS does.
func (v usersView) Text(w io.Writer, width int) error {
	rows := make([][]string, len(v.Sessions))
	for i, u := range v.Sessions {
		mark := ""
		if u.Self {
			mark = "*"
		}
		idle := time.Duration(u.IdleSeconds) * time.Second
		rows[i] = []string{
			fmt.Sprintf("%s%d", mark, u.Line), u.Name, u.From, u.Mode, clockOf(idle), u.Since.Format("2006-01-02 15:04:05"),
		}
	}
	return modules.Table{
		Columns: []modules.Column{{Name: "Line", Right: true}, {Name: "User", Min: 8}, {Name: "From", Min: 8}, {Name: "Mode", Min: 6}, {Name: "Idle"}, {Name: "Since"}},
		Rows:    modules.Rows(rows),
	}.Text(w, width)
}

// clockOf is a time as hours, minutes and seconds.
func clockOf(d time.Duration) string {
	seconds := int64(d.Seconds())
	return fmt.Sprintf("%02d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60)
}

func clearLine(ctx context.Context, s *Session, call modules.Call) (modules.View, error) {
	line := modules.Get[int](call.Values, "NUMBER")
	if line == s.actor.Line {
		return nil, &modules.Error{Message: "This is your own line", Hint: "exit ends it"}
	}
	if s.server.sessions.get(line) == nil {
		return nil, s.server.Clear(line)
	}
	if !call.Values.Has("force") {
		switch yes, err := call.Terminal.Confirm(ctx, fmt.Sprintf("Clear line %d?", line)); {
		case err != nil:
			return nil, err
		case !yes:
			return nil, nil
		}
	}
	s.log().Info("line cleared", "line", line)
	if err := s.server.Clear(line); err != nil {
		return nil, err
	}
	return modules.Text("[OK]\n"), nil
}
