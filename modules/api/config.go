package api

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"mbox/credential"
	"mbox/modules"
)

const (
	syntaxAPI  = "web api [listen ADDR] [port PORT]"
	syntaxUser = "web api user NAME secret SECRET [scope SCOPE]... [from PREFIX]"

	// maxUsers bounds the users of the API: each has limits and counts of its own.
	maxUsers = 100
	// minSecret is the shortest secret in clear, in bytes: it is for programs, and guessed from afar.
	minSecret, maxSecret = 12, 128
)

var words = map[string]string{
	"web":    "What the HTTPS listener serves",
	"api":    "REST API for the hotspot's data",
	"listen": "Where clients connect (default: every address)",
	"port":   "TCP port (default: that of HTTPS)",
	"user":   "A program that may use the API",
	"secret": "Its secret in clear, or the verifier that another box shows",
	"scope":  "What it may do (default: read everything, change nothing)",
	"from":   "Only from this address or network",
}

// settings is the applied configuration; it is never changed.
type settings struct {
	listen []netip.AddrPort // empty: the API is off
	users  map[string]*apiUser
	// standIns are the verifiers of all users: a name that nobody has is compared with one of them.
	standIns []credential.Verifier
}

// apiUser is a program that may use the API.
type apiUser struct {
	name       string
	verifier   credential.Verifier
	generation string // differs once the secret was changed
	scopes     []scope
	named      []scope      // those that the line names
	from       netip.Prefix // not valid: from everywhere
}

func (u *apiUser) may(s scope) bool { return slices.Contains(u.scopes, s) }

// admits says whether the user may come from an address.
func (u *apiUser) admits(from netip.Addr) bool { return !u.from.IsValid() || u.from.Contains(from) }

func (m *Module) statements() []modules.Statement {
	return []modules.Statement{
		{
			Syntax: syntaxAPI, Help: "Serve the REST API at https://THIS-BOX" + base + "/", Words: words,
			Args: map[string]modules.Type{
				"ADDR": modules.Address("Own address; 0.0.0.0 or :: for all"), "PORT": modules.Int(1, 65535, "TCP port"),
			},
		},
		{
			Syntax: syntaxUser, Help: "A program that may use the REST API", Words: words, Key: []string{"NAME"},
			Args: map[string]modules.Type{
				"NAME":   modules.Word("Name of the program, such as crm", parseName),
				"SECRET": modules.Secret(fmt.Sprintf("%d to %d characters in clear, or a SCRAM-SHA-256 verifier", minSecret, maxSecret), parseSecret),
				"SCOPE":  modules.Enum("What it may do", scopes...),
				"PREFIX": modules.Prefix("Address or network that it comes from"),
			},
			Normalize: storeSecret,
		},
	}
}

// parseName keeps to what needs no quoting in a log, a token or a URL.
func parseName(s string) (string, error) {
	for i := range len(s) {
		c := s[i]
		alnum := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !alnum && (i == 0 || c != '.' && c != '_' && c != '-') {
			return "", errName
		}
	}
	if s == "" || len(s) > 64 {
		return "", errName
	}
	return s, nil
}

var errName = errors.New("expected a name of 1 to 64 letters, digits and . _ - that starts with a letter or digit")

func parseSecret(s string) (string, error) {
	if credential.Is(s) {
		_, err := credential.Parse(s)
		return s, err
	}
	if len(s) < minSecret || len(s) > maxSecret {
		return "", fmt.Errorf("expected a secret of %d to %d characters", minSecret, maxSecret)
	}
	return s, nil
}

// storeSecret replaces a typed secret in clear by its verifier.
func storeSecret(v modules.Values) (modules.Values, error) {
	v = v.Clone()
	v["SCOPE"] = uniqueScopes(v)
	if len(v["SCOPE"].([]any)) == 0 {
		delete(v, "SCOPE")
		delete(v, "scope")
	}
	secret := modules.Get[string](v, "SECRET")
	if credential.Is(secret) {
		return v, nil
	}
	if secret == modules.Get[string](v, "NAME") {
		return nil, &modules.Error{Message: "the secret is the name", Hint: "Make a random one, for example with: openssl rand -base64 24"}
	}
	verifier, err := modules.Verifier(secret)
	if err != nil {
		return nil, err
	}
	v["SECRET"] = verifier
	return v, nil
}

// uniqueScopes are the scopes of a line in the order in which `?` lists them.
func uniqueScopes(v modules.Values) []any {
	typed := modules.List[string](v, "SCOPE")
	out := []any{}
	for _, s := range scopes {
		if slices.Contains(typed, s.Text) {
			out = append(out, s.Text)
		}
	}
	return out
}

func (m *Module) parse(tree *modules.Tree) (*settings, error) {
	s := &settings{users: map[string]*apiUser{}}
	if n, ok := tree.One(syntaxAPI); ok {
		addr, port := netip.IPv6Unspecified(), m.DefaultPort
		if n.Values.Has("ADDR") {
			addr = modules.Get[netip.Addr](n.Values, "ADDR")
		}
		if n.Values.Has("PORT") {
			port = uint16(modules.Get[int](n.Values, "PORT"))
		}
		s.listen = []netip.AddrPort{netip.AddrPortFrom(addr, port)}
	}
	var refused []error
	for _, n := range tree.All(syntaxUser) {
		u, err := userOf(n.Values)
		if err == nil && len(s.users) == maxUsers {
			err = modules.Errorf("more than %d users of the API", maxUsers)
		}
		if err != nil {
			refused = append(refused, modules.Refuse(n, err))
			continue
		}
		s.users[u.name] = u
		s.standIns = append(s.standIns, u.verifier)
	}
	return s, errors.Join(refused...)
}

func userOf(v modules.Values) (*apiUser, error) {
	verifier, err := credential.Parse(modules.Get[string](v, "SECRET"))
	if err != nil {
		return nil, &modules.Error{
			Message: "a saved configuration cannot hold this secret in clear",
			Hint:    "Type the line again in configuration mode; then it is stored as a verifier.",
		}
	}
	u := &apiUser{name: modules.Get[string](v, "NAME"), verifier: verifier, from: modules.Get[netip.Prefix](v, "PREFIX")}
	u.generation = generation(u.name, verifier)
	for _, name := range modules.List[string](v, "SCOPE") {
		u.named = append(u.named, scope(name))
	}
	if u.scopes = u.named; len(u.named) == 0 {
		u.scopes = defaultScopes()
	}
	return u, nil
}

// Check refuses lines that cannot be applied.
func (m *Module) Check(tree *modules.Tree) error {
	_, err := m.parse(tree)
	return err
}

// Apply opens or closes the API. Tokens of users that are gone, or have another secret, end with it.
func (m *Module) Apply(_ context.Context, tree *modules.Tree) error {
	next, err := m.parse(tree)
	if err != nil {
		return err
	}
	if len(next.listen) > 0 {
		if err := m.tokens.prepare(); err != nil {
			return err
		}
	}
	if err := m.Listener.Listen(owner, next.listen); err != nil {
		return modules.ListenError(err, "web api listen ADDRESS port PORT")
	}
	m.settings.Store(next)
	m.forgetUsers(next)
	return nil
}
