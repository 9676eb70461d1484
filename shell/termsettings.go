package shell

import (
	"context"
	"fmt"
	"io"
	"time"

	"mbox/modules"
)

var (
	terminalWord = map[string]string{"terminal": "Settings of this terminal", "no": "Turn a setting off",
		"monitor": "Show log messages here as they come", "history": "Lines that this session remembers", "size": "How many"}
	showWord = map[string]string{"show": "Show running system information"}
)

// terminalCommands set what holds for this session only.
func terminalCommands() []modules.Command {
	number := func(label string, hi int, help string) map[string]modules.Type {
		return map[string]modules.Type{label: modules.Int(0, hi, help)}
	}
	return []modules.Command{
		{Syntax: "terminal length ROWS", Help: "Rows of a page; 0 shows everything without a stop", Words: terminalWord,
			Args: number("ROWS", 512, "Rows of a page; 0 for no pages"), Run: in(terminalLength)},
		{Syntax: "terminal no length", Help: "Pages as long as the window", Words: terminalWord, Run: in(terminalNoLength)},
		{Syntax: "terminal width COLUMNS", Help: "Columns of a line; 0 follows the window", Words: terminalWord,
			Args: number("COLUMNS", 512, "Columns of a line; 0 follows the window"), Run: in(terminalWidth)},
		{Syntax: "terminal no width", Help: "Lines as wide as the window", Words: terminalWord, Run: in(terminalNoWidth)},
		{Syntax: "terminal monitor", Help: "Show log messages here as they come", Words: terminalWord, Level: fullLevel, Run: in(terminalMonitor)},
		{Syntax: "terminal no monitor", Help: "Show no log messages here", Words: terminalWord, Level: fullLevel, Run: in(terminalNoMonitor)},
		{Syntax: "terminal history size LINES", Help: "How many lines this session remembers; 0 for none", Words: terminalWord,
			Args: number("LINES", maxHistory, "Lines"), Run: in(terminalHistory)},
		{Syntax: "terminal no history", Help: "Remember no lines, and forget those that are", Words: terminalWord, Run: in(terminalNoHistory)},
		{Syntax: "show terminal", Help: "Settings of this terminal", Words: showWord, Result: terminalView{}, Run: in(showTerminal)},
		{Syntax: "show history", Help: "Lines typed in this session", Words: showWord, Result: historyView{}, Run: in(showHistory)},
	}
}

func terminalLength(_ context.Context, s *Session, call modules.Call) (modules.View, error) {
	s.length = modules.Get[int](call.Values, "ROWS")
	return nil, nil
}

func terminalNoLength(_ context.Context, s *Session, _ modules.Call) (modules.View, error) {
	s.length = follow
	return nil, nil
}

func terminalWidth(_ context.Context, s *Session, call modules.Call) (modules.View, error) {
	s.width = modules.Get[int](call.Values, "COLUMNS")
	return nil, nil
}

func terminalNoWidth(_ context.Context, s *Session, _ modules.Call) (modules.View, error) {
	s.width = 0
	return nil, nil
}

func terminalMonitor(_ context.Context, s *Session, _ modules.Call) (modules.View, error) {
	switch {
	case s.tty == nil:
		return nil, &modules.Error{Message: "There is no terminal to show messages on", Hint: "show logging prints those that are kept"}
	case s.server.Monitor == nil:
		return nil, &modules.Error{Message: "This box keeps no log to show"}
	}
	s.monitor()
	return nil, nil
}

func terminalNoMonitor(_ context.Context, s *Session, _ modules.Call) (modules.View, error) {
	s.unmonitor()
	return nil, nil
}

func terminalHistory(_ context.Context, s *Session, call modules.Call) (modules.View, error) {
	s.history.resize(modules.Get[int](call.Values, "LINES"))
	return nil, nil
}

func terminalNoHistory(_ context.Context, s *Session, _ modules.Call) (modules.View, error) {
	s.history.resize(0)
	return nil, nil
}

// terminalView is the result of `show terminal`.
type terminalView struct {
	Line        int   `json:"line"`
	Length      int   `json:"length"` // rows of a page; 0: no pages
	Width       int   `json:"width"`  // columns; 0: unlimited
	HistorySize int   `json:"history_size"`
	Monitor     bool  `json:"monitor"`
	ExecTimeout int64 `json:"exec_timeout_seconds"` // 0: none
}

func showTerminal(_ context.Context, s *Session, _ modules.Call) (modules.View, error) {
	return terminalView{
		Line: s.actor.Line, Length: s.pageLength(), Width: s.viewWidth(), HistorySize: s.history.size(),
		Monitor: s.monitored != nil, ExecTimeout: int64(s.execTimeout().Seconds()),
	}, nil
}

func (v terminalView) Text(w io.Writer, _ int) error {
	idle := "never"
	if v.ExecTimeout > 0 {
		idle = clockOf(time.Duration(v.ExecTimeout) * time.Second)
	}
	monitor := "off"
	if v.Monitor {
		monitor = "on"
	}
	_, err := fmt.Fprintf(w, "Line %d\nLength: %d lines, Width: %d columns\nHistory size is %d\nMonitor is %s\nIdle EXEC timeout: %s\n",
		v.Line, v.Length, v.Width, v.HistorySize, monitor, idle)
	return err
}

func showHistory(_ context.Context, s *Session, _ modules.Call) (modules.View, error) {
	return historyView{Lines: append([]string{}, s.history.lines...)}, nil
}
