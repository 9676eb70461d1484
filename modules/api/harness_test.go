package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"mbox/configstore"
	"mbox/credential"
	"mbox/hotspotdb"
	"mbox/modules/moduletest"
)

// secret is that of every API user of the tests, made into a verifier once.
const secret = "correct horse battery"

var verifier = sync.OnceValue(func() string {
	v, err := credential.Make(secret)
	if err != nil {
		panic(err)
	}
	return v.String()
})

// box is a database with the API on it, asked as by HTTP.
type box struct {
	testing.TB
	db      *hotspotdb.DB
	m       *Module
	handler http.Handler
	state   *configstore.State
	log     *moduletest.Log
	began   time.Time
	clock   atomic.Int64 // nanoseconds since began: time goes on only when a test says so
	still   bool         // it does not go on with each request either
	doc     *openapi3.T
	paths   *http.ServeMux // of the document
	token   string
	from    string      // address of the client
	full    atomic.Bool // the disk is
}

func (b *box) now() time.Time { return b.began.Add(b.elapsed()) }

func (b *box) elapsed() time.Duration { return time.Duration(b.clock.Load()) }

func (b *box) advance(d time.Duration) { b.clock.Add(int64(d)) }

// listener takes the handlers and remembers what is listened on.
type listener struct {
	mux     *http.ServeMux
	addrs   []netip.AddrPort
	changes int
	refuse  error // of what is asked for
}

func (l *listener) Handle(_, pattern string, h http.Handler) { l.mux.Handle(pattern, h) }

func (l *listener) Listen(_ string, addrs []netip.AddrPort) error {
	if l.refuse != nil {
		return l.refuse
	}
	l.addrs, l.changes = addrs, l.changes+1
	return nil
}

// crm is the line of a user who may do everything.
func crm() string {
	line := "web api user crm secret " + verifier()
	for _, s := range scopes {
		line += " scope " + s.Text
	}
	return line
}

// newBox makes a box with a user crm, who has a token.
func newBox(t testing.TB) *box {
	t.Helper()
	b := &box{TB: t, log: &moduletest.Log{}, from: "192.0.2.7:4711", began: time.Now()}
	db, err := hotspotdb.Open(hotspotdb.Options{Dir: filepath.Join(t.TempDir(), "db"), Sealer: moduletest.NewSealer(t), Now: b.now, Elapsed: b.elapsed, FreeSpace: b.freeSpace})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	b.db, b.state = db, configstore.OpenMemory("test").State("api")
	b.start()
	b.apply("web api", crm())
	if b.doc, err = openapi3.NewLoader().LoadFromData(b.m.spec); err != nil {
		t.Fatal(err)
	}
	b.login("crm")
	return b
}

func (b *box) freeSpace() (uint64, error) {
	if b.full.Load() {
		return 0, nil
	}
	return 1 << 40, nil
}

// start makes a new API on the same database, as after a restart.
func (b *box) start() {
	l := &listener{mux: http.NewServeMux()}
	codes := 0
	b.m = New(Deps{
		DB: b.db, Listener: l, State: b.state, Box: "box-1", DefaultPort: 443, Now: b.now,
		Location: func() *time.Location { return time.FixedZone("SGT", 8*3600) },
		NewCodes: func(n int) (out []string) {
			for range n {
				codes++
				out = append(out, fmt.Sprintf("CODE%05d", codes))
			}
			return out
		},
		Log: slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	b.handler = l.mux
}

func (b *box) apply(lines ...string) {
	b.Helper()
	tree := moduletest.Tree(b, strings.Join(lines, "\n")+"\n", b.m)
	if err := b.m.Check(tree); err != nil {
		b.Fatal(err)
	}
	if err := b.m.Apply(b.Context(), tree); err != nil {
		b.Fatal(err)
	}
}

// login takes a token for a user.
func (b *box) login(name string) {
	b.Helper()
	r := b.post(authPath, object{"username": name, "password": secret}).want(200)
	b.token = r.one()["token"].(string)
}

func (b *box) get(path string, headers ...string) *reply {
	b.Helper()
	return b.ask(http.MethodGet, path, nil, headers...)
}

func (b *box) post(path string, body any, headers ...string) *reply {
	b.Helper()
	data, ok := body.(string)
	if !ok {
		raw, err := json.Marshal(body)
		if err != nil {
			b.Fatal(err)
		}
		data = string(raw)
	}
	return b.ask(http.MethodPost, path, strings.NewReader(data), append([]string{"Content-Type: application/json"}, headers...)...)
}

// ask sends a request with the token and checks the answer against the OpenAPI document.
func (b *box) ask(method, path string, body io.Reader, headers ...string) *reply {
	b.Helper()
	if !b.still {
		b.advance(time.Second / userRate)
	}
	r := httptest.NewRequest(method, base+path, body)
	r.RemoteAddr = b.from
	if b.token != "" {
		r.Header.Set("Authorization", "Bearer "+b.token)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	got := &reply{t: b, status: w.Code, header: w.Header(), body: w.Body.Bytes()}
	if w.Code != http.StatusNotModified {
		if err := json.Unmarshal(got.body, &got.answer); err != nil {
			b.Fatalf("%s %s: %v in %s", method, path, err, got.body)
		}
		if got.answer.Result == nil || got.answer.Status != (w.Code < 300) {
			b.Errorf("%s %s: status %d with %s", method, path, w.Code, got.body)
		}
	}
	if w.Header().Get("X-Request-Id") == "" {
		b.Errorf("%s %s: no request id", method, path)
	}
	if got.status >= 400 {
		got.checkWording()
	}
	if b.doc != nil {
		b.conforms(r, got)
	}
	return got
}

// conforms compares an answer with the document.
func (b *box) conforms(r *http.Request, got *reply) {
	b.Helper()
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, Route: b.operation(r)},
		Status:                 got.status, Header: got.header, Body: io.NopCloser(bytes.NewReader(got.body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	}
	if input.RequestValidationInput.Route == nil { // no such path or method
		var value any
		if err := json.Unmarshal(got.body, &value); err != nil {
			b.Fatal(err)
		}
		failure := b.doc.Components.Schemas["Failure"].Value
		if err := failure.VisitJSON(value, openapi3.EnableJSONSchema2020()); err != nil || got.status < 400 {
			b.Errorf("%s %s: status %d: %v", r.Method, r.URL, got.status, err)
		}
		return
	}
	if err := openapi3filter.ValidateResponse(context.Background(), input); err != nil {
		b.Errorf("%s %s: the answer is not as the document says: %v\n%s", r.Method, r.URL, err, got.body)
	}
}

// operation finds what the document has for a request.
func (b *box) operation(r *http.Request) *routers.Route {
	if b.paths == nil {
		b.paths = http.NewServeMux()
		for path := range b.doc.Paths.Map() {
			b.paths.HandleFunc(path, func(http.ResponseWriter, *http.Request) {})
		}
	}
	_, path := b.paths.Handler(r)
	item := b.doc.Paths.Value(path)
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	if item == nil || item.GetOperation(method) == nil {
		return nil
	}
	return &routers.Route{Spec: b.doc, Path: path, PathItem: item, Method: method, Operation: item.GetOperation(method)}
}

// update makes a change of the database that the test is not about.
func (b *box) update(change func(tx *hotspotdb.Tx) error) {
	b.Helper()
	if err := b.db.Update(b.Context(), change); err != nil {
		b.Fatal(err)
	}
}

// profile adds profiles.
func (b *box) profile(names ...string) {
	b.Helper()
	b.update(func(tx *hotspotdb.Tx) error {
		for _, name := range names {
			if err := tx.AddProfile(hotspotdb.Profile{Name: name}, "test"); err != nil {
				return err
			}
		}
		return nil
	})
}

func query(pairs ...string) string {
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return "?" + q.Encode()
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }
