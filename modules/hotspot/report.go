package hotspot

import (
	"encoding/csv"
	"errors"
	"fmt"
	"strconv"

	"mbox/modules"
)

// shownRows is how many bad rows stand on the screen; all of them are in the report's file.
const shownRows = 20

// badRow says why a row was not stored. It holds nothing of the row, whose cells may be in the wrong columns and so a
// password anywhere; only a name that is an account's already may be part of the reason.
type badRow struct {
	Line   int    `json:"line"`
	Reason string `json:"reason"`
}

// report collects bad rows: the first few for the screen, all for a file that is made when the first one comes.
type report struct {
	files modules.Files
	name  string

	count int
	first []badRow
	file  modules.PendingFile
	out   *csv.Writer
	err   error // why there is no file
}

func newReport(files modules.Files, imported string) *report {
	return &report{files: files, name: imported + ".errors.csv", first: []badRow{}}
}

func (r *report) add(line int, reason string) {
	r.count++
	if len(r.first) < shownRows {
		r.first = append(r.first, badRow{line, reason})
	}
	if r.file == nil && r.err == nil {
		if r.file, r.err = r.files.Create(r.name); r.err != nil {
			return
		}
		r.out = csv.NewWriter(r.file)
		r.out.Write([]string{"line", "reason"}) // an error stays in the writer until finish
	}
	if r.err == nil {
		r.out.Write([]string{strconv.Itoa(line), guard(reason)})
	}
}

// finish gives the file its name, which it returns; "" if every row was good.
func (r *report) finish() (string, error) {
	if r.err != nil {
		return "", fmt.Errorf("write %s: %w", r.name, r.err)
	}
	if r.file == nil {
		return "", nil
	}
	r.out.Flush()
	if err := r.out.Error(); err != nil {
		return "", errors.Join(fmt.Errorf("write %s: %w", r.name, err), r.file.Abort())
	}
	if err := r.file.Commit(); err != nil {
		return "", fmt.Errorf("write %s: %w", r.name, err)
	}
	return r.name, nil
}
