package main

import (
	"time"

	"mbox/modules/aaa/policy"
	"mbox/modules/hotspot"
)

// quotas are what the policy knows of quotas, for the hotspot commands.
type quotas struct{ policy *policy.Policy }

func (q quotas) Quota(account uint64, at time.Time) (hotspot.Quota, error) {
	octets, seconds, reason, err := q.policy.Standings(account, at)
	if err != nil {
		return hotspot.Quota{}, err
	}
	quota := hotspot.Quota{Octets: quotaUnit(octets), Seconds: quotaUnit(seconds)}
	if reason != policy.OK {
		quota.Denied = string(reason)
	}
	return quota, nil
}

func quotaUnit(s policy.Standing) hotspot.QuotaUnit {
	unit := hotspot.QuotaUnit{Bought: s.Bought, Spent: s.Taken, Left: s.Left()}
	for _, f := range s.Free {
		unit.Free = append(unit.Free, hotspot.FreeQuota{Period: f.Period.String(), Limit: f.Limit, Used: f.Used, Resets: f.Resets})
	}
	return unit
}

func (q quotas) SetQuotaReset(weekday time.Weekday, hour, minute int) {
	q.policy.SetPeriods(policy.Periods{Weekday: weekday, Hour: hour, Minute: minute})
}

func (q quotas) UsageDay(at time.Time) time.Time { return q.policy.UsageDay(at) }
