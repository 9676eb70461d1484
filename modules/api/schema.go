package api

import (
	"reflect"
	"slices"
	"strings"
)

// object is a JSON object of the OpenAPI document.
type object map[string]any

// field is a member of a type that goes over the wire.
type field struct {
	name     string
	index    []int
	typ      reflect.Type
	required bool // in a request
	doc      string
	enum     []string
	pattern  string
}

// fields lists the members of a struct, those of embedded ones among them.
func fields(t reflect.Type) (out []field) {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			for _, inner := range fields(f.Type) {
				inner.index = append(slices.Clone(f.Index), inner.index...)
				out = append(out, inner)
			}
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		tag := field{
			name: name, index: f.Index, typ: f.Type, required: f.Tag.Get("required") == "true", doc: f.Tag.Get("doc"),
			pattern: f.Tag.Get("pattern"),
		}
		if words := f.Tag.Get("enum"); words != "" {
			tag.enum = strings.Split(words, ",")
		}
		out = append(out, tag)
	}
	return out
}

// described is a type that says its schema itself.
type described interface{ schema() object }

func (stamp) schema() object {
	return object{
		"type": "string", "pattern": `^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$`, "examples": []string{"2025-07-22 08:33:50"},
		"description": "In the time zone of the box",
	}
}

// schemas collects the schemas of named types.
type schemas map[string]any

// of is the JSON schema of a type. In an answer every member is there, and null where a pointer is nil; in a request members
// may be left out, and null is not taken.
func (s schemas) of(t reflect.Type, request bool) object {
	if d, ok := reflect.Zero(t).Interface().(described); ok && t.Kind() != reflect.Pointer {
		return d.schema()
	}
	switch t.Kind() {
	case reflect.Pointer:
		inner := s.of(t.Elem(), request)
		if !request {
			inner["type"] = []any{inner["type"], "null"}
		}
		return inner
	case reflect.Slice:
		return object{"type": "array", "items": s.of(t.Elem(), request)}
	case reflect.Struct:
		return s.structure(t, request)
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return object{"type": "integer"}
	case reflect.Uint32, reflect.Uint64:
		return object{"type": "integer", "minimum": 0}
	}
	panic("api: no schema for " + t.String()) // a type of the table
}

// structure puts the schema of a struct among the components and refers to it.
func (s schemas) structure(t reflect.Type, request bool) object {
	if s[t.Name()] == nil {
		properties, required := object{}, []string{}
		for _, f := range fields(t) {
			p := s.of(f.typ, request)
			if f.doc != "" {
				p["description"] = f.doc
			}
			if f.enum != nil {
				p["enum"] = f.enum
			}
			if f.pattern != "" {
				p["pattern"] = f.pattern
			}
			properties[f.name] = p
			if !request || f.required {
				required = append(required, f.name)
			}
		}
		schema := object{"type": "object", "properties": properties, "additionalProperties": false}
		if len(required) > 0 {
			schema["required"] = required
		}
		s[t.Name()] = schema
	}
	return object{"$ref": "#/components/schemas/" + t.Name()}
}
