package system

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"mbox/modules"
)

// supportTime bounds one command of `show tech-support`: a part that hangs must not hide the others.
const supportTime = 10 * time.Second

func (m *Module) supportCommands() []modules.Command {
	return []modules.Command{{
		Syntax: "show tech-support", Help: "Everything that support needs, without secrets",
		Words: map[string]string{"tech-support": "Everything that support needs, without secrets"},
		Level: 15, Run: m.showSupport, Result: supportView{},
	}}
}

// supportView is the result of `show tech-support`.
type supportView struct {
	Hostname string    `json:"hostname"`
	Time     time.Time `json:"time"`
	Sections []section `json:"sections"`
}

// section is the result of one command.
type section struct {
	Command string       `json:"command"`
	Result  modules.View `json:"result"`
	Error   *string      `json:"error"`
}

// showSupport runs every command whose module says that support needs it, in the order of the modules.
func (m *Module) showSupport(ctx context.Context, call modules.Call) (modules.View, error) {
	out := supportView{Hostname: m.Hostname(), Time: m.deps.Now().UTC()}
	out.add("show process", m.process(ctx), nil)
	out.add("show running-config", hidden{modules.ViewConfig(m.deps.Config.Running().Text(true))}, nil)
	book := m.deps.Config.Book()
	for _, c := range book.Commands() {
		if c.Support == "" {
			continue
		}
		match, err := book.ParseCommand(call.Actor.Level, c.Support)
		if err != nil {
			out.add(c.Support, nil, err)
			continue
		}
		view, err := runPart(ctx, match, call)
		out.add(c.Support, view, err)
	}
	return out, nil
}

func runPart(ctx context.Context, match modules.Match, call modules.Call) (modules.View, error) {
	ctx, cancel := context.WithTimeout(ctx, supportTime)
	defer cancel()
	call.Values, call.Line = match.Values, match.Line
	return match.Command.Run(ctx, call)
}

func (v *supportView) add(command string, result modules.View, err error) {
	s := section{Command: command, Result: result}
	if err != nil {
		text := err.Error()
		s.Error = &text
	}
	v.Sections = append(v.Sections, s)
}

// Text has a heading before each part.
func (v supportView) Text(w io.Writer, width int) error {
	if _, err := fmt.Fprintf(w, "Support information of %s, %s\n", v.Hostname, v.Time.Format(time.RFC3339)); err != nil {
		return err
	}
	for _, s := range v.Sections {
		if _, err := fmt.Fprintf(w, "\n%s\n", heading(s.Command, width)); err != nil {
			return err
		}
		if err := s.print(w, width); err != nil {
			return err
		}
	}
	return nil
}

func (s section) print(w io.Writer, width int) error {
	if s.Error != nil {
		_, err := fmt.Fprintf(w, "%% %s\n", *s.Error)
		return err
	}
	return s.Result.Text(w, width)
}

// heading is a title between dashes, as IOS prints it.
func heading(title string, width int) string {
	const usual = 72
	if width <= 0 || width > usual {
		width = usual
	}
	side := max(2, (width-len(title)-2)/2)
	line := strings.Repeat("-", side)
	return line + " " + title + " " + line
}

// hidden is a configuration without what is a secret in another form: what proves a password offline, or what the box's own
// key opens.
type hidden struct{ modules.ConfigText }

var disguised = regexp.MustCompile(`SCRAM-SHA-256\$\S+|(\s6 )\S+`)

func hide(line string) string { return disguised.ReplaceAllString(line, "${1}"+modules.Masked) }

// Text prints the configuration, disguised secrets masked.
func (h hidden) Text(w io.Writer, width int) error { return h.masked().Text(w, width) }

// MarshalJSON is the configuration with disguised secrets masked.
func (h hidden) MarshalJSON() ([]byte, error) { return marshal(h.masked()) }

func (h hidden) masked() modules.ConfigText {
	out := modules.ConfigText{Lines: make([]string, len(h.Lines))}
	for i, line := range h.Lines {
		out.Lines[i] = hide(line)
	}
	return out
}
