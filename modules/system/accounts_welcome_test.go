package system

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"mbox/modules"
)

var newcomer = modules.Actor{Name: "mboxadmin", From: "192.0.2.1", Level: 15}

func TestFactoryPasswordMustBeChanged(t *testing.T) {
	b := newBox(t, "username mboxadmin privilege 15 secret mboxadmin", "username alice secret 5 "+alices)
	if _, err := b.module.Authenticate(context.Background(), "mboxadmin", "mboxadmin", guest); err != nil {
		t.Fatal(err)
	}
	seat := &terminal{interactive: true, answers: []bool{true}, secrets: []string{
		"mboxadmin", "mboxadmin", // the factory's again
		"one secret", "another", // not the same
		"Branch-7 secret", "Branch-7 secret",
	}}
	if err := b.module.Welcome(context.Background(), newcomer, seat); err != nil {
		t.Fatalf("%v\n%s", err, seat)
	}
	for _, want := range []string{"has the factory password", "This is the factory password", "The two are not the same", "The password is changed", "[OK]"} {
		if !strings.Contains(seat.String(), want) {
			t.Errorf("not said: %s\n%s", want, seat)
		}
	}
	account, err := b.module.Authenticate(context.Background(), "mboxadmin", "Branch-7 secret", guest)
	if err != nil || account.MustChange || account.Level != 15 {
		t.Errorf("the new secret: %+v, %v", account, err)
	}
	b.logins(ErrRefused, "mboxadmin", "mboxadmin", guest)
	if !strings.Contains(b.store.text, account.Verifier) {
		t.Errorf("not saved:\n%s", b.store.text)
	}
	for where, text := range map[string]string{"log": b.log.String(), "terminal": seat.String(), "saved": b.store.text} {
		if strings.Contains(text, "Branch-7 secret") {
			t.Errorf("the %s holds the secret", where)
		}
	}
	before := seat.String()
	for _, actor := range []modules.Actor{newcomer, {Name: "alice", From: guest}, {Name: "nobody", From: guest}, {Name: "console", From: "console"}} {
		if err := b.module.Welcome(context.Background(), actor, seat); err != nil || seat.String() != before {
			t.Errorf("%+v is asked: %v\n%s", actor, err, seat)
		}
	}
}

func TestWhoDoesNotChangeTheFactoryPasswordIsSentAway(t *testing.T) {
	for name, seat := range map[string]*terminal{
		"three bad tries": {interactive: true, secrets: []string{"a", "b", "c", "d", "e", "f", "g", "g"}},
		"a hangup":        {interactive: true},
	} {
		b := newBox(t, "username mboxadmin privilege 15 secret mboxadmin")
		before := b.engine.Running().Text(false)
		err := b.module.Welcome(context.Background(), newcomer, seat)
		var told *modules.Error
		if !errors.Is(err, io.EOF) && !errors.As(err, &told) {
			t.Errorf("%s: %v", name, err)
		}
		if b.engine.Running().Text(false) != before {
			t.Errorf("%s: something changed", name)
		}
	}
}

func TestNewPasswordKeepsToThePolicy(t *testing.T) {
	b := newBox(t, "username mboxadmin privilege 15 secret mboxadmin", "password-policy strict")
	seat := &terminal{interactive: true, secrets: []string{"short", "short", "Xk4#pm2qLw9z", "Xk4#pm2qLw9z"}}
	if err := b.module.Welcome(context.Background(), newcomer, seat); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(seat.String(), "it has 5 characters, not 12") || b.store.found {
		t.Errorf("saved %t, told:\n%s", b.store.found, seat)
	}
	b.logins(nil, "mboxadmin", "Xk4#pm2qLw9z", guest)
}
