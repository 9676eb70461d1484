package system

import (
	"context"
	"strings"
	"testing"

	"mbox/credential"
	"mbox/modules"
)

// hashes are what other routers show for a known password.
var hashes = []struct{ kind, hash, password string }{
	{"5", "$1$mERr$hx5rVt7rPNoS4wqbXKX7m0", "cisco"},
	{"8", "$8$TnGX/fE4KGHOVU$pEhnEvxrvaynpi8j4f.EMHr6M.FzU8xnZnBr/tJdFWk", "hashcat"},
	{"9", "$9$2MJBozw/9R3UsU$2lFhcKvpghcyw8deP25GOfyZaagyUOGBymkryvOdfo6", "hashcat"},
}

func TestPastedSecrets(t *testing.T) {
	b := newBox(t)
	login := func(name, secret string) bool {
		_, err := b.module.Authenticate(context.Background(), name, secret, "192.0.2.1")
		return err == nil
	}
	for _, word := range []string{"secret", "password"} {
		for _, h := range hashes {
			b.must("username old " + word + " " + h.kind + " " + h.hash)
			if !login("old", h.password) || login("old", h.password+"x") || login("old", h.hash) {
				t.Errorf("%s %s: the password does not decide", word, h.kind)
			}
			if text := b.engine.Running().Text(false); !strings.Contains(text, "username old secret "+h.kind+" "+h.hash+"\n") {
				t.Errorf("not kept as it is:\n%s", text)
			}
			b.engine.Boot(context.Background(), b.engine.Running().Text(false))
			if !login("old", h.password) {
				t.Errorf("%s %s: not after a restart", word, h.kind)
			}
		}
		for line, password := range map[string]string{" 7 0822455D0A16": "cisco", " 0 cisco": "cisco", " 0 5": "5", " 5": "5", " cisco": "cisco"} {
			b.must("username old " + word + line)
			if !login("old", password) {
				t.Errorf("%s%s is not %s", word, line, password)
			}
			if text := b.engine.Running().Text(false); !strings.Contains(text, "username old secret SCRAM-SHA-256$") {
				t.Errorf("%s%s is not a verifier:\n%s", word, line, text)
			}
		}
	}
}

func TestRefusedSecrets(t *testing.T) {
	b := newBox(t)
	for line, want := range map[string]string{
		"username a secret 5 $1$mERr$hx5rVt7rPNoS4wqbXKX7m":                 "no secret of type 5",
		"username a secret 5 cisco":                                         "no secret of type 5",
		"username a secret 8 " + hashes[2].hash:                             "no secret of type 8",
		"username a secret 9 " + hashes[1].hash:                             "no secret of type 9",
		"username a secret 9 " + hashes[2].hash[:40]:                        "no secret of type 9",
		"username a secret 7 cisco":                                         "no secret of type 7",
		"username a secret 7 0822455D0A":                                    "",
		"username a secret 7 99":                                            "no secret of type 7",
		"username a secret 4 LcV6aBcc/53FoCJjXQMd7rBUDEpeevrK8V5jQVoJEhU":   "type 4 are not understood",
		"username a secret 6 xxx":                                           "type 6 are not understood",
		"username a secret " + hashes[2].hash:                               "a hash, not a secret in clear",
		"username a role sync secret 9 " + hashes[2].hash:                   "boxes cannot log in",
		"enable secret 5 $1$mE":                                             "no secret of type 5",
		"enable secret level":                                               "level and its secret are missing",
		"username a secret 5 SCRAM-SHA-256$4096:AAAAAAAAAAAAAAAA$BBBB:CCCC": "RFC 5803",
	} {
		err := b.enter(line)
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", line, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %q", line, err, want)
		case err != nil && strings.Contains(err.Error(), line[strings.LastIndex(line, " ")+1:]) && !strings.HasSuffix(line, "level"):
			t.Errorf("%s: the error repeats it: %v", line, err)
		}
	}
}

// TestLoadedHashes: only what nobody can read may stand in a saved configuration.
func TestLoadedHashes(t *testing.T) {
	b := newBox(t)
	good := "username a secret 5 " + hashes[0].hash + "\nenable secret level 3 9 " + hashes[2].hash + "\n"
	bad := []string{
		"username b secret 7 0822455D0A16", "username c secret 0 cisco", "username d secret 9 " + hashes[1].hash,
		"username e role sync secret 8 " + hashes[1].hash, "enable secret 7 0822455D0A16", "enable password cisco",
	}
	report := b.engine.Boot(context.Background(), good+strings.Join(bad, "\n"))
	if len(report.SetAside) != len(bad) || len(b.module.applied.Load().accounts) != 1 || len(b.module.applied.Load().enable) != 1 {
		t.Errorf("%d lines set aside, want %d: %+v", len(report.SetAside), len(bad), report.SetAside)
	}
	for _, s := range report.SetAside {
		if strings.Contains(strings.Join(s.Lines, ""), "cisco") || strings.Contains(strings.Join(s.Lines, ""), "0822455D0A16") {
			t.Errorf("shown: %q", s.Lines)
		}
	}
}

func TestEnableSecrets(t *testing.T) {
	console := modules.Actor{Name: "console", From: "console", Level: 1}
	remote := modules.Actor{Name: "alice", From: "192.0.2.1", Level: 1}
	b := newBox(t)
	asks := func(actor modules.Actor, level int) string {
		ask, err := b.module.Asks(actor, level)
		switch {
		case err != nil:
			return "no"
		case ask:
			return "asks"
		}
		return "free"
	}
	proves := func(level int, secret string) bool {
		return b.module.Prove(context.Background(), remote, level, secret) == nil
	}
	if asks(console, 15) != "free" || asks(console, 5) != "free" || asks(remote, 15) != "no" || proves(15, "") {
		t.Error("without a secret only the console gets more privilege")
	}
	b.must("enable secret level 5 five")
	if asks(console, 15) != "free" || asks(console, 4) != "no" || asks(console, 5) != "asks" || asks(remote, 5) != "asks" || asks(remote, 6) != "no" {
		t.Error("the secret of one level is none for others")
	}
	b.must("enable password old")
	if !proves(15, "old") || proves(15, "five") || proves(5, "old") || !proves(5, "five") {
		t.Error("secrets are mixed up")
	}
	b.must("enable secret new")
	if !proves(15, "new") || proves(15, "old") {
		t.Error("a password must not count beside a secret")
	}
	b.must("no enable secret")
	if !proves(15, "old") || !proves(5, "five") {
		t.Error("removing the secret removed more than that")
	}
	b.must("no enable secret level 5")
	b.must("no enable password")
	if len(b.module.applied.Load().enable) != 0 {
		t.Errorf("left:\n%s", b.engine.Running().Text(true))
	}
	if v, _ := credential.Make("x"); b.enter("enable secret level 15 "+v.String()) == nil {
		t.Error("level 15 has a line of its own")
	}
}

func TestCuts(t *testing.T) {
	b := newBox(t, "username alice privilege 15 secret "+verifier, "username bob secret "+verifier)
	old := b.engine.Running()
	cuts := func(line string, actor modules.Actor) string {
		candidate := old.Clone()
		match, err := b.engine.Book().ParseStatement(nil, line)
		if err == nil && match.Negated {
			err = candidate.Remove(nil, match)
		} else if err == nil {
			_, err = candidate.Set(nil, match)
		}
		if err != nil {
			t.Fatal(err)
		}
		return b.module.Cuts(old, candidate, actor)
	}
	remote := modules.Actor{Name: "alice", From: "192.0.2.1", Level: 15}
	for line, want := range map[string]string{
		"no username alice": "is removed", "username alice privilege 14 secret " + verifier: "level", "username alice role sync secret " + verifier: "no operator",
		"no username bob": "", "hostname x": "", "username alice privilege 15 secret 5 " + hashes[0].hash: "",
	} {
		if got := cuts(line, remote); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
		if got := cuts(line, modules.Actor{Name: "alice", From: "console"}); got != "" {
			t.Errorf("%s cuts the console: %q", line, got)
		}
	}
}
