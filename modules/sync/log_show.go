package sync

import (
	"context"
	"fmt"
	"io"
	"time"

	"mbox/modules"
)

// Log is `show mbox sync log`.
type Log struct {
	Events []Event `json:"events"`
}

func (m *Module) showLog(_ context.Context, call modules.Call) (modules.View, error) {
	return Log{m.events.last(modules.Get[int](call.Values, "N"))}, nil
}

// Text prints one entry after the other, the newest last, above the prompt.
func (l Log) Text(w io.Writer, width int) error {
	p := &page{w: w, width: width}
	if len(l.Events) == 0 {
		p.line("Nothing has happened yet.")
	}
	for _, e := range l.Events {
		text := e.Time.Format(time.DateTime) + " " + e.code() + ": " + e.sentence()
		if e.Count > 1 {
			text += fmt.Sprintf("; %d times since %s", e.Count, e.First.Format(time.DateTime))
		}
		p.hanging(text)
	}
	return p.err
}
