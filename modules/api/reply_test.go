package api

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// reply is an answer as it came, decoded.
type reply struct {
	t      testing.TB
	status int
	header http.Header
	body   []byte
	answer struct {
		Status       bool             `json:"status"`
		Page         int              `json:"page"`
		PerPage      int              `json:"perPage"`
		IsLastPage   *bool            `json:"isLastPage"`
		Message      string           `json:"message"`
		ErrorMessage string           `json:"errorMessage"`
		Result       []map[string]any `json:"result"`
	}
}

// want checks the status and, of a failure, that its message has each of the words.
func (r *reply) want(status int, words ...string) *reply {
	r.t.Helper()
	if r.status != status {
		r.t.Fatalf("status %d, want %d: %s", r.status, status, r.body)
	}
	for _, word := range words {
		if !strings.Contains(r.answer.ErrorMessage, word) {
			r.t.Errorf("the message %q does not have %q", r.answer.ErrorMessage, word)
		}
	}
	return r
}

// one is the only element of the result.
func (r *reply) one() map[string]any {
	r.t.Helper()
	if len(r.answer.Result) != 1 {
		r.t.Fatalf("not one result: %s", r.body)
	}
	return r.answer.Result[0]
}

// each is a member of every element of the result.
func (r *reply) each(member string) (out []string) {
	for _, one := range r.answer.Result {
		out = append(out, fmt.Sprint(one[member]))
	}
	return out
}

// id is the id of the only element.
func (r *reply) id() string {
	r.t.Helper()
	return fmt.Sprintf("%.0f", r.one()["id"])
}

// ids are those of all elements.
func (r *reply) ids() (out []string) {
	for _, one := range r.answer.Result {
		out = append(out, fmt.Sprintf("%.0f", one["id"]))
	}
	return out
}

// says compares the whole message.
func (r *reply) says(status int, message string) {
	r.t.Helper()
	if got := r.want(status).answer.ErrorMessage; got != message {
		r.t.Errorf("status %d:\n got %q\nwant %q", status, got, message)
	}
}

// Every failure says what to send instead, and nothing of how the box works inside. Each answer of each test is held to it.
var (
	insideWords = regexp.MustCompile(`: not found|already exists|version of|find a|change a|look for|account|record|hotspotdb|json:|Go struct|strconv|%!|<nil>`)
	adviceWords = regexp.MustCompile(`send|expected|must|at most|known are|leave it out|try again|ask for|GET /|/openapi\.json lists|on the box|its log`)
)

func (r *reply) checkWording() {
	r.t.Helper()
	text := r.answer.ErrorMessage
	if inside := insideWords.FindString(text); inside != "" {
		r.t.Errorf("status %d: %q speaks of the inside: %q", r.status, text, inside)
	}
	if !adviceWords.MatchString(text) {
		r.t.Errorf("status %d: %q does not say what to send instead", r.status, text)
	}
}
