package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"mbox/hotspotdb"
	"mbox/modules"
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
	return &failure{status: http.StatusTooManyRequests, message: what + "; try again in " + modules.Count(modules.WholeSeconds(wait), "second"), wait: wait}
}

func isNotFound(err error) bool { return errors.Is(err, hotspotdb.ErrNotFound) }

// missing words the error of what a path names and is not there; any other error stays.
func missing(err error, format string, args ...any) error {
	if isNotFound(err) {
		return &failure{status: http.StatusNotFound, message: fmt.Sprintf(format, args...)}
	}
	return err
}

func noUser(err error, id uint64) error {
	return missing(err, "there is no user %d; GET /users?username=NAME shows the id of a user", id)
}

func noBatch(err error, name string) error {
	return missing(err, "there is no batch %s; GET /voucher-batches lists them", printable(name))
}

func noVoucher(err error, code string) error {
	return missing(err, "there is no voucher %s; GET /vouchers lists them", printable(code))
}

// nameTaken words the error of a username that another account has.
func nameTaken(err error, name string) error {
	if errors.Is(err, hotspotdb.ErrExists) {
		return &failure{status: http.StatusConflict, message: "username: there is another user " + printable(name) + " already; send another name"}
	}
	return err
}

// busyWait is when to come back after the box was busy.
const busyWait = time.Second

func unavailable(what string) error {
	return &failure{status: http.StatusServiceUnavailable, message: what + "; try again", wait: busyWait}
}

// failureOf words an error for the client. What the database says of its own work is no words for a client: who knows what was
// asked for words it (missing, nameTaken). What is not the client's fault is logged by the caller; the client is told only the id
// to ask for.
func failureOf(err error) (f *failure, internal bool) {
	field := new(hotspotdb.FieldError)
	switch {
	case errors.As(err, &f):
		return f, false
	case errors.As(err, &field):
		return &failure{status: http.StatusBadRequest, message: field.Error()}, false
	case errors.Is(err, hotspotdb.ErrNoSpace):
		return &failure{status: http.StatusServiceUnavailable, message: "the disk of the box is full, and nothing was stored; send it again when there is room"}, false
	case errors.Is(err, hotspotdb.ErrReadOnly):
		return &failure{status: http.StatusServiceUnavailable, message: "the box takes no changes now, and nothing was stored; its log says why"}, false
	case errors.Is(err, hotspotdb.ErrClosed):
		return &failure{status: http.StatusServiceUnavailable, message: "the box is stopping; try again when it is back"}, false
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &failure{status: http.StatusServiceUnavailable, message: "the answer took too long; ask for less, or try again", wait: busyWait}, false
	}
	return &failure{status: http.StatusInternalServerError, message: "the box failed; its log has more under the id of this request"}, true
}

// header adds what belongs to the status.
func (f *failure) header(h http.Header) {
	if f.wait > 0 {
		h.Set("Retry-After", strconv.Itoa(modules.WholeSeconds(f.wait)))
	}
	if f.status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="`+base+`"`)
	}
}
