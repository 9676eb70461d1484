package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// maxBody bounds a request's body, in bytes: all fields of a user at their longest fit twice.
	maxBody = 64 << 10
	// maxDepth bounds how deep a body's objects and lists stand in each other.
	maxDepth = 8
)

// readBody decodes the body strictly: what is not understood is refused, never passed over.
func (c *call) readBody() error {
	if c.route.body == nil {
		if c.r.ContentLength != 0 {
			return c.noBody()
		}
		return nil
	}
	media, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return &failure{status: http.StatusUnsupportedMediaType, message: "send JSON, with the header Content-Type: application/json"}
	}
	tooLarge := &failure{status: http.StatusRequestEntityTooLarge, message: fmt.Sprintf("the body is larger than %d bytes; send less at a time", maxBody)}
	if c.r.ContentLength > maxBody {
		c.w.Header().Set("Connection", "close")
		return tooLarge
	}
	data, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, maxBody))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return tooLarge
	case err != nil:
		return refuse("the body did not come in time or not whole; send it again")
	}
	c.body = reflect.New(reflect.TypeOf(c.route.body)).Interface()
	return decode(data, c.body)
}

// noBody takes an empty body for none.
func (c *call) noBody() error {
	n, err := io.ReadFull(http.MaxBytesReader(c.w, c.r.Body, maxBody), make([]byte, 1))
	if n == 0 && errors.Is(err, io.EOF) {
		return nil
	}
	c.w.Header().Set("Connection", "close")
	return refuse("a body is not taken here; send none")
}

// decode reads one JSON object into a pointer to a struct. Every member must be known, spelt as it is, given once, not
// null, and of its type; and nothing may follow.
func decode(data []byte, into any) error {
	if !utf8.Valid(data) {
		return refuse("the body is not UTF-8; send JSON, which is")
	}
	if err := checkJSON(data, fieldNames(reflect.TypeOf(into).Elem())); err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return wordJSON(err)
	}
	for _, f := range fields(reflect.TypeOf(into).Elem()) {
		if f.required && reflect.ValueOf(into).Elem().FieldByIndex(f.index).IsZero() {
			return refuse("%s: is missing or empty; send %s", f.name, typeName(f.typ))
		}
	}
	return nil
}

func fieldNames(t reflect.Type) []string {
	var names []string
	for _, f := range fields(t) {
		names = append(names, f.name)
	}
	return names
}

// checkJSON goes through all tokens, because package json takes the last of two members of one name, names in any case,
// and null for anything. known are the names of the outermost object.
func checkJSON(data []byte, known []string) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	type level struct {
		object, value bool // value: a member's value comes next
		seen          map[string]bool
	}
	var stack []level
	for n := 0; ; n++ {
		token, err := decoder.Token()
		switch {
		case errors.Is(err, io.EOF) && n == 0:
			return refuse("the body is empty; send a JSON object")
		case errors.Is(err, io.EOF):
			return refuse("the body ends before its JSON does; send all of it")
		case err != nil:
			return wordJSON(err)
		}
		delim, _ := token.(json.Delim)
		if n == 0 && delim != '{' {
			return refuse("the body must be a JSON object")
		}
		top := len(stack) - 1
		if top >= 0 && stack[top].object && !stack[top].value && delim != '}' {
			name := token.(string)
			if stack[top].seen[name] {
				return refuse("%s: is given twice; send it once", printable(name))
			}
			stack[top].seen[name] = true
			if top == 0 && !slices.Contains(known, name) {
				return refuse("%s: is not known here; known are %s", printable(name), strings.Join(known, ", "))
			}
			stack[top].value = true
			continue
		}
		if top >= 0 {
			stack[top].value = false
		}
		switch {
		case token == nil:
			return refuse(`null is not taken: leave a member out to keep its value, or send "" to clear it`)
		case delim == '{' || delim == '[':
			if len(stack) == maxDepth {
				return refuse("the JSON is nested deeper than the %d levels that are taken; send objects and lists as /mbox/api/openapi.json has them", maxDepth)
			}
			stack = append(stack, level{object: delim == '{', seen: map[string]bool{}})
		case delim == '}' || delim == ']':
			stack = stack[:top]
		}
		if len(stack) == 0 {
			return nothingFollows(decoder)
		}
	}
}

func nothingFollows(decoder *json.Decoder) error {
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return refuse("something follows the JSON object; send nothing behind it")
	}
	return nil
}

// wordJSON says what is wrong, and where.
func wordJSON(err error) error {
	var syntax *json.SyntaxError
	var wrong *json.UnmarshalTypeError
	var own *failure
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &wrong):
		return refuse("%s: expected %s, got %s", wrong.Field, typeName(wrong.Type), wrong.Value)
	case errors.As(err, &syntax):
		return refuse("the body is not JSON: at byte %d, %v; send a JSON object", syntax.Offset, err)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return refuse("the body ends before its JSON does; send all of it")
	}
	return refuse("%s", strings.TrimPrefix(err.Error(), "json: "))
}

func typeName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return typeName(t.Elem())
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.String:
		return "a string"
	}
	return "a whole number"
}

// printable is a text of the client that may stand in an answer.
func printable(s string) string {
	if r := []rune(s); len(r) > 64 {
		s = string(r[:64]) + "…"
	}
	return strings.ToValidUTF8(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, s), "?")
}
