package policy

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"strings"

	"mbox/hotspotdb"
)

// maxPassword is the longest User-Password, RFC 2865 section 5.2.
const maxPassword = 128

// sound says whether a proof has a form that can be checked.
func sound(proof Proof) bool {
	switch pr := proof.(type) {
	case PAP:
		return len(pr.Password) <= maxPassword
	case CHAP:
		return len(pr.Response) == md5.Size && len(pr.Challenge) > 0
	case MSCHAP2, MAC:
		return true
	}
	return false
}

// needsClear says whether a proof can be checked with the clear password only.
func needsClear(proof Proof) bool {
	switch proof.(type) {
	case CHAP, MSCHAP2:
		return true
	}
	return false
}

// fits says whether a password answers the proof.
func (a *attempt) fits(password string) bool {
	switch pr := a.Proof.(type) {
	case PAP:
		return equal(pr.Password, password)
	case CHAP:
		h := md5.New()
		h.Write([]byte{pr.ID})
		h.Write([]byte(password))
		h.Write(pr.Challenge)
		return subtle.ConstantTimeCompare(h.Sum(nil), pr.Response) == 1
	case MSCHAP2:
		return pr.fits(a.Username, password)
	}
	return false
}

// equal takes as long for every password of a length.
func equal(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// fitting is the one of some passwords that answers the proof.
func (a *attempt) fitting(passwords ...string) (string, bool) {
	for _, password := range passwords {
		if a.fits(password) {
			return password, true
		}
	}
	return "", false
}

// provePassword checks the password of an account. While passwords are hashed, every PAP login costs the same, whether the
// account has a hash, a clear password, none, or does not exist (see noPassword).
func (p *Policy) provePassword(ctx context.Context, g *hotspotdb.Guest, a *attempt) (matched string, reason Reason, err error) {
	if _, alone := a.Proof.(MAC); alone {
		return "", WrongPassword, nil
	}
	kept, err := p.db.OpenPassword(g)
	if errors.Is(err, hotspotdb.ErrNotFound) {
		return "", WrongPassword, p.noPassword(ctx, a)
	}
	if err != nil {
		return "", "", err
	}
	pap, isPAP := a.Proof.(PAP)
	hash, hashed := kept.Hash()
	switch {
	case hashed && !isPAP:
		return "", NeedsPAP, nil
	case hashed:
		fits, err := p.hashing.verify(ctx, hash, pap.Password)
		if err != nil || !fits {
			return "", WrongPassword, err
		}
		return pap.Password, OK, nil
	}
	clear, _ := kept.Clear()
	if !a.fits(clear) {
		return "", WrongPassword, p.noPassword(ctx, a)
	}
	if isPAP && p.db.HashedPasswords() {
		err = p.hashNow(ctx, g, clear)
	}
	return clear, OK, err
}

// noPassword takes the time of a comparison that would not have fitted either.
func (p *Policy) noPassword(ctx context.Context, a *attempt) error {
	if pap, isPAP := a.Proof.(PAP); isPAP && p.db.HashedPasswords() {
		_, err := p.hashing.verify(ctx, nobodys, pap.Password)
		return err
	}
	return nil
}

// proveDevice checks an account of usertype mac. The device is its own proof; if the account has a password, that does as well.
func (p *Policy) proveDevice(ctx context.Context, g *hotspotdb.Guest, a *attempt) (matched string, reason Reason, err error) {
	if a.device == "" {
		return p.provePassword(ctx, g, a)
	}
	if a.mac != "" && a.mac != a.device {
		return "", WrongPassword, nil // somebody typed the address of another device
	}
	if matched, fits := a.fitting(a.deviceForms()...); fits || a.vouched() {
		a.mac = a.device
		return matched, OK, nil
	}
	if g.HasPassword() {
		return p.provePassword(ctx, g, a)
	}
	return "", WrongPassword, p.noPassword(ctx, a)
}

// vouched says whether the client itself vouches for the device.
func (a *attempt) vouched() bool {
	_, alone := a.Proof.(MAC)
	return alone
}

// claimsDevice says whether nobody but the guest says which device it is: addresses can be guessed as codes can.
func (a *attempt) claimsDevice() bool { return a.mac == "" && !a.vouched() }

// provesDevice says whether an attempt is a device's own: its address is the name and the password, or the password is empty.
func (a *attempt) provesDevice() bool {
	if a.mac != "" && a.mac != a.device {
		return false
	}
	_, fits := a.fitting(append(a.deviceForms(), "")...)
	return fits || a.vouched()
}

// deviceForms are the ways in which clients write an address as a password: as the username, and the usual ones.
func (a *attempt) deviceForms() []string {
	if pap, isPAP := a.Proof.(PAP); isPAP {
		if mac, err := hotspotdb.ParseMAC(pap.Password); err == nil && hotspotdb.FormatMAC(mac) == a.device {
			return []string{pap.Password}
		}
		return nil
	}
	lower := strings.ToLower(a.device)
	return []string{
		a.Username, a.device, lower,
		strings.ReplaceAll(lower, "-", ":"), strings.ReplaceAll(a.device, "-", ":"), strings.ReplaceAll(lower, "-", ""), strings.ReplaceAll(a.device, "-", ""),
	}
}

// provePIN lets in whoever knows the name: any password will do, but for MS-CHAPv2, which proves the password to the guest
// as well, the PIN again or none.
func provePIN(pin string, a *attempt) (matched string, reason Reason) {
	switch a.Proof.(type) {
	case PAP, CHAP:
		return "", OK
	case MSCHAP2:
		if matched, fits := a.fitting(pin, ""); fits {
			return matched, OK
		}
	}
	return "", WrongPassword
}
