package hotspot

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"mbox/modules"
)

// member is one named value of an object: key in JSON, label on the screen. Without the one it is not in JSON, without
// the other not on the screen.
type member struct {
	key, label string
	value      any // string, *string, bool, numbers, *time.Time, []string, or anything that JSON takes
}

// object is what has members in a chosen order.
type object []member

// MarshalJSON keeps the order.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for _, m := range o {
		if m.key == "" {
			continue
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		value, err := json.Marshal(m.value)
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", m.key, err)
		}
		fmt.Fprintf(&b, "%q:%s", m.key, value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// inFull is the View of one object.
type inFull struct {
	object
	zone *time.Location
}

// Text writes a line for each member that has a label and a value.
func (o inFull) Text(w io.Writer, _ int) error {
	type line struct{ label, value string }
	var lines []line
	widest := 0
	for _, m := range o.object {
		value := display(m.value)
		if at, ok := m.value.(*time.Time); ok && at != nil {
			value = timeIn(o.zone, *at)
		}
		if m.label == "" || value == "" {
			continue
		}
		lines, widest = append(lines, line{m.label, value}), max(widest, len(m.label))
	}
	for _, l := range lines {
		if _, err := fmt.Fprintf(w, "%-*s : %s\n", widest, l.label, modules.Printable(l.value)); err != nil {
			return err
		}
	}
	return nil
}

// display is for what reads the same everywhere; a time is for the zone to show.
func display(value any) string {
	switch v := value.(type) {
	case *string:
		if v == nil {
			return ""
		}
		return *v
	case bool:
		if v {
			return "yes"
		}
		return "no"
	case *time.Time:
		return exportTime(v)
	case []string:
		return strings.Join(v, ", ")
	default:
		return fmt.Sprint(v)
	}
}

// known is nil for "", so that JSON says null for what is not known.
func known(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// instant is nil for the zero time, in UTC and whole seconds otherwise.
func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Second)
	return &t
}

// list is never nil, so that JSON says [].
func list[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}
