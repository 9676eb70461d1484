package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	glider "github.com/gliderlabs/ssh"
	"github.com/pkg/sftp"
	"golang.org/x/sys/unix"
)

const (
	// maxOpen bounds the files and folders that one session has open.
	maxOpen = 32
	// maxPath bounds a path, in bytes; Linux allows no more (PATH_MAX).
	maxPath = 4096
	// maxEntries bounds what a folder may hold to be listed.
	maxEntries = 10_000
)

// FileArea is where operators keep files.
type FileArea struct {
	Dir     string
	Pending string // beginning of the names of files that are not complete yet; they are not shown
}

// mayTransfer says whether an account may use SFTP: the files are configurations, backups and lists of guests.
func (ch *channel) mayTransfer() bool { return ch.account.Level >= fullLevel && !ch.account.MustChange }

// transfer serves SFTP. Nothing outside of the file area can be named, not through links either.
func (ch *channel) transfer(s glider.Session) int {
	log := ch.conn.module.log.With("user", ch.account.Name, "from", ch.conn.source)
	root, err := os.OpenRoot(ch.conn.module.deps.Files.Dir)
	if err != nil {
		log.Error("ssh: the file area cannot be opened", "error", err)
		return exitFailed
	}
	defer root.Close()
	area := newArea(root, ch.conn.module.deps.Files.Pending, func(verb, name string, args ...any) {
		log.Info("sftp: "+verb, append([]any{"file", name}, args...)...)
	})
	server := sftp.NewRequestServer(s, sftp.Handlers{FileGet: area, FilePut: area, FileCmd: area, FileList: area})
	defer context.AfterFunc(ch.ctx, func() { _ = server.Close() })()
	err = server.Serve()
	return ch.status(errors.Is(err, io.EOF))
}

// area is the file area as one SFTP session sees it: "/" is the area itself.
type area struct {
	root    *os.Root
	pending string
	tell    func(verb, name string, args ...any)

	mu      sync.Mutex // guards what follows
	open    int
	uploads map[string]*upload // that are open, by the name that they will have
}

func newArea(root *os.Root, pending string, tell func(verb, name string, args ...any)) *area {
	return &area{root: root, pending: pending, tell: tell, uploads: map[string]*upload{}}
}

var errTooManyOpen = errors.New("too many files are open")

// inside turns a path of the client into one of the area.
func (a *area) inside(name string) (string, error) {
	clean := strings.TrimPrefix(path.Clean("/"+name), "/")
	if clean == "" {
		return ".", nil
	}
	if len(clean) > maxPath || strings.HasPrefix(path.Base(clean), a.pending) {
		return "", fs.ErrNotExist
	}
	return clean, nil
}

// take counts something that is open.
func (a *area) take() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open >= maxOpen {
		return errTooManyOpen
	}
	a.open++
	return nil
}

func (a *area) give() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.open--
}

// Fileread opens a regular file.
func (a *area) Fileread(r *sftp.Request) (io.ReaderAt, error) {
	name, err := a.inside(r.Filepath)
	if err != nil {
		return nil, err
	}
	if err := a.take(); err != nil {
		return nil, err
	}
	file, err := a.openRegular(name)
	if err != nil {
		a.give()
		return nil, err
	}
	a.tell("read", name)
	return &download{file, a}, nil
}

// openRegular opens a file for reading; a FIFO must not hold the session up.
func (a *area) openRegular(name string) (*os.File, error) {
	file, err := a.root.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, plain(err)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// download is a file that is being read.
type download struct {
	*os.File
	area *area
}

func (d *download) Close() error {
	d.area.give()
	return d.File.Close()
}

// Filecmd is what changes names.
func (a *area) Filecmd(r *sftp.Request) error {
	name, err := a.inside(r.Filepath)
	if err != nil {
		return err
	}
	switch r.Method {
	case "Setstat":
		attrs := r.Attributes()
		switch {
		case attrs == nil: // they are shorter than their flags say
			return sftp.ErrSSHFxBadMessage
		case r.AttrFlags().Size:
			return a.truncate(name, attrs.Size)
		}
		return nil // modes, owners and times are the box's own
	case "Rename":
		return a.rename(name, r.Target, false)
	case "Remove":
		err = a.remove(name, false)
	case "Rmdir":
		err = a.remove(name, true)
	case "Mkdir":
		err = a.root.Mkdir(name, 0o700)
	default: // links
		return fs.ErrPermission
	}
	if err != nil {
		return plain(err)
	}
	a.tell(strings.ToLower(r.Method), name)
	return syncFolder(a.root, name)
}

// PosixRename replaces a file that has the name.
func (a *area) PosixRename(r *sftp.Request) error {
	name, err := a.inside(r.Filepath)
	if err != nil {
		return err
	}
	return a.rename(name, r.Target, true)
}

func (a *area) rename(from, target string, replace bool) error {
	to, err := a.inside(target)
	if err != nil || from == "." || to == "." {
		return fs.ErrPermission
	}
	info, err := a.root.Lstat(to)
	if err == nil && (!replace || info.IsDir()) {
		return fs.ErrExist
	}
	if err := a.root.Rename(from, to); err != nil {
		return plain(err)
	}
	a.tell("rename", from, "to", to)
	return errors.Join(syncFolder(a.root, from), syncFolder(a.root, to))
}

// remove takes away a file or link, or an empty folder.
func (a *area) remove(name string, folder bool) error {
	info, err := a.root.Lstat(name)
	switch {
	case err != nil:
		return err
	case name == ".", info.IsDir() != folder:
		return fs.ErrPermission
	}
	return a.root.Remove(name)
}

// Filelist answers List and Stat.
func (a *area) Filelist(r *sftp.Request) (sftp.ListerAt, error) {
	name, err := a.inside(r.Filepath)
	if err != nil {
		return nil, err
	}
	switch r.Method {
	case "List":
		return a.openFolder(name)
	case "Stat":
		info, err := a.root.Stat(name)
		return listing{info}, plain(err)
	}
	return nil, fs.ErrPermission
}

// Lstat describes a link itself.
func (a *area) Lstat(r *sftp.Request) (sftp.ListerAt, error) {
	name, err := a.inside(r.Filepath)
	if err != nil {
		return nil, err
	}
	info, err := a.root.Lstat(name)
	return listing{info}, plain(err)
}

// folder is a folder that is being read.
type folder struct {
	sftp.ListerAt
	area *area
}

func (f *folder) Close() error {
	f.area.give()
	return nil
}

// openFolder counts what it holds in memory as something open, until the client closes it.
func (a *area) openFolder(name string) (sftp.ListerAt, error) {
	if err := a.take(); err != nil {
		return nil, err
	}
	entries, err := a.list(name)
	if err != nil {
		a.give()
		return nil, err
	}
	return &folder{entries, a}, nil
}

// list reads a folder, without what is still being written.
func (a *area) list(name string) (sftp.ListerAt, error) {
	dir, err := a.root.OpenFile(name, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, plain(err)
	}
	defer dir.Close()
	infos, err := dir.Readdir(maxEntries + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, plain(err)
	}
	if len(infos) > maxEntries {
		return nil, fmt.Errorf("the folder has more than %d entries", maxEntries)
	}
	infos = slices.DeleteFunc(infos, func(info fs.FileInfo) bool { return strings.HasPrefix(info.Name(), a.pending) })
	slices.SortFunc(infos, func(x, y fs.FileInfo) int { return strings.Compare(x.Name(), y.Name()) })
	return listing(infos), nil
}

// listing is an answer that is all there.
type listing []fs.FileInfo

func (l listing) ListAt(out []fs.FileInfo, offset int64) (int, error) {
	if offset < 0 || offset >= int64(len(l)) {
		return 0, io.EOF
	}
	n := copy(out, l[offset:])
	if n < len(out) {
		return n, io.EOF
	}
	return n, nil
}

// plain keeps of an error what SFTP has a code for; what remains does not name paths of the machine.
func plain(err error) error {
	var about *fs.PathError
	var link *os.LinkError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return fs.ErrNotExist
	case errors.Is(err, fs.ErrPermission):
		return fs.ErrPermission
	case errors.As(err, &about):
		return about.Err
	case errors.As(err, &link):
		return link.Err
	}
	return err
}

// syncFolder makes a change of names in the folder of name durable.
func syncFolder(root *os.Root, name string) error {
	dir, err := root.Open(path.Dir(name))
	if err != nil {
		return plain(err)
	}
	return errors.Join(dir.Sync(), dir.Close())
}
