package boxtest_test

import (
	"fmt"
	"testing"

	"mbox/boxtest"
	"mbox/hotspotdb"
)

// A tree of boxes as in docs/scaling.md: the centre serves two regions, each of them two branches. What the centre writes
// reaches every branch; what a branch writes reaches the centre and all other branches; and when a region burns down, its
// branches go to the other one by themselves and nothing is lost.
func TestTree(t *testing.T) {
	lan := boxtest.NewLAN(t)
	centre := lan.Box("centre")
	regions := []*boxtest.Box{lan.Box("region1"), lan.Box("region2")}
	var branches []*boxtest.Box
	const both = "accept sessions users"
	for _, r := range regions {
		r.Follow(centre, "send sessions users", both)
	}
	for i := range 4 {
		b := lan.Box(fmt.Sprintf("branch%d", i+1))
		own, other := regions[i/2], regions[1-i/2]
		other.Must(fmt.Sprintf("mbox sync allow %s %s", b.Addr, both))
		b.Follow(own, "send sessions users", both)
		b.Must(b.FollowLine(other, "send sessions users")) // in reserve
		branches = append(branches, b)
	}
	everybody := append(append([]*boxtest.Box{centre}, regions...), branches...)

	centre.Add("guest", 500)
	for i, b := range branches {
		b.Add(fmt.Sprintf("walkin%d-", i), 10)
	}
	equal(t, everybody, 540)

	regions[0].Shutdown()
	centre.Add("late", 5)
	branches[0].Add("alone", 5)
	rest := append([]*boxtest.Box{centre, regions[1]}, branches...)
	equal(t, rest, 550)

	regions[0].Start()
	equal(t, everybody, 550)
}

// equal waits until all boxes hold so many accounts, and the same.
func equal(t *testing.T, boxes []*boxtest.Box, users int) {
	t.Helper()
	boxtest.Eventually(t, fmt.Sprintf("%d accounts on %d boxes", users, len(boxes)), func() bool {
		for _, b := range boxes {
			if b.Users() != users || b.Digest(hotspotdb.Users) != boxes[0].Digest(hotspotdb.Users) {
				return false
			}
		}
		return true
	})
}
