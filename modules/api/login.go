package api

import (
	"context"
	"errors"
	"hash/maphash"

	"mbox/credential"
)

// Bounds of the work that logins cause.
const (
	maxChecks  = 1  // secrets that are compared at a time
	maxWaiting = 16 // for that
)

// nobody is the verifier of no secret: its keys are zero. It stands in where no user is configured.
const nobody = "SCRAM-SHA-256$30000:AAAAAAAAAAAAAAAAAAAAAA==$" +
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

// checker compares secrets, one at a time: who has no secret must not keep the box busy.
type checker struct {
	slots, waiting chan struct{}
	seed           maphash.Seed
	nobody         credential.Verifier
}

func newChecker() *checker {
	v, err := credential.Parse(nobody)
	if err != nil {
		panic("api: " + err.Error()) // the constant above is wrong
	}
	return &checker{
		slots: make(chan struct{}, maxChecks), waiting: make(chan struct{}, maxChecks+maxWaiting),
		seed: maphash.MakeSeed(), nobody: v,
	}
}

var errBusy = errors.New("too many logins at once")

// matches waits for its turn. Errors are errBusy, or that of ctx.
func (c *checker) matches(ctx context.Context, v credential.Verifier, secret string) (bool, error) {
	select {
	case c.waiting <- struct{}{}:
		defer func() { <-c.waiting }()
	default:
		return false, errBusy
	}
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
		return v.Matches(secret), nil
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
}

// decoy is what a secret is compared with where no user has the name: always the same for a name, so that the time that it takes
// says nothing about which names exist.
func (c *checker) decoy(name string, standIns []credential.Verifier) credential.Verifier {
	if len(standIns) == 0 {
		return c.nobody
	}
	return standIns[maphash.String(c.seed, name)%uint64(len(standIns))]
}

// loginRequest is the body of POST auth.
type loginRequest struct {
	Username string `json:"username" required:"true" doc:"Name of a configured API user"`
	Password string `json:"password" required:"true" doc:"Its secret"`
}

// loginResult is the answer.
type loginResult struct {
	Token     string   `json:"token" doc:"To be sent as Authorization: Bearer TOKEN"`
	TokenType string   `json:"tokenType" enum:"Bearer" doc:"How the token is sent"`
	ExpiresIn int      `json:"expiresIn" doc:"Seconds for which the token is good"`
	Scopes    []string `json:"scopes" doc:"What the user may do"`
}

// login gives a token for a secret. A name that nobody has, a wrong secret, and a user who comes from elsewhere than he may
// are answered alike, and take as long.
func login(c *call) (any, error) {
	body := c.body.(*loginRequest)
	end, wait := c.lockout.begin(c.from)
	if end == nil {
		c.metrics.limited.WithLabelValues("lockout").Inc()
		return nil, tooMany(wait, "too many failed logins from your address")
	}
	failed := false
	defer func() { end(failed) }()
	s := c.settings.Load()
	u, known := s.users[body.Username]
	verifier := c.checker.decoy(body.Username, s.standIns)
	if known {
		verifier = u.verifier
	}
	ok, err := c.checker.matches(c.ctx(), verifier, body.Password)
	if errors.Is(err, errBusy) {
		return nil, unavailable("too many logins at once")
	}
	if err != nil {
		return nil, err
	}
	if !ok || !known || !u.admits(c.from) {
		failed = true
		c.metrics.failures.Inc()
		if known {
			c.user = u // for its count of failures
		}
		return nil, &failure{status: 401, message: "wrong username or password; send the name and secret of a line `web api user` of the box, from an address that it allows"}
	}
	c.user = u
	token, err := c.tokens.issue(u)
	if err != nil {
		return nil, err
	}
	c.message = "token issued"
	result := loginResult{Token: token, TokenType: "Bearer", ExpiresIn: int(tokenLife.Seconds()), Scopes: []string{}}
	for _, s := range u.scopes {
		result.Scopes = append(result.Scopes, string(s))
	}
	return result, nil
}
