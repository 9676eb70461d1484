package api

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"

	"mbox/hotspotdb"
)

// The document is right by the rules of OpenAPI 3.1, and has exactly the routes that are served.
func TestDocument(t *testing.T) {
	b := newBox(t)
	b.token = ""
	r := httptest.NewRequest(http.MethodGet, specPath, nil)
	r.RemoteAddr = b.from
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	if w.Code != 200 || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("status %d", w.Code)
	}
	doc, err := openapi3.NewLoader().LoadFromData(w.Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if !doc.IsOpenAPI31OrLater() {
		t.Errorf("version %s", doc.OpenAPI)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Errorf("the document is wrong: %v", err)
	}
	served := map[string]bool{http.MethodGet + " " + specPath: true}
	for _, route := range routes() {
		served[route.method+" "+base+route.path] = true
		if route.summary == "" || route.serve == nil || route.scope == "" && route.path != authPath {
			t.Errorf("%s %s lacks a summary, a handler or a scope", route.method, route.path)
		}
	}
	ids := map[string]bool{}
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			if !served[method+" "+path] {
				t.Errorf("%s %s is in the document only", method, path)
			}
			delete(served, method+" "+path)
			if ids[operation.OperationID] {
				t.Errorf("operation %s is there twice", operation.OperationID)
			}
			ids[operation.OperationID] = true
		}
	}
	for route := range served {
		t.Errorf("%s is not in the document", route)
	}
	for _, path := range []string{
		"historical-sessions", "online-sessions", "login-attempts", "quota-purchase-report", "users", "users/{id}", "profiles",
		"profiles/{name}/users", "user-access", "user-access/{id}",
	} {
		if item := doc.Paths.Value(base + "/" + path); item == nil || item.Get == nil {
			t.Errorf("GET %s is missing", path)
		}
	}
	for _, path := range []string{
		"auth", "users", "users/{id}", "users/{id}/actions/attach-profile", "users/{id}/actions/detach-profile",
		"user-access/{id}/actions/attach-access", "user-access/{id}/actions/detach-access",
	} {
		if item := doc.Paths.Value(base + "/" + path); item == nil || item.Post == nil {
			t.Errorf("POST %s is missing", path)
		}
	}
}

// The document takes what the handlers take, and refuses what they refuse.
func TestDocumentOfRequests(t *testing.T) {
	b := newBox(t)
	b.profile("day")
	id := b.post("/users", object{"usertype": "pin", "username": "4711"}).want(201).id()
	for _, tt := range []struct {
		method, path, body string
		good               bool
	}{
		{"GET", "/users?page=2&perPage=10&disabled=true&usertype=mac", "", true},
		{"GET", "/users?perPage=1001", "", false},
		{"GET", "/users?usertype=admin", "", false},
		{"GET", "/historical-sessions?startTime=2025-07-22&macaddress=3A-71-B4-E9-F7-99", "", true},
		{"POST", "/users", `{"usertype":"user","username":"bob","password":"builder","firstname":"Bob","disabled":false}`, true},
		{"POST", "/users", `{"usertype":"user","password":"builder"}`, false},
		{"POST", "/users", `{"usertype":"root","username":"bob","password":"builder"}`, false},
		{"POST", "/users/" + id, `{"disabled":"yes"}`, false},
		{"POST", "/users/" + id, `{"nickname":"x"}`, false},
		{"POST", "/users/" + id, `{"zip":"049483"}`, true},
		{"POST", "/user-access/" + id + "/actions/attach-access", `{"attributes":{"Session-Timeout":60,"Login-Time":"Al"}}`, true},
		{"POST", "/user-access/" + id + "/actions/attach-access", `{"attributes":{"Session-Timeout":"60"}}`, false},
		{"POST", "/user-access/" + id + "/actions/detach-access", `{"attributes":["Session-Timeout"]}`, true},
		{"POST", "/user-access/" + id + "/actions/detach-access", `{"attributes":"Session-Timeout"}`, false},
		{"POST", "/users/" + id + "/actions/add-quota", `{"mb":"1"}`, false},
		{"POST", "/users/" + id + "/actions/add-quota", `{"gb":1}`, false},
		{"POST", "/voucher-batches", `{"name":"a","count":1,"profile":"day"}`, true},
		{"POST", "/voucher-batches", `{"name":"a","count":"1","profile":"day"}`, false},
	} {
		r := httptest.NewRequest(tt.method, base+tt.path, strings.NewReader(tt.body))
		if tt.body != "" {
			r.Header.Set("Content-Type", "application/json")
		}
		route := b.operation(r)
		input := &openapi3filter.RequestValidationInput{
			Request: r, Route: route, PathParams: map[string]string{"id": id},
			Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc},
		}
		if err := openapi3filter.ValidateRequest(context.Background(), input); (err == nil) != tt.good {
			t.Errorf("%s %s %s: the document says %v", tt.method, tt.path, tt.body, err)
		}
		var body io.Reader
		headers := []string{}
		if tt.body != "" {
			body, headers = strings.NewReader(tt.body), []string{"Content-Type: application/json"}
		}
		if got := b.ask(tt.method, tt.path, body, headers...); (got.status < 300) != tt.good {
			t.Errorf("%s %s %s: the handler says %d %s", tt.method, tt.path, tt.body, got.status, got.body)
		}
	}
}

// The user info of the API is that of the database, and every schema is one of the wire.
func TestUserInfoIsComplete(t *testing.T) {
	var names []string
	for _, f := range fields(reflect.TypeFor[userInfo]()) {
		names = append(names, f.name)
	}
	if !slices.Equal(names, hotspotdb.InfoFields) {
		t.Errorf("%v\n%v", names, hotspotdb.InfoFields)
	}
	properties := accessValues{}.schema()["properties"].(object)
	for _, a := range hotspotdb.AccessAttributes {
		if properties[a.Name] == nil {
			t.Errorf("%s is not in the schema", a.Name)
		}
	}
	b := newBox(t)
	u := b.post("/users", object{"usertype": "pin", "username": "1"}).want(201).one()
	for _, f := range fields(reflect.TypeFor[user]()) {
		if _, there := u[f.name]; !there {
			t.Errorf("%s is not in an answer", f.name)
		}
	}
	raw, err := json.Marshal(user{})
	if err != nil || !strings.Contains(string(raw), `"zip":null`) {
		t.Errorf("%s, %v", raw, err)
	}
}
