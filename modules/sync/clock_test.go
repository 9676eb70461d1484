package sync_test

import (
	"testing"
	"time"

	"mbox/boxtest"
	"mbox/hotspotdb"
)

// clocked is a pair that is in sync, both ways, before a clock goes wrong.
func clocked(t *testing.T) (primary, follower *boxtest.Box) {
	t.Helper()
	lan := boxtest.NewLAN(t)
	primary, follower = lan.Box("primary"), lan.Box("follower")
	for _, b := range []*boxtest.Box{primary, follower} {
		b.Built = time.Now().Add(-30 * 24 * time.Hour) // a real box knows when its software was built
		b.Shutdown()
		b.Start()
	}
	follower.Follow(primary, "send all", "accept all")
	primary.Add("before", 20)
	boxtest.InSync(primary, follower)
	return primary, follower
}

func has(b *boxtest.Box, name string) func() bool {
	return func() bool { _, err := b.DB.Account(name); return err == nil }
}

// A follower whose clock is a day ahead: what it writes waits at the primary, which says so; what the primary writes is taken
// as ever; and when the clock is right again everything merges.
func TestFollowerAheadOfTime(t *testing.T) {
	t.Parallel()
	primary, follower := clocked(t)
	follower.Ahead.Store(int64(24 * time.Hour))
	follower.Add("tomorrow", 3)
	primary.Add("today", 3)
	boxtest.Eventually(t, "today's account is on the follower", has(follower, "today0"))
	boxtest.Eventually(t, "tomorrow's are set aside", func() bool { return primary.DB.SetAsideCount() > 0 })
	primary.WaitState("downstream", "skewed")
	follower.WaitState("upstream", "skewed")
	if has(primary, "tomorrow0")() {
		t.Error("tomorrow's account is there already")
	}
	// The primary's clock stands for the day that passes.
	primary.Ahead.Store(int64(24 * time.Hour))
	boxtest.Eventually(t, "tomorrow's account merges", has(primary, "tomorrow0"))
	boxtest.InSync(primary, follower)
	if primary.Users() != 26 || follower.Users() != 26 {
		t.Errorf("%d and %d accounts", primary.Users(), follower.Users())
	}
}

// Clocks that are behind: what such a box writes is older than it is, but nothing of it is lost, and its edit of a record
// that it has seen wins, because it was made after it. One before the build date sets nothing aside.
func TestFollowerBehindTime(t *testing.T) {
	for name, behind := range map[string]time.Duration{"a day": 24 * time.Hour, "1970": time.Since(time.Unix(3600, 0))} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			primary, follower := clocked(t)
			follower.Ahead.Store(-int64(behind))
			follower.Add("yesterday", 3)
			err := follower.DB.Update(t.Context(), func(tx *hotspotdb.Tx) error {
				_, err := tx.EditAccount("before1", "test", func(e *hotspotdb.AccountEdit) error {
					e.Info = map[string]string{"firstname": "edited"}
					return nil
				})
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			boxtest.Eventually(t, "the accounts are on the primary", has(primary, "yesterday2"))
			boxtest.Eventually(t, "the edit wins", func() bool {
				a, err := primary.DB.Account("before1")
				return err == nil && a.Info["firstname"] == "edited"
			})
			primary.Add("today", 3)
			if behind > 300*24*time.Hour {
				boxtest.Eventually(t, "a box without a clock takes today's account", has(follower, "today2"))
			} else {
				boxtest.Eventually(t, "for the other it is tomorrow's", func() bool { return follower.DB.SetAsideCount() > 0 })
				follower.WaitState("upstream", "skewed")
			}
			follower.Ahead.Store(0)
			boxtest.Eventually(t, "today's account is on the follower", has(follower, "today2"))
			boxtest.InSync(primary, follower)
			if primary.Users() != 26 || follower.Users() != 26 || follower.DB.SetAsideCount() != 0 {
				t.Errorf("%d and %d accounts, %d set aside", primary.Users(), follower.Users(), follower.DB.SetAsideCount())
			}
		})
	}
}

// A clock that is stepped to and fro while writes go on loses nothing and leaves no two versions.
func TestSteppedClock(t *testing.T) {
	t.Parallel()
	primary, follower := clocked(t)
	steps := []time.Duration{time.Hour, -time.Hour, 24 * time.Hour, -48 * time.Hour, 0}
	const each = 5
	for i, step := range steps {
		follower.Ahead.Store(int64(step))
		follower.Add(string(rune('a'+i))+"-follower", each)
		primary.Add(string(rune('a'+i))+"-primary", each)
		err := follower.DB.Update(t.Context(), func(tx *hotspotdb.Tx) error {
			_, err := tx.EditAccount("before3", "test", func(e *hotspotdb.AccountEdit) error {
				e.Info = map[string]string{"firstname": step.String()}
				return nil
			})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	// Its edits were stamped a day ahead by then, and each later one is greater still: they come when the day has passed.
	both := int64(25 * time.Hour)
	primary.Ahead.Store(both)
	follower.Ahead.Store(both)
	want := 20 + 2*each*len(steps)
	boxtest.Eventually(t, "all accounts are on both", func() bool { return primary.Users() == want && follower.Users() == want })
	boxtest.InSync(primary, follower)
	a, err := primary.DB.Account("before3")
	if err != nil || a.Info["firstname"] != "0s" {
		t.Errorf("the last edit is not there: %v, %v", a.Info, err)
	}
	if n := primary.DB.ConflictCount() + follower.DB.ConflictCount(); n != 0 {
		t.Errorf("%d conflicts though one box made all edits", n)
	}
}

// Tokens live by the wall clocks of the process that issues and checks them: a follower's own clock, right or wrong, does
// not keep it from reconnecting.
func TestReconnectWithWrongClock(t *testing.T) {
	t.Parallel()
	primary, follower := clocked(t)
	for _, step := range []time.Duration{24 * time.Hour, -24 * time.Hour} {
		follower.Ahead.Store(int64(step))
		primary.Shutdown()
		primary.Start()
		boxtest.Eventually(t, "the follower is connected again", func() bool {
			state := follower.Status("upstream").State
			return state == "in-sync" || state == "skewed"
		})
	}
}
