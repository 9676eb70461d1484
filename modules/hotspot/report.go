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

// report collects bad rows: the first few for the screen, all for a file.
type report struct {
	file  reportFile
	count int
	first []badRow
}

func newReport(files modules.Files, imported string) *report {
	return &report{file: reportFile{files: files, name: imported + ".errors.csv", head: []string{"line", "reason"}}, first: []badRow{}}
}

func (r *report) add(line int, reason string) {
	r.count++
	if len(r.first) < shownRows {
		r.first = append(r.first, badRow{line, reason})
	}
	r.file.write(strconv.Itoa(line), reason)
}

// finish gives the file its name, which it returns; "" if every row was good.
func (r *report) finish() (string, error) { return r.file.finish() }

// reportFile is a CSV file that is made when its first row comes.
type reportFile struct {
	files modules.Files
	name  string
	head  []string

	file modules.PendingFile
	out  *csv.Writer
	err  error // why there is no file
}

func (r *reportFile) write(cells ...string) {
	if r.file == nil && r.err == nil {
		if r.file, r.err = r.files.Create(r.name); r.err != nil {
			return
		}
		r.out = csv.NewWriter(r.file)
		r.out.Write(r.head) // an error stays in the writer until finish
	}
	if r.err != nil {
		return
	}
	for i := range cells {
		cells[i] = guard(cells[i])
	}
	r.out.Write(cells)
}

// finish gives the file its name, which it returns; "" if nothing was written.
func (r *reportFile) finish() (string, error) {
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
