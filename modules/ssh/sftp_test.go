package ssh

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pkg/sftp"
	gossh "golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"
)

func (b *box) sftp(client *gossh.Client) *sftp.Client {
	b.t.Helper()
	c, err := sftp.NewClient(client)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { c.Close() })
	return c
}

// inArea is what is in the file area, what is being written included.
func (b *box) inArea() []string {
	b.t.Helper()
	var names []string
	err := filepath.WalkDir(b.files, func(name string, _ fs.DirEntry, err error) error {
		if rel, _ := filepath.Rel(b.files, name); rel != "." {
			names = append(names, rel)
		}
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return names
}

func put(c *sftp.Client, name string, content []byte) error {
	file, err := c.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return err
	}
	_, err = file.ReadFrom(bytes.NewReader(content))
	return errors.Join(err, file.Close())
}

func get(c *sftp.Client, name string) ([]byte, error) {
	file, err := c.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var out bytes.Buffer
	_, err = file.WriteTo(&out)
	return out.Bytes(), err
}

func TestSFTP(t *testing.T) {
	b := newBox(t)
	c := b.sftp(b.login("admin", "adminpass"))
	content := make([]byte, 3<<20)
	rand.Read(content)
	if err := put(c, "/big.bin", content); err != nil {
		t.Fatal(err)
	}
	if got, err := get(c, "big.bin"); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes came back: %v", len(got), err)
	}
	if info, err := os.Stat(filepath.Join(b.files, "big.bin")); err != nil || info.Mode() != 0o600 || info.Size() != int64(len(content)) {
		t.Errorf("%v, %v", info, err)
	}
	if err := put(c, "big.bin", []byte("short")); err != nil {
		t.Fatal(err)
	}
	if got, _ := get(c, "big.bin"); string(got) != "short" {
		t.Errorf("replaced by %q", got)
	}
	for what, err := range map[string]error{
		"mkdir":         c.Mkdir("exports"),
		"put below":     put(c, "exports/a.csv", []byte("a")),
		"rename":        c.Rename("big.bin", "small.bin"),
		"posix rename":  c.PosixRename("small.bin", "exports/a.csv"),
		"chmod is mute": c.Chmod("exports/a.csv", 0o777),
	} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	_ = put(c, "one", nil)
	if err := c.Rename("one", "exports/a.csv"); err == nil {
		t.Error("a rename replaced a file")
	}
	if err := c.RemoveDirectory("one"); err == nil {
		t.Error("a file was removed as a folder")
	}
	infos, err := c.ReadDir("/")
	if err != nil || len(infos) != 2 || infos[0].Name() != "exports" || !infos[0].IsDir() || infos[1].Name() != "one" {
		t.Errorf("%v, %v", infos, err)
	}
	if err := c.RemoveDirectory("exports"); err == nil {
		t.Error("a folder that is not empty was removed")
	}
	if err := errors.Join(c.Remove("exports/a.csv"), c.RemoveDirectory("exports"), c.Remove("one")); err != nil {
		t.Error(err)
	}
	if left := b.inArea(); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	for _, want := range []string{"sftp: written", "file=big.bin", "sftp: rename", "user=admin"} {
		b.await(want)
	}
}

// TestSFTPStaysInside: not a byte outside of the area, in whatever way it is asked for.
func TestSFTPStaysInside(t *testing.T) {
	b := newBox(t)
	outside := t.TempDir()
	writeFile(t, outside, "secret", "the box's keys")
	writeFile(t, b.files, "inside", "mine")
	for link, target := range map[string]string{
		"link": filepath.Join(outside, "secret"), "folder": outside, "relative": "../" + filepath.Base(outside), "root": "/",
	} {
		if err := os.Symlink(target, filepath.Join(b.files, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mkfifo(filepath.Join(b.files, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := b.sftp(b.login("admin", "adminpass"))
	for _, name := range []string{
		"link", "folder/secret", "relative/secret", "root/etc/passwd", "../config.db", "/../../../etc/passwd", "/etc/passwd", "fifo",
		"inside/..", "folder/../../etc/passwd", "a/../../../../etc/passwd",
	} {
		if got, err := get(c, name); err == nil {
			t.Errorf("%s was read: %q", name, got)
		}
		if name == "fifo" || name == "../config.db" { // which is config.db
			continue
		}
		if err := put(c, name, []byte("mine now")); err == nil {
			t.Errorf("%s was written", name)
		}
	}
	for what, err := range map[string]error{
		"symlink":         c.Symlink("/etc/passwd", "new"),
		"hard link":       c.Link("inside", "new"),
		"mkdir outside":   c.Mkdir("folder/new"),
		"rename out":      c.Rename("inside", "folder/inside"),
		"rename in":       c.PosixRename("folder/secret", "secret"),
		"remove outside":  c.Remove("folder/secret"),
		"remove the area": c.RemoveDirectory("/"),
		"truncate":        c.Truncate("inside", 0),
		"put on a folder": put(c, "/", nil),
	} {
		if err == nil {
			t.Errorf("%s was done", what)
		}
	}
	if _, err := c.ReadDir("folder"); err == nil {
		t.Error("a folder outside was listed")
	}
	if _, err := c.Stat("link"); err == nil {
		t.Error("a file outside was described")
	}
	if _, err := c.ReadLink("link"); err == nil {
		t.Error("a link was read")
	}
	if got, err := os.ReadFile(filepath.Join(outside, "secret")); err != nil || string(got) != "the box's keys" {
		t.Errorf("outside: %q, %v", got, err)
	}
	if entries, err := os.ReadDir(outside); err != nil || len(entries) != 1 {
		t.Errorf("outside: %v, %v", entries, err)
	}
	if err := put(c, "../config.db", []byte("mine")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(b.files, "config.db")); err != nil {
		t.Errorf("above the area is the area: %v", err)
	}
	if err := c.Remove("link"); err != nil { // the link itself is ours
		t.Error(err)
	}
}

// TestUploadIsWholeOrNot: what is not finished does not replace what was there, nor stay.
func TestUploadIsWholeOrNot(t *testing.T) {
	b := newBox(t)
	writeFile(t, b.files, "config", "old")
	client := b.login("admin", "adminpass")
	c := b.sftp(client)
	file, err := c.OpenFile("config", os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write(make([]byte, 100_000)); err != nil {
		t.Fatal(err)
	}
	if got := b.inArea(); len(got) != 2 {
		t.Fatalf("in the area: %q", got)
	}
	if infos, err := c.ReadDir("/"); err != nil || len(infos) != 1 || infos[0].Size() != 3 {
		t.Errorf("shown: %v, %v", infos, err)
	}
	client.Close()
	b.awaitSessions(0)
	if got, err := os.ReadFile(filepath.Join(b.files, "config")); string(got) != "old" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if got := b.inArea(); len(got) != 1 {
		t.Errorf("left: %q", got)
	}
}

func TestUploadBounds(t *testing.T) {
	b := newBox(t)
	writeFile(t, b.files, "there", "x")
	c := b.sftp(b.login("admin", "adminpass"))
	file, err := c.Create("huge")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteAt([]byte("x"), maxUpload); err == nil {
		t.Error("a file without bound")
	}
	if err := file.Close(); err == nil {
		t.Error("half a file has its name")
	}
	for what, flags := range map[string]int{"append": os.O_WRONLY | os.O_APPEND, "again": os.O_WRONLY | os.O_CREATE | os.O_EXCL} {
		if _, err := c.OpenFile("there", flags); err == nil {
			t.Errorf("%s was allowed", what)
		}
	}
	if _, err := c.OpenFile("absent", os.O_WRONLY); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("absent: %v", err)
	}
	for what, writes := range map[string][]part{"continued": {{1, 10}}, "with a hole": {{0, 10}, {20, 30}}, "from behind": {{10, 20}, {5, 15}}} {
		file, err := c.OpenFile("there", os.O_WRONLY)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range writes {
			if _, err := file.WriteAt(make([]byte, p.to-p.from), p.from); err != nil {
				t.Error(err)
			}
		}
		if err := file.Close(); err == nil {
			t.Errorf("%s: it has its name", what)
		}
		if got, _ := os.ReadFile(filepath.Join(b.files, "there")); string(got) != "x" {
			t.Errorf("%s: %q", what, got)
		}
	}
	file, err = c.OpenFile("there", os.O_WRONLY) // as scp does: no truncation first, but of what is written
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []part{{4, 6}, {0, 3}, {2, 4}} {
		if _, err := file.WriteAt(bytes.Repeat([]byte("y"), int(p.to-p.from)), p.from); err != nil {
			t.Error(err)
		}
	}
	if err := file.Truncate(3); err == nil {
		t.Error("cut in the middle")
	}
	if err := errors.Join(file.Truncate(6), file.Close()); err != nil {
		t.Error(err)
	}
	if got, _ := os.ReadFile(filepath.Join(b.files, "there")); string(got) != "yyyyyy" {
		t.Errorf("%q", got)
	}
	var open []*sftp.File
	for i := range maxOpen {
		file, err := c.OpenFile(fmt.Sprint("f", i), os.O_WRONLY|os.O_CREATE)
		if err != nil {
			t.Fatalf("file %d: %v", i, err)
		}
		open = append(open, file)
	}
	if _, err := c.Open("there"); err == nil {
		t.Error("files without bound")
	}
	for _, file := range open {
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := c.Open("there"); err != nil {
		t.Errorf("after the others were closed: %v", err)
	}
	if slices.ContainsFunc(b.inArea(), func(name string) bool { return strings.Contains(name, ".pending-") || name == "huge" }) {
		t.Errorf("left: %q", b.inArea())
	}
}

// TestNoRoom: a full disk refuses uploads long before it stops the box.
func TestNoRoom(t *testing.T) {
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	a := newArea(root, ".pending-", func(string, string, ...any) {})
	u, err := a.begin("file")
	if err != nil {
		t.Fatal(err)
	}
	left := uint64(maxUpload)
	u.free = func() (uint64, error) { return left, nil }
	if _, err := u.WriteAt(make([]byte, 10), maxUpload-10); err != nil {
		t.Errorf("the last bytes first: %v", err)
	}
	left = keepFree
	var failed error // while the hole is filled, which makes the file no longer
	for at := int64(0); failed == nil && at < 2*checkEach; at += checkEach / 4 {
		_, failed = u.WriteAt(make([]byte, checkEach/4), at)
	}
	if !errors.Is(failed, errNoRoom) {
		t.Errorf("got %v", failed)
	}
	a.open = 1
	if err := u.Close(); !errors.Is(err, errNoRoom) {
		t.Errorf("got %v", err)
	}
	if entries, err := os.ReadDir(root.Name()); err != nil || len(entries) > 0 {
		t.Errorf("left: %v, %v", entries, err)
	}
}

func TestSFTPNeedsPrivilege(t *testing.T) {
	b := newBox(t)
	if _, err := sftp.NewClient(b.login("guest", "guestpass")); err == nil {
		t.Error("level 1 has the files")
	}
}

// TestHostileSFTP: packets that no client sends do not end the box.
func TestHostileSFTP(t *testing.T) {
	b := newBox(t)
	client := b.login("admin", "adminpass")
	for kind := 0; kind < 256; kind++ {
		if kind == 32 {
			kind = 199 // between those of the protocol and those of extensions there is nothing
		}
		for _, body := range [][]byte{nil, {0, 0, 0, 1}, {0, 0, 0, 1, 255, 255, 255, 255}, bytes.Repeat([]byte{255}, 64), make([]byte, 64)} {
			s := b.session(client)
			in, err := s.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := s.RequestSubsystem("sftp"); err != nil {
				t.Fatal(err)
			}
			packet := append([]byte{byte(len(body) >> 24), byte(len(body) >> 16), byte(len(body) >> 8), byte(len(body) + 1), byte(kind)}, body...)
			_, _ = in.Write(append([]byte{0, 0, 0, 5, 1, 0, 0, 0, 3}, packet...))
			in.Close()
			_ = s.Wait()
			s.Close()
			b.awaitSessions(0)
		}
	}
	b.sftp(client)
}

// TestShortAttributes: attributes that are shorter than they say do not end the box.
func TestShortAttributes(t *testing.T) {
	b := newBox(t)
	writeFile(t, b.files, "x", "there")
	s := b.session(b.login("admin", "adminpass"))
	in, err := s.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.RequestSubsystem("sftp"); err != nil {
		t.Fatal(err)
	}
	const initial, open, setstat, fsetstat = 1, 3, 9, 10
	packets := [][]byte{
		{0, 0, 0, 5, initial, 0, 0, 0, 3},
		{0, 0, 0, 18, open, 0, 0, 0, 1, 0, 0, 0, 1, 'x', 0, 0, 0, 1, 0, 0, 0, 0}, // handle "1"
	}
	for flags := range byte(16) {
		packets = append(packets,
			[]byte{0, 0, 0, 14, setstat, 0, 0, 0, 2, 0, 0, 0, 1, 'x', 0, 0, 0, flags},
			[]byte{0, 0, 0, 14, fsetstat, 0, 0, 0, 3, 0, 0, 0, 1, '1', 0, 0, 0, flags})
	}
	for i, packet := range packets {
		if _, err := in.Write(packet); err != nil {
			t.Fatal(err)
		}
		head := make([]byte, 4)
		if _, err := io.ReadFull(out, head); err != nil {
			t.Fatalf("no answer to packet %d: %v", i, err)
		}
		if _, err := io.CopyN(io.Discard, out, int64(binary.BigEndian.Uint32(head))); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOpenFolders: what a client holds open of a folder is bounded as files are.
func TestOpenFolders(t *testing.T) {
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	a := newArea(root, ".pending-", func(string, string, ...any) {})
	list := func() (sftp.ListerAt, error) { return a.Filelist(&sftp.Request{Method: "List", Filepath: "/"}) }
	var last sftp.ListerAt
	for range maxOpen {
		if last, err = list(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := list(); !errors.Is(err, errTooManyOpen) {
		t.Errorf("one more: %v", err)
	}
	if err := last.(io.Closer).Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := list(); err != nil {
		t.Errorf("after one was closed: %v", err)
	}
	if _, err := a.Filelist(&sftp.Request{Method: "List", Filepath: "/absent"}); !errors.Is(err, errTooManyOpen) || a.open != maxOpen {
		t.Errorf("%d are open: %v", a.open, err)
	}
}

// TestTransferEndsWithTheLogin: a removed account's transfer does not go on.
func TestTransferEndsWithTheLogin(t *testing.T) {
	b := newBox(t)
	client := b.login("admin", "adminpass")
	c := b.sftp(client)
	if err := put(c, "a", []byte("a")); err != nil {
		t.Fatal(err)
	}
	b.accounts.remove("admin")
	b.apply(b.text)
	ended(t, client)
	if err := put(c, "b", []byte("b")); err == nil {
		t.Error("the transfer goes on")
	}
	b.awaitSessions(0)
}
