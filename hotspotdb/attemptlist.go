package hotspotdb

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"mbox/proto/hotspotpb"
)

// AttemptFilter selects login attempts. The zero filter selects all.
type AttemptFilter struct {
	Username        string
	Named           func(username string) bool // nil: whatever it is
	MAC             string                     // in any of its forms
	NAS             string
	Hotspot         string
	Reply           string
	CalledStationID string
	Match           string // part of any of these texts, in any case
	Accepted        *bool
	Since, Until    time.Time // from the one up to, but not including, the other; zero: no limit
	Limit           int       // the newest so many; 0: no limit
}

// Attempts lists login attempts of all boxes, the newest first. Those that wait to be stored here are stored first.
func (db *DB) Attempts(ctx context.Context, f AttemptFilter) ([]Attempt, error) {
	if f.MAC != "" {
		mac, err := ParseMAC(f.MAC)
		if err != nil {
			return nil, err
		}
		f.MAC = FormatMAC(mac)
	}
	f.Match = strings.ToLower(f.Match)
	if !db.opts.ReadOnly {
		if err := db.storeAttempts(ctx); err != nil {
			return nil, fmt.Errorf("list login attempts: %w", err)
		}
	}
	list := []Attempt{}
	view := db.View()
	defer view.Close()
	err := view.scanLive(ctx, Audit, KindAttempt, func(c *Change) error {
		var pb hotspotpb.Attempt
		if err := unmarshal(c, &pb); err != nil {
			return err
		}
		if !f.selects(&pb) {
			return nil
		}
		if list = append(list, attemptOf(c.Key, &pb)); f.Limit > 0 && len(list) >= 2*f.Limit+1024 {
			list = newestAttempts(list, f.Limit)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list login attempts: %w", err)
	}
	return newestAttempts(list, f.Limit), nil
}

func (f *AttemptFilter) selects(pb *hotspotpb.Attempt) bool {
	matched := f.Match == ""
	for _, p := range [][2]string{
		{f.Username, pb.Username}, {f.MAC, pb.Mac}, {f.NAS, pb.Nas}, {f.Hotspot, pb.Hotspot}, {f.Reply, pb.Reply},
		{f.CalledStationID, pb.CalledStationId},
	} {
		if p[0] != "" && p[0] != p[1] {
			return false
		}
		matched = matched || strings.Contains(strings.ToLower(p[1]), f.Match)
	}
	return matched && (f.Named == nil || f.Named(pb.Username)) && (f.Accepted == nil || *f.Accepted == pb.Accepted) && within(micros(pb.AtUs), f.Since, f.Until)
}

func newestAttempts(list []Attempt, limit int) []Attempt {
	slices.SortStableFunc(list, func(a, b Attempt) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.Username, b.Username)) })
	if limit > 0 && len(list) > limit {
		return list[:limit]
	}
	return list
}

func attemptOf(key []byte, pb *hotspotpb.Attempt) Attempt {
	a := Attempt{
		At: micros(pb.AtUs), Username: pb.Username, Account: pb.Account, Accepted: pb.Accepted, Reason: pb.Reason, Reply: pb.Reply,
		MAC: pb.Mac, NAS: pb.Nas, Hotspot: pb.Hotspot, CalledStationID: pb.CalledStationId,
	}
	copy(a.Box[:], key[1:])
	return a
}
