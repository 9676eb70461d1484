package aaa

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2869"
	"layeh.com/radius/rfc3576"

	"mbox/hotspotdb"
	"mbox/modules/aaa/acct"
	"mbox/modules/aaa/policy"
)

// maxToNAS bounds requests to NAS that wait for answers at one time.
const maxToNAS = 64

// ErrNoNAS says that the session was reported by no client of this box. Other errors of requests to a NAS are acct.ErrNoSession and
// acct.ErrRefused.
var ErrNoNAS = errors.New("no client of this box")

// outcome is what became of a request to a NAS.
type outcome int

const (
	commandDone outcome = iota
	commandNoSession
	commandRefused
	commandSilent
	outcomes // how many there are
)

var outcomeNames = [outcomes]string{"done", "no-session", "refused", "no-answer"}

// Disconnect asks the NAS to end a session (RFC 5176 section 2.1). It waits until the NAS has answered or was silent for 14 s.
func (m *Module) Disconnect(ctx context.Context, s hotspotdb.Segment) error {
	err := m.command(ctx, radius.CodeDisconnectRequest, s, nil)
	if err != nil {
		return fmt.Errorf("disconnect session %s of %s at %s: %w", s.AcctSessionID, s.Username, s.NAS, err)
	}
	return nil
}

// ChangeOfAuthorization tells the NAS new limits of a session (RFC 5176 section 2.2). Not every NAS can do that: acct.ErrRefused.
func (m *Module) ChangeOfAuthorization(ctx context.Context, s hotspotdb.Segment, limits policy.Limits) error {
	err := m.command(ctx, radius.CodeCoARequest, s, &limits)
	if err != nil {
		return fmt.Errorf("change session %s of %s at %s: %w", s.AcctSessionID, s.Username, s.NAS, err)
	}
	return nil
}

func (m *Module) command(ctx context.Context, code radius.Code, s hotspotdb.Segment, limits *policy.Limits) error {
	c, addr, found := m.clients.Load().byNAS(s.NAS)
	if !found {
		return ErrNoNAS
	}
	select {
	case m.toNAS <- struct{}{}:
		defer func() { <-m.toNAS }()
	case <-ctx.Done():
		return ctx.Err()
	}
	begun := time.Now()
	// A session is named by what the NAS itself calls it. Some want more, and say so; giving it at once would make others
	// refuse, because they compare it letter by letter (RFC 5176 section 3.5).
	cause, err := m.commandOnce(ctx, code, c, addr, &s, limits, false)
	if err == nil && (cause == rfc3576.ErrorCause_Value_MissingAttribute || cause == rfc3576.ErrorCause_Value_NASIdentificationMismatch) {
		cause, err = m.commandOnce(ctx, code, c, addr, &s, limits, true)
	}
	if err == nil {
		err = errorOf(cause)
	}
	m.recordCommand(code, c, addr, &s, err, time.Since(begun))
	return err
}

// acknowledged is the cause of an ACK.
const acknowledged = rfc3576.ErrorCause(0)

// errorOf is what the Error-Cause of a NAK means (RFC 5176 section 3.6).
func errorOf(cause rfc3576.ErrorCause) error {
	switch cause {
	case acknowledged, rfc3576.ErrorCause_Value_ResidualContextRemoved:
		return nil
	case rfc3576.ErrorCause_Value_SessionContextNotFound:
		return acct.ErrNoSession
	}
	return fmt.Errorf("%w: %s", acct.ErrRefused, cause)
}

// sourceFor is the address by which the NAS knows this box, because a NAS obeys its servers only: that of `listen`, or else the
// one that it asks, such as a virtual one. Neither may be ours now: then the routes choose.
func (m *Module) sourceFor(c *client, nas netip.Addr) netip.Addr {
	source := m.settings.Load().source(nas)
	if asked := c.asks.Load(); !source.IsValid() && asked != nil {
		source = *asked
	}
	if !source.IsValid() || source.Is4() != nas.Is4() || source.IsLinkLocalUnicast() {
		return netip.Addr{}
	}
	probe, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(source, 0)))
	if err != nil {
		return netip.Addr{}
	}
	_ = probe.Close()
	return source
}

// commandOnce returns the Error-Cause of the answer. full gives all that the box knows of the session.
func (m *Module) commandOnce(ctx context.Context, code radius.Code, c *client, addr netip.Addr, s *hotspotdb.Segment, limits *policy.Limits, full bool) (rfc3576.ErrorCause, error) {
	var id [1]byte
	randomize(id[:])
	p := newSigned(code, id[0])
	p.Secret = c.secret
	if err := identify(p, s, addr, full); err != nil {
		return 0, err
	}
	if limits != nil {
		if err := addAll(p, policy.ReplyLimits(*limits, policy.Dialect(c.dialect))); err != nil {
			return 0, err
		}
	}
	answer, err := exchange(ctx, m.sourceFor(c, addr), netip.AddrPortFrom(addr, c.coaPort), c.keys, p, m.patience.nas)
	if err != nil {
		return 0, err
	}
	switch answer.Code {
	case radius.CodeDisconnectACK, radius.CodeCoAACK:
		return acknowledged, nil
	case radius.CodeDisconnectNAK, radius.CodeCoANAK:
		if cause := rfc3576.ErrorCause_Get(answer.Packet); cause != 0 {
			return cause, nil
		}
		return rfc3576.ErrorCause_Value_UnsupportedService, nil // it does not say
	}
	return 0, fmt.Errorf("the NAS answers with %s", answer.Code)
}

// identify names the session, and the NAS (RFC 5176 section 3).
func identify(p *radius.Packet, s *hotspotdb.Segment, nas netip.Addr, full bool) error {
	var errs []error
	add := func(err error) { errs = append(errs, err) }
	add(rfc2865.UserName_AddString(p, s.Username))
	add(rfc2866.AcctSessionID_AddString(p, s.AcctSessionID))
	if s.Hotspot != "" {
		add(rfc2865.NASIdentifier_AddString(p, s.Hotspot))
	} else if nas.Is4() {
		add(rfc2865.NASIPAddress_Add(p, net.IP(nas.AsSlice())))
	}
	if full {
		if nas.Is4() && s.Hotspot != "" {
			add(rfc2865.NASIPAddress_Add(p, net.IP(nas.AsSlice())))
		}
		if s.MAC != "" {
			add(rfc2865.CallingStationID_AddString(p, s.MAC))
		}
		if ip, err := netip.ParseAddr(s.IPAddress); err == nil && ip.Is4() {
			add(rfc2865.FramedIPAddress_Add(p, net.IP(ip.AsSlice())))
		}
	}
	// Section 3.3: a NAS that knows the time refuses what is old.
	add(rfc2869.EventTimestamp_Add(p, time.Now()))
	return errors.Join(errs...)
}

func (m *Module) recordCommand(code radius.Code, c *client, addr netip.Addr, s *hotspotdb.Segment, err error, took time.Duration) {
	r := Record{
		Time: m.deps.Now(), Type: typeDisconnect, Result: resultDone, Client: c.name, Address: addr.String(), Username: s.Username, MAC: s.MAC,
		Hotspot: s.Hotspot, Session: s.AcctSessionID, Micros: took.Microseconds(), Count: 1,
	}
	if code == radius.CodeCoARequest {
		r.Type = typeCoA
	}
	became := outcomeOf(err)
	if err != nil {
		r.Result, r.Reason, r.Message = resultFailed, outcomeNames[became], err.Error()
	}
	m.commanded[became].Add(1)
	m.journal.add(r)
}
