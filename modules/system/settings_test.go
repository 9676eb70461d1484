package system

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"mbox/credential"
	"mbox/host"
	"mbox/modules"
	"mbox/modules/moduletest"
)

// verifier of "secret1", made once: deriving it takes time.
var verifier = func() string {
	v, err := credential.Make("secret1")
	if err != nil {
		panic(err)
	}
	return v.String()
}()

func TestGrammar(t *testing.T) {
	moduletest.Grammar(t, newBox(t).module,
		"hostname Branch-7",
		"username mboxadmin password securemboxpass",
		"username alice privilege 15 secret secret1",
		"username branch7 role sync secret "+verifier,
		"username a.b_c-d@e secret \"two words | and a pipe\"",
		"username old secret 5 $1$mERr$hx5rVt7rPNoS4wqbXKX7m0",
		"username old password 7 0822455D0A16",
		"username old privilege 3 secret 8 $8$TnGX/fE4KGHOVU$pEhnEvxrvaynpi8j4f.EMHr6M.FzU8xnZnBr/tJdFWk",
		"username old secret 9 $9$2MJBozw/9R3UsU$2lFhcKvpghcyw8deP25GOfyZaagyUOGBymkryvOdfo6",
		"username zero secret 0 $9$not-a-hash",
		"enable secret topsecret",
		"enable secret 9 $9$2MJBozw/9R3UsU$2lFhcKvpghcyw8deP25GOfyZaagyUOGBymkryvOdfo6",
		"enable secret level 5 topsecret",
		"enable secret level 5 7 0822455D0A16",
		"enable password topsecret",
		"enable password level 5 0 topsecret",
		"privilege exec level 5 show login",
		"password-policy strict",
		"login block-for 900 attempts 5 within 900",
		"login quiet-mode access-class 10.0.0.0/8 192.0.2.1 2001:db8::/32",
		"banner login #Authorised users only#",
		"banner exec Welcome",
		`banner motd "one\n\n  two # ^C \"three\"\n"`,
		"banner motd #(c) nobody#",
		"banner motd Authorised users only",
		"banner motd #Authorised # users only",
		"banner motd #  two spaces around  #",
		"banner motd ^CAuthorised users only^C",
		"banner motd !#%~|@$&*+= all of them =+*&$@|~%#!",
	)
}

func TestApplyTwiceIsOnce(t *testing.T) {
	r := host.NewRecorder(host.Fixtures{Name: "debian"})
	moduletest.ApplyTwice(t, New(Deps{Host: r}), "hostname box2\n", func() int { return len(r.Lines()) })
	if want := []string{"hostname box2"}; !slices.Equal(r.Lines(), want) {
		t.Errorf("%q, want %q", r.Lines(), want)
	}
}

func TestHostname(t *testing.T) {
	b := newBox(t)
	if b.module.Hostname() != "mbox" || len(b.host.Lines()) != 0 {
		t.Errorf("without a line: %q, %q", b.module.Hostname(), b.host.Lines())
	}
	b.must("hostname Branch-7")
	b.must("banner motd x")
	if b.module.Hostname() != "Branch-7" {
		t.Errorf("the name is %q", b.module.Hostname())
	}
	b.must("no hostname")
	if want := []string{"hostname Branch-7", "hostname mbox"}; !slices.Equal(b.host.Lines(), want) || b.module.Hostname() != "mbox" {
		t.Errorf("the machine was told %q, want %q", b.host.Lines(), want)
	}
	for _, bad := range []string{"", "-a", "a-", "a.b", "a_b", "bücher", "a b", strings.Repeat("a", 64)} {
		if err := b.enter("hostname " + modules.RenderWord(bad)); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

// deaf is a machine whose name cannot be changed.
type deaf struct {
	host.Host
	err error
}

func (d deaf) SetHostname(context.Context, string) error { return d.err }

func TestMachineThatKeepsItsName(t *testing.T) {
	reader := host.NewRecorder(host.Fixtures{Name: "debian"})
	tree := moduletest.Tree(t, "hostname box2\n", New(Deps{}))
	m := New(Deps{Host: deaf{reader, fmt.Errorf("set: %w", fs.ErrPermission)}})
	if err := m.Apply(context.Background(), tree); err != nil || m.Hostname() != "box2" {
		t.Errorf("without the right: %v, %q", err, m.Hostname())
	}
	broken := errors.New("broken")
	m = New(Deps{Host: deaf{reader, broken}})
	if err := m.Apply(context.Background(), tree); !errors.Is(err, broken) || m.Hostname() != "mbox" {
		t.Errorf("a failure: %v, %q", err, m.Hostname())
	}
}

func TestAccounts(t *testing.T) {
	b := newBox(t,
		"username mboxadmin password securemboxpass", "username alice privilege 15 secret secret1",
		"username branch7 role sync password branchpass", "username pasted secret "+verifier)
	for name, want := range map[string]Account{
		"mboxadmin": {Level: 1}, "alice": {Level: 15}, "branch7": {Role: RoleSync}, "pasted": {Level: 1},
	} {
		got, ok := b.module.Account(name)
		if !ok || got.Name != name || got.Level != want.Level || got.Role != want.Role {
			t.Errorf("%s: %+v, %t", name, got, ok)
		}
	}
	for name, password := range map[string]string{"mboxadmin": "securemboxpass", "alice": "secret1", "branch7": "branchpass", "pasted": "secret1"} {
		account, _ := b.module.Account(name)
		v, err := credential.Parse(account.Verifier)
		if err != nil || !v.Matches(password) || v.Matches(password+"x") {
			t.Errorf("%s: the verifier does not fit: %v", name, err)
		}
	}
	if pasted, _ := b.module.Account("pasted"); pasted.Verifier != verifier {
		t.Error("a pasted verifier was changed")
	}
	if _, ok := b.module.Account("Alice"); ok {
		t.Error("names are case-sensitive")
	}
	b.must("no username alice")
	if _, ok := b.module.Account("alice"); ok {
		t.Error("a removed account is there")
	}
	b.must("username pasted privilege 7 secret other")
	if again, _ := b.module.Account("pasted"); again.Level != 7 || again.Verifier == verifier {
		t.Errorf("not replaced: %+v", again)
	}
}

// TestNoSecretInClear looks for every typed secret where it must not be.
func TestNoSecretInClear(t *testing.T) {
	b := newBox(t, "username mboxadmin password securemboxpass", "enable secret enablesecret1")
	b.save()
	for where, text := range map[string]string{
		"running-config": b.engine.Running().Text(false), "saved": b.store.text, "log": b.log.String(),
	} {
		if strings.Contains(text, "securemboxpass") || strings.Contains(text, "enablesecret1") {
			t.Errorf("a secret in clear in %s:\n%s", where, text)
		}
	}
	if !strings.Contains(b.store.text, "username mboxadmin secret SCRAM-SHA-256$") {
		t.Errorf("saved:\n%s", b.store.text)
	}
}

func TestNoAccountByDefault(t *testing.T) {
	if len(newBox(t).module.applied.Load().accounts) != 0 {
		t.Error("there is an account that nobody made")
	}
	if len(newBox(t).module.applied.Load().enable) != 0 {
		t.Error("there is an enable secret that nobody set")
	}
}

func TestRefusedLines(t *testing.T) {
	b := newBox(t, "hostname fine")
	before := b.engine.Running().Text(false)
	for _, line := range []string{
		"username", "username a", "username a secret", "username a secret \"\"", "username a password \"\"",
		"username a privilege 16 secret x", "username a privilege secret x", "username a role admin secret x",
		"username a role sync privilege 3 secret x", "username a,b secret x", "username a=b secret x", "username .a secret x",
		"username " + strings.Repeat("a", 65) + " secret x", "username a secret " + strings.Repeat("x", maxSecret+1),
		"username a secret SCRAM-SHA-256$1:AAAA$BBBB:CCCC", "username a secret SCRAM-SHA-256$", "enable secret", "enable secret \"\"",
		"username a secret \"tab\\nbreak\"",
		"banner motd", "banner motd ##", "banner motd #", "banner motd ^C", "banner motd ^", "banner motd #  #", "banner motd " + strings.Repeat("x", maxBanner+1),
		"no username a", "no enable secret", "no banner motd",
	} {
		if err := b.enter(line); err == nil {
			t.Errorf("%q was accepted", line)
		} else if strings.Contains(line, "secret") && strings.Contains(err.Error(), strings.Repeat("x", maxSecret)) {
			t.Errorf("%q: the error repeats the secret", line)
		}
	}
	if after := b.engine.Running().Text(false); after != before {
		t.Errorf("something changed:\n%s", after)
	}
}

// TestLoadedSecretInClear: a line that nobody hashed is set aside, kept, and never shown.
func TestLoadedSecretInClear(t *testing.T) {
	b := newBox(t)
	b.store.text, b.store.found = "hostname box2\nusername a secret clearsecret\nusername  b  pass clearsecret\nusername c secret "+verifier+"\nunknown password clearsecret\n", true
	report := b.engine.Boot(context.Background(), b.store.text)
	if len(report.SetAside) != 3 {
		t.Errorf("%d lines set aside, want 3: %+v", len(report.SetAside), report.SetAside)
	}
	if _, ok := b.module.Account("a"); ok {
		t.Error("the account is there")
	}
	if _, ok := b.module.Account("c"); !ok || b.module.Hostname() != "box2" {
		t.Error("the rest did not come up")
	}
	shown := fmt.Sprint(report) + b.log.String()
	if strings.Contains(shown, "clearsecret") {
		t.Errorf("shown in clear:\n%s", shown)
	}
	if !strings.Contains(shown, "username a secret ********") {
		t.Errorf("not shown:\n%s", shown)
	}
	b.save()
	if strings.Count(b.store.text, "clearsecret") != 3 {
		t.Errorf("lost by saving:\n%s", b.store.text)
	}
}

func TestTooManyAccounts(t *testing.T) {
	var b strings.Builder
	for i := range MaxAccounts + 1 {
		fmt.Fprintf(&b, "username u%d secret %s\n", i, verifier)
	}
	m := New(Deps{})
	var refused *modules.StatementError
	if err := m.Check(moduletest.Tree(t, b.String(), m)); !errors.As(err, &refused) {
		t.Errorf("got %v", err)
	}
}

func FuzzAccountName(f *testing.F) {
	for _, s := range []string{"mboxadmin", "a.b", ".a", "a b", "a,b", "é"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, err := parseAccountName(s)
		if err == nil && (name != s || modules.RenderWord(name) != name || strings.ContainsAny(name, ",= \n")) {
			t.Fatalf("%q was accepted as %q", s, name)
		}
	})
}

func TestOnChange(t *testing.T) {
	b := newBox(t)
	seen := []string{}
	b.module.OnChange(func() { seen = append(seen, b.module.Hostname()) })
	b.must("hostname one")
	if err := b.enter("hostname -"); err == nil {
		t.Fatal("accepted")
	}
	b.must("hostname two")
	if want := []string{"one", "two"}; !slices.Equal(seen, want) {
		t.Errorf("told %q, want %q", seen, want)
	}
}
