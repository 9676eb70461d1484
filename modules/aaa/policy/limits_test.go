package policy

import (
	"testing"
	"time"

	"mbox/hotspotdb"
)

// The session ends at the first of its ends.
func TestSessionTimeoutIsTheLeast(t *testing.T) {
	for name, test := range map[string]struct {
		edit func(*hotspotdb.Account)
		want time.Duration
	}{
		"none":        {func(*hotspotdb.Account) {}, 0},
		"attribute":   {func(a *hotspotdb.Account) { a.Attributes = attributes("Session-Timeout", "3600") }, time.Hour},
		"expiry":      {func(a *hotspotdb.Account) { a.Expires = noon.Add(10 * time.Minute) }, 10 * time.Minute},
		"hours":       {func(a *hotspotdb.Account) { a.Attributes = attributes("Login-Time", "Al0800-1230") }, 30 * time.Minute},
		"every hour":  {func(a *hotspotdb.Account) { a.Attributes = attributes("Login-Time", "Al") }, 0},
		"quota":       {func(a *hotspotdb.Account) { a.Attributes = attributes("Max-Weekly-Session", "300") }, 5 * time.Minute},
		"far away":    {func(a *hotspotdb.Account) { a.Expires = noon.AddDate(20, 0, 0) }, noon.AddDate(20, 0, 0).Sub(noon)},
		"the longest": {func(a *hotspotdb.Account) { a.Attributes = attributes("Session-Timeout", "4294967295") }, 4294967295 * time.Second},
		"the least of all": {func(a *hotspotdb.Account) {
			a.Expires = noon.Add(time.Hour)
			a.Attributes = attributes("Session-Timeout", "3600", "Login-Time", "Al0800-1205", "Max-All-Session", "600")
		}, 5 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.user("alice", test.edit)
			d := w.pap("alice", "wonderland")
			w.expect(d, OK)
			if d.Limits.SessionTimeout != test.want {
				t.Errorf("timeout %s, want %s", d.Limits.SessionTimeout, test.want)
			}
		})
	}
}

// Login-Time is told by the clock on the wall where the box is.
func TestLoginTimeInTheZoneOfTheBox(t *testing.T) {
	singapore := time.FixedZone("+08", 8*3600)
	w := newWorldWith(t, func(o *Options) { o.Location = func() *time.Location { return singapore } })
	w.user("alice", func(a *hotspotdb.Account) { a.Attributes = attributes("Login-Time", "We1900-2100") })
	d := w.pap("alice", "wonderland") // noon is 20:00 there
	w.expect(d, OK)
	if d.Limits.SessionTimeout != time.Hour {
		t.Errorf("timeout %s", d.Limits.SessionTimeout)
	}
}

func TestLimitsOfALogin(t *testing.T) {
	w := newWorld(t)
	w.profile("guest", "WISPr-Bandwidth-Max-Up", "512", "WISPr-Bandwidth-Max-Down", "2048", "Idle-Timeout", "600", "Simultaneous-Use", "2",
		"WISPr-Redirection-URL", "http://example.com/")
	w.user("alice", func(a *hotspotdb.Account) {
		a.Profiles, a.Attributes = []string{"guest"}, attributes("WISPr-Bandwidth-Max-Down", "0")
	})
	l := w.pap("alice", "wonderland").Limits
	if l.UpKbps != 512 || l.DownKbps != 0 || l.IdleTimeout != 10*time.Minute || l.SimultaneousUse != 2 || !l.HasSimultaneous ||
		l.RedirectURL != "http://example.com/" || l.HasTotal || len(l.Attributes) != 5 || l.Attributes[0].Value != "0" {
		t.Errorf("limits %+v", l)
	}
}
