package hotspot

import (
	"fmt"
	"io"
	"strings"
	"time"

	"mbox/modules"
)

// importResult is the View of an import.
type importResult struct {
	Rows        int      `json:"rows"`
	Added       int      `json:"added"`
	Updated     int      `json:"updated"`
	Refused     int      `json:"refused"`
	Unconfirmed int      `json:"unconfirmed"` // stored here, but not confirmed by other boxes in time
	Atomic      bool     `json:"atomic"`
	Seconds     float64  `json:"seconds"`
	Rate        float64  `json:"rate"`   // rows per second
	Errors      []badRow `json:"errors"` // the first of them
	Report      *string  `json:"report"` // the file with all of them
	Missing     []string `json:"missing_profiles"`
	unit        string
}

func (r importResult) Text(w io.Writer, _ int) error {
	p := &printer{w: w}
	for _, bad := range r.Errors {
		p.printf("line %d: %s\n", bad.Line, modules.Printable(bad.Reason))
	}
	if more := r.Refused - len(r.Errors); more > 0 {
		p.printf("... and %d more\n", more)
	}
	if r.Report != nil {
		p.printf("All refused rows are in %s.\n", *r.Report)
	}
	for _, name := range r.Missing {
		p.printf("No profile %s: accounts that name it are denied until it is added.\n", modules.Printable(name))
	}
	if r.Atomic && r.Refused > 0 {
		p.printf("Nothing was stored, because %d of %s cannot be taken.\n", r.Refused, modules.Count(r.Rows, "row"))
		return p.err
	}
	p.printf("%s: %s added, %d updated, %d refused; %.1f s, %.0f rows/s\n",
		modules.Count(r.Rows, "row"), modules.Count(r.Added, strings.TrimSuffix(r.unit, "s")), r.Updated, r.Refused, r.Seconds, r.Rate)
	return p.err
}

// printer keeps the first error of several writes.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

func (r *importResult) took(elapsed time.Duration) {
	r.Seconds = elapsed.Seconds()
	if r.Seconds > 0 {
		r.Rate = float64(r.Rows) / r.Seconds
	}
}
