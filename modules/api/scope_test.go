package api

import (
	"net/http"
	"strings"
	"testing"

	"mbox/hotspotdb"
)

func TestScopes(t *testing.T) {
	b := newBox(t)
	b.apply("web api", crm(), "web api user reader secret "+verifier())
	b.login("reader")
	for _, r := range routes() {
		if r.scope == "" {
			continue
		}
		path := strings.NewReplacer("{id}", "1", "{name}", "x", "{code}", "CODE1").Replace(r.path)
		got := b.ask(r.method, path, strings.NewReader("{}"), "Content-Type: application/json")
		if writes := r.method != http.MethodGet; writes != (got.status == 403) {
			t.Errorf("%s %s: %d", r.method, r.path, got.status)
		}
		b.ask(r.method, path, strings.NewReader("{}"), "Content-Type: application/json", "Authorization: none").want(401)
	}
}

// Writing does not include reading: the answer to a change says nothing that was not sent.
func TestWritingIsNotReading(t *testing.T) {
	b := newBox(t)
	b.profile("vip", "day")
	id := b.post("/users", object{
		"usertype": "user", "username": "alice", "password": "wonderland", "passport_nric_no": "S1234567D", "address": "Oxford", "profiles": "vip",
	}).want(201).id()
	b.post("/user-access/"+id+"/actions/attach-access", object{"attributes": object{"CS-Total-MB": 500}}).want(200)
	b.post("/voucher-batches", object{"name": "lobby", "count": 1, "profile": "day"}).want(201)
	b.update(func(tx *hotspotdb.Tx) error { _, _, err := tx.Redeem("CODE00001", "3A-71-B4-E9-F7-99"); return err })
	b.apply("web api", crm(), "web api user writer secret "+verifier()+" scope users:write scope vouchers:write")
	b.login("writer")
	for _, change := range []struct {
		path string
		body object
	}{
		{"/users/" + id, object{"disabled": false}},
		{"/users/" + id + "/actions/attach-profile", object{"profiles": "day"}},
		{"/users/" + id + "/actions/detach-profile", object{"profiles": "day"}},
		{"/user-access/" + id + "/actions/attach-access", object{"attributes": object{"Idle-Timeout": 60}}},
		{"/user-access/" + id + "/actions/detach-access", object{"attributes": []string{"Idle-Timeout"}}},
	} {
		r := b.post(change.path, change.body).want(200)
		for _, private := range []string{"S1234567D", "Oxford", "vip", "CS-Total-MB", `"createdby":"crm"`} {
			if strings.Contains(string(r.body), private) {
				t.Errorf("%s tells %q", change.path, private)
			}
		}
	}
	if r := b.ask("POST", "/vouchers/CODE00001/actions/disable", nil).want(200); strings.Contains(string(r.body), "3A-71") {
		t.Errorf("%s", r.body)
	}
	b.login("crm")
	if r := b.post("/users/"+id, object{"disabled": false}).want(200); !strings.Contains(string(r.body), "S1234567D") {
		t.Errorf("who may read is not told: %s", r.body)
	}
}
