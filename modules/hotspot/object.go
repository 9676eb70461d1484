package hotspot

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
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

// object is a View whose members stand in a chosen order, both as JSON and as text.
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

// Text writes a line for each member that has a label and a value.
func (o object) Text(w io.Writer, _ int) error {
	shown := slices.DeleteFunc(slices.Clone(o), func(m member) bool { return m.label == "" || display(m.value) == "" })
	widest := 0
	for _, m := range shown {
		widest = max(widest, len(m.label))
	}
	for _, m := range shown {
		if _, err := fmt.Fprintf(w, "%-*s : %s\n", widest, m.label, modules.Printable(display(m.value))); err != nil {
			return err
		}
	}
	return nil
}

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
		if v == nil {
			return ""
		}
		return displayTime(*v)
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
