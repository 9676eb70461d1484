package sync

import (
	"log/slog"
	"testing"
	"time"

	"mbox/proto/syncpb"
)

// kept is a keyring that holds one domain and no keys.
type kept struct{ domain Domain }

func (k *kept) Domain() Domain                           { return k.domain }
func (k *kept) Keys() []DomainKey                        { return nil }
func (k *kept) Merge([]DomainKey) error                  { return nil }
func (k *kept) Adopt(theirs Domain, _ []DomainKey) error { k.domain = theirs; return nil }
func (k *kept) Drop([]uint32) error                      { return nil }
func (k *kept) Changed() <-chan struct{}                 { return nil }

// Of two boxes that follow each other the older domain stays, whoever connects first; a mere follower joins its primary's.
func TestTheOlderDomainStays(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
	for name, c := range map[string]struct {
		own, theirs int
		mutual      bool
		joins       bool
	}{
		"ours is older":                       {1, 2, true, false},
		"theirs is older":                     {2, 1, true, true},
		"ours is older, but they do not care": {1, 2, false, true},
	} {
		ring := &kept{Domain{ID: [16]byte{byte(c.own)}, Created: day(c.own)}}
		d := &domain{ring: ring, log: slog.New(slog.DiscardHandler)}
		err := d.FromPrimary(&syncpb.Welcome{FollowsYou: c.mutual, Domain: &syncpb.Domain{
			Id: append([]byte{byte(c.theirs)}, make([]byte, 15)...), CreatedUs: day(c.theirs).UnixMicro(), DigestKey: make([]byte, 16),
		}}, true)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if joined := ring.domain.ID[0] == byte(c.theirs); joined != c.joins {
			t.Errorf("%s: joins %v", name, joined)
		}
	}
}
