package api

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"mbox/hotspotdb"
)

// FuzzBody sends any body to every route that takes one: the answer is as the document says, never a fault of the program, and
// what is refused changes nothing.
func FuzzBody(f *testing.F) {
	b := newBox(f)
	b.profile("day")
	id := b.post("/users", object{"usertype": "user", "username": "alice", "password": "wonderland"}).want(201).id()
	var paths []string
	for _, r := range routes() {
		if r.body != nil && r.path != authPath {
			paths = append(paths, strings.NewReplacer("{id}", id).Replace(r.path))
		}
	}
	for _, seed := range []string{
		`{"usertype":"user","username":"bob","password":"builder","profiles":"day","expires":"2030-01-01"}`, `{"disabled":true,"zip":"1"}`,
		`{"profiles":"day"}`, `{"attributes":{"Session-Timeout":60,"Login-Time":"Al"}}`, `{"attributes":["Session-Timeout"]}`,
		`{"name":"b","count":2,"profile":"day","maxuses":3}`, `{"a":1,"a":2}`, `{"username":null}`, "", "[]", `{"x":` + nested(50) + `}`, "\xff", `{"usertype":"mac","username":"1\u0000"} x`,
	} {
		for i := range paths {
			f.Add(uint8(i), seed)
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, body string) {
		b.TB = t
		before := b.db.View()
		defer before.Close()
		b.advance(time.Second)
		r := b.post(paths[int(which)%len(paths)], body)
		if r.status >= 500 {
			t.Errorf("status %d: %s", r.status, r.body)
		}
		after := b.db.View()
		defer after.Close()
		if changed := before.Seq != after.Seq; changed && r.status >= 300 {
			t.Errorf("status %d, but something was stored", r.status)
		}
		b.renew()
	})
}

// FuzzQuery asks every list with any query.
func FuzzQuery(f *testing.F) {
	b := newBox(f)
	b.post("/users", object{"usertype": "pin", "username": "4711"}).want(201)
	var paths []string
	for _, r := range routes() {
		if r.paged {
			paths = append(paths, strings.NewReplacer("{name}", "day").Replace(r.path))
		}
	}
	for _, seed := range []string{
		"page=1&perPage=10", "username=%00", "startTime=2025-07-22&endTime=2025-07-22+10:00:00", "macaddress=3A-71-B4-E9-F7-99", "a=b;c", "%zz",
		"page=1000000&perPage=1000", "disabled=true&search=x&after=7", "state=unused&after=A", "startTime=9999-12-31T23:59:59Z", "reply=Access-Accept",
	} {
		for i := range paths {
			f.Add(uint8(i), seed)
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, query string) {
		b.TB = t
		if strings.ContainsAny(query, "# ") || strings.ContainsFunc(query, func(r rune) bool { return r < 0x21 || r > 0x7e }) {
			t.Skip("no request line can have it")
		}
		if _, err := url.Parse("http://x/?" + query); err != nil {
			t.Skip("no URL can have it")
		}
		b.advance(time.Second)
		if r := b.get(paths[int(which)%len(paths)] + "?" + query); r.status >= 500 {
			t.Errorf("status %d: %s", r.status, r.body)
		}
		b.renew()
	})
}

// renew takes another token when the clock has gone far.
func (b *box) renew() {
	if r := b.get("/profiles"); r.status == http.StatusUnauthorized {
		b.login("crm")
	}
}

// decode and package json agree on what is JSON: nothing that is refused there is taken here.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{`{"zip":"1"}`, `{"zip":"1","zip":"2"}`, `{"zip" "1"}`, `{"zip":"1",}`, `{,}`, `{"zip":"\ud800"}`, `{"zip":01}`, "{}{}", `{"zip":"1"}]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var mine, theirs updateUser
		if decode(data, &mine) != nil {
			return
		}
		if err := json.Unmarshal(data, &theirs); err != nil {
			t.Errorf("%q is taken, but package json says %v", data, err)
		}
	})
}

// Of many changes that were made for one version, exactly one is applied; of those that name none, each field is kept.
func TestConcurrentChanges(t *testing.T) {
	b := newBox(t)
	r := b.post("/users", object{"usertype": "pin", "username": "4711"}).want(201)
	path, tag := base+"/users/"+r.id(), r.header.Get("ETag")
	ask := func(body, tag string) int {
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
		r.RemoteAddr = b.from
		r.Header.Set("Authorization", "Bearer "+b.token)
		r.Header.Set("Content-Type", "application/json")
		if tag != "" {
			r.Header.Set("If-Match", tag)
		}
		w := httptest.NewRecorder()
		b.handler.ServeHTTP(w, r)
		return w.Code
	}
	var mu sync.Mutex // guards counts
	counts := map[int]int{}
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			status := ask(`{"zip":"`+string(rune('a'+i))+`"}`, tag)
			mu.Lock()
			defer mu.Unlock()
			counts[status]++
		})
	}
	group.Wait()
	if counts[200] != 1 || counts[412] != 19 {
		t.Errorf("statuses %v", counts)
	}
	for _, name := range hotspotdb.InfoFields {
		group.Go(func() { ask(`{"`+name+`":"`+name+`"}`, "") })
	}
	group.Wait()
	a, err := b.db.Account("4711")
	for _, name := range hotspotdb.InfoFields {
		if a.Info[name] != name {
			t.Errorf("%s is %q, %v", name, a.Info[name], err)
		}
	}
}
