package api

import (
	"fmt"
	"slices"
	"testing"
)

// A search looks at the username and the user info, together with the other filters, and is paged as any list.
func TestSearchUsers(t *testing.T) {
	b := newBox(t)
	b.profile("crew")
	var ids []string
	for i := range 25 {
		u := object{"usertype": "pin", "username": fmt.Sprintf("guest%02d", i), "company": "Looking-Glass Ltd", "disabled": i%5 == 0}
		if i%2 == 0 {
			u["profiles"], u["lastname"] = "crew", fmt.Sprintf("Liddell %d", i)
		}
		ids = append(ids, b.post("/users", u).want(201).id())
	}
	slices.Sort(ids)
	for path, want := range map[string]int{
		"/users?search=GUEST1": 10, "/users?search=liddell": 13, "/users?search=glass": 25, "/users?search=glass&disabled=true": 5,
		"/users?search=liddell&profile=crew&disabled=true": 3, "/users?search=liddell&profile=none": 0, "/users?search=nobody": 0,
		"/users?search=liddell&username=guest02": 1, "/users?search=liddell&username=guest01": 0, "/profiles/crew/users?search=guest1": 5,
		"/users?search=glass&usertype=mac": 0,
	} {
		if r := b.get(path).want(200); len(r.answer.Result) != want || !*r.answer.IsLastPage {
			t.Errorf("%s: %d users, want %d", path, len(r.answer.Result), want)
		}
	}
	var paged, walked []string
	for page := 1; page <= 5; page++ {
		r := b.get(fmt.Sprintf("/users?search=glass&perPage=5&page=%d", page)).want(200)
		if paged = append(paged, r.ids()...); *r.answer.IsLastPage != (page == 5) {
			t.Errorf("page %d: last is %v", page, *r.answer.IsLastPage)
		}
	}
	for after := "0"; ; after = walked[len(walked)-1] {
		path := "/users?search=glass&perPage=10"
		if after != "0" {
			path += "&after=" + after
		}
		r := b.get(path).want(200)
		if walked = append(walked, r.ids()...); *r.answer.IsLastPage {
			break
		}
	}
	slices.Sort(paged)
	slices.Sort(walked)
	if !slices.Equal(paged, ids) || !slices.Equal(walked, ids) {
		t.Errorf("pages have %d users, the walk %d, want %d", len(paged), len(walked), len(ids))
	}
}
