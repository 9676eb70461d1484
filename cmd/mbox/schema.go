package main

import (
	"bytes"
	"cmp"
	"encoding"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/invopop/jsonschema"

	"mbox/modules"
)

// schemas are the files of docs/schema: what `| json` prints of each command that has a data model, and an index.
func schemas() (map[string][]byte, error) {
	book, err := modules.NewBook(newRooms(parts{log: slog.New(slog.DiscardHandler)}).list()...)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	index := map[string]string{}
	for _, c := range book.Commands() {
		if c.Result == nil {
			continue
		}
		name := schemaFile(c.Syntax)
		if files[name] != nil {
			return nil, fmt.Errorf("two commands would be %s; one is %q", name, c.Syntax)
		}
		text, err := schemaText(c.Command)
		if err != nil {
			return nil, fmt.Errorf("schema of %q: %w", c.Syntax, err)
		}
		files[name], index[c.Syntax] = text, name
	}
	files["README.md"] = schemaIndex(index)
	return files, nil
}

var (
	optionalPart = regexp.MustCompile(`\[[^\[\]]*\](\.\.\.)?`)
	notFileName  = regexp.MustCompile(`[^a-z0-9]+`)
)

// schemaFile is the command with dashes: "show hotspot users [limit N]" is in show-hotspot-users.json.
func schemaFile(syntax string) string {
	for optionalPart.MatchString(syntax) {
		syntax = optionalPart.ReplaceAllString(syntax, " ")
	}
	return strings.Trim(notFileName.ReplaceAllString(strings.ToLower(syntax), "-"), "-") + ".json"
}

func schemaIndex(index map[string]string) []byte {
	var b bytes.Buffer
	b.WriteString(`# What ` + "`| json`" + ` prints

Generated from the grammar by ` + "`mbox schema`" + `; do not edit.

Each command below has a [JSON schema](https://json-schema.org/draft/2020-12/schema) of its result. Times are RFC 3339, what is
not known is null, lists are never null, and nothing else is there than what the schema names.

| command | schema |
|---|---|
`)
	for _, syntax := range slices.Sorted(maps.Keys(index)) {
		fmt.Fprintf(&b, "| `%s` | [%s](%s) |\n", strings.ReplaceAll(syntax, "|", `\|`), index[syntax], index[syntax])
	}
	return b.Bytes()
}

// schemaText is the schema of one command's result.
func schemaText(c *modules.Command) ([]byte, error) {
	schema, err := schemaOf(c.Result)
	if err != nil {
		return nil, err
	}
	schema.Version, schema.Title, schema.Description = jsonschema.Version, c.Syntax, c.Help
	text, err := json.MarshalIndent(schema, "", "  ")
	return append(text, '\n'), err
}

func schemaOf(result any) (*jsonschema.Schema, error) {
	if several, ok := result.(modules.OneOf); ok {
		out := &jsonschema.Schema{}
		for _, one := range several {
			schema, err := schemaOf(one)
			if err != nil {
				return nil, err
			}
			out.OneOf = append(out.OneOf, schema)
		}
		return out, nil
	}
	var opaque []string
	reflector := jsonschema.Reflector{
		Anonymous: true, DoNotReference: true,
		Mapper: func(t reflect.Type) *jsonschema.Schema {
			switch {
			case t == timeType || t == viewType:
			case t.Implements(textType) || reflect.PointerTo(t).Implements(textType):
				return &jsonschema.Schema{Type: "string"}
			case t.Implements(jsonType) || reflect.PointerTo(t).Implements(jsonType):
				opaque = append(opaque, t.String())
			}
			return nil
		},
	}
	t := reflect.TypeOf(result)
	schema := reflector.ReflectFromType(t)
	if len(opaque) > 0 {
		return nil, fmt.Errorf("%s writes its JSON itself: the command's Result must be of a type that says what", strings.Join(opaque, ", "))
	}
	schema.Version = ""
	allowNull(t, schema)
	return schema, nil
}

var (
	timeType = reflect.TypeFor[time.Time]()
	viewType = reflect.TypeFor[modules.View]() // in `show tech-support`: anything
	textType = reflect.TypeFor[encoding.TextMarshaler]()
	jsonType = reflect.TypeFor[json.Marshaler]()
)

// allowNull lets null stand where Go has a pointer, which the library does not.
func allowNull(t reflect.Type, schema *jsonschema.Schema) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case schema == nil || schema.Type == "string":
	case t.Kind() == reflect.Slice || t.Kind() == reflect.Array:
		schema.Items = orNull(t.Elem(), schema.Items)
	case t.Kind() == reflect.Map:
		schema.AdditionalProperties = orNull(t.Elem(), schema.AdditionalProperties)
	case t.Kind() == reflect.Struct && schema.Properties != nil:
		for _, f := range reflect.VisibleFields(t) {
			name := cmp.Or(strings.Split(f.Tag.Get("json"), ",")[0], f.Name)
			if property, there := schema.Properties.Get(name); there && f.IsExported() && (!f.Anonymous || f.Tag.Get("json") != "") {
				schema.Properties.Set(name, orNull(f.Type, property))
			}
		}
	}
}

func orNull(t reflect.Type, schema *jsonschema.Schema) *jsonschema.Schema {
	allowNull(t, schema)
	if t.Kind() != reflect.Pointer || schema == nil {
		return schema
	}
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{schema, {Type: "null"}}}
}

// writeSchemas makes a folder hold the schemas and no others.
func writeSchemas(dir string) error {
	files, err := schemas()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write the schemas: %w", err)
	}
	old, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return fmt.Errorf("write the schemas: %w", err)
	}
	for _, name := range old {
		if files[filepath.Base(name)] == nil {
			if err := os.Remove(name); err != nil {
				return fmt.Errorf("write the schemas: %w", err)
			}
		}
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return fmt.Errorf("write the schemas: %w", err)
		}
	}
	return nil
}

// schemaCommand is `mbox schema DIR`.
func schemaCommand(args []string) int {
	if len(args) != 1 || strings.HasPrefix(args[0], "-") {
		return misuse("schema: the folder to write to is missing")
	}
	if err := writeSchemas(args[0]); err != nil {
		return fail(err)
	}
	return exitOK
}
