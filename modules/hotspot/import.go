package hotspot

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"runtime/debug"
	"slices"

	"mbox/hotspotdb"
	"mbox/modules"
)

const (
	// chunkRows are committed together: enough that the disk's sync does not count, few enough that others who write
	// to the database do not wait long.
	chunkRows = 2000
	// maxProfiles bounds how many of the profiles that a file names are looked for.
	maxProfiles = 100
)

// stored is what became of a row.
type stored struct {
	name     string
	updated  bool
	profiles []string
}

// sheet is what the rows of a file are: accounts or profiles.
type sheet struct {
	unit  string // for the progress bar
	open  func(file io.Reader) (*csvReader, int, error)
	store func(tx *hotspotdb.Tx, cells []string) (stored, error)
}

// row is a row of the right form that is not yet stored.
type row struct {
	line  int
	cells []string
}

// importer moves rows from a file into the database.
type importer struct {
	db      *hotspotdb.DB
	author  hotspotdb.Author
	source  string // the file
	sheet   sheet
	reader  *csvReader
	columns int
	atomic  bool
	most    int // rows, if atomic

	report *report
	bad    []badRow // of the chunk at hand
	bar    func(rows int)
	seed   maphash.Seed
	names  map[uint64]int  // hash of a name stored so far: its line
	used   map[string]bool // profiles that accounts refer to
	result importResult
	ended  bool
}

// errRefused undoes the commit of an atomic import.
var errRefused = errors.New("refused")

// run imports until the end of the file, ctx ends, or the database fails. What result counts is stored in each case.
func (i *importer) run(ctx context.Context) error {
	size := chunkRows
	if i.atomic {
		size = i.most + 1
	}
	for !i.ended {
		if err := ctx.Err(); err != nil {
			return err
		}
		chunk, err := i.read(ctx, size)
		if err != nil {
			return err
		}
		if i.atomic && !i.ended {
			return &modules.Error{Message: fmt.Sprintf("the file has more than %d rows, too many for one commit", i.most),
				Hint: "Leave atomic away, or split the file"}
		}
		if err := i.commit(ctx, chunk); err != nil {
			return err
		}
		i.bar(i.result.Rows)
	}
	return nil
}

// read returns the next rows of the right form and reports the others.
func (i *importer) read(ctx context.Context, size int) ([]row, error) {
	rows := make([]row, 0, min(size, chunkRows))
	for len(rows) < size && ctx.Err() == nil {
		cells, line, err := i.reader.Read()
		if err == io.EOF {
			i.ended = true
			break
		}
		bad := new(rowError)
		switch {
		case errors.As(err, &bad):
			i.refuse(line, bad.reason)
		case err != nil:
			return nil, fmt.Errorf("read line %d: %w", line, err)
		case blank(cells): // what spreadsheets leave behind the last row
		case len(cells) != i.columns:
			i.refuse(line, fmt.Sprintf("%d fields, the header has %d", len(cells), i.columns))
		default:
			i.result.Rows++
			rows = append(rows, row{line, cells})
		}
	}
	return rows, ctx.Err()
}

func blank(cells []string) bool {
	for _, cell := range cells {
		if cell != "" {
			return false
		}
	}
	return true
}

// refuse notes a row that is not of the right form.
func (i *importer) refuse(line int, reason string) {
	i.result.Rows++
	i.bad = append(i.bad, badRow{line, reason})
}

// reportBad reports what is bad in a chunk, in the order of lines.
func (i *importer) reportBad() {
	slices.SortFunc(i.bad, func(a, b badRow) int { return a.Line - b.Line })
	for _, b := range i.bad {
		i.report.add(b.Line, b.Reason)
	}
	i.bad = nil
}

// commit stores rows in one commit, which is durable when it returns: a chunk without its bad rows, an atomic import
// whole or not at all.
func (i *importer) commit(ctx context.Context, rows []row) error {
	var added, updated int
	err := i.db.Update(context.WithoutCancel(ctx), func(tx *hotspotdb.Tx) error {
		tx.By(i.author)
		tx.Bulk(i.source)
		for _, r := range rows {
			done, err := i.sheet.store(tx, r.cells)
			switch {
			case err != nil && !ofRow(err):
				return fmt.Errorf("store line %d: %w", r.line, err)
			case err != nil:
				i.bad = append(i.bad, badRow{r.line, i.reason(err)})
				continue
			case done.updated:
				updated++
			default:
				added++
			}
			i.remember(done, r.line)
		}
		if i.atomic && len(i.bad) > 0 {
			return errRefused
		}
		return nil
	})
	i.reportBad()
	if errors.Is(err, errRefused) {
		return nil
	}
	if errors.Is(err, hotspotdb.ErrUnconfirmed) { // what was stored once is sent to the other boxes when they are back
		i.result.Unconfirmed += added + updated
		err = nil
	}
	if err == nil {
		i.result.Added += added
		i.result.Updated += updated
	}
	return err
}

// ofRow says whether an error speaks of a row rather than of the database.
func ofRow(err error) bool {
	bad, exists, field := new(rowError), new(existsError), new(hotspotdb.FieldError)
	return errors.As(err, &bad) || errors.As(err, &exists) || errors.As(err, &field)
}

// existsError is for a row whose name is taken.
type existsError struct{ name string }

func (e *existsError) Error() string { return "already exists" }

// reason words the error of one row. A FieldError holds the field and the rule.
func (i *importer) reason(err error) string {
	exists := new(existsError)
	if !errors.As(err, &exists) {
		return err.Error()
	}
	if line, ok := i.names[i.hash(exists.name)]; ok {
		return fmt.Sprintf("%q is in line %d already", exists.name, line)
	}
	return fmt.Sprintf("%q exists already; import with update to change it", exists.name)
}

// remember keeps a hash rather than the name: a million names are 16 MB then, and the worst a collision does is to
// name a wrong line in a complaint.
func (i *importer) remember(done stored, line int) {
	i.names[i.hash(done.name)] = line
	for _, name := range done.profiles {
		if len(i.used) < maxProfiles {
			i.used[name] = true
		}
	}
}

// manyRows is from where on an import gives its memory back at its end.
const manyRows = 100_000

// giveBack returns to the operating system what a large import needed for a while: the runtime would keep as much again as is in use.
func giveBack(rows int) {
	if rows >= manyRows {
		debug.FreeOSMemory()
	}
}

func (i *importer) hash(name string) uint64 { return maphash.String(i.seed, name) }
