package diag

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"

	"mbox/modules"
)

// operator is the level of whoever may see files: an export holds guests, a configuration holds verifiers.
const operator = 15

func (m *Module) fileCommands() []modules.Command {
	words := map[string]string{
		"show": "Show what the box knows", "dir": "List the files of the box", "more": "Show a file of text", "file": "What a file is",
		"delete": "Remove a file", "rename": "Give a file another name", "force": "Without asking", "verify": "Check what is in a file",
		"sha256": "By its SHA-256 digest",
	}
	file := map[string]modules.Type{"FILE": modules.FileName("File, in the box's file area", m.deps.Files)}
	return []modules.Command{
		{Syntax: "dir [PATH]", Help: "List the files of the box", Words: words, Args: map[string]modules.Type{"PATH": modules.FileName("Folder, in the box's file area", m.deps.Files)},
			Level: operator, Run: m.dir, Result: dirView{}},
		{Syntax: "more FILE", Help: "Show a file of text", Words: words, Args: file, Level: operator, Run: m.more, Result: moreJSON{}},
		{Syntax: "show file FILE", Help: "What a file is: length, time, text or not, digest", Words: words, Args: file, Level: operator,
			Run: m.showFile, Result: fileView{}},
		{Syntax: "verify sha256 FILE [DIGEST]", Help: "Show the SHA-256 digest of a file, or compare it with one", Words: words,
			Args: map[string]modules.Type{"FILE": file["FILE"], "DIGEST": modules.Word("64 hexadecimal digits", checkDigest)}, Level: operator,
			Run: m.verify, Result: digestView{}},
		{Syntax: "delete FILE [force]", Help: "Remove a file, or an empty folder", Words: words, Args: file, Level: operator, Run: m.delete,
			Result: modules.Said{}},
		{Syntax: "rename FILE NAME [force]", Help: "Give a file another name; force replaces what has it", Words: words,
			Args:  map[string]modules.Type{"FILE": file["FILE"], "NAME": modules.Word("The new name", nil)},
			Level: operator, Run: m.rename, Result: modules.Said{}},
	}
}

// dirView is the result of `dir`.
type dirView struct {
	Folder  string     `json:"folder"`
	Entries []dirEntry `json:"entries"`
	More    bool       `json:"more"` // there are more than are listed
	Free    *uint64    `json:"free_bytes"`
}

type dirEntry struct {
	Name     string    `json:"name"`
	Kind     string    `json:"kind"` // file, folder, link, other
	Bytes    *int64    `json:"bytes"`
	Modified time.Time `json:"modified"`
}

func (m *Module) dir(_ context.Context, call modules.Call) (modules.View, error) {
	name := modules.Get[string](call.Values, "PATH")
	folder, err := call.Files.List(name)
	if err != nil {
		return nil, err
	}
	view := dirView{Folder: path.Join("files", name), Entries: make([]dirEntry, len(folder.Entries)), More: folder.More, Free: folder.Free}
	if path.IsAbs(name) {
		view.Folder = path.Clean(name)
	}
	for i, info := range folder.Entries {
		view.Entries[i] = entryOf(info)
	}
	return view, nil
}

func entryOf(info fs.FileInfo) dirEntry {
	e := dirEntry{Name: info.Name(), Kind: "other", Modified: info.ModTime().UTC().Truncate(time.Second)}
	switch mode := info.Mode(); {
	case mode.IsRegular():
		n := info.Size()
		e.Kind, e.Bytes = "file", &n
	case mode.IsDir():
		e.Kind = "folder"
	case mode&fs.ModeSymlink != 0:
		e.Kind = "link"
	}
	return e
}

// Text is a table with the sums below, as IOS has them.
func (v dirView) Text(w io.Writer, width int) error {
	if _, err := fmt.Fprintf(w, "Directory of %s\n\n", modules.Printable(v.Folder)); err != nil {
		return err
	}
	total, rows := int64(0), make([][]string, len(v.Entries))
	for i, e := range v.Entries {
		size, name := "", e.Name
		switch {
		case e.Bytes != nil:
			total += *e.Bytes
			size = modules.SizeText(*e.Bytes)
		case e.Kind == "folder":
			name += "/"
		default:
			size = e.Kind
		}
		rows[i] = []string{size, e.Modified.Format(time.DateTime), name}
	}
	if len(rows) > 0 {
		columns := []modules.Column{{Name: "SIZE", Right: true}, {Name: "MODIFIED (UTC)"}, {Name: "NAME", Min: 12}}
		if err := (modules.Table{Columns: columns, Rows: modules.Rows(rows)}).Text(w, width); err != nil {
			return err
		}
	}
	var b strings.Builder
	if v.More {
		fmt.Fprintf(&b, "There are more than these %d.\n", len(v.Entries))
	}
	if len(rows) > 0 {
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "%s, %s", modules.Count(len(v.Entries), "name"), modules.SizeText(total))
	if v.Free != nil {
		fmt.Fprintf(&b, " (%s free)", modules.SizeText(int64(min(*v.Free, 1<<62))))
	}
	_, err := io.WriteString(w, b.String()+"\n")
	return err
}
