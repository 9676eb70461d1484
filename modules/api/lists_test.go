package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"mbox/hotspotdb"
)

// segment stores a session that began at a time; a stop of zero leaves it active.
func (b *box) segment(s hotspotdb.Segment, stop time.Time) {
	b.Helper()
	b.update(func(tx *hotspotdb.Tx) error {
		opened, err := tx.OpenSegment(s)
		if err != nil || stop.IsZero() {
			return err
		}
		return tx.CloseSegment(opened.ID, "User-Request", stop)
	})
}

// Sessions have the fields of the original: input is what the user received, times are the box's.
func TestSessionFields(t *testing.T) {
	b := newBox(t)
	a := b.post("/users", object{"usertype": "pin", "username": "4711", "firstname": "Alice", "lastname": "Liddell"}).want(201)
	account, err := b.db.Account("4711")
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2025, 7, 22, 0, 33, 50, 0, time.UTC)
	s := hotspotdb.Segment{
		Account: account.ID, Username: "4711", Hotspot: "vessel-1", NAS: "ap1", AcctSessionID: "s1", MAC: "3a-71-b4-e9-f7-99",
		CalledStationID: "AA-BB:guest", IPAddress: "192.168.80.17", Start: start, Number: 1,
		InputOctetsFrom: 10, InputOctetsTo: 110, OutputOctetsFrom: 1000, OutputOctetsTo: 9000, SessionTimeTo: 60,
	}
	b.segment(s, start.Add(time.Minute))
	s.AcctSessionID = "s2"
	b.segment(s, time.Time{})
	one := b.get("/historical-sessions").want(200).one()
	for field, want := range map[string]any{
		"hotspot": "vessel-1", "username": "4711", "nas": "ap1", "macaddress": "3A-71-B4-E9-F7-99", "calledstationid": "AA-BB:guest",
		"ipaddress": "192.168.80.17", "acctstarttime": "2025-07-22 08:33:50", "acctstoptime": "2025-07-22 08:34:50", "acctsessiontime": 60.0,
		"acctinputoctets": 8000.0, "acctoutputoctets": 100.0, "acctterminatecause": "User-Request",
	} {
		if one[field] != want {
			t.Errorf("%s is %v, want %v", field, one[field], want)
		}
	}
	one = b.get("/online-sessions").want(200).one()
	for field, want := range map[string]any{
		"starttime": "2025-07-22 08:33:50", "totaltime": 60.0, "traffic": 8100.0, "name": "Alice Liddell", "acctinputoctets": 8000.0,
	} {
		if one[field] != want {
			t.Errorf("online: %s is %v, want %v", field, one[field], want)
		}
	}
	b.ask("DELETE", "/users/"+a.id(), nil).want(200)
	if one := b.get("/online-sessions").want(200).one(); one["name"] != nil || one["username"] != "4711" {
		t.Errorf("of a deleted account: %v", one)
	}
}

// Sessions come newest first, filtered by each of the fields and by whole days and seconds, and pages have each once.
func TestSessionLists(t *testing.T) {
	b := newBox(t)
	day := time.Date(2025, 7, 21, 16, 0, 0, 0, time.UTC) // midnight in the zone of the box
	for i := range 48 {
		s := hotspotdb.Segment{
			Username: fmt.Sprintf("user%d", i%3), Hotspot: fmt.Sprintf("h%d", i%2), NAS: fmt.Sprintf("n%d", i%4), AcctSessionID: fmt.Sprint(i),
			MAC: fmt.Sprintf("3A-71-B4-E9-F7-%02X", i%6), IPAddress: fmt.Sprintf("10.0.0.%d", i%8), CalledStationID: fmt.Sprintf("c%d", i%12),
			Start: day.Add(time.Duration(i/2) * 90 * time.Minute).Add(500 * time.Millisecond),
		}
		stop := time.Time{}
		if i%2 == 0 {
			stop = s.Start.Add(time.Minute)
		}
		b.segment(s, stop)
	}
	count := func(path string, want int) {
		t.Helper()
		r := b.get(path).want(200)
		if len(r.answer.Result) != want {
			t.Errorf("%s: %d sessions, want %d", path, len(r.answer.Result), want)
		}
		times := append(r.each("acctstarttime"), r.each("starttime")...)
		if !slices.IsSortedFunc(slices.DeleteFunc(times, func(s string) bool { return s == "<nil>" }), func(a, b string) int { return strings.Compare(b, a) }) {
			t.Errorf("%s: not newest first: %v", path, times)
		}
	}
	count("/historical-sessions", 24)
	count("/online-sessions", 24)
	count("/historical-sessions"+query("username", "user0"), 8)
	count("/historical-sessions"+query("hotspot", "h0"), 24)
	count("/historical-sessions"+query("hotspot", "h1"), 0)
	count("/online-sessions"+query("hotspot", "h1"), 24)
	count("/historical-sessions"+query("nas", "n2"), 12)
	count("/historical-sessions"+query("macaddress", "3a:71:b4:e9:f7:02"), 8)
	count("/historical-sessions"+query("ipaddress", "10.0.0.4"), 6)
	count("/historical-sessions"+query("calledstationid", "c4"), 4)
	count("/historical-sessions"+query("search", "USER0"), 8)
	count("/historical-sessions"+query("search", "f7-02"), 8)
	count("/historical-sessions"+query("search", "10.0.0.4"), 6)
	count("/historical-sessions"+query("search", "C4"), 4)
	count("/online-sessions"+query("search", "H1"), 24)
	count("/online-sessions"+query("search", "nothing"), 0)
	count("/historical-sessions"+query("startTime", "2025-07-23"), 8)
	count("/historical-sessions"+query("endTime", "2025-07-22"), 16)
	count("/historical-sessions"+query("startTime", "2025-07-22", "endTime", "2025-07-22"), 16)
	count("/historical-sessions"+query("startTime", "2025-07-22 01:30:00", "endTime", "2025-07-22 03:00:00"), 2)
	count("/historical-sessions"+query("startTime", "2025-07-21T17:30:00Z", "endTime", "2025-07-22T03:00:00"), 2)
	count("/historical-sessions"+query("endTime", "2025-07-22 01:30:00", "startTime", "2025-07-22 01:30:00"), 1)
	var ids []string
	for page := 1; page <= 5; page++ {
		r := b.get("/historical-sessions" + query("perPage", "5", "page", fmt.Sprint(page))).want(200)
		ids = append(ids, r.each("radacctid")...)
		if *r.answer.IsLastPage != (page == 5) {
			t.Errorf("page %d: last is %v", page, *r.answer.IsLastPage)
		}
	}
	if slices.Sort(ids); len(slices.Compact(ids)) != 24 {
		t.Errorf("the pages have %d sessions", len(ids))
	}
	for path, want := range map[string]string{
		"/historical-sessions?startTime=yesterday":       "startTime: expected a date or time",
		"/historical-sessions?startTime=2025-02-30":      "startTime",
		"/historical-sessions?startTime=0001-01-01":      "startTime",
		"/historical-sessions?macaddress=x":              "macaddress: expected a MAC address",
		"/historical-sessions?reply=x":                   "reply: is not a parameter here",
		"/historical-sessions?page=1000000&perPage=1000": "page: is too far",
		"/login-attempts?page=100&perPage=1000":          "page: is too far",
		"/login-attempts?reply=maybe":                    "reply: expected one of Access-Accept, Access-Reject",
	} {
		b.get(path).want(400, want)
	}
}

func TestLoginAttempts(t *testing.T) {
	b := newBox(t)
	for i := range 10 {
		b.advance(time.Second)
		b.db.RecordAttempt(hotspotdb.Attempt{
			Username: fmt.Sprintf("user%d", i%2), Accepted: i%5 == 0, Reason: "password", Reply: "Wrong password", MAC: "3A-71-B4-E9-F7-99", NAS: "ap1",
			Hotspot: "h1", CalledStationID: fmt.Sprintf("c%d", i%2),
		})
	}
	r := b.get("/login-attempts").want(200)
	if len(r.answer.Result) != 10 || r.answer.Result[0]["username"] != "user1" || r.answer.Result[9]["reply"] != "Access-Accept" {
		t.Errorf("%s", r.body)
	}
	for pairs, want := range map[string]int{
		"reply=Access-Accept": 2, "reply=Access-Reject": 8, "username=user0": 5, "nas=ap1": 10, "nas=ap2": 0, "hotspot=h1": 10,
		"macaddress=3a71b4e9f799": 10, "calledstationid=c1": 5, "search=USER1": 5, "search=f7-99": 10, "search=wrong+pass": 10,
		"search=c0&reply=Access-Accept": 1, "search=c2": 0, "perPage=3": 3, "perPage=3&page=4": 1, "startTime=2099-01-01": 0,
	} {
		if r := b.get("/login-attempts?" + pairs).want(200); len(r.answer.Result) != want {
			t.Errorf("%s: %d attempts, want %d", pairs, len(r.answer.Result), want)
		}
	}
}

// Purchases and the audit log: who changed what through the API is named with his address.
func TestPurchasesAndAudit(t *testing.T) {
	b := newBox(t)
	id := b.post("/users", object{"usertype": "user", "username": "alice", "password": "wonderland", "email": "a@example.com"}).want(201).id()
	b.update(func(tx *hotspotdb.Tx) error {
		for range 3 {
			if _, err := tx.AddPurchase(hotspotdb.Purchase{Username: "alice", Octets: 5e8, Seconds: 3600, By: "till", Note: "pack M"}); err != nil {
				return err
			}
		}
		return nil
	})
	r := b.get("/quota-purchase-report?username=alice&perPage=2").want(200)
	if p := r.answer.Result[0]; len(r.answer.Result) != 2 || *r.answer.IsLastPage || p["octets"] != 5e8 || p["seconds"] != 3600.0 || p["by"] != "till" || fmt.Sprintf("%.0f", p["userid"]) != id {
		t.Errorf("%s", r.body)
	}
	b.post("/users/"+id, object{"disabled": true, "password": "looking-glass", "email": "b@example.com"}).want(200)
	r = b.get("/audit?author=crm").want(200)
	if len(r.answer.Result) != 2 {
		t.Fatalf("%s", r.body)
	}
	e := r.answer.Result[0]
	if e["author"] != "crm" || e["from"] != "192.0.2.7" || e["via"] != "api" || e["object"] != "user" || e["name"] != "alice" || fmt.Sprintf("%.0f", e["userid"]) != id {
		t.Errorf("entry %v", e)
	}
	for _, private := range []string{"wonderland", "looking-glass", "a@example.com", "b@example.com"} {
		if strings.Contains(string(r.body), private) {
			t.Errorf("the audit log has %q", private)
		}
	}
	if n := len(b.get("/audit?username=alice").want(200).answer.Result); n < 3 {
		t.Errorf("%d entries about alice", n)
	}
}

func TestProfiles(t *testing.T) {
	b := newBox(t)
	b.update(func(tx *hotspotdb.Tx) error {
		return tx.AddProfile(hotspotdb.Profile{Name: "crew", Description: "The crew", Attributes: []hotspotdb.Attribute{{Name: "CS-Total-MB-Weekly", Value: "500"}}}, "test")
	})
	b.profile("a", "b", "c")
	r := b.get("/profiles?perPage=3").want(200)
	if fmt.Sprint(r.each("groupname")) != "[a b c]" || *r.answer.IsLastPage {
		t.Errorf("%s", r.body)
	}
	r = b.get("/profiles?perPage=3&page=2").want(200)
	if p := r.one(); p["groupname"] != "crew" || p["description"] != "The crew" || fmt.Sprint(p["attributes"]) != "map[CS-Total-MB-Weekly:500]" || !*r.answer.IsLastPage {
		t.Errorf("%s", r.body)
	}
	b.get("/profiles/nosuch/users").want(404, "nosuch")
}

func TestVouchers(t *testing.T) {
	b := newBox(t)
	b.profile("day")
	r := b.post("/voucher-batches", object{"name": "summer", "count": 5, "profile": "day", "validity": 86400, "expires": "2030-12-31", "note": "lobby"}).want(201)
	made := r.one()
	codes := made["codes"].([]any)
	if len(codes) != 5 || made["expires"] != "2031-01-01 00:00:00" || made["maxuses"] != 1.0 || made["validity"] != 86400.0 || made["createdby"] != "crm" {
		t.Errorf("%s", r.body)
	}
	if got := r.header.Get("Location"); got != base+"/voucher-batches/summer" {
		t.Errorf("location %q", got)
	}
	b.get("/voucher-batches/summer").want(200)
	b.get("/voucher-batches/winter").want(404)
	b.update(func(tx *hotspotdb.Tx) error {
		_, _, err := tx.Redeem(codes[0].(string), "3A-71-B4-E9-F7-99")
		return err
	})
	one := b.get("/vouchers/" + strings.ToLower(codes[0].(string))).want(200).one()
	if use := one["uses"].([]any); one["state"] != "used-up" || len(use) != 1 || use[0].(map[string]any)["macaddress"] != "3A-71-B4-E9-F7-99" {
		t.Errorf("used: %v", one)
	}
	if one := b.post("/vouchers/"+codes[1].(string)+"/actions/disable", "{}", "Content-Type: ").status; one != 400 {
		t.Errorf("a body where none belongs: %d", one)
	}
	if one := b.ask("POST", "/vouchers/"+codes[1].(string)+"/actions/disable", nil).want(200).one(); one["state"] != "disabled" {
		t.Errorf("disabled: %v", one)
	}
	for q, want := range map[string]int{"": 5, "?state=disabled": 1, "?state=unused": 3, "?batch=winter": 0, "?perPage=2&page=3": 1, "?after=" + codes[2].(string): 2} {
		if r := b.get("/vouchers" + q).want(200); len(r.answer.Result) != want {
			t.Errorf("%s: %d vouchers, want %d", q, len(r.answer.Result), want)
		}
	}
	if r := b.get("/vouchers?perPage=2").want(200); *r.answer.IsLastPage {
		t.Error("the first page of three is the last")
	}
	b.ask("POST", "/vouchers/"+codes[1].(string)+"/actions/enable", nil).want(200)
	if got := b.ask("POST", "/voucher-batches/summer/actions/disable", nil).want(200).one(); got["disabled"] != true {
		t.Errorf("batch: %v", got)
	}
	if r := b.get("/vouchers?state=disabled").want(200); len(r.answer.Result) != 5 {
		t.Errorf("%d vouchers are disabled with their batch", len(r.answer.Result))
	}
	b.ask("POST", "/voucher-batches/summer/actions/enable", nil).want(200)
	for body, want := range map[string]string{
		`{"name":"x","count":0,"profile":"day"}`:                        "count",
		`{"name":"x","count":10001,"profile":"day"}`:                    "count: expected a number from 1 to 10000",
		`{"name":"x","count":1e2,"profile":"day"}`:                      "count: expected a whole number",
		`{"name":"x","count":1,"profile":"nosuch"}`:                     "no profile nosuch",
		`{"name":"x","count":1}`:                                        "profile: is missing",
		`{"name":"x y","count":1,"profile":"day"}`:                      "name",
		`{"name":"x","count":1,"profile":"day","validity":-1}`:          "validity",
		`{"name":"x","count":1,"profile":"day","validity":9e18}`:        "validity",
		`{"name":"x","count":1,"profile":"day","maxuses":-1}`:           "maxuses",
		`{"name":"x","count":1,"profile":"day","expires":"31.12.2030"}`: "expires",
		`{"name":"x","count":99999999999999999999,"profile":"day"}`:     "count",
	} {
		b.post("/voucher-batches", body).want(400, want)
	}
	b.post("/voucher-batches", object{"name": "summer", "count": 1, "profile": "day"}).want(409, "summer")
	if r := b.get("/vouchers").want(200); len(r.answer.Result) != 5 {
		t.Errorf("a refused batch left vouchers: %d", len(r.answer.Result))
	}
}

// Long lists are read a few at a time; who waits too long is told.
func TestScansWait(t *testing.T) {
	b := newBox(t)
	for range maxScans {
		b.m.scans <- struct{}{}
	}
	b.get("/users").want(200) // reads only its page
	done := make(chan *reply, 1)
	go func() { done <- b.get("/historical-sessions") }()
	<-b.m.scans
	(<-done).want(200)
}

// Who reads a long list does not read another one at the same time; others have their turn meanwhile.
func TestScansOfOneUser(t *testing.T) {
	b := newBox(t)
	scan := func(name string, ctx context.Context, read func() error) error {
		c := &call{Module: b.m, user: &apiUser{name: name}, r: httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil)}
		return c.scan(read)
	}
	over, stop := context.WithCancel(t.Context())
	stop()
	read := 0
	err := scan("crm", t.Context(), func() error {
		if err := scan("crm", over, func() error { read++; return nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("a second list of the same user: %v", err)
		}
		return scan("reader", t.Context(), func() error { read += 10; return nil })
	})
	if err != nil || read != 10 {
		t.Errorf("read %d, %v", read, err)
	}
}

// Counters that add up to more than 64 bits are shown as the greatest number, not as a small one.
func TestTrafficDoesNotWrap(t *testing.T) {
	b := newBox(t)
	b.segment(hotspotdb.Segment{
		Username: "alice", NAS: "ap1", AcctSessionID: "s", Start: b.now(), Number: 1, InputOctetsTo: 1 << 63, OutputOctetsTo: 1 << 63,
	}, time.Time{})
	if one := b.get("/online-sessions").want(200).one(); one["traffic"].(float64) < 1<<63 {
		t.Errorf("traffic %v", one["traffic"])
	}
}
