package swarm_test

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"mbox/boxtest"
	"mbox/boxtest/swarm"
	"mbox/hotspotdb"
)

// So many followers that their feeds move in step: each receives every change exactly once, live and after a restart of the
// primary, and comes back with its token.
func TestSwarm(t *testing.T) {
	const followers = 40
	primary := boxtest.NewLAN(t).Box("primary")
	primary.Must("mbox sync allow 127.0.0.0/8")
	primary.Add("guest", 50)
	s, err := swarm.Start(swarm.Config{
		Primary: primary.ListenAddr(), Account: "mboxadmin", Password: boxtest.Password, Followers: followers,
		Source: func(i int) netip.Addr { return netip.AddrFrom4([4]byte{127, 3, 0, byte(i)}) }, Datasets: []string{"profiles", "users"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	arrive := func() {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := s.Await(ctx, map[string]uint64{"users": primary.DB.Head(hotspotdb.Users)}); err != nil {
			t.Fatalf("%v; %+v", err, s.Counters())
		}
	}
	arrive()

	s.Record()
	before := primary.DB.Head(hotspotdb.Users)
	for i := range 10 {
		primary.Add(fmt.Sprintf("live%d-", i), 5)
	}
	arrive()
	primary.Shutdown()
	primary.Start()
	primary.Add("restarted", 5)
	arrive()

	want, err := s.Sum(primary.DB, hotspotdb.Users, before)
	if err != nil {
		t.Fatal(err)
	}
	arrivals, sums := s.Recorded()
	for i, sum := range sums {
		if sum != want || len(arrivals[i]) == 0 {
			t.Errorf("follower %d did not receive each change exactly once", i)
		}
	}
	if c := s.Counters(); c.Malformed > 0 || c.BySCRAM != followers || c.ByToken != followers {
		t.Errorf("%+v", c)
	}
}
