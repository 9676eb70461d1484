package api

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"mbox/hotspotdb"
)

// sale is a guest who may be sold quota.
func sale(b *box) (id, path string) {
	b.Helper()
	id = b.post("/users", object{"usertype": "user", "username": "alice", "password": "wonderland"}).want(201).id()
	return id, "/users/" + id + "/actions/add-quota"
}

func (b *box) purchased(want int) *reply {
	b.Helper()
	r := b.get("/quota-purchase-report").want(200)
	if len(r.answer.Result) != want {
		b.Errorf("%d purchases, want %d: %s", len(r.answer.Result), want, r.body)
	}
	return r
}

// What is sold stands in the report, counts, and is in the audit log under the name of who sold it.
func TestSellQuota(t *testing.T) {
	b := newBox(t)
	id, path := sale(b)
	p := b.post(path, object{"mb": 500, "note": "pack M"}, "Idempotency-Key: till-1").want(200).one()
	if p["octets"] != 5e8 || p["seconds"] != 0.0 || p["by"] != "crm" || p["note"] != "pack M" || p["username"] != "alice" || fmt.Sprintf("%.0f", p["userid"]) != id {
		t.Errorf("%v", p)
	}
	b.post(path, object{"minutes": 90}, "Idempotency-Key: till-2").want(200)
	r := b.purchased(2)
	if r.answer.Result[0]["seconds"] != 5400.0 || r.answer.Result[1]["id"] != p["id"] {
		t.Errorf("%s", r.body)
	}
	a, err := b.db.Account("alice")
	if err != nil {
		t.Fatal(err)
	}
	if octets, seconds := b.db.Purchased(a.ID); octets != 5e8 || seconds != 5400 {
		t.Errorf("%d octets and %d seconds count", octets, seconds)
	}
	e := b.get("/audit").want(200).answer.Result[0]
	if e["object"] != "quota" || e["action"] != "added" || e["author"] != "crm" || e["from"] != "192.0.2.7" || e["via"] != "api" {
		t.Errorf("%v", e)
	}
}

// A request that comes again is not charged again: with a key, with the id of the request, at the same time, or at another box.
func TestSoldOnce(t *testing.T) {
	b := newBox(t)
	_, path := sale(b)
	first := b.post(path, object{"mb": 500}, "Idempotency-Key: a").want(200)
	again := b.post(path, object{"mb": 500}, "Idempotency-Key: a").want(200)
	if first.id() != again.id() || !strings.Contains(again.answer.Message, "before") || strings.Contains(first.answer.Message, "before") {
		t.Errorf("%s\n%s", first.body, again.body)
	}
	b.start()
	b.apply("web api", crm())
	b.post(path, object{"mb": 500}, "Idempotency-Key: a").want(200)
	b.purchased(1)

	b.post(path, object{"mb": 500}, "X-Request-Id: a").want(200)
	b.post(path, object{"mb": 500}, "X-Request-Id: a").want(200)
	b.purchased(2)

	b.still = true
	var replies [8]*reply
	var at sync.WaitGroup
	for i := range replies {
		at.Go(func() { replies[i] = b.post(path, object{"minutes": 5}, "Idempotency-Key: race") })
	}
	at.Wait()
	b.still = false
	for _, r := range replies {
		r.want(200)
	}
	b.purchased(3)

	other := newBox(t)
	_, elsewhere := sale(other)
	if got := other.post(elsewhere, object{"mb": 500}, "Idempotency-Key: a").want(200); got.id() != first.id() {
		t.Errorf("another box makes another purchase of the same request: %s and %s", got.id(), first.id())
	}
}

// A key belongs to one order of one program.
func TestKeysOfSales(t *testing.T) {
	b := newBox(t)
	id, path := sale(b)
	bob := b.post("/users", object{"usertype": "pin", "username": "bob"}).want(201).id()
	b.post(path, object{"mb": 500}, "Idempotency-Key: a").want(200)
	b.post(path, object{"mb": 501}, "Idempotency-Key: a").want(409, "another purchase")
	b.post(path, object{"minutes": 500}, "Idempotency-Key: a").want(409, "another purchase")
	b.post(path, object{"mb": 500, "note": "x"}, "Idempotency-Key: a").want(409, "another purchase")
	b.post("/users/"+bob+"/actions/add-quota", object{"mb": 500}, "Idempotency-Key: a").want(409, "another purchase")
	b.purchased(1)
	b.apply("web api", crm(), "web api user till secret "+verifier()+" scope quota:write")
	b.login("till")
	b.post(path, object{"mb": 500}, "Idempotency-Key: a").want(200)
	b.post("/users/"+id, object{"disabled": true}).want(403, "users:write")
	b.get("/quota-purchase-report").want(403, "quota:read")
	b.login("crm")
	b.purchased(2)

	b.apply("web api", "web api user reader secret "+verifier())
	b.login("reader")
	b.post(path, object{"mb": 500}, "Idempotency-Key: b").want(403, "quota:write")
}

func TestSalesThatAreRefused(t *testing.T) {
	b := newBox(t)
	id, path := sale(b)
	key := "Idempotency-Key: k"
	b.post(path, object{"mb": 500}).want(400, "Idempotency-Key")
	b.post(path, object{"mb": 500}, "X-Request-Id: no good").want(400, "Idempotency-Key")
	b.post(path, object{"mb": 500}, "Idempotency-Key: two words").want(400, "Idempotency-Key")
	b.post(path, object{"mb": 500}, "Idempotency-Key: "+strings.Repeat("k", maxKey+1)).want(400, "Idempotency-Key")
	for _, body := range []string{`{}`, `{"mb":1,"minutes":1}`, `{"mb":-1}`, `{"minutes":-5}`, `{"mb":1000000001}`, `{"mb":1.5}`, `{"mb":9223372036854775808}`, `{"mb":"1"}`, `{"note":"x"}`} {
		b.post(path, body, key).want(400)
	}
	b.post("/users/1/actions/add-quota", object{"mb": 1}, key).want(404)
	b.post(path, object{"mb": 1, "note": "a\nb"}, key).want(400, "note")

	tag := b.get("/users/" + id).want(200).header.Get("ETag")
	b.post("/users/"+id, object{"lastname": "Liddell"}).want(200)
	b.post(path, object{"mb": 1}, key, "If-Match: "+tag).want(412)
	b.purchased(0)
	b.post(path, object{"mb": 1}, key, "If-Match: "+b.get("/users/"+id).want(200).header.Get("ETag")).want(200)
	b.post("/users/"+id, object{"lastname": "Hargreaves"}).want(200)
	b.post(path, object{"mb": 1}, key, "If-Match: "+tag).want(200) // it was done before
	b.purchased(1)
}

// A voucher's quota goes to who uses it now, and its report is found by the code in any form; that of an account by its present name.
func TestSellQuotaToVoucher(t *testing.T) {
	b := newBox(t)
	b.profile("day")
	b.post("/voucher-batches", object{"name": "lobby", "count": 2, "profile": "day", "maxuses": 2}).want(201)
	b.post("/vouchers/CODE00001/actions/add-quota", object{"mb": 5}, "Idempotency-Key: v").want(409, "nobody uses")
	var use hotspotdb.VoucherUse
	b.update(func(tx *hotspotdb.Tx) (err error) {
		use, _, err = tx.Redeem("CODE00001", "3A-71-B4-E9-F7-99")
		return err
	})
	first := b.post("/vouchers/CODE00001/actions/add-quota", object{"mb": 5}, "Idempotency-Key: v").want(200).one()
	if fmt.Sprintf("%.0f", first["userid"]) != fmt.Sprint(use.ID) || first["username"] != "CODE00001" {
		t.Errorf("%v", first)
	}
	b.post("/vouchers/code-00001/actions/add-quota", object{"mb": 5}, "Idempotency-Key: v").want(200)
	b.post("/vouchers/CODE00002/actions/add-quota", object{"mb": 5}, "Idempotency-Key: v").want(409, "another purchase")
	b.post("/vouchers/CODE99999/actions/add-quota", object{"mb": 5}, "Idempotency-Key: w").want(404)
	b.purchased(1)

	id, path := sale(b)
	b.post(path, object{"mb": 7}, "Idempotency-Key: x").want(200)
	b.post("/users/"+id, object{"username": "alice2"}).want(200)
	for name, want := range map[string]int{"code-00001": 1, "alice2": 1, "alice": 1, "CODE00002": 0, "nobody": 0} {
		if r := b.get("/quota-purchase-report" + query("username", name)).want(200); len(r.answer.Result) != want {
			t.Errorf("%s: %d purchases, want %d", name, len(r.answer.Result), want)
		}
	}
}
