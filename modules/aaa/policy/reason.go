package policy

// Reason is why a login was let in or refused, or why a session ends: one word for operators, logs and programs.
type Reason string

// The reasons.
const (
	OK                Reason = "ok"
	Malformed         Reason = "malformed"           // the username or the proof is nothing that could exist
	UnknownUser       Reason = "unknown-user"        // no account, device or voucher of that name
	WrongPassword     Reason = "wrong-password"      // the proof does not fit
	NeedsPAP          Reason = "needs-pap"           // the password is hashed: only PAP can be checked
	TooManyAttempts   Reason = "too-many-attempts"   // too many failures of this device, or of its access point
	Disabled          Reason = "disabled"            // the account
	Expired           Reason = "expired"             // the account
	Deleted           Reason = "deleted"             // the account; of a session that goes on
	ProfileMissing    Reason = "profile-missing"     // a profile of the account is not there: denied, not unlimited
	BadAttribute      Reason = "bad-attribute"       // an attribute that limits cannot be read: denied, not unlimited
	LoginTime         Reason = "login-time"          // outside the hours of Login-Time
	HotspotNotAllowed Reason = "hotspot-not-allowed" // Allowed-Hotspots
	NASNotAllowed     Reason = "nas-not-allowed"     // Allowed-NAS
	SimultaneousUse   Reason = "simultaneous-use"    // the sessions that are allowed at the same time are there already
	TrafficQuota      Reason = "traffic-quota"       // nothing is left
	TimeQuota         Reason = "time-quota"          // nothing is left
	SessionTimeout    Reason = "session-timeout"     // of a session that goes on: its time is up
	PasswordChanged   Reason = "password-changed"    // since the device was bound
	StickyExpired     Reason = "sticky-expired"      // the days of the binding are over
	VoucherUsedUp     Reason = "voucher-used-up"
	VoucherExpired    Reason = "voucher-expired"
	VoucherDisabled   Reason = "voucher-disabled"
	VoucherElsewhere  Reason = "voucher-unreachable" // the box that gives out the uses cannot be asked
)

// stranger is what is said to whoever has not proved anything: one text, whatever the reason.
const stranger = "Login failed. Check the username and the password, or try again in a minute."

// messages are for a guest who has proved who he is, or holds a voucher's code.
var messages = map[Reason]string{
	NeedsPAP:          "This hotspot cannot check this kind of login. Please use the login page, or ask the staff.",
	Disabled:          "This account is disabled. Please ask the staff.",
	Expired:           "This account has expired. Please ask the staff.",
	ProfileMissing:    "This account is not set up completely. Please ask the staff.",
	BadAttribute:      "This account is not set up completely. Please ask the staff.",
	LoginTime:         "This account cannot be used at this time.",
	HotspotNotAllowed: "This account cannot be used here.",
	NASNotAllowed:     "This account cannot be used here.",
	SimultaneousUse:   "This account is in use on another device. Log out there first.",
	TrafficQuota:      "The data volume of this account is used up.",
	TimeQuota:         "The online time of this account is used up.",
	PasswordChanged:   "Please log in again.",
	StickyExpired:     "Please log in again.",
	VoucherUsedUp:     "This voucher is used up.",
	VoucherExpired:    "This voucher has expired.",
	VoucherDisabled:   "This voucher is not valid any more. Please ask the staff.",
	VoucherElsewhere:  "Vouchers cannot be checked at the moment. Please try again later.",
}

// Message is what a guest is told who was refused for this reason. Who has proved nothing learns nothing.
func (r Reason) Message() string {
	switch text, known := messages[r]; {
	case r == OK:
		return ""
	case known:
		return text
	}
	return stranger
}
