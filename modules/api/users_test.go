package api

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"mbox/hotspotdb"
)

// A user is added, read, changed and deleted; the answers have the fields, units and words of the original.
func TestUserLife(t *testing.T) {
	b := newBox(t)
	b.profile("staff", "guest")
	r := b.post("/users", object{
		"usertype": "user", "username": "alice", "password": "wonderland", "profiles": "staff, guest", "expires": "2030-12-31",
		"firstname": "Alice", "email": "alice@example.com",
	}).want(201)
	u := r.one()
	for member, want := range map[string]any{
		"username": "alice", "password": "********", "usertype": "Username-Password", "authtype": "user", "profiles": "staff,guest",
		"expires": "2031-01-01 00:00:00", "firstname": "Alice", "lastname": nil, "state": "active", "createdby": "crm", "disabled": false,
	} {
		if u[member] != want {
			t.Errorf("%s is %v, want %v", member, u[member], want)
		}
	}
	if got, want := r.header.Get("Location"), base+"/users/"+r.id(); got != want {
		t.Errorf("location %q, want %q", got, want)
	}
	if strings.Contains(string(r.body), "wonderland") {
		t.Error("the password is in the answer")
	}
	if password, err := b.db.Password("alice"); password != "wonderland" {
		t.Errorf("the password is %q, %v", password, err)
	}
	path := "/users/" + r.id()
	if got := b.get(path).want(200).one(); got["email"] != "alice@example.com" {
		t.Errorf("read: %v", got)
	}
	r = b.post(path, object{"disabled": true, "email": "", "lastname": "Liddell", "expires": "never"}).want(200)
	if u := r.one(); u["disabled"] != true || u["state"] != "disabled" || u["email"] != nil || u["lastname"] != "Liddell" || u["firstname"] != "Alice" || u["expires"] != nil {
		t.Errorf("changed: %v", u)
	}
	r = b.post(path+"/actions/detach-profile", object{"profiles": "staff"}).want(200)
	if got := r.one()["profiles"]; got != "guest" {
		t.Errorf("profiles after detach: %v", got)
	}
	r = b.post(path+"/actions/attach-profile", object{"profiles": "guest,staff"}).want(200)
	if got := r.one()["profiles"]; got != "guest,staff" {
		t.Errorf("profiles after attach: %v", got)
	}
	b.post(path+"/actions/detach-profile", object{"profiles": "nosuch"}).want(400, "alice does not have nosuch")
	if got := b.get("/profiles/staff/users").want(200).each("username"); !slices.Equal(got, []string{"alice"}) {
		t.Errorf("users of the profile: %v", got)
	}
	if r := b.ask("DELETE", path, nil).want(200); len(r.answer.Result) != 0 {
		t.Errorf("deleted: %s", r.body)
	}
	b.get(path).want(404, "no user "+path[len("/users/"):])
	b.ask("DELETE", path, nil).want(404)
}

// The three kinds of users: a device's address is written in one form, and only a user has a password.
func TestUserTypes(t *testing.T) {
	b := newBox(t)
	u := b.post("/users", object{"usertype": "mac", "username": "3a71b4e9f799"}).want(201).one()
	if u["username"] != "3A-71-B4-E9-F7-99" || u["usertype"] != "Auth-Type" || u["authtype"] != "mac" || u["password"] != nil {
		t.Errorf("mac: %v", u)
	}
	if u := b.post("/users", object{"usertype": "pin", "username": "4711"}).want(201).one(); u["usertype"] != "Auth-Type" || u["authtype"] != "pin" {
		t.Errorf("pin: %v", u)
	}
	b.post("/users", object{"usertype": "mac", "username": "3A:71:B4:E9:F7:99"}).want(409, "another user 3A-71-B4-E9-F7-99")
	b.post("/users", object{"usertype": "mac", "username": "alice"}).want(400, "username", "MAC address")
	b.post("/users", object{"usertype": "user", "username": "bob"}).want(400, "password", "missing")
	b.post("/users", object{"usertype": "pin", "username": "4712", "password": "x"}).want(400, "password", "not taken")
	b.post("/users", object{"usertype": "admin", "username": "bob"}).want(400, "usertype", "user, mac or pin")
	if n := b.db.Statistics().Users; n != 2 {
		t.Errorf("%d users", n)
	}
}

// What is refused says what was wrong, and leaves nothing behind.
func TestUserRefusals(t *testing.T) {
	b := newBox(t)
	b.profile("guest")
	id := b.post("/users", object{"usertype": "user", "username": "alice", "password": "wonderland", "profiles": "guest"}).want(201).id()
	before := b.get("/users/" + id).want(200)
	for body, want := range map[string]string{
		`{}`:                                 "nothing to change",
		`{"profiles":"nosuch"}`:              "no profile nosuch",
		`{"profiles":"a b"}`:                 "profiles: expected names",
		`{"expires":"tomorrow"}`:             "expires: expected a date",
		`{"firstname":"a\u0000b"}`:           "firstname: must not have control characters",
		`{"username":""}`:                    "username",
		`{"username":" alice"}`:              "username",
		`{"disabled":"yes"}`:                 "disabled: expected true or false, got string",
		`{"disabled":1}`:                     "disabled: expected true or false, got number",
		`{"firstname":null}`:                 "null is not taken",
		`{"firstname":"A","firstname":"B"}`:  "firstname: is given twice",
		`{"Firstname":"A"}`:                  "Firstname: is not known",
		`{"firstname":"A","id":7}`:           "id: is not known",
		`{"firstname":["A"]}`:                "firstname: expected a string, got array",
		`{"firstname":"A"} {}`:               "something follows",
		`{"firstname":"A"`:                   "ends before",
		`[]`:                                 "must be a JSON object",
		`"alice"`:                            "must be a JSON object",
		``:                                   "is empty",
		"{\"firstname\":\"\xff\"}":           "not UTF-8",
		`{"firstname":"A","disabled":"no"}`:  "disabled",
		`{"firstname":` + nested(2000) + `}`: "nested deeper",
		`{"password":"` + strings.Repeat("x", 129) + `","firstname":"B"}`: "password: must be 1 to 128 bytes",
	} {
		b.post("/users/"+id, body).want(400, want)
	}
	after := b.get("/users/" + id).want(200)
	if string(before.body) != string(after.body) || before.header.Get("ETag") != after.header.Get("ETag") {
		t.Errorf("something was applied:\n%s\n%s", before.body, after.body)
	}
	b.get("/users/abc").want(400, "id")
	b.get("/users/0").want(400, "id")
	b.get("/users/99999999999999999999").want(400, "id")
	b.get("/users/12345").want(404)
}

func nested(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }

// A change that was made for an older version is refused: of two clients that read the same version, one wins and the other
// is told.
func TestLostUpdatesAreRefused(t *testing.T) {
	b := newBox(t)
	r := b.post("/users", object{"usertype": "user", "username": "alice", "password": "wonderland"}).want(201)
	path, tag := "/users/"+r.id(), r.header.Get("ETag")
	if got := b.get(path).want(200).header.Get("ETag"); got != tag || tag == "" {
		t.Errorf("tag %q after %q", got, tag)
	}
	b.get(path, "If-None-Match: "+tag).want(304)
	r = b.post(path, object{"firstname": "A"}, "If-Match: "+tag).want(200)
	next := r.header.Get("ETag")
	if next == tag {
		t.Error("the tag did not change with the user info")
	}
	b.post(path, object{"firstname": "B"}, "If-Match: "+tag).want(412, "changed since")
	b.post(path+"/actions/attach-profile", object{"profiles": "guest"}, "If-Match: "+tag).want(412)
	b.post("/user-access/"+r.id()+"/actions/attach-access", object{"attributes": object{"Session-Timeout": 60}}, "If-Match: "+tag).want(412)
	b.ask("DELETE", path, nil, "If-Match: "+tag).want(412)
	if got := b.get(path).one()["firstname"]; got != "A" {
		t.Errorf("the refused change was applied: %v", got)
	}
	third := b.post(path, object{"disabled": true}, `If-Match: "x", `+next).want(200).header.Get("ETag")
	if third == next {
		t.Error("the tag did not change with the access")
	}
	b.update(func(tx *hotspotdb.Tx) error { // somebody else, not by the API
		_, err := tx.EditAccount("alice", "test", func(e *hotspotdb.AccountEdit) error { e.Info["zip"] = "1"; return nil })
		return err
	})
	b.ask("DELETE", path, nil, "If-Match: "+third).want(412)
	b.ask("DELETE", path, nil, "If-Match: *").want(200)
}

// Own access attributes are set and removed one by one, in the units of the API.
func TestUserAccess(t *testing.T) {
	b := newBox(t)
	id := b.post("/users", object{"usertype": "pin", "username": "4711"}).want(201).id()
	path := "/user-access/" + id
	set := func(attributes object) *reply {
		return b.post(path+"/actions/attach-access", object{"attributes": attributes})
	}
	set(object{"Session-Timeout": 3600, "WISPr-Bandwidth-Max-Down": 2048, "WISPr-Redirection-URL": "https://example.com/"}).want(200)
	got := set(object{"Session-Timeout": 7200, "Login-Time": "Wk0800-1800"}).want(200).one()["attributes"]
	want := map[string]any{
		"Session-Timeout": 7200.0, "WISPr-Bandwidth-Max-Down": 2048.0, "WISPr-Redirection-URL": "https://example.com/", "Login-Time": "Wk0800-1800",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("attributes %v, want %v", got, want)
	}
	a, err := b.db.Account("4711")
	if err != nil || len(a.Attributes) != 4 || !slices.Contains(a.Attributes, hotspotdb.Attribute{Name: "WISPr-Bandwidth-Max-Down", Value: "2048"}) {
		t.Errorf("stored %v, %v", a.Attributes, err)
	}
	got = b.post(path+"/actions/detach-access", object{"attributes": []string{"Login-Time", "WISPr-Redirection-URL"}}).want(200).one()["attributes"]
	if fmt.Sprint(got) != "map[Session-Timeout:7200 WISPr-Bandwidth-Max-Down:2048]" {
		t.Errorf("after detach: %v", got)
	}
	if fmt.Sprint(b.get(path).want(200).one()["attributes"]) != fmt.Sprint(got) || len(b.get("/user-access").want(200).answer.Result) != 1 {
		t.Error("the list and the one differ")
	}
	for body, want := range map[string]string{
		`{"attributes":{"Session-Timeout":"60"}}`:                        "Session-Timeout: expected a whole number of s",
		`{"attributes":{"Session-Timeout":-1}}`:                          "Session-Timeout",
		`{"attributes":{"Session-Timeout":1.5}}`:                         "Session-Timeout",
		`{"attributes":{"Session-Timeout":1e3}}`:                         "Session-Timeout",
		`{"attributes":{"CS-Total-MB":18446744073709551616}}`:            "CS-Total-MB",
		`{"attributes":{"CS-Total-MB":4294967296}}`:                      "CS-Total-MB",
		`{"attributes":{"WISPr-Redirection-URL":"javascript:alert(1)"}}`: "WISPr-Redirection-URL",
		`{"attributes":{"Cleartext-Password":"x"}}`:                      "is not an access attribute",
		`{"attributes":{"session-timeout":1,"Session-Timeout":2}}`:       "given twice",
		`{"attributes":{}}`:                                              "names nothing",
		`{"attributes":[]}`:                                              "expected an object",
		`{"attributes":{"Session-Timeout":{"a":[1]}}}`:                   "Session-Timeout",
	} {
		b.post(path+"/actions/attach-access", body).want(400, want)
	}
	b.post(path+"/actions/detach-access", object{"attributes": []string{"Idle-Timeout"}}).want(400, "does not have")
	b.post(path+"/actions/detach-access", object{"attributes": []string{"Session-Timeout", "Idle-Timeout"}}).want(400)
	if fmt.Sprint(b.get(path).want(200).one()["attributes"]) != fmt.Sprint(got) {
		t.Error("a refused change was applied in part")
	}
}

// Pages have everything once, in an order that changes of the records do not change.
func TestPages(t *testing.T) {
	b := newBox(t)
	b.profile("odd")
	const users = 137
	b.update(func(tx *hotspotdb.Tx) error {
		for i := range users {
			a := hotspotdb.Account{Username: fmt.Sprintf("user%03d", i), UserType: hotspotdb.UserPIN, Disabled: i%5 == 0}
			if i%2 == 1 {
				a.Profiles = []string{"odd"}
			}
			if _, err := tx.AddAccount(a, "", "test"); err != nil {
				return err
			}
		}
		return nil
	})
	walk := func(path string, pairs ...string) (all []string) {
		t.Helper()
		for page := 1; ; page++ {
			r := b.get(path + query(append(pairs, "page", fmt.Sprint(page), "perPage", "10")...)).want(200)
			all = append(all, r.each("username")...)
			if r.answer.Page != page || r.answer.PerPage != 10 || r.answer.IsLastPage == nil {
				t.Fatalf("page %d: %s", page, r.body)
			}
			if *r.answer.IsLastPage {
				return all
			}
			if len(r.answer.Result) != 10 || page > users {
				t.Fatalf("page %d has %d", page, len(r.answer.Result))
			}
		}
	}
	distinct := func(list []string, want int) {
		t.Helper()
		if n := len(slices.Compact(slices.Sorted(slices.Values(list)))); len(list) != want || n != want {
			t.Errorf("%d entries, %d of them different, want %d", len(list), n, want)
		}
	}
	all := walk("/users")
	distinct(all, users)
	distinct(walk("/user-access"), users)
	distinct(walk("/users", "profile", "odd"), users/2)
	distinct(walk("/profiles/odd/users"), users/2)
	distinct(walk("/users", "disabled", "true"), 28)
	distinct(walk("/users", "search", "R01"), 10)
	distinct(walk("/users", "usertype", "mac"), 0)
	distinct(walk("/users", "username", "user007"), 1)
	distinct(walk("/users", "username", "user007", "disabled", "true"), 0)
	if filtered := walk("/users", "usertype", "pin"); !slices.Equal(filtered, all) {
		t.Error("a filter changes the order")
	}
	b.update(func(tx *hotspotdb.Tx) error {
		for i := range users {
			name := fmt.Sprintf("user%03d", users-1-i)
			if _, err := tx.EditAccount(name, "test", func(e *hotspotdb.AccountEdit) error { e.Disabled = false; return nil }); err != nil {
				return err
			}
		}
		return nil
	})
	if again := walk("/users"); !slices.Equal(again, all) {
		t.Error("changes of accounts change the order")
	}
	// Behind the last one of a page, also when that is deleted meanwhile.
	first := b.get("/users?perPage=40").want(200)
	last := first.answer.Result[39]
	b.ask("DELETE", fmt.Sprintf("/users/%.0f", last["id"]), nil).want(200)
	rest := b.get("/users" + query("perPage", "1000", "after", fmt.Sprintf("%.0f", last["id"]))).want(200).each("username")
	if !slices.Equal(rest, all[40:]) {
		t.Errorf("behind the 40th come %d, want %d", len(rest), len(all)-40)
	}
	filtered := b.get("/users" + query("usertype", "pin", "perPage", "1000", "after", fmt.Sprintf("%.0f", last["id"]))).want(200).each("username")
	if !slices.Equal(filtered, all[40:]) {
		t.Error("a filtered list goes on elsewhere")
	}
	for path, want := range map[string]string{
		"/users?perPage=1001":                       "perPage: expected a number from 1 to 1000",
		"/users?perPage=0":                          "perPage",
		"/users?page=0":                             "page",
		"/users?page=-1":                            "page",
		"/users?page=1e9":                           "page",
		"/users?page=1&page=2":                      "page: is given twice",
		"/users?limit=7":                            "limit: is not a parameter here",
		"/users?username=%00":                       "username",
		"/users?username=%ff":                       "username",
		"/users?%zz":                                "query cannot be read",
		"/users?disabled=1":                         "disabled: expected true or false",
		"/users?after=x":                            "after",
		"/users/7?page=1":                           "page: is not a parameter here",
		"/users?search=" + strings.Repeat("x", 300): "search",
	} {
		b.get(path).want(400, want)
	}
	if r := b.get("/users?page=1000000&perPage=1000").want(200); len(r.answer.Result) != 0 || !*r.answer.IsLastPage {
		t.Errorf("far behind the end: %s", r.body)
	}
}

// Two accounts that claimed one name on two boxes are both listed, and both can be changed.
func TestUserWithoutItsName(t *testing.T) {
	b := newBox(t)
	first := b.post("/users", object{"usertype": "pin", "username": "4711"}).want(201).id()
	b.post("/users/"+first, object{"username": "4712"}).want(200)
	if got := b.get("/users/" + first).one()["username"]; got != "4712" {
		t.Errorf("renamed to %v", got)
	}
	b.get("/users?username=4711").want(200)
	second := b.post("/users", object{"usertype": "pin", "username": "4711"}).want(201).id()
	b.post("/users/"+second, object{"username": "4712"}).want(409, "4712")
}

// What is stored here but not confirmed by the other boxes is told apart from what is done and from what failed.
func TestUnconfirmedAndFullDisk(t *testing.T) {
	b := newBox(t)
	b.db.SetConfirm(func(context.Context, hotspotdb.Commit) error {
		return fmt.Errorf("%w: no other box answers", hotspotdb.ErrUnconfirmed)
	})
	r := b.post("/users", object{"usertype": "pin", "username": "4711"}).want(202)
	if !strings.Contains(r.answer.Message, "do not send it again") || r.header.Get("ETag") == "" {
		t.Errorf("%s", r.body)
	}
	b.db.SetConfirm(nil)
	b.get("/users/" + r.id()).want(200)
	b.full.Store(true)
	b.advance(time.Minute) // how much there was is out of date
	b.post("/users", object{"usertype": "pin", "username": "4712"}).want(503, "full")
	b.post("/users/"+r.id(), object{"zip": "1"}).want(503, "full")
	b.full.Store(false)
	b.advance(time.Minute)
	if got := b.get("/users").want(200); len(got.answer.Result) != 1 || got.answer.Result[0]["zip"] != nil {
		t.Errorf("what was refused is there: %s", got.body)
	}
}
