package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"strconv"
	"strings"
)

// specRoute serves the document itself.
var specRoute = &route{
	method: http.MethodGet, path: specPath, summary: "This document",
	serve: func(c *call) (any, error) { return json.RawMessage(c.spec), nil },
}

// version is that of the API whose paths and fields these are.
const version = "3.1.0"

// document is the OpenAPI 3.1 description of the table of routes and of the types that they take and give.
func document() []byte {
	components := schemas{}
	paths := object{}
	for _, r := range routes() {
		path, _ := paths[base+r.path].(object)
		if path == nil {
			path = object{}
			paths[base+r.path] = path
		}
		path[strings.ToLower(r.method)] = r.describe(components)
	}
	paths[specPath] = object{"get": specRoute.describe(components)}
	components["Failure"] = object{
		"type": "object", "additionalProperties": false, "required": []string{"status", "errorMessage", "result"},
		"properties": object{
			"status":       object{"type": "boolean", "const": false},
			"errorMessage": object{"type": "string", "description": "What was wrong, and what is expected"},
			"result":       object{"type": "array", "maxItems": 0},
		},
	}
	spec, err := json.Marshal(object{
		"openapi": "3.1.0",
		"info": object{
			"title": "Hotspot REST API", "version": version,
			"description": "Accounts, access, profiles, sessions, login attempts, quotas, vouchers and audit log of a hotspot gateway. " +
				"Input is what the user received (download), output what he sent.",
		},
		"servers": []any{object{"url": "/"}},
		"paths":   paths,
		"components": object{
			"schemas":         components,
			"securitySchemes": object{"token": object{"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
		},
	})
	if err != nil {
		panic("api: " + err.Error()) // of maps and strings
	}
	return spec
}

var wildcard = regexp.MustCompile(`\{(\w+)\}`)

// describe is the operation of a route.
func (r *route) describe(components schemas) object {
	parameters := []any{}
	for _, name := range wildcard.FindAllStringSubmatch(r.path, -1) {
		schema := object{"type": "string"}
		if name[1] == "id" {
			schema = object{"type": "integer", "minimum": 1, "maximum": maxID}
		}
		parameters = append(parameters, object{"name": name[1], "in": "path", "required": true, "schema": schema})
	}
	for _, p := range r.parameters() {
		parameters = append(parameters, object{"name": p.name, "in": "query", "description": p.help, "schema": p.of})
	}
	if r.takesVersion() {
		parameters = append(parameters, object{
			"name": "If-Match", "in": "header", "schema": object{"type": "string"},
			"description": "ETag of the version that the change is for; another one is answered with 412",
		})
	}
	if r.keyed {
		parameters = append(parameters, object{
			"name": keyHeader, "in": "header", "schema": object{"type": "string", "minLength": 1, "maxLength": maxKey},
			"description": "Another value for each purchase: a request that is sent again with the same one is not charged again. " +
				"If it is missing, X-Request-Id stands for it; one of the two must be sent",
		})
	}
	out := object{"operationId": r.operation(), "summary": r.summary, "parameters": parameters, "responses": r.responses(components)}
	if r.about != "" {
		out["description"] = r.about
	}
	if r.scope != "" {
		out["security"] = []any{object{"token": []string{}}}
		out["x-scope"] = string(r.scope)
	}
	if r.body != nil {
		out["requestBody"] = object{"required": true, "content": object{"application/json": object{
			"schema": components.of(reflect.TypeOf(r.body), true),
		}}}
	}
	return out
}

// operation names a route: POST /users/{id}/actions/attach-profile is post_users_id_actions_attach_profile.
func (r *route) operation() string {
	words := strings.FieldsFunc(strings.ToLower(r.method)+r.path, func(c rune) bool { return strings.ContainsRune("/{}-.", c) })
	return strings.Join(words, "_")
}

// statuses are the failures that a route may have.
func (r *route) statuses() []int {
	list := []int{400, 429, 500}
	if r.scope != "" || r.path == authPath {
		list = append(list, 401, 503)
	}
	if r.scope != "" {
		list = append(list, 403)
	}
	if strings.Contains(r.path, "{") {
		list = append(list, 404)
	}
	if r.body != nil {
		list = append(list, 413, 415)
	}
	if r.method != http.MethodGet && r.scope != "" {
		list = append(list, 409)
		if r.takesVersion() {
			list = append(list, 412)
		}
	}
	return list
}

func (r *route) responses(components schemas) object {
	if r == specRoute {
		return object{"200": object{"description": "The document", "content": object{"application/json": object{"schema": object{"type": "object"}}}}}
	}
	good := object{"description": "Done", "headers": r.headers(), "content": object{"application/json": object{"schema": r.envelope(components)}}}
	out := object{}
	if r.created {
		out["201"] = good
	} else {
		out["200"] = good
	}
	if r.changes {
		out["202"] = object{
			"description": "Stored on this box, but not yet confirmed by the other boxes: not to be sent again",
			"headers":     r.headers(), "content": good["content"],
		}
	}
	if r.tagged && r.method == http.MethodGet {
		out["304"] = object{"description": "It is still the version that If-None-Match names"}
	}
	for _, status := range r.statuses() {
		out[strconv.Itoa(status)] = object{
			"description": http.StatusText(status),
			"content":     object{"application/json": object{"schema": object{"$ref": "#/components/schemas/Failure"}}},
		}
	}
	return out
}

func (r *route) headers() object {
	header := func(help string) object { return object{"description": help, "schema": object{"type": "string"}} }
	out := object{"X-Request-Id": header("Id of the request; the log of the box has it")}
	if r.tagged {
		out["ETag"] = header("Version of the record, for If-Match")
	}
	if r.created {
		out["Location"] = header("Path of what was created")
	}
	return out
}

// envelope is the schema of an answer.
func (r *route) envelope(components schemas) object {
	result := object{"type": "array"}
	switch {
	case r.result == nil:
		result["maxItems"] = 0
	default:
		result["items"] = components.of(reflect.TypeOf(r.result), false)
	}
	properties := object{
		"status": object{"type": "boolean", "const": true}, "message": object{"type": "string"}, "result": result,
	}
	required := []string{"status", "message", "result"}
	if r.paged {
		properties["page"] = object{"type": "integer", "minimum": 1}
		properties["perPage"] = object{"type": "integer", "minimum": 1, "maximum": maxPerPage}
		properties["isLastPage"] = object{"type": "boolean"}
		required = append(required, "page", "perPage", "isLastPage")
		result["maxItems"] = maxPerPage
	} else if r.result != nil {
		result["minItems"], result["maxItems"] = 1, 1
	}
	return object{"type": "object", "additionalProperties": false, "required": required, "properties": properties}
}

// pathOf fills in the wildcards of a path.
func pathOf(path string, values ...any) string {
	return fmt.Sprintf(base+path, values...)
}
