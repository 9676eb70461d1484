package api

import (
	"context"
	"net/http"
	"net/netip"
)

// route is one thing that can be asked for: what the handler, the token's scope and the OpenAPI document are made of.
type route struct {
	method  string
	path    string // below base, with the wildcards of http.ServeMux
	scope   scope  // empty: no token is needed
	summary string
	about   string // more, for the document
	query   []parameter
	body    any // zero value of what the request must hold; nil: nothing
	result  any // zero value of one element of the result; nil: there is none
	paged   bool
	tagged  bool // the answer has an ETag, and a change may name the version that it is for
	matched bool // a change may name the version that it is for, though the answer has none
	keyed   bool // an Idempotency-Key tells a request that is sent again from a new one
	created bool // 201 and Location instead of 200
	changes bool // something that other boxes may have to confirm
	serve   func(*call) (any, error)
}

// takesVersion says whether a change may name the version that it is for.
func (r *route) takesVersion() bool {
	return r.matched || r.tagged && r.method != http.MethodGet && !r.created
}

// parameter is one of a query.
type parameter struct {
	name  string
	help  string
	parse func(c *call, text string) (any, error)
	of    object // its schema
}

// call is one request on its way.
type call struct {
	*Module
	w     http.ResponseWriter
	r     *http.Request
	route *route
	id    string     // of the request
	from  netip.Addr // of the client
	user  *apiUser   // nil: none, or not yet
	query map[string]any
	body  any // pointer to a value of the type of route.body

	// What the handler says beside its result.
	message  string
	etag     string
	location string
	last     bool // there is no further page
	pending  bool // stored, but other boxes have not confirmed it
}

func (c *call) ctx() context.Context { return c.r.Context() }

// value returns a parameter of the query, or the zero value if it was not given.
func value[T any](c *call, name string) T {
	v, _ := c.query[name].(T)
	return v
}

// given returns a parameter of the query, or nil if it was not given.
func given[T any](c *call, name string) *T {
	if v, ok := c.query[name].(T); ok {
		return &v
	}
	return nil
}

// answer is what goes out: the form of the original product. The error's text stands where its message would.
type answer struct {
	Status       bool   `json:"status"`
	Page         int    `json:"page,omitempty"`
	PerPage      int    `json:"perPage,omitempty"`
	IsLastPage   *bool  `json:"isLastPage,omitempty"`
	Message      string `json:"message,omitempty"`
	ErrorMessage string `json:"errorMessage,omitempty"`
	Result       any    `json:"result"`
}
