package api

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"
)

// requestTime bounds the work for one request.
const requestTime = 45 * time.Second

// handler serves the table of routes. What is no route is answered in the same form.
func (m *Module) handler() http.Handler {
	mux := http.NewServeMux()
	byPath := map[string]map[string]*route{}
	for _, r := range routes() {
		if byPath[r.path] == nil {
			byPath[r.path] = map[string]*route{}
		}
		byPath[r.path][r.method] = r
	}
	for path, methods := range byPath {
		mux.Handle(base+path, m.serveMethods(methods))
	}
	mux.Handle(specPath, m.serveMethods(map[string]*route{http.MethodGet: specRoute}))
	mux.Handle("/", m.serveMethods(nil))
	return mux
}

func (m *Module) serveMethods(methods map[string]*route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		method := r.Method
		if method == http.MethodHead {
			method = http.MethodGet
		}
		ctx, stop := context.WithTimeout(r.Context(), requestTime)
		defer stop()
		c := &call{Module: m, w: w, r: r.WithContext(ctx), route: methods[method], id: requestID(r), from: clientOf(r)}
		h := w.Header()
		h.Set("X-Request-Id", c.id)
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		status := c.serve(methods)
		m.finished(c, status, time.Since(began))
	})
}

// requestID takes over the client's id if it can stand in a log, and makes one otherwise.
func requestID(r *http.Request) string {
	id := r.Header.Get("X-Request-Id")
	strange := func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("._-", c))
	}
	if id != "" && len(id) <= 64 && !strings.ContainsFunc(id, strange) {
		return id
	}
	b := make([]byte, 8)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// clientOf is the address of the other side. What a proxy says of it is not believed.
func clientOf(r *http.Request) netip.Addr {
	addr, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return addr.Addr().Unmap().WithZone("")
}

// serve answers and returns the status.
func (c *call) serve(methods map[string]*route) (status int) {
	defer func() {
		if r := recover(); r != nil {
			c.Log.Error("api: a request made the program fail", "request", c.id, "panic", r, "stack", string(debug.Stack()))
			status = c.fail(&failure{status: http.StatusInternalServerError, message: "the box failed; its log has more under the id of this request"})
		}
	}()
	result, err := c.result(methods)
	if err != nil {
		f, internal := failureOf(err)
		if internal {
			c.Log.Error("api: a request failed", "request", c.id, "err", err)
		}
		return c.fail(f)
	}
	if raw, ok := result.(json.RawMessage); ok {
		return c.write(http.StatusOK, raw)
	}
	return c.succeed(result)
}

// result does all that comes before the answer.
func (c *call) result(methods map[string]*route) (any, error) {
	login := c.route != nil && c.route.path == authPath
	if wait := c.limits.host(c.from, login, c.Now()); wait > 0 {
		c.metrics.limited.WithLabelValues("address").Inc()
		return nil, tooMany(wait, "too many requests from your address")
	}
	switch {
	case methods == nil:
		return nil, &failure{status: http.StatusNotFound, message: "there is no such path; " + specPath + " lists them"}
	case c.route == nil:
		allowed := make([]string, 0, len(methods)+1)
		for method := range methods {
			if allowed = append(allowed, method); method == http.MethodGet {
				allowed = append(allowed, http.MethodHead)
			}
		}
		slices.Sort(allowed)
		c.w.Header().Set("Allow", strings.Join(allowed, ", "))
		return nil, &failure{status: http.StatusMethodNotAllowed, message: "the method must be " + strings.Join(allowed, " or ")}
	}
	if err := c.authorize(); err != nil {
		return nil, err
	}
	if err := c.readQuery(); err != nil {
		return nil, err
	}
	if err := c.readBody(); err != nil {
		return nil, err
	}
	if c.DB == nil && c.route.scope != "" {
		return nil, &failure{status: http.StatusServiceUnavailable, message: "the box has no hotspot database; its log says why"}
	}
	return c.route.serve(c)
}

// authorize finds the user of the token, and whether he may do this.
func (c *call) authorize() error {
	if c.route.scope == "" {
		return nil
	}
	token, ok := strings.CutPrefix(c.r.Header.Get("Authorization"), "Bearer ")
	if !ok || len(c.r.Header.Values("Authorization")) != 1 {
		return &failure{status: http.StatusUnauthorized, message: "send the header Authorization: Bearer TOKEN; POST " + base + authPath + " gives the token"}
	}
	u, err := c.tokens.verify(token, c.settings.Load())
	if err != nil {
		c.metrics.failures.Inc()
		return &failure{status: http.StatusUnauthorized, message: err.Error()}
	}
	c.user = u
	switch {
	case !u.admits(c.from):
		return &failure{status: http.StatusForbidden, message: "user " + u.name + " may not come from your address; its line `web api user` on the box says from where"}
	case !u.may(c.route.scope):
		return &failure{status: http.StatusForbidden, message: fmt.Sprintf("user %s needs the scope %s for this; name it in its line `web api user` on the box", u.name, c.route.scope)}
	}
	if wait := c.limits.user(u.name, c.Now()); wait > 0 {
		c.metrics.limited.WithLabelValues("user").Inc()
		return tooMany(wait, "too many requests of user "+u.name)
	}
	return nil
}

// succeed writes the result as a list: of one element where there is one, empty where there is none.
func (c *call) succeed(result any) int {
	a := answer{Status: true, Message: c.message, Result: result}
	switch {
	case c.route.paged:
		a.Page, a.PerPage, a.IsLastPage = c.page(), c.perPage(), &c.last
	case result == nil:
		a.Result = []any{}
	default:
		a.Result = []any{result}
	}
	if a.Message == "" {
		a.Message = "OK"
	}
	if c.etag != "" {
		c.w.Header().Set("ETag", c.etag)
		if matches(c.r.Header.Values("If-None-Match"), c.etag) && c.route.method == http.MethodGet {
			c.w.WriteHeader(http.StatusNotModified)
			return http.StatusNotModified
		}
	}
	status := http.StatusOK
	switch {
	case c.pending:
		status = http.StatusAccepted
		a.Message = "stored on this box, but not yet confirmed by the other boxes: do not send it again"
	case c.route.created:
		status = http.StatusCreated
	}
	if c.location != "" {
		c.w.Header().Set("Location", c.location)
	}
	return c.encode(status, a)
}

func (c *call) fail(f *failure) int {
	f.header(c.w.Header())
	return c.encode(f.status, answer{ErrorMessage: f.message, Result: []any{}})
}

func (c *call) encode(status int, a answer) int {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(a); err != nil {
		panic(err) // the types of the table can be encoded
	}
	return c.write(status, b.Bytes())
}

func (c *call) write(status int, body []byte) int {
	h := c.w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	c.w.WriteHeader(status)
	if _, err := c.w.Write(body); err != nil {
		c.Log.Debug("api: an answer was not read", "request", c.id, "err", err)
	}
	return status
}

// finished counts and logs a request. The query and the body are not logged: they are about guests.
func (m *Module) finished(c *call, status int, took time.Duration) {
	path, level := "(none)", slog.LevelDebug
	if c.route != nil {
		path = c.route.path
		if c.route.method != http.MethodGet {
			level = slog.LevelInfo
		}
	}
	user := ""
	if c.user != nil {
		user = c.user.name
		m.countUser(user, status)
	}
	m.metrics.observe(path, c.r.Method, status, took)
	m.Log.Log(context.WithoutCancel(c.ctx()), level, "api: request", "request", c.id, "from", c.from, "user", user, "method", c.r.Method,
		"path", path, "status", status, "ms", took.Milliseconds())
}
