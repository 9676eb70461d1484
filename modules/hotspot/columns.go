package hotspot

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"mbox/modules"
)

// openText opens a file for reading as text and refuses what cannot be one.
func openText(files modules.Files, name string) (*os.File, error) {
	f, err := files.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, &modules.Error{Message: fmt.Sprintf("there is no file %s", name), Hint: "dir lists the files of the box; copy yours there with scp"}
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	info, err := f.Stat()
	switch {
	case err != nil:
		err = fmt.Errorf("open %s: %w", name, err)
	case info.IsDir():
		err = modules.Errorf("the file %s is a directory", name)
	case !info.Mode().IsRegular():
		err = modules.Errorf("the file %s is not a regular file", name)
	case info.Size() == 0:
		err = modules.Errorf("the file %s is empty", name)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// readHeader reads the first row and returns the reader of those behind it and the field of each column. key is the
// column that must be there.
func readHeader[E any](file io.Reader, fields []field[E], key string) (*csvReader, []field[E], error) {
	r, cells, err := readHeads(file)
	if err != nil {
		return nil, nil, err
	}
	columns, err := chooseColumns(cells, fields, key)
	return r, columns, err
}

// readHeads reads the first row, in the encoding and with the separator that it has.
func readHeads(file io.Reader) (*csvReader, []string, error) {
	src := bufio.NewReaderSize(file, maxRecord)
	start, err := src.Peek(4 << 10)
	if err != nil && err != io.EOF {
		return nil, nil, err
	}
	if bytes.HasPrefix(start, []byte("\xff\xfe")) || bytes.HasPrefix(start, []byte("\xfe\xff")) {
		return nil, nil, &modules.Error{Message: "the file is UTF-16", Hint: "Save it as CSV UTF-8"}
	}
	const bom = "\xef\xbb\xbf"
	if bytes.HasPrefix(start, []byte(bom)) {
		start = start[len(bom):]
		src.Discard(len(bom))
	}
	r := newCSVReader(src)
	r.comma = separator(start)
	cells, line, err := r.Read()
	if bad := new(rowError); errors.As(err, &bad) {
		return nil, nil, &modules.Error{Message: fmt.Sprintf("line %d, the header: %s", line, bad.reason)}
	}
	if err == io.EOF {
		return nil, nil, &modules.Error{Message: "the file is empty", Hint: "Its first line names the columns"}
	}
	return r, cells, err
}

// separator is what the header uses: a comma, or the semicolon or tab that spreadsheets write where the comma is the
// decimal point. No field's name holds one.
func separator(start []byte) byte {
	header, _, _ := bytes.Cut(start, []byte{'\n'})
	for _, c := range []byte{',', ';', '\t'} {
		if bytes.IndexByte(header, c) >= 0 {
			return c
		}
	}
	return ','
}

// chooseColumns finds the field of each column.
func chooseColumns[E any](cells []string, fields []field[E], key string) ([]field[E], error) {
	knowing := "The columns are: " + strings.Join(names(fields), ", ")
	var columns []field[E]
	seen := map[string]bool{}
	for i, cell := range cells {
		cell = strings.TrimSpace(cell)
		f, ok := find(fields, cell)
		switch {
		case cell == "":
			return nil, &modules.Error{Message: fmt.Sprintf("column %d has no name", i+1), Hint: knowing}
		case strings.ContainsRune(cell, '\r'):
			return nil, &modules.Error{Message: "the lines end in CR alone", Hint: "Save the file with LF or CRLF line ends"}
		case !ok:
			return nil, unknownColumn(i+1, cell, names(fields), knowing)
		case seen[f.name]:
			return nil, modules.Errorf("column %s is there twice", f.name)
		}
		seen[f.name] = true
		columns = append(columns, f)
	}
	if !seen[key] {
		return nil, &modules.Error{Message: fmt.Sprintf("there is no column %s", key), Hint: "The first line names the columns. " + knowing}
	}
	return columns, nil
}

// unknownColumn does not repeat the name: in a file without a header it is somebody's data.
func unknownColumn(number int, cell string, known []string, hint string) error {
	if near := nearest(strings.ToLower(cell), known); near != "" {
		hint = "Did you mean " + near + "?"
	}
	return &modules.Error{Message: fmt.Sprintf("the name of column %d in the first line is not known", number), Hint: hint}
}
