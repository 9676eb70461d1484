package sync

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

// TestHashOfAnotherRouterIsNoUseBetweenBoxes: an account that was pasted from a router cannot be used, and the log says why.
func TestHashOfAnotherRouterIsNoUseBetweenBoxes(t *testing.T) {
	var log bytes.Buffer
	m := &Module{deps: Deps{
		Account: func(string) (Account, bool) {
			return Account{Verifier: "$9$2MJBozw/9R3UsU$2lFhcKvpghcyw8deP25GOfyZaagyUOGBymkryvOdfo6"}, true
		},
		Log: slog.New(slog.NewTextHandler(&log, nil)),
	}}
	if _, ok := (gate{m}).Verifier(mainAccount); ok {
		t.Error("it is taken for a verifier")
	}
	if !strings.Contains(log.String(), "boxes cannot log in with this account") || strings.Contains(log.String(), "2MJBozw") {
		t.Errorf("log: %s", &log)
	}
}
