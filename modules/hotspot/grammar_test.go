package hotspot

import (
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"mbox/modules"
	"mbox/modules/moduletest"
)

func words(h modules.Help) (out []string) {
	for _, c := range h.Candidates {
		out = append(out, c.Text)
	}
	return out
}

func TestHelpKnowsLiveNames(t *testing.T) {
	b := newBox(t)
	b.must(`hotspot profile add guest`, `hotspot profile add gold`, `hotspot user add bob password x1`, `hotspot user add bo password x2`,
		`hotspot user add alice password x3`)
	for line, want := range map[string][]string{
		`hotspot user delete b`:            {"bo", "bob"},
		`show hotspot users bob`:           {"bob"},
		`hotspot user set bob profile g`:   {"gold", "guest"},
		`hotspot profile delete gu`:        {"guest"},
		`hotspot user set bob mobi`:        {"mobile"},
		`hotspot user set bob Idle`:        {"Idle-Timeout"},
		`hotspot user set bob usertype `:   {"user", "mac", "pin"},
		`show hotspot sessions username a`: {"alice"},
	} {
		got := words(b.book.HelpCommand(15, line))
		for _, w := range want {
			if !slices.Contains(got, w) {
				t.Errorf("%q: %v lacks %s", line, got, w)
			}
		}
	}
	if got := words(b.book.HelpCommand(15, `hotspot user delete `)); slices.Contains(got, "alice") {
		t.Errorf("usernames without a first letter: %v", got)
	}
}

func TestHelpListsNoMoreThanTwentyNames(t *testing.T) {
	b := newBox(t)
	b.write("u.csv", "username\n"+strings.Join(numbered(60), "\n"))
	b.must(`hotspot import users u.csv`)
	if got := len(b.mod.usersWith("u0")); got != listed {
		t.Errorf("%d names", got)
	}
}

func TestGrammar(t *testing.T) {
	moduletest.Grammar(t, New(nil, time.Now, slog.New(slog.DiscardHandler)), "hotspot history days 30", "hotspot voucher partition allow",
		"hotspot quota reset weekly sunday at 04:30", "hotspot password-storage hashed")
}

// A list of guests is personal data; counting them is not.
func TestLevels(t *testing.T) {
	b := newBox(t)
	for _, c := range b.mod.Grammar().Commands {
		want := operator
		if c.Syntax == "show hotspot statistics" || c.Syntax == "show hotspot retention" {
			want = anybody
		}
		if c.Level != want {
			t.Errorf("%s needs level %d", c.Syntax, c.Level)
		}
		if c.Help == "" || c.Run == nil {
			t.Errorf("%s has no help or does nothing", c.Syntax)
		}
	}
}

func TestPasswordIsASecretOfTheGrammar(t *testing.T) {
	b := newBox(t)
	match, err := b.book.ParseCommand(15, `hotspot user add bob pass hunter22`)
	if err != nil {
		t.Fatal(err)
	}
	if !match.Secret || strings.Contains(match.Line, "hunter22") {
		t.Errorf("line %q, secret %v", match.Line, match.Secret)
	}
}

func TestFieldsAreFoundByTheirNearestName(t *testing.T) {
	b := newBox(t)
	_, err := b.run(`hotspot user add bob fristname Bob`)
	if err == nil || !strings.Contains(err.Error(), "firstname") {
		t.Errorf("got %v", err)
	}
}
