package logging

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// localKey marks in a context that a message is about log hosts and must not be sent to them: one that fails would
// otherwise feed itself.
type localKey struct{}

func local(ctx context.Context) context.Context { return context.WithValue(ctx, localKey{}, true) }

// moduleKey is the attribute that says which module speaks; its debugging is switched under that name.
const moduleKey = "module"

// handler is the slog.Handler of a Hub, with what With and WithGroup have given it.
type handler struct {
	hub     *Hub
	console slog.Handler
	speaker *speaker // nil: known from the message only
	attrs   attributes
	prefix  string // of open groups
}

var _ slog.Handler = (*handler)(nil)

// Enabled is asked before a message is put together, so that what nobody wants costs next to nothing.
func (h *handler) Enabled(_ context.Context, level slog.Level) bool {
	switch {
	case level >= slog.LevelInfo:
		return int32(gravest(level)) <= h.hub.widest.Load()
	case h.hub.everything:
		return true
	case h.speaker != nil:
		return h.speaker.debugging()
	}
	return h.hub.debugged.Load() > 0
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	next := *h
	next.console = h.console.WithAttrs(attrs)
	next.attrs.list = slices.Clip(slices.Clone(h.attrs.list))
	for _, a := range attrs {
		if name, ok := moduleName(h.prefix, a); ok {
			next.speaker = h.hub.speaker(name)
			continue
		}
		next.attrs.add(h.prefix, a, 0)
	}
	next.attrs.list = slices.Clip(next.attrs.list)
	return &next
}

func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	next := *h
	next.console, next.prefix = h.console.WithGroup(name), h.prefix+name+"."
	return &next
}

func moduleName(prefix string, a slog.Attr) (string, bool) {
	if prefix != "" || a.Key != moduleKey || a.Value.Kind() != slog.KindString {
		return "", false
	}
	return a.Value.String(), true
}

// Handle gives a message to whoever wants it. It never waits for a log host or for a terminal.
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	e, speaker := h.entry(r)
	e.local = ctx.Value(localKey{}) != nil
	var err error
	if e.Severity <= int(h.hub.consoleLevel.Load()) && (e.Severity < debugging || speaker.debugging()) || h.hub.everything {
		err = h.console.Handle(ctx, r)
	}
	if e.Severity == debugging && !h.hub.allowDebug(speaker, e.Time) {
		return err
	}
	h.hub.publish(e)
	return err
}

// entry reads a record.
func (h *handler) entry(r slog.Record) (*Entry, *speaker) {
	e := &Entry{Time: r.Time, Severity: severityOf(r.Level)}
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	speaker, attrs := h.speaker, h.attrs
	r.Attrs(func(a slog.Attr) bool {
		if name, ok := moduleName(h.prefix, a); ok && h.speaker == nil {
			speaker = h.hub.speaker(name)
			return true
		}
		attrs.add(h.prefix, a, 0)
		return true
	})
	e.Attributes = attrs.list
	facility, severity, mnemonic, text, coded := cutCode(r.Message)
	if coded {
		e.Facility, e.Mnemonic = facility, mnemonic
		if e.Severity < debugging { // a debug message is switched as one, whatever it calls itself
			e.Severity = min(severity, informational)
		}
	}
	if speaker == nil {
		speaker, text = h.speakerOf(facility, text)
	} else {
		text = strings.TrimPrefix(text, speaker.prefix)
	}
	if !coded {
		e.Facility, e.Mnemonic = speaker.facility, mnemonics[e.Severity]
	}
	e.Module, e.Message = speaker.name, clean(text, maxMessage)
	return e, speaker
}

// speakerOf tells from a message who speaks, where the logger does not say: "sync: text", or %SYNC-5-NAME.
func (h *handler) speakerOf(facility, text string) (*speaker, string) {
	if facility != "" {
		if s, known := h.hub.known(strings.ToLower(facility)); known {
			return s, text
		}
		return h.hub.box, text
	}
	if name, rest, ok := strings.Cut(text, ": "); ok {
		if s, known := h.hub.known(name); known {
			return s, rest
		}
	}
	return h.hub.box, text
}
