package api

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"mbox/modules"
	"mbox/modules/moduletest"
)

func TestGrammar(t *testing.T) {
	b := newBox(t)
	moduletest.Grammar(t, b.m,
		"web api", "web api listen 10.0.0.1", "web api listen 2001:db8::1 port 8443", "web api port 444",
		`web api user crm secret "`+secret+`"`,
		"web api user crm.2 secret "+verifier()+" from 10.0.0.0/8",
		"web api user crm secret "+verifier()+" scope users:write scope users:read from 192.0.2.1",
	)
	v, err := storeSecret(modules.Values{"NAME": "crm", "SECRET": "correct horse battery", "SCOPE": []any{"users:write", "users:read", "users:write"}})
	if err != nil || fmt.Sprint(v["SCOPE"]) != "[users:read users:write]" || !strings.HasPrefix(v["SECRET"].(string), "SCRAM-SHA-256$") {
		t.Errorf("normalized to %v, %v", v, err)
	}
	if _, err := storeSecret(modules.Values{"NAME": "a-name-of-12", "SECRET": "a-name-of-12"}); err == nil {
		t.Error("the secret may be the name")
	}
	tree := moduletest.Tree(t, "web api user crm secret in-clear-in-a-file\n", b.m)
	if err := b.m.Check(tree); err == nil || !strings.Contains(err.Error(), "in clear") || strings.Contains(err.Error(), "in-clear-in-a-file") {
		t.Errorf("a secret in clear in a saved configuration: %v", err)
	}
}

func TestApplyIsDesiredState(t *testing.T) {
	b := newBox(t)
	l := &listener{mux: http.NewServeMux()}
	m := New(Deps{Listener: l, State: b.state, DefaultPort: 8443, Log: b.m.Log})
	moduletest.ApplyTwice(t, m, "web api listen 127.0.0.1 port 4443\n"+crm()+"\n", func() int { return len(l.addrs) })
	if len(l.addrs) != 1 || l.addrs[0].String() != "127.0.0.1:4443" {
		t.Errorf("listens on %v", l.addrs)
	}
	for text, want := range map[string]string{crm(): "[]", "web api": "[[::]:8443]", "web api port 5": "[[::]:5]"} {
		if err := m.Apply(t.Context(), moduletest.Tree(t, text+"\n", m)); err != nil || fmt.Sprint(l.addrs) != want {
			t.Errorf("%s: listens on %v, %v", text, l.addrs, err)
		}
	}
}

func TestShow(t *testing.T) {
	b := newBox(t)
	b.apply("web api", crm(), "web api user ship secret "+verifier()+" scope users:read from 10.0.0.0/8")
	b.get("/users").want(200)
	b.get("/users/7").want(404)
	view, err := b.m.show(t.Context(), modules.Call{})
	if err != nil {
		t.Fatal(err)
	}
	v := view.(apiView)
	if len(v.Users) != 2 || v.Users[0].Requests != 3 || v.Users[0].Failures != 1 || v.Users[0].Last == nil || *v.Users[1].From != "10.0.0.0/8" || v.Users[1].Last != nil || *v.Listen != "[::]:443" {
		t.Errorf("view %+v", v)
	}
	var text strings.Builder
	if err := v.Text(&text, 80); err != nil || !strings.Contains(text.String(), "on at [::]:443") || !strings.Contains(text.String(), "10.0.0.0/8") {
		t.Errorf("text %v:\n%s", err, text.String())
	}
	if strings.Contains(text.String(), "SCRAM") {
		t.Error("the verifier is shown")
	}
}

// A line that cannot be listened on is refused with what to type instead, and what was in force stays.
func TestListenerThatCannotOpen(t *testing.T) {
	b := newBox(t)
	l := &listener{mux: http.NewServeMux()}
	m := New(Deps{Listener: l, State: b.state, DefaultPort: 443, Log: b.m.Log})
	for text, want := range map[syscall.Errno]string{
		syscall.EADDRINUSE: "the port is in use", syscall.EADDRNOTAVAIL: "the address is not one of this box",
	} {
		at := net.TCPAddrFromAddrPort(netip.MustParseAddrPort("192.0.2.1:443"))
		l.refuse = fmt.Errorf("listen on %s: %w", at, &net.OpError{Op: "listen", Net: "tcp", Addr: at, Err: text})
		var told *modules.Error
		err := m.Apply(t.Context(), moduletest.Tree(t, "web api listen 192.0.2.1\n", m))
		if !errors.As(err, &told) || !strings.Contains(told.Message, want) || !strings.Contains(told.Hint, "web api listen ADDRESS port PORT") {
			t.Errorf("%v is told as %v", text, err)
		}
		if len(m.settings.Load().listen) != 0 {
			t.Error("the refused line is in force")
		}
	}
}
