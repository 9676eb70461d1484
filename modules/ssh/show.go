package ssh

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"mbox/modules"
)

func (m *Module) commands() []modules.Command {
	showWords := map[string]string{
		"show": "Show running system information", "ip": words["ip"], "ssh": "The SSH server", "crypto": "Keys of this box",
		"key": "Keys of this box", "mypubkey": "The public halves, for those who want to know this box",
	}
	return []modules.Command{{
		Syntax: "show ip ssh", Help: "The SSH server: where it listens, its rules and its host key", Words: showWords,
		Level: 1, Result: serverView{}, Support: "show ip ssh", Run: m.showServer,
	}, {
		Syntax: "show ssh", Help: "Who is connected by SSH", Words: map[string]string{"show": showWords["show"], "ssh": "SSH connections"},
		Level: 1, Result: connectionsView{}, Support: "show ssh", Run: m.showConnections,
	}, {
		Syntax: "show crypto key mypubkey", Help: "Public host key of this box", Words: showWords,
		Level: 1, Result: publicKeyView{}, Run: m.showKey,
	}, {
		Syntax: "crypto key generate ssh [force]", Help: "Replace the SSH host key of this box",
		Words: map[string]string{
			"crypto": "Keys of this box", "key": "Keys of this box", "generate": "Make a new key", "ssh": "SSH host key",
			"force": "Without asking",
		},
		Level: fullLevel, Result: publicKeyView{}, Run: m.generate,
	}}
}

// serverView is the result of `show ip ssh`.
type serverView struct {
	Enabled     bool             `json:"enabled"`
	Listeners   []netip.AddrPort `json:"listeners"`
	AccessClass []netip.Prefix   `json:"access_class"` // empty: everybody
	Timeout     int              `json:"timeout_seconds"`
	Retries     int              `json:"authentication_retries"`
	Keepalive   int              `json:"keepalive_seconds"`
	Limit       int              `json:"session_limit"`
	Sessions    int              `json:"sessions"`
	HostKey     *keyView         `json:"host_key"` // null: there is none yet
	Kex         []string         `json:"key_exchanges"`
	Ciphers     []string         `json:"ciphers"`
}

type keyView struct {
	Type        string    `json:"type"`
	Fingerprint string    `json:"fingerprint"`
	Made        time.Time `json:"made"`
}

func (m *Module) showServer(context.Context, modules.Call) (modules.View, error) {
	s := m.settings.Load()
	view := serverView{
		Listeners: []netip.AddrPort{}, AccessClass: append([]netip.Prefix{}, s.access...),
		Timeout: int(s.timeout.Seconds()), Retries: s.retries, Keepalive: int(s.keepalive.Seconds()), Limit: s.limit,
		HostKey: m.hostKeyView(), Kex: keyExchanges, Ciphers: ciphers,
	}
	m.mu.Lock()
	for addr := range m.listeners {
		view.Listeners = append(view.Listeners, addr)
	}
	view.Sessions = m.sessions
	m.mu.Unlock()
	slices.SortFunc(view.Listeners, netip.AddrPort.Compare)
	view.Enabled = len(view.Listeners) > 0
	return view, nil
}

func (m *Module) hostKeyView() *keyView {
	key := m.host.Load()
	if key == nil {
		return nil
	}
	return &keyView{Type: gossh.KeyAlgoED25519, Fingerprint: key.fingerprint(), Made: key.made}
}

// Text begins as on IOS.
func (v serverView) Text(w io.Writer, _ int) error {
	var b strings.Builder
	if v.Enabled {
		b.WriteString("SSH Enabled - version 2.0\n")
	} else {
		b.WriteString("SSH Disabled - version 2.0\n%Nothing listens: configure ip ssh listen ADDRESS\n")
	}
	fmt.Fprintf(&b, "Authentication timeout: %d secs; Authentication retries: %d\n", v.Timeout, v.Retries)
	fmt.Fprintf(&b, "Keepalive: %d secs; Sessions: %d of %d\n", v.Keepalive, v.Sessions, v.Limit)
	list := func(what string, items []string) {
		for i, item := range items {
			if i > 0 {
				what = ""
			}
			fmt.Fprintf(&b, "%-14s %s\n", what, item)
		}
	}
	list("Listening on:", texts(v.Listeners, netip.AddrPort.String))
	list("Access class:", texts(v.AccessClass, func(p netip.Prefix) string { return modules.Prefix("").Render(p) }))
	if v.HostKey != nil {
		list("Host key:", []string{v.HostKey.Type + " " + v.HostKey.Fingerprint})
	}
	list("Key exchange:", v.Kex)
	list("Encryption:", v.Ciphers)
	_, err := io.WriteString(w, b.String())
	return err
}

func texts[T any](items []T, render func(T) string) []string {
	var out []string
	for _, item := range items {
		out = append(out, render(item))
	}
	return out
}

// connectionsView is the result of `show ssh`.
type connectionsView struct {
	Connections []connectionView `json:"connections"`
}

type connectionView struct {
	Connection  int       `json:"connection"`
	User        *string   `json:"user"` // null: not logged in yet
	From        string    `json:"from"`
	Method      *string   `json:"method"` // password, publickey
	Fingerprint *string   `json:"key"`    // of the key that logged in
	Sessions    int       `json:"sessions"`
	Since       time.Time `json:"since"`
	Cipher      string    `json:"cipher"`
	KeyExchange string    `json:"key_exchange"`
}

func (m *Module) showConnections(context.Context, modules.Call) (modules.View, error) {
	view := connectionsView{Connections: []connectionView{}}
	m.mu.Lock()
	for c := range m.conns {
		view.Connections = append(view.Connections, c.view())
	}
	m.mu.Unlock()
	slices.SortFunc(view.Connections, func(a, b connectionView) int { return cmp.Compare(a.Connection, b.Connection) })
	return view, nil
}

// view describes a connection; the caller holds Module.mu.
func (c *conn) view() connectionView {
	v := connectionView{Connection: c.number, From: c.source.String(), Sessions: c.sessions, Since: c.since.UTC().Truncate(time.Second)}
	if c.login.method == "" {
		return v
	}
	v.User, v.Method = &c.login.account.Name, &c.login.method
	v.Cipher, v.KeyExchange = c.login.algos.Read.Cipher, c.login.algos.KeyExchange
	if c.login.key != nil {
		print := gossh.FingerprintSHA256(c.login.key)
		v.Fingerprint = &print
	}
	return v
}

// Text has a line for each connection.
func (v connectionsView) Text(w io.Writer, width int) error {
	if len(v.Connections) == 0 {
		_, err := io.WriteString(w, "Nobody is connected by SSH\n")
		return err
	}
	var rows [][]string
	for _, c := range v.Connections {
		user, method := "(logging in)", ""
		if c.User != nil {
			user, method = *c.User, *c.Method
		}
		rows = append(rows, []string{fmt.Sprint(c.Connection), user, method, fmt.Sprint(c.Sessions), c.Since.Format("2006-01-02 15:04:05"), c.From})
	}
	return modules.Table{Columns: []modules.Column{
		{Name: "Connection", Right: true}, {Name: "User", Min: 8, Cut: true}, {Name: "Method"}, {Name: "Sessions", Right: true},
		{Name: "Since"}, {Name: "From"},
	}, Rows: modules.Rows(rows)}.Text(w, width)
}

// publicKeyView is the result of `show crypto key mypubkey`.
type publicKeyView struct {
	keyView
	Public string `json:"public"` // as in known_hosts
}

func (m *Module) showKey(context.Context, modules.Call) (modules.View, error) {
	key := m.host.Load()
	if key == nil {
		return nil, modules.Errorf("There is no host key yet")
	}
	return publicKeyView{*m.hostKeyView(), key.public()}, nil
}

// Text ends with what can be pasted.
func (v publicKeyView) Text(w io.Writer, _ int) error {
	_, err := fmt.Fprintf(w, "Host key of this box, made %s\nFingerprint: %s\n%s\n", v.Made.Format("2006-01-02 15:04:05 MST"), v.Fingerprint, v.Public)
	return err
}

func (m *Module) generate(ctx context.Context, call modules.Call) (modules.View, error) {
	if !call.Values.Has("force") {
		ok, err := call.Terminal.Confirm(ctx, "Replace the host key? Every client that knows the old one will refuse to connect.")
		if errors.Is(err, modules.ErrNotInteractive) {
			return nil, &modules.Error{
				Message: "crypto key generate ssh needs a terminal to confirm", Hint: "Type crypto key generate ssh force to do it without asking.",
			}
		}
		if err != nil || !ok {
			return modules.Text(""), err
		}
	}
	if err := m.makeHostKey(); err != nil {
		return nil, err
	}
	m.log.Info("%SSH-5-KEY: the host key was replaced", "by", call.Actor.Name, "from", call.Actor.From)
	return m.showKey(ctx, call)
}
