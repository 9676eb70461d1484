package logging

import (
	"fmt"
	"log/slog"
	"strconv"

	"mbox/modules"
)

// Severities by RFC 5424 section 6.2.1. A level lets through what is at least as severe: `warnings` is 0 to 4.
const (
	emergency     = 0
	critical      = 2
	errorSeverity = 3
	warning       = 4
	notice        = 5
	informational = 6
	debugging     = 7
)

// off lets nothing through.
const off = -1

// levels are the words of IOS, by severity.
var levels = [8]modules.Candidate{
	{Text: "emergencies", Help: "The box is unusable (0)"},
	{Text: "alerts", Help: "Somebody must act at once (1)"},
	{Text: "critical", Help: "Critical conditions (2)"},
	{Text: "errors", Help: "Errors (3)"},
	{Text: "warnings", Help: "Warnings (4)"},
	{Text: "notifications", Help: "Normal, and worth knowing (5)"},
	{Text: "informational", Help: "What happens (6)"},
	{Text: "debugging", Help: "What `debug` was asked for (7)"},
}

// levelName is the word for a severity.
func levelName(severity int) string {
	if severity < emergency || severity > debugging {
		return "off"
	}
	return levels[severity].Text
}

// levelType reads a level as a word of IOS or as its number, and keeps the severity as an int.
type levelType struct{ words modules.Type }

func newLevelType() levelType {
	return levelType{modules.Enum("Least severe messages to let through, 0-7 or a word", levels[:]...)}
}

func (t levelType) Parse(s string) (any, error) {
	if n, err := strconv.Atoi(s); err == nil && n >= emergency && n <= debugging && len(s) == 1 {
		return n, nil
	}
	word, err := t.words.Parse(s)
	if err != nil {
		return nil, fmt.Errorf("expected a level from 0 to 7, or one of emergencies, alerts, critical, errors, warnings, " +
			"notifications, informational, debugging")
	}
	for severity, level := range levels {
		if level.Text == word {
			return severity, nil
		}
	}
	return nil, fmt.Errorf("level %s has no number", word)
}

func (levelType) Render(v any) string { return levelName(v.(int)) }
func (levelType) Form() string        { return "LEVEL" }
func (t levelType) Help() string      { return t.words.Help() }
func (levelType) Secret() bool        { return false }
func (t levelType) List(prefix string) []modules.Candidate {
	return t.words.(modules.Lister).List(prefix)
}

// severityOf is the severity of a level of log/slog; its own levels lie four apart, so that there is room between them.
func severityOf(level slog.Level) int {
	switch {
	case level < slog.LevelInfo:
		return debugging
	case level < slog.LevelInfo+2:
		return informational
	case level < slog.LevelWarn:
		return notice
	case level < slog.LevelError:
		return warning
	case level < slog.LevelError+4:
		return errorSeverity
	}
	return critical
}

// gravest is the most severe that a message of this level may turn out to be once its %FACILITY-SEVERITY-MNEMONIC is read.
func gravest(level slog.Level) int {
	switch {
	case level < slog.LevelInfo:
		return debugging
	case level < slog.LevelWarn:
		return notice
	case level < slog.LevelError:
		return warning
	}
	return emergency
}

// mnemonics stand in messages that have none of their own.
var mnemonics = [8]string{"EMERGENCY", "ALERT", "CRITICAL", "ERROR", "WARNING", "NOTICE", "INFO", "DEBUG"}
