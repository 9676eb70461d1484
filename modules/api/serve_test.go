package api

import (
	"strconv"
	"strings"
	"testing"
)

// Requests have ids; what the log keeps of them names neither guests nor secrets.
func TestRequestIDsAndLog(t *testing.T) {
	b := newBox(t)
	if got := b.get("/users", "X-Request-Id: abc-1.2_3").header.Get("X-Request-Id"); got != "abc-1.2_3" {
		t.Errorf("id %q", got)
	}
	for _, bad := range []string{"a b", "a\x1b[31m", strings.Repeat("x", 65), `a"b`} {
		if got := b.get("/users", "X-Request-Id: "+bad).header.Get("X-Request-Id"); got == bad || len(got) != 16 {
			t.Errorf("id %q for %q", got, bad)
		}
	}
	b.post("/users", object{"usertype": "user", "username": "alice", "password": "wonderland", "email": "alice@example.com"}, "X-Request-Id: create-1").want(201)
	b.get("/users?username=alice").want(200)
	log := b.log.String()
	for _, want := range []string{"request=create-1", "user=crm", "path=/users", "status=201", "from=192.0.2.7"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %q", want)
		}
	}
	for _, private := range []string{"alice", "wonderland", secret, b.token, "example.com"} {
		if strings.Contains(log, private) {
			t.Errorf("the log has %q", private)
		}
	}
}

func TestPathsAndMethods(t *testing.T) {
	b := newBox(t)
	if got := b.ask("PUT", "/users", nil).want(405, "GET").header.Get("Allow"); got != "GET, HEAD, POST" {
		t.Errorf("allow %q", got)
	}
	b.ask("DELETE", "/auth", nil).want(405, "POST")
	b.get("/nothing").want(404, "openapi.json")
	b.get("/users/1/nothing").want(404)
	b.ask("GET", "/users", strings.NewReader("{}")).want(400, "a body is not taken")
	b.ask("POST", "/users", strings.NewReader("{}")).want(415, "application/json")
	b.ask("POST", "/users", strings.NewReader("a=b"), "Content-Type: application/x-www-form-urlencoded").want(415)
}

// Bodies are bounded whether they say their length or not.
func TestLargeBodies(t *testing.T) {
	b := newBox(t)
	large := `{"usertype":"pin","username":"` + strings.Repeat("x", maxBody) + `"}`
	b.post("/users", large).want(413, strconv.Itoa(maxBody))
	b.ask("POST", "/users", unsized{strings.NewReader(large)}, "Content-Type: application/json").want(413)
	read := &endless{}
	b.ask("POST", "/users", read, "Content-Type: application/json").want(413)
	if read.n > 2*maxBody {
		t.Errorf("%d bytes of an endless body were read", read.n)
	}
	if n := b.db.Statistics().Users; n != 0 {
		t.Errorf("%d users", n)
	}
}

type unsized struct{ *strings.Reader }

// endless is a body without an end.
type endless struct{ n int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	e.n += len(p)
	return len(p), nil
}

// A fault of the program is answered as one, with an id that the log has.
func TestPanicIsAnswered(t *testing.T) {
	b := newBox(t)
	b.m.DB = nil
	b.get("/users").want(503, "no hotspot database")
	b.m.DB = broken{}
	r := b.get("/users").want(500, "the box failed")
	if id := r.header.Get("X-Request-Id"); !strings.Contains(b.log.String(), id) {
		t.Error("the log does not have the id")
	}
	if strings.Contains(string(r.body), "nil pointer") {
		t.Errorf("the answer tells of the program: %s", r.body)
	}
}

// broken is a database of which every method fails.
type broken struct{ Database }
