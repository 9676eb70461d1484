package api

import (
	"errors"
	"slices"
	"time"

	"mbox/hotspotdb"
)

const (
	// maxScans bounds requests that read all of a dataset at a time, scanWait how long another one waits for its turn.
	maxScans = 2
	scanWait = 10 * time.Second
	// maxBehind bounds what is read of a list before its page.
	maxBehind = 20_000
)

// scan runs what reads much, when it is the turn of its user, and then its own.
func (c *call) scan(read func() error) error {
	timer := time.NewTimer(scanWait)
	defer timer.Stop()
	for _, turn := range []chan struct{}{c.limits.turn(c.user.name), c.scans} {
		select {
		case turn <- struct{}{}:
			defer func() { <-turn }()
		case <-c.ctx().Done():
			return c.ctx().Err()
		case <-timer.C:
			return unavailable("too many long lists are being read")
		}
	}
	return read()
}

// upTo is how many entries of a list have to be read, the page's and one more among them.
func (c *call) upTo(narrow string) (int, error) {
	n := c.skip() + c.perPage() + 1
	if n > maxBehind+maxPerPage+1 {
		return 0, refuse("page: is too far from the first one; %s", narrow)
	}
	return n, nil
}

// cut takes the page out of a list that was read up to upTo.
func cut[T any](c *call, list []T) []T {
	list = list[min(c.skip(), len(list)):]
	c.last = len(list) <= c.perPage()
	return list[:min(c.perPage(), len(list))]
}

const byTime = "ask for a shorter time with startTime and endTime"

// attempt is one attempt to log in.
type attempt struct {
	Time            *stamp  `json:"time"`
	Username        string  `json:"username" doc:"As it was sent, made printable"`
	Reply           string  `json:"reply" enum:"Access-Accept,Access-Reject"`
	Reason          *string `json:"reason" doc:"Why, in one word"`
	Message         *string `json:"message" doc:"What the guest was told"`
	MAC             *string `json:"macaddress"`
	NAS             *string `json:"nas"`
	Hotspot         *string `json:"hotspot" doc:"NAS-Identifier"`
	CalledStationID *string `json:"calledstationid"`
}

const (
	accepted = "Access-Accept"
	rejected = "Access-Reject"
)

func (c *call) showAttempt(a hotspotdb.Attempt) attempt {
	out := attempt{
		Time: c.at(a.At), Username: a.Username, Reply: rejected, Reason: known(a.Reason), Message: known(a.Reply), MAC: known(a.MAC),
		NAS: known(a.NAS), Hotspot: known(a.Hotspot), CalledStationID: known(a.CalledStationID),
	}
	if a.Accepted {
		out.Reply = accepted
	}
	return out
}

var attemptQuery = slices.Concat(guestQuery, []parameter{
	oneOf("reply", "Only these", accepted, rejected), search("username, hotspot, nas, macaddress, calledstationid or message"),
})

func listAttempts(c *call) (any, error) {
	limit, err := c.upTo(byTime)
	if err != nil {
		return nil, err
	}
	f := hotspotdb.AttemptFilter{
		Username: value[string](c, "username"), MAC: value[string](c, "macaddress"), NAS: value[string](c, "nas"),
		Hotspot: value[string](c, "hotspot"), CalledStationID: value[string](c, "calledstationid"), Match: value[string](c, "search"),
		Since: value[time.Time](c, "startTime"), Until: value[time.Time](c, "endTime"), Limit: limit,
	}
	if reply := value[string](c, "reply"); reply != "" {
		ok := reply == accepted
		f.Accepted = &ok
	}
	var list []hotspotdb.Attempt
	err = c.scan(func() error { list, err = c.DB.Attempts(c.ctx(), f); return err })
	out := []attempt{}
	for _, a := range cut(c, list) {
		out = append(out, c.showAttempt(a))
	}
	return out, err
}

func listPurchases(c *call) (any, error) {
	limit, err := c.upTo(byTime)
	if err != nil {
		return nil, err
	}
	f := hotspotdb.PurchaseFilter{
		Username: value[string](c, "username"), Since: value[time.Time](c, "startTime"), Until: value[time.Time](c, "endTime"), Limit: limit,
	}
	if err := c.purchasesOf(&f); err != nil {
		return nil, err
	}
	var list []hotspotdb.Purchase
	err = c.scan(func() error { list, err = c.DB.Purchases(c.ctx(), f); return err })
	out := []purchase{}
	for _, p := range cut(c, list) {
		out = append(out, c.showPurchase(p))
	}
	return out, err
}

// purchasesOf makes a name mean its account, with what it bought under earlier names, or a voucher however it is written.
func (c *call) purchasesOf(f *hotspotdb.PurchaseFilter) error {
	if f.Username == "" {
		return nil
	}
	a, err := c.DB.Account(f.Username)
	switch {
	case err == nil:
		f.Account, f.Username = a.ID, ""
		return nil
	case !isNotFound(err):
		return err
	}
	if v, _, err := c.DB.Voucher(f.Username); err == nil {
		f.Username = v.Code
	} else if !isNotFound(err) && !errors.Is(err, hotspotdb.ErrInvalid) {
		return err
	}
	return nil
}

// auditEntry says who changed what.
type auditEntry struct {
	ID     uint64       `json:"id"`
	Time   *stamp       `json:"time"`
	Author *string      `json:"author"`
	From   *string      `json:"from" doc:"Address or terminal"`
	Via    *string      `json:"via" doc:"console, ssh, api, radius, portal, import or box"`
	Box    string       `json:"box" doc:"Id of the database of the box where it was changed"`
	Object string       `json:"object" doc:"user, profile, voucher, batch, quota or sticky"`
	Name   *string      `json:"name" doc:"Of the object"`
	UserID uint64       `json:"userid" doc:"The account that it is about; 0: none"`
	Action string       `json:"action" doc:"added, changed, enabled, disabled, renamed, deleted, erased, restored or imported"`
	Fields []auditField `json:"fields" doc:"What was changed; of passwords and user info the names alone"`
}

type auditField struct {
	Name string `json:"name"`
	Old  string `json:"old"`
	New  string `json:"new"`
}

func listAudit(c *call) (any, error) {
	limit, err := c.upTo(byTime)
	if err != nil {
		return nil, err
	}
	var list []hotspotdb.AuditEntry
	err = c.scan(func() error {
		list, err = c.DB.AuditEntries(c.ctx(), hotspotdb.AuditFilter{
			Username: value[string](c, "username"), Author: value[string](c, "author"),
			Since: value[time.Time](c, "startTime"), Until: value[time.Time](c, "endTime"), Limit: limit,
		})
		return err
	})
	out := []auditEntry{}
	for _, e := range cut(c, list) {
		entry := auditEntry{
			ID: e.ID, Time: c.at(e.At), Author: known(e.Author.Name), From: known(e.Author.From), Via: known(e.Author.Via), Box: e.Box.String(),
			Object: e.Object, Name: known(e.Name), UserID: e.Account, Action: e.Action, Fields: []auditField{},
		}
		for _, f := range e.Fields {
			entry.Fields = append(entry.Fields, auditField(f))
		}
		out = append(out, entry)
	}
	return out, err
}

// profile is a set of access attributes that accounts share.
type profile struct {
	Name        string       `json:"groupname"`
	Description *string      `json:"description"`
	Access      accessValues `json:"attributes"`
	Created     *stamp       `json:"created"`
	CreatedBy   *string      `json:"createdby"`
	Updated     *stamp       `json:"updated"`
	UpdatedBy   *string      `json:"updatedby"`
}

func listProfiles(c *call) (any, error) {
	list, err := c.DB.Profiles()
	out := []profile{}
	for _, p := range cut(c, list) {
		out = append(out, profile{
			p.Name, known(p.Description), accessOf(p.Attributes), c.at(p.Created), known(p.CreatedBy), c.at(p.Updated), known(p.UpdatedBy),
		})
	}
	return out, err
}

func listProfileUsers(c *call) (any, error) {
	name := c.r.PathValue("name")
	if _, err := c.DB.Profile(name); err != nil {
		return nil, missing(err, "there is no profile %s; GET /profiles lists them", printable(name))
	}
	return c.users(name)
}
