package policy

import (
	"strings"
	"testing"
	"time"

	"layeh.com/radius/rfc2759"

	"mbox/hotspotdb"
)

// mschap2 answers a challenge as a guest's device does.
func mschap2(t testing.TB, username, password string) MSCHAP2 {
	t.Helper()
	m := MSCHAP2{Ident: 3, Challenge: [16]byte{1, 2, 3}, PeerChallenge: [16]byte{4, 5, 6}}
	response, err := rfc2759.GenerateNTResponse(m.Challenge[:], m.PeerChallenge[:], []byte(username), []byte(password))
	if err != nil {
		t.Fatal(err)
	}
	copy(m.Response[:], response)
	return m
}

func TestProofsOfAPassword(t *testing.T) {
	w := newWorld(t)
	w.user("alice", nil)
	for name, test := range map[string]struct {
		username string
		proof    Proof
		want     Reason
	}{
		"pap":                     {"alice", PAP{"wonderland"}, OK},
		"pap, wrong":              {"alice", PAP{"wonderlane"}, WrongPassword},
		"pap, empty":              {"alice", PAP{""}, WrongPassword},
		"pap, longer":             {"alice", PAP{"wonderland2"}, WrongPassword},
		"pap, other name":         {"Alice", PAP{"wonderland"}, UnknownUser},
		"pap, too long":           {"alice", PAP{strings.Repeat("x", 129)}, Malformed},
		"chap":                    {"alice", chap("wonderland"), OK},
		"chap, wrong":             {"alice", chap("x"), WrongPassword},
		"chap, short response":    {"alice", CHAP{1, []byte("c"), []byte("r")}, Malformed},
		"chap, no challenge":      {"alice", CHAP{1, nil, make([]byte, 16)}, Malformed},
		"mschap":                  {"alice", mschap2(t, "alice", "wonderland"), OK},
		"mschap, wrong":           {"alice", mschap2(t, "alice", "x"), WrongPassword},
		"mschap of another":       {"alice", mschap2(t, "bob", "wonderland"), WrongPassword},
		"the device alone":        {"alice", MAC{}, WrongPassword},
		"no proof":                {"alice", nil, Malformed},
		"no name":                 {"", PAP{"wonderland"}, Malformed},
		"a name with NUL":         {"alice\x00", PAP{"wonderland"}, Malformed},
		"a name that is not text": {"ali\xffce", PAP{"wonderland"}, Malformed},
		"a name of 254 bytes":     {strings.Repeat("a", 254), PAP{"wonderland"}, Malformed},
		"a confusable name":       {"аlice", PAP{"wonderland"}, UnknownUser},
		"SQL":                     {"' OR 1=1 --", PAP{"' OR 1=1 --"}, UnknownUser},
	} {
		t.Run(name, func(t *testing.T) {
			d := w.login(Login{Username: test.username, Proof: test.proof})
			w.expect(d, test.want)
			if test.want != OK && d.Message != stranger {
				t.Errorf("a stranger is told %q", d.Message)
			}
		})
	}
}

func TestWithoutPasswordNobodyLogsIn(t *testing.T) {
	w := newWorld(t)
	w.update(func(tx *hotspotdb.Tx) error {
		_, err := tx.AddAccount(hotspotdb.Account{Username: "bob"}, "", "test")
		return err
	})
	for _, proof := range []Proof{PAP{""}, chap(""), mschap2(t, "bob", ""), MAC{}} {
		w.expect(w.login(Login{Username: "bob", Proof: proof}), WrongPassword)
	}
}

func TestMSCHAPv2ProvesTheServerToo(t *testing.T) {
	w := newWorld(t)
	w.user("alice", nil)
	proof := mschap2(t, "alice", "wonderland")
	d := w.login(Login{Username: "alice", Proof: proof})
	want, err := rfc2759.GenerateAuthenticatorResponse(proof.Challenge[:], proof.PeerChallenge[:], proof.Response[:], []byte("alice"), []byte("wonderland"))
	w.must(err)
	if got := string(d.MSCHAP2Success); got != "\x03"+want {
		t.Errorf("success %q, want %q", got, want)
	}
	if len(d.SendKey) != 16 || len(d.RecvKey) != 16 || string(d.SendKey) == string(d.RecvKey) || len(d.MSCHAPError) != 0 {
		t.Errorf("keys %x and %x, error %q", d.SendKey, d.RecvKey, d.MSCHAPError)
	}
	d = w.login(Login{Username: "alice", Proof: mschap2(t, "alice", "x")})
	if text := string(d.MSCHAPError); !strings.HasPrefix(text, "\x03E=691 R=0 C=") || len(d.MSCHAP2Success) != 0 || d.SendKey != nil {
		t.Errorf("error %q, success %q", text, d.MSCHAP2Success)
	}
	w.edit("alice", func(e *hotspotdb.AccountEdit) { e.Disabled = true })
	if d := w.login(Login{Username: "alice", Proof: proof}); !strings.HasPrefix(string(d.MSCHAPError), "\x03E=647 ") {
		t.Errorf("error of a disabled account %q", d.MSCHAPError)
	}
}

// Whoever does not know the password learns nothing of the account, whatever is the matter with it.
func TestStrangersLearnNothing(t *testing.T) {
	w := newWorld(t)
	w.user("disabled", func(a *hotspotdb.Account) { a.Disabled = true })
	w.user("expired", func(a *hotspotdb.Account) { a.Expires = noon.Add(-time.Hour) })
	w.user("lost", func(a *hotspotdb.Account) { a.Profiles = []string{"gone"} })
	w.user("fine", nil)
	for _, hashed := range []bool{false, true} {
		w.db.SetHashedPasswords(hashed)
		for _, proof := range []Proof{PAP{"guess"}, chap("guess"), mschap2(t, "x", "guess")} {
			nobody := w.login(Login{Username: "nobody", Proof: proof})
			for _, name := range []string{"disabled", "expired", "lost", "fine"} {
				d := w.login(Login{Username: name, Proof: proof})
				if d.Accept || d.Message != nobody.Message || len(d.MSCHAPError) != len(nobody.MSCHAPError) {
					t.Errorf("hashed %v: %s hears %q, nobody %q", hashed, name, d.Message, nobody.Message)
				}
			}
		}
	}
	w.db.SetHashedPasswords(false)
	for name, want := range map[string]Reason{"disabled": Disabled, "expired": Expired, "lost": ProfileMissing} {
		d := w.pap(name, "wonderland")
		w.expect(d, want)
		if d.Message == stranger {
			t.Errorf("%s, who proved who he is, is told nothing", name)
		}
	}
}

func TestMACAccounts(t *testing.T) {
	w := newWorld(t)
	w.user(phone, func(a *hotspotdb.Account) { a.UserType = hotspotdb.UserMAC })
	for name, test := range map[string]struct {
		username, mac string
		proof         Proof
		want          Reason
	}{
		"as stored":                 {phone, phone, PAP{phone}, OK},
		"colons":                    {"3a:71:b4:e9:f7:99", "3A-71-B4-E9-F7-99", PAP{"3a:71:b4:e9:f7:99"}, OK},
		"twelve digits":             {"3a71b4e9f799", "3a71b4e9f799", PAP{"3A71B4E9F799"}, OK},
		"dots":                      {"3a71.b4e9.f799", "", PAP{"3a71b4e9f799"}, OK},
		"chap":                      {"3a71b4e9f799", phone, chap("3a71b4e9f799"), OK},
		"mschap":                    {"3a71b4e9f799", phone, mschap2(t, "3a71b4e9f799", "3a71b4e9f799"), OK},
		"call-check":                {"3A71B4E9F799", phone, MAC{}, OK},
		"without a password":        {phone, phone, PAP{""}, WrongPassword},
		"another password":          {phone, phone, PAP{"x"}, WrongPassword},
		"of another device":         {phone, laptop, PAP{phone}, WrongPassword},
		"of another, call-check":    {phone, laptop, MAC{}, WrongPassword},
		"another device altogether": {laptop, laptop, MAC{}, UnknownUser},
	} {
		t.Run(name, func(t *testing.T) {
			d := w.login(Login{Username: test.username, MAC: test.mac, Proof: test.proof})
			w.expect(d, test.want)
			if d.Accept && (d.Subject.Kind != Device || d.Subject.Username != phone) {
				t.Errorf("subject %+v", d.Subject)
			}
		})
	}
}

func TestPINAccounts(t *testing.T) {
	w := newWorld(t)
	w.user("48151623", func(a *hotspotdb.Account) { a.UserType = hotspotdb.UserPIN })
	for name, test := range map[string]struct {
		proof Proof
		want  Reason
	}{
		"alone":       {PAP{""}, OK},
		"twice":       {PAP{"48151623"}, OK},
		"chap":        {chap("48151623"), OK},
		"mschap":      {mschap2(t, "48151623", "48151623"), OK},
		"mschap, bad": {mschap2(t, "48151623", "x"), WrongPassword},
		"device":      {MAC{}, WrongPassword},
	} {
		t.Run(name, func(t *testing.T) {
			w.expect(w.login(Login{Username: "48151623", Proof: test.proof}), test.want)
		})
	}
	w.expect(w.pap("48151624", ""), UnknownUser)
}

func TestRulesOfAnAccount(t *testing.T) {
	for name, test := range map[string]struct {
		edit func(*hotspotdb.Account)
		want Reason
	}{
		"nothing":                 {func(*hotspotdb.Account) {}, OK},
		"disabled":                {func(a *hotspotdb.Account) { a.Disabled = true }, Disabled},
		"expired":                 {func(a *hotspotdb.Account) { a.Expires = noon }, Expired},
		"expires in a second":     {func(a *hotspotdb.Account) { a.Expires = noon.Add(time.Second) }, OK},
		"a profile that is there": {func(a *hotspotdb.Account) { a.Profiles = []string{"basic"} }, OK},
		"one that is not":         {func(a *hotspotdb.Account) { a.Profiles = []string{"basic", "gone"} }, ProfileMissing},
		"hours":                   {func(a *hotspotdb.Account) { a.Attributes = attributes("Login-Time", "We1100-1300") }, OK},
		"other hours":             {func(a *hotspotdb.Account) { a.Attributes = attributes("Login-Time", "We1300-1400,Th") }, LoginTime},
		"this hotspot":            {func(a *hotspotdb.Account) { a.Attributes = attributes("Allowed-Hotspots", "pool, lobby") }, OK},
		"other hotspots":          {func(a *hotspotdb.Account) { a.Attributes = attributes("Allowed-Hotspots", "pool,lobby2") }, HotspotNotAllowed},
		"this client":             {func(a *hotspotdb.Account) { a.Attributes = attributes("Allowed-NAS", "ap1") }, OK},
		"another client":          {func(a *hotspotdb.Account) { a.Attributes = attributes("Allowed-NAS", "ap2") }, NASNotAllowed},
		"nobody at the same time": {func(a *hotspotdb.Account) { a.Attributes = attributes("Simultaneous-Use", "0") }, SimultaneousUse},
		"no traffic":              {func(a *hotspotdb.Account) { a.Attributes = attributes("CS-Total-MB-Daily", "0") }, TrafficQuota},
		"no traffic in a session": {func(a *hotspotdb.Account) { a.Attributes = attributes("CS-Total-MB", "0") }, TrafficQuota},
		"no time":                 {func(a *hotspotdb.Account) { a.Attributes = attributes("Max-All-Session", "0") }, TimeQuota},
		"no timeout":              {func(a *hotspotdb.Account) { a.Attributes = attributes("Session-Timeout", "0") }, OK},
		"a profile's limit":       {func(a *hotspotdb.Account) { a.Profiles = []string{"night"} }, LoginTime},
		"overridden by the own": {func(a *hotspotdb.Account) {
			a.Profiles, a.Attributes = []string{"night"}, attributes("Login-Time", "Al")
		}, OK},
		"overridden by the first": {func(a *hotspotdb.Account) { a.Profiles = []string{"day", "night"} }, OK},
		"the first of two":        {func(a *hotspotdb.Account) { a.Profiles = []string{"night", "day"} }, LoginTime},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.profile("basic", "Session-Timeout", "600")
			w.profile("night", "Login-Time", "Al2200-0600")
			w.profile("day", "Login-Time", "Al0600-2200")
			w.user("alice", test.edit)
			w.expect(w.pap("alice", "wonderland"), test.want)
		})
	}
}

// What a peer with newer or damaged data sends is no licence.
func TestUnreadableLimitsDeny(t *testing.T) {
	w := newWorld(t)
	if _, err := parseRules(attributes("CS-Total-MB-Daily", "-1")); err == nil {
		t.Error("a negative quota was read")
	}
	if _, err := parseRules(attributes("CS-Total-MB-Daily", "4294967296")); err == nil {
		t.Error("a quota that overflows was read")
	}
	if _, err := parseRules(attributes("Login-Time", "whenever")); err == nil {
		t.Error("hours that are none were read")
	}
	s := state{attributes: attributes("Session-Timeout", "soon")}
	if _, reason, err := w.p.rulesOf(&s); reason != BadAttribute || err != nil {
		t.Errorf("reason %q, %v", reason, err)
	}
}

func TestAttemptsAreRecorded(t *testing.T) {
	w := newWorld(t)
	alice := w.user("alice", nil)
	w.pap("alice", "wonderland")
	w.pap("alice\x00\n", "secret-guess")
	list, err := w.db.Attempts(t.Context(), hotspotdb.AttemptFilter{})
	w.must(err)
	if len(list) != 2 {
		t.Fatalf("attempts %+v", list)
	}
	for _, a := range list {
		if a.MAC != phone || a.NAS != ap || a.Hotspot != lobby || !a.At.Equal(noon) || strings.ContainsAny(a.Username, "\x00\n") {
			t.Errorf("attempt %+v", a)
		}
		if a.Accepted != (a.Account == alice.ID) || a.Accepted != (a.Reason == string(OK)) {
			t.Errorf("attempt %+v", a)
		}
	}
}
