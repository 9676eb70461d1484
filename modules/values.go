package modules

import "slices"

// Values are the arguments of one line by label. A list (LABEL..., or a label inside [...]...) is a []any. A literal that
// was optional or one of several is present with the value true.
type Values map[string]any

// Has says whether the label or optional literal was typed.
func (v Values) Has(name string) bool { _, ok := v[name]; return ok }

// Get returns the value of a label, or the zero value if it was not typed or is of another type.
func Get[T any](v Values, label string) T {
	t, _ := v[label].(T)
	return t
}

// List returns the values of a list label.
func List[T any](v Values, label string) []T {
	list, _ := v[label].([]any)
	out := make([]T, 0, len(list))
	for _, item := range list {
		if t, ok := item.(T); ok {
			out = append(out, t)
		}
	}
	return out
}

// Clone returns a copy whose lists may be changed.
func (v Values) Clone() Values {
	out := make(Values, len(v))
	for k, item := range v {
		if list, ok := item.([]any); ok {
			item = slices.Clone(list)
		}
		out[k] = item
	}
	return out
}
