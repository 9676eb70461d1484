package main

import (
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"mbox/configstore"
	"mbox/modules/system"
)

// volumes is what the parts of the data folder take, and what is free below them.
func (b *box) volumes() []system.Volume {
	var out []system.Volume
	for _, name := range []string{configstore.FileName, hotspotDir, "files"} {
		v := system.Volume{Name: name, Path: b.path(name), Bytes: diskUse(b.path(name))}
		var st unix.Statfs_t
		if unix.Statfs(v.Path, &st) == nil {
			free := st.Bavail * uint64(st.Bsize)
			v.Free = &free
		}
		out = append(out, v)
	}
	return out
}

// diskUse adds up the files below a name; what vanishes meanwhile counts as nothing.
func diskUse(name string) (n int64) {
	_ = filepath.WalkDir(name, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return nil
		}
		var info os.FileInfo
		if info, err = entry.Info(); err == nil {
			n += info.Size()
		}
		return nil
	})
	return n
}
