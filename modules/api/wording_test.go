package api

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"mbox/hotspotdb"
)

// bodies are some that each operation takes.
var bodies = map[string]string{
	"post_auth":                                 `{"username":"crm","password":"not the secret"}`,
	"post_users":                                `{"usertype":"pin","username":"4711"}`,
	"post_users_id":                             `{"firstname":"A"}`,
	"post_users_id_actions_attach_profile":      `{"profiles":"guest"}`,
	"post_users_id_actions_detach_profile":      `{"profiles":"guest"}`,
	"post_user_access_id_actions_attach_access": `{"attributes":{"Session-Timeout":60}}`,
	"post_user_access_id_actions_detach_access": `{"attributes":["Session-Timeout"]}`,
	"post_users_id_actions_add_quota":           `{"mb":5}`,
	"post_vouchers_code_actions_add_quota":      `{"mb":5}`,
	"post_voucher_batches":                      `{"name":"summer","count":1,"profile":"guest"}`,
	"post_voucher_batches_name_actions_disable": "",
	"post_voucher_batches_name_actions_enable":  "",
	"post_vouchers_code_actions_disable":        "",
	"post_vouchers_code_actions_enable":         "",
	"delete_users_id":                           "",
}

// request asks for a route, with wildcards filled in.
func (b *box) request(r *route, path, body string, headers ...string) *reply {
	b.Helper()
	if r.body != nil {
		headers = append(headers, "Content-Type: application/json")
	}
	if r.keyed {
		headers = append(headers, "Idempotency-Key: wording")
	}
	if body == "" {
		return b.ask(r.method, path, nil, headers...)
	}
	return b.ask(r.method, path, strings.NewReader(body), headers...)
}

// What can be wrong with any path is said of each of them in the same words.
func TestEveryPathRefusesInWords(t *testing.T) {
	b := newBox(t)
	b.profile("guest")
	b.apply("web api", crm(), "web api user none secret "+verifier()+" scope audit:read", "web api user users secret "+verifier()+" scope users:read")
	tokens := map[string]string{}
	for _, name := range []string{"none", "users", "crm"} {
		b.login(name)
		tokens[name] = b.token
	}
	there := b.post("/users", object{"usertype": "pin", "username": "1"}).want(201).id()
	fill := func(r *route, id, name, code string) string {
		return strings.NewReplacer("{id}", id, "{name}", name, "{code}", code).Replace(r.path)
	}
	for _, r := range routes() {
		t.Run(r.operation(), func(t *testing.T) {
			b.TB = t
			b.advance(10 * time.Second) // so that no limit is reached
			path, body := fill(r, "123", "winter", "CODE99999"), bodies[r.operation()]
			if _, ok := bodies[r.operation()]; r.method != http.MethodGet && !ok {
				t.Fatal("no body for it among `bodies`")
			}
			b.ask("PUT", path, nil).want(405, "the method must be ", r.method)
			if r.scope == "" {
				b.request(r, path, body).says(401, "wrong username or password; send the name and secret of a line `web api user` of the box, from an address that it allows")
			} else {
				b.request(r, path, body, "Authorization: Basic x").says(401, "send the header Authorization: Bearer TOKEN; POST /mbox/api/hotspot/auth gives the token")
				b.request(r, path, body, "Authorization: Bearer x").says(401, "the token is not one of this box; ask for another with POST /mbox/api/hotspot/auth")
				who := "none"
				if r.scope == auditRead {
					who = "users"
				}
				b.request(r, path, body, "Authorization: Bearer "+tokens[who]).says(403, "user "+who+" needs the scope "+string(r.scope)+" for this; name it in its line `web api user` on the box")
			}
			b.request(r, path+"?nosuch=1", body).want(400, "nosuch: is not a parameter here; known are ")
			b.request(r, path+"?a;b", body).says(400, "the query cannot be read; send %XX for what is no letter or digit, such as %26 for & and %3B for ;")
			if r.body == nil {
				b.request(r, path, "{}").says(400, "a body is not taken here; send none")
			} else {
				b.request(r, path, "").says(400, "the body is empty; send a JSON object")
				b.request(r, path, `{`).says(400, "the body ends before its JSON does; send all of it")
				b.request(r, path, `{]`).want(400, "the body is not JSON: at byte 1", "send a JSON object")
				b.request(r, path, `{"nosuch":1}`).want(400, "nosuch: is not known here; known are ")
				b.request(r, path, `{}`).want(400, "send ")
			}
			switch {
			case strings.Contains(r.path, "{id}"):
				b.request(r, path, body).says(404, "there is no user 123; GET /users?username=NAME shows the id of a user")
				b.request(r, fill(r, "x", "", ""), body).says(400, "id: expected the id of a user, a number; GET /users?username=NAME shows it")
			case strings.Contains(r.path, "{code}"):
				b.request(r, path, body).says(404, "there is no voucher CODE99999; GET /vouchers lists them")
				b.request(r, fill(r, "", "", "%00%2F"), body).want(404, "; GET /vouchers lists them")
			case strings.Contains(r.path, "/profiles/{name}"):
				b.request(r, path, body).says(404, "there is no profile winter; GET /profiles lists them")
			case strings.Contains(r.path, "{name}"):
				b.request(r, path, body).says(404, "there is no batch winter; GET /voucher-batches lists them")
				b.request(r, fill(r, "", "%00%2F", ""), body).want(404, "; GET /voucher-batches lists them")
			}
			if r.takesVersion() {
				b.request(r, fill(r, there, "", ""), body, `If-Match: "old"`).says(412, "the user was changed since the version that If-Match names; GET it again, and send the ETag of that answer")
			}
		})
	}
	b.TB = t
	b.get("/nosuch").says(404, "there is no such path; /mbox/api/openapi.json lists them")
}

// What a name, a value or a state does not allow is said by the name that it has in the request.
func TestRefusalsNameTheField(t *testing.T) {
	b := newBox(t)
	b.profile("guest")
	b.post("/users", object{"usertype": "pin", "username": "4711"}).want(201)
	id := b.post("/users", object{"usertype": "pin", "username": "4712"}).want(201).id()
	b.post("/voucher-batches", object{"name": "summer", "count": 1, "profile": "guest"}).want(201)
	long := strings.Repeat("x", 5000)
	for _, c := range []struct {
		path, body string
		status     int
		message    string
	}{
		{"/users", `{"usertype":"pin","username":"4711"}`, 409, "username: there is another user 4711 already; send another name"},
		{"/users/" + id, `{"username":"4711"}`, 409, "username: there is another user 4711 already; send another name"},
		{"/users", `{"username":"4713"}`, 400, "usertype: is missing or empty; send a string"},
		{"/users", `{"usertype":"guest","username":"4713"}`, 400, "usertype: expected user, mac or pin"},
		{"/users", `{"usertype":"user","username":"4713"}`, 400, "password: is missing; send one, which usertype user needs"},
		{"/users", `{"usertype":"pin","username":"4713","password":"x"}`, 400, "password: is not taken for usertype pin; leave it out"},
		{"/users", `{"usertype":"pin","username":"` + long + `"}`, 400, "username: must be 1 to 253 bytes long, is 5000"},
		{"/users", `{"usertype":"pin","username":"4713","zip":"` + long + `"}`, 400, "zip: must be 0 to 1024 bytes long, is 5000"},
		{"/users", `{"usertype":"pin","username":"4713","profiles":"nosuch"}`, 400, "profiles: there is no profile nosuch; GET /profiles lists them"},
		{"/users/" + id + "/actions/attach-profile", `{"profiles":"nosuch"}`, 400, "profiles: there is no profile nosuch; GET /profiles lists them"},
		{"/users/" + id + "/actions/detach-profile", `{"profiles":"guest"}`, 400, "profiles: 4712 does not have guest; send those that GET /users/{id} shows"},
		{"/user-access/" + id + "/actions/attach-access", `{"attributes":{}}`, 400, `attributes: names nothing to set; send at least one, such as {"Session-Timeout":3600}`},
		{"/user-access/" + id + "/actions/detach-access", `{"attributes":["Session-Timeout"]}`, 400, "attributes: 4712 does not have Session-Timeout; send those that GET /user-access/{id} shows"},
		{"/users/" + id + "/actions/add-quota", `{"mb":5,"minutes":5}`, 400, "send either mb or minutes, a number from 1 to 1000000000"},
		{"/users/" + id + "/actions/add-quota", `{"mb":-5}`, 400, "mb: expected a number from 1 to 1000000000"},
		{"/users/" + id + "/actions/add-quota", `{"mb":5,"note":"` + long + `"}`, 400, "note: must be 0 to 1024 bytes long, is 5000"},
		{"/vouchers/CODE00001/actions/add-quota", `{"mb":5}`, 409, "nobody uses the voucher now, and quota is added to a use; send it again when a guest has logged in with the code"},
		{"/voucher-batches", `{"name":"summer","count":1,"profile":"guest"}`, 409, "name: there is a batch summer already; send another name"},
		{"/voucher-batches", `{"name":"a b","count":1,"profile":"guest"}`, 400, "name: expected 1 to 64 letters, digits, _ or -"},
		{"/voucher-batches", `{"name":"` + long + `","count":1,"profile":"guest"}`, 400, "name: expected 1 to 64 letters, digits, _ or -"},
		{"/voucher-batches", `{"name":"winter","count":1,"profile":"nosuch"}`, 400, "profile: there is no profile nosuch; GET /profiles lists them"},
		{"/voucher-batches", `{"name":"winter","count":1,"profile":"guest","expires":"soon"}`, 400, "expires: expected a date or time such as 2025-07-22, 2025-07-22 08:33:50 or 2025-07-22T08:33:50Z"},
	} {
		b.post(c.path, c.body, "Idempotency-Key: wording").says(c.status, c.message)
	}
}

// A batch whose codes are in use already is not told that its name is.
func TestDrawnCodesInUse(t *testing.T) {
	b := newBox(t)
	b.profile("guest")
	b.update(func(tx *hotspotdb.Tx) error {
		return tx.AddBatch(hotspotdb.VoucherBatch{Name: "old", Profile: "guest", MaxUses: 1}, []string{"CODE00001"}, "test")
	})
	b.post("/voucher-batches", object{"name": "new", "count": 1, "profile": "guest"}).want(503, "a code that was drawn", "try again")
	b.post("/voucher-batches", object{"name": "new", "count": 1, "profile": "guest"}).want(201)
}
