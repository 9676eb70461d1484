package sync

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"mbox/hotspotdb"
	"mbox/modules/sync/auth"
)

// Codes of why there is no connection, beside those of refusals in package auth.
const (
	causeReserve     = "reserve"
	causePausedHere  = "paused-here"
	causeName        = "name-unknown"
	causeNoListener  = "connection-refused"
	causeUnreachable = "unreachable"
	causeSource      = "source-address"
	causeTimeout     = "timeout"
	causeNotMbox     = "not-mbox"
	causeTLS         = "tls"
	causeBroken      = "broken"
	causeNoSpace     = "disk-full"
	causeOther       = "other"
)

// cause is the code of the error that ended a connection or kept it from coming about.
func cause(err error) string {
	var refusal *auth.Refusal
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case err == nil:
		return causeOther
	case errors.As(err, &refusal):
		return refusal.Code
	case errors.Is(err, hotspotdb.ErrNoSpace):
		return causeNoSpace
	case errors.As(err, &dns):
		return causeName
	case errors.Is(err, syscall.ECONNREFUSED):
		return causeNoListener
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return causeUnreachable
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return causeSource
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE),
		errors.Is(err, net.ErrClosed):
		return causeBroken
	case strings.Contains(err.Error(), "no application protocol"), strings.Contains(err.Error(), "first record does not look like a TLS handshake"):
		return causeNotMbox
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return causeTimeout
	case strings.HasPrefix(err.Error(), "TLS with "):
		return causeTLS
	}
	return causeOther
}

// unconnected fills in what is known of a primary without a connection.
func (p *PeerStatus) unconnected(u *upstream) {
	if u.reason == "" {
		p.set(u.state, "not tried yet", "")
		return
	}
	p.Reason, p.Code = &u.reason, &u.code
	p.Standby = u.code == causeReserve
	if text := advice(u.code, u.cfg); text != "" {
		p.Advice = &text
	}
}

// advice says what to do about a primary that is not connected; empty if nothing is to be done. What the reason says already,
// such as the line to type on the primary, is not said again.
func advice(code string, c primary) string {
	again := c.line()
	switch code {
	case auth.CodeAddress:
		return "If that is not the address by which the primary should know this box, correct `source` here."
	case auth.CodeCredentials:
		return "Type here: " + again + ". That also tries at once; otherwise it is tried only every 10 minutes, so as not to be locked out."
	case auth.CodeFactory:
		return "After that, type here: " + again
	case auth.CodeLockout:
		return "It is tried again by itself. If the password here is wrong, type: " + again
	case auth.CodeCloned:
		return "One of the two boxes holds a copy of the other's data folder: stop it, empty its folder, and start it anew."
	case auth.CodePin:
		return fmt.Sprintf("Compare the key with `show mbox sync status detail` on the primary, by telephone. Only if it is the same: clear mbox sync pin %s", c.Name)
	case auth.CodeProtocol:
		return fmt.Sprintf("Compare `show version` on both boxes, and whether port %d of %s is the sync port of an mbox.", c.Port, c.Name)
	case auth.CodeRevoked:
		return "Ask who runs the primary. If the password was changed, type here: " + again
	case auth.CodeExpired:
		return "It connects again by itself, with the password."
	case auth.CodeBusy:
		return "Follow another box of the tree instead: mbox sync primary OTHER username USER password PASSWORD"
	case auth.CodeSpace:
		return "Ask who runs the primary to free some space there; then it goes on by itself."
	case causeNoListener:
		return fmt.Sprintf("On the primary, see `show mbox sync status`, and that it listens on port %d.", c.Port)
	case causeUnreachable, causeTimeout:
		return fmt.Sprintf("See that %s is up, and that nothing between blocks TCP port %d: test mbox sync %s", c.Name, c.Port, c.Name)
	case causeNotMbox, causeTLS:
		return fmt.Sprintf("See that port %d of %s is the sync port of an mbox, and that no proxy opens TLS in between.", c.Port, c.Name)
	case causeNoSpace:
		return "Free some space on this box; sync then goes on by itself."
	case causeOther:
		return fmt.Sprintf("See the log of the box, and: test mbox sync %s", c.Name)
	}
	if knownCode(code) {
		return ""
	}
	return "This box does not know the code " + code + "; see the log of the primary."
}

// knownCode says whether a code, which may come from a peer, is one of ours.
func knownCode(code string) bool {
	switch code {
	case auth.CodeAddress, auth.CodeCredentials, auth.CodeFactory, auth.CodeLockout, auth.CodeCloned, auth.CodePin, auth.CodeProtocol,
		auth.CodeRevoked, auth.CodeChanged, auth.CodeExpired, auth.CodeReplaced, auth.CodeStopping, auth.CodeBusy, auth.CodePaused, auth.CodeSpace,
		causeReserve, causePausedHere, causeName, causeNoListener, causeUnreachable, causeSource, causeTimeout, causeNotMbox, causeTLS,
		causeBroken, causeNoSpace, causeOther:
		return true
	}
	return false
}
