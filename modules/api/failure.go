package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"mbox/hotspotdb"
)

// failure is an answer that says why not. Its message is for whoever wrote the client: it names the field, and what is expected.
type failure struct {
	status  int
	message string
	wait    time.Duration // Retry-After; 0: none
}

func (f *failure) Error() string { return f.message }

func refuse(format string, args ...any) error {
	return &failure{status: http.StatusBadRequest, message: fmt.Sprintf(format, args...)}
}

func tooMany(wait time.Duration, what string) error {
	return &failure{status: http.StatusTooManyRequests, message: fmt.Sprintf("%s; try again in %d seconds", what, wholeSeconds(wait)), wait: wait}
}

// busyWait is when to come back after the box was busy.
const busyWait = time.Second

func unavailable(what string) error {
	return &failure{status: http.StatusServiceUnavailable, message: what + "; try again", wait: busyWait}
}

// wholeSeconds rounds up: what is left is never 0.
func wholeSeconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// failureOf words an error for the client. What is not the client's fault is logged by the caller; the client is told only the
// id to ask for.
func failureOf(err error) (f *failure, internal bool) {
	field := new(hotspotdb.FieldError)
	switch {
	case errors.As(err, &f):
		return f, false
	case errors.As(err, &field):
		return &failure{status: http.StatusBadRequest, message: field.Error()}, false
	case errors.Is(err, hotspotdb.ErrExists):
		return &failure{status: http.StatusConflict, message: err.Error()}, false
	case errors.Is(err, hotspotdb.ErrNotFound):
		return &failure{status: http.StatusNotFound, message: err.Error()}, false
	case errors.Is(err, hotspotdb.ErrNoSpace), errors.Is(err, hotspotdb.ErrReadOnly):
		return &failure{status: http.StatusServiceUnavailable, message: err.Error()}, false
	case errors.Is(err, hotspotdb.ErrClosed):
		return &failure{status: http.StatusServiceUnavailable, message: "the box is stopping"}, false
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &failure{status: http.StatusServiceUnavailable, message: "the answer took too long", wait: busyWait}, false
	}
	return &failure{status: http.StatusInternalServerError, message: "the box failed; its log has more under the id of this request"}, true
}

// header adds what belongs to the status.
func (f *failure) header(h http.Header) {
	if f.wait > 0 {
		h.Set("Retry-After", strconv.Itoa(wholeSeconds(f.wait)))
	}
	if f.status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="`+base+`"`)
	}
}
