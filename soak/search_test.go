package soak

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// search looks for strings in all files below the paths.
func search(t *testing.T, wanted []string, paths ...string) (found []string) {
	t.Helper()
	files := 0
	for _, path := range paths {
		err := filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			files++
			data, err := os.ReadFile(name)
			for _, w := range wanted {
				if bytes.Contains(data, []byte(w)) {
					found = append(found, fmt.Sprintf("%q is in %s", w, name))
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 2 {
		t.Fatalf("only %d files were searched", files)
	}
	return found
}
