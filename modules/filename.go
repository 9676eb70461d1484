package modules

import (
	"path"
	"strings"
)

// maxListed bounds the values that `?` shows.
const maxListed = 20

// FileName is a name in the file area, as a string; `?` shows those that are there. area may be nil.
func FileName(help string, area Files) Type { return fileType{Word(help, nil), area} }

type fileType struct {
	Type
	area Files
}

// List returns the files and folders that begin with prefix, some of them. What could not be shown or typed is left out.
func (t fileType) List(prefix string) (out []Candidate) {
	if t.area == nil || path.IsAbs(prefix) {
		return nil
	}
	dir, begin := path.Split(prefix)
	folder, err := t.area.List(strings.TrimSuffix(dir, "/"))
	if err != nil {
		return nil // a hint, no more
	}
	for _, info := range folder.Entries {
		name := info.Name()
		if !strings.HasPrefix(name, begin) || Printable(name) != name || len(out) == maxListed {
			continue
		}
		c := Candidate{Text: dir + name, Help: "folder"}
		if !info.IsDir() {
			c.Help = SizeText(info.Size())
		}
		out = append(out, c)
	}
	return out
}
