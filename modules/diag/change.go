package diag

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"mbox/modules"
)

func (m *Module) delete(ctx context.Context, call modules.Call) (modules.View, error) {
	name := modules.Get[string](call.Values, "FILE")
	if _, err := call.Files.Stat(name); err != nil {
		return nil, err
	}
	if !call.Values.Has("force") {
		ok, err := call.Terminal.Confirm(ctx, fmt.Sprintf("Delete %s?", modules.Printable(modules.Shorten(name, 64))))
		if errors.Is(err, modules.ErrNotInteractive) {
			return nil, &modules.Error{Message: fmt.Sprintf("Deleting %s needs a terminal to confirm", name), Hint: "Add force to do it without asking."}
		}
		if err != nil {
			return nil, err
		}
		if !ok {
			return modules.Said{Done: "Nothing was deleted."}, nil
		}
	}
	if err := call.Files.Remove(name); err != nil {
		return nil, err
	}
	return modules.Said{Done: modules.Printable(name) + " is deleted."}, nil
}

func (m *Module) rename(_ context.Context, call modules.Call) (modules.View, error) {
	from, to := modules.Get[string](call.Values, "FILE"), modules.Get[string](call.Values, "NAME")
	if err := call.Files.Rename(from, to, call.Values.Has("force")); err != nil {
		return nil, err
	}
	return modules.Said{Done: modules.Printable(fmt.Sprintf("%s is now %s.", from, to))}, nil
}

// digestView is the result of `verify sha256`.
type digestView struct {
	File   string `json:"file"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
	Equal  *bool  `json:"equal"` // to the digest that was typed; null: none was
}

// Text begins with the digest, as sha256sum does.
func (v digestView) Text(w io.Writer, _ int) error {
	text := fmt.Sprintf("%s  %s\n", v.SHA256, modules.Printable(v.File))
	if v.Equal != nil {
		text = fmt.Sprintf("Verified: %s has that digest.\n", modules.Printable(v.File))
	}
	_, err := io.WriteString(w, text)
	return err
}

var errDigest = errors.New("expected the 64 hexadecimal digits of a SHA-256 digest")

func checkDigest(text string) (string, error) {
	text = strings.ToLower(text)
	if len(text) != 64 || strings.Trim(text, "0123456789abcdef") != "" {
		return "", errDigest
	}
	return text, nil
}

func (m *Module) verify(ctx context.Context, call modules.Call) (modules.View, error) {
	name := modules.Get[string](call.Values, "FILE")
	file, err := call.Files.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	v := digestView{File: name}
	if v.SHA256, v.Bytes, err = digest(ctx, file, call.Terminal); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if want := modules.Get[string](call.Values, "DIGEST"); want != "" {
		equal := want == v.SHA256
		if v.Equal = &equal; !equal {
			return nil, &modules.Error{Message: fmt.Sprintf("%s does not have that digest", name), Hint: "Its own is " + v.SHA256 + ". Copy the file again."}
		}
	}
	return v, nil
}
