package acct

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"math/bits"
	"time"

	"mbox/hotspotdb"
)

// Causes of the end of a session that its NAS did not report, RFC 2866 section 5.10; the last is not in the RFC.
const (
	causeLost      = "Lost-Service"
	causeReboot    = "NAS-Reboot"
	causeTakenOver = "Taken-Over" // goes on as the next segment, at another box
)

// maxOpen bounds the sessions that are open at one client, each of which takes 1.4 KB of memory: who has its secret could report
// ever new ones.
const maxOpen = 200_000

// errTooMany: the NAS reports again, and by then some may be over.
var errTooMany = fmt.Errorf("the client has %d sessions open, as many as it may have", maxOpen)

// errUnknownOwner: the session is new, and whose it is has to be found out outside of the transaction.
var errUnknownOwner = errors.New("whose session is it")

// change is what a report came to.
type change struct {
	wrote   bool
	segment hotspotdb.Segment // of this box, as it is now; no ID: none of this box
	closed  []uint64          // segments of this box
	ended   bool              // the NAS says that the session is over
}

// Handle records a report. It returns once that is durable, and only then may the NAS be answered; an error other than
// ErrInvalid says that the NAS should report again.
func (a *Accounting) Handle(ctx context.Context, r Request) error {
	if err := r.normalize(a.now()); err != nil {
		return err
	}
	if r.Status == AccountingOn || r.Status == AccountingOff {
		return a.reboot(ctx, &r)
	}
	err := a.handle(ctx, &r, nil)
	if errors.Is(err, errUnknownOwner) {
		var who *guest
		if who, err = a.owner(ctx, &r); err == nil {
			err = a.handle(ctx, &r, who)
		}
	}
	if errors.Is(err, hotspotdb.ErrErased) {
		a.heardOfErased(&r) // nothing is kept of who was erased, and the NAS need not report it again
		return nil
	}
	if err != nil {
		return fmt.Errorf("record %s of session %q of %s: %w", r.Status, r.SessionID, r.NAS, err)
	}
	return nil
}

// handle records a report in one transaction. owner is whose session it is if it is new; nil: not known yet.
func (a *Accounting) handle(ctx context.Context, r *Request, owner *guest) error {
	var c change
	var seen uint64
	err := a.db.UpdateHere(ctx, func(tx *hotspotdb.Tx) (err error) {
		c, err = a.record(tx, r, owner)
		if err == nil {
			a.follow(r, &c)
		}
		seen = tx.Seq()
		return err
	})
	if err != nil {
		a.resync(append(c.closed, c.segment.ID)...)
		return err
	}
	if !c.wrote && seen > 0 { // the report that this one repeats may be on its way to the disk
		ctx, stop := context.WithTimeout(ctx, repeatWait)
		defer stop()
		_, err = a.db.Wait(ctx, seen-1)
	}
	return err
}

// repeatWait is how long the disk may take before a report that says nothing new goes without an answer.
const repeatWait = 5 * time.Second

// record finds the session of a report and brings it up to date.
func (a *Accounting) record(tx *hotspotdb.Tx, r *Request, owner *guest) (change, error) {
	segments, err := tx.FindSegments(r.NAS, r.SessionID)
	if err != nil {
		return change{}, err
	}
	list := sessionsOf(segments, tx.Silent)
	a.placeBoot(r)
	s := r.identify(list)
	if s != nil {
		return a.advance(tx, r, s)
	}
	if a.isErased(r) && r.Status != Start {
		return change{ended: r.Status == Stop}, nil
	}
	if owner == nil {
		return change{}, a.mayOpen(r)
	}
	if s, err = a.imported(tx, r, owner, list); err != nil {
		return change{}, err
	}
	if s != nil {
		return a.advance(tx, r, s)
	}
	var c change
	past := len(list) > 0 && r.past(&list[0])
	if len(list) > 0 && !past && list[0].last().Active() && a.mine(list[0].last()) { // its Stop was lost
		old := list[0].last()
		if err := tx.CloseSegment(old.ID, causeLost, old.Updated); err != nil {
			return c, err
		}
		c.closed = append(c.closed, old.ID)
	}
	next, err := a.begin(tx, r, owner, past)
	c.wrote, c.segment, c.ended = true, next, r.Status == Stop
	return c, err
}

// mayOpen is errUnknownOwner, unless the client has too many sessions open already.
func (a *Accounting) mayOpen(r *Request) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.held[r.client()] >= maxOpen {
		return errTooMany
	}
	return errUnknownOwner
}

func (a *Accounting) mine(s *hotspotdb.Segment) bool { return s.Origin == a.db.ID() }

// begin opens the first segment of a session, and closes it if that is over.
func (a *Accounting) begin(tx *hotspotdb.Tx, r *Request, owner *guest, over bool) (hotspotdb.Segment, error) {
	id := make([]byte, 8)
	if _, err := rand.Read(id); err != nil {
		return hotspotdb.Segment{}, err
	}
	now, _ := r.level(level{}, 0)
	s := hotspotdb.Segment{
		MultiSessionID: hex.EncodeToString(id), Number: 1, Account: owner.account, Limits: owner.limits, Username: r.Username, Hotspot: r.Hotspot, NAS: r.NAS,
		AcctSessionID: r.SessionID, MAC: r.MAC, CalledStationID: r.CalledStation, IPAddress: r.IP,
		Start: r.at().Add(-time.Duration(now.time) * time.Second), NASStart: r.nasStart(), Started: r.Status == Start,
	}
	if over {
		s.Stop, s.TerminateCause = r.at(), causeLost
	}
	return a.open(tx, r, s, level{}, now)
}

// proceed opens the segment by which a session goes on here, behind one of another box or one that was closed.
func (a *Accounting) proceed(tx *hotspotdb.Tx, r *Request, s *session, now level, goesOn bool) (change, error) {
	c := change{wrote: true, ended: r.Status == Stop}
	for i := range s.segments {
		if old := &s.segments[i]; old.Active() && a.mine(old) {
			if err := tx.CloseSegment(old.ID, causeTakenOver, old.Updated); err != nil {
				return c, err
			}
			c.closed = append(c.closed, old.ID)
		}
	}
	next := *s.last()
	for i := range s.segments {
		next.Number = max(next.Number, s.segments[i].Number)
	}
	next.Number++
	next.Stop, next.TerminateCause = time.Time{}, ""
	next.Start = r.at().Add(-time.Duration(now.time-s.known.time) * time.Second)
	if last := s.last(); next.Start.Before(last.Updated) && last.Updated.Before(r.at()) {
		next.Start = last.Updated
	}
	if now == s.known {
		next.Start = s.last().Updated // it only ends the session
	}
	if next.NASStart == 0 {
		next.NASStart = r.nasStart()
	}
	complete(&next, r)
	if !goesOn && r.Status != Stop {
		next.Stop, next.TerminateCause = r.at(), causeLost
		if r.Status == AccountingOn || r.Status == AccountingOff {
			next.TerminateCause = causeReboot
		}
	}
	var err error
	c.segment, err = a.open(tx, r, next, s.known, now)
	return c, err
}

// complete takes over what a NAS knows only some time after the beginning.
func complete(s *hotspotdb.Segment, r *Request) {
	for _, f := range []struct {
		field *string
		value string
	}{
		{&s.Username, r.Username}, {&s.Hotspot, r.Hotspot}, {&s.MAC, r.MAC}, {&s.CalledStationID, r.CalledStation}, {&s.IPAddress, r.IP},
	} {
		if f.value != "" {
			*f.field = f.value
		}
	}
}

// open writes a new segment that counts from one level to another.
func (a *Accounting) open(tx *hotspotdb.Tx, r *Request, s hotspotdb.Segment, from, to level) (hotspotdb.Segment, error) {
	s.InputOctetsFrom, s.OutputOctetsFrom, s.SessionTimeFrom = from.input, from.output, from.time
	s.InputOctetsTo, s.OutputOctetsTo, s.SessionTimeTo = to.input, to.output, to.time
	s.Updated = r.at()
	if r.Status == Stop {
		s.Stop, s.TerminateCause = r.at(), a.causeOf(r)
	}
	if err := a.charge(tx, &hotspotdb.Segment{}, &s); err != nil {
		return s, err
	}
	return tx.OpenSegment(s)
}

// charge counts what of the growth of a segment is taken from purchased quota.
func (a *Accounting) charge(tx *hotspotdb.Tx, before, after *hotspotdb.Segment) error {
	octets := sum(grown(before.InputOctets(), after.InputOctets()), grown(before.OutputOctets(), after.OutputOctets()))
	seconds := grown(before.SessionTime(), after.SessionTime())
	if a.policy == nil || after.Account == 0 || octets == 0 && seconds == 0 {
		return nil
	}
	octets, seconds, err := a.policy.PurchasedPart(tx, after.Account, after.Updated, octets, seconds)
	if err != nil {
		return fmt.Errorf("charge account %d: %w", after.Account, err)
	}
	if octets == 0 && seconds == 0 {
		return nil
	}
	return tx.ChargePurchased(after.Account, after.Updated, octets, seconds)
}

func grown(before, after uint64) uint64 { return after - min(before, after) }

// sum stops at the greatest number: a NAS may report any.
func sum(a, b uint64) uint64 {
	n, carry := bits.Add64(a, b, 0)
	return max(n, -carry)
}
