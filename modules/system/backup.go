package system

import (
	"context"
	"errors"
	"fmt"
	"io"

	"mbox/modules"
)

// minPassphrase is the length below which a backup, which holds every key of the box, would be too easy to open.
const minPassphrase = 8

func (m *Module) backupCommands() []modules.Command {
	file := map[string]modules.Type{"FILE": modules.FileName("File, in the box's file area", m.deps.Files)}
	return []modules.Command{{
		Syntax: "backup FILE", Pinned: true, Help: "Write configuration, keys and hotspot data to one encrypted file",
		Args: file, Level: 15, Run: m.backup, Result: backupView{},
	}, {
		Syntax: "restore FILE [force]", Pinned: true, Help: "Bring back what backup wrote, and restart",
		Words: map[string]string{"force": "Without asking"},
		Args:  file, Level: 15, Run: m.restore,
	}}
}

// backupView is the result of `backup`.
type backupView struct {
	File  string `json:"file"`
	Bytes int64  `json:"bytes"`
}

func (v backupView) Text(w io.Writer, _ int) error {
	_, err := fmt.Fprintf(w, "%d bytes written to %s\n[OK]\n", v.Bytes, v.File)
	return err
}

func (m *Module) backup(ctx context.Context, call modules.Call) (modules.View, error) {
	name := modules.Get[string](call.Values, "FILE")
	passphrase, err := newPassphrase(ctx, call.Terminal)
	if err != nil {
		return nil, err
	}
	file, err := call.Files.Create(name)
	if err != nil {
		return nil, modules.FileError("write", name, err)
	}
	out := &progress{writer: file, terminal: call.Terminal}
	err = m.deps.Backups.Backup(ctx, out, passphrase)
	if err == nil {
		err = file.Commit()
	}
	if err != nil {
		return nil, modules.FileError("write", name, errors.Join(err, file.Abort()))
	}
	m.deps.Log.Info("backup", "file", name, "bytes", out.n, "by", call.Actor.Name, "from", call.Actor.From)
	return backupView{name, out.n}, nil
}

// newPassphrase asks twice where a person types, who sees nothing of it.
func newPassphrase(ctx context.Context, t modules.Terminal) (string, error) {
	first, err := t.ReadSecret(ctx, "Passphrase for the backup: ")
	if err != nil {
		return "", err
	}
	if len(first) < minPassphrase {
		return "", &modules.Error{
			Message: fmt.Sprintf("The passphrase is shorter than %d characters", minPassphrase),
			Hint:    "The backup holds all keys of this box: use a long one, and keep it elsewhere.",
		}
	}
	if !t.Interactive() {
		return first, nil
	}
	second, err := t.ReadSecret(ctx, "The same passphrase again: ")
	if err == nil && second != first {
		err = modules.Errorf("The passphrases differ")
	}
	return first, err
}

// restore changes nothing before the next start of the box, which it causes once all of the backup has been verified.
func (m *Module) restore(ctx context.Context, call modules.Call) (modules.View, error) {
	name := modules.Get[string](call.Values, "FILE")
	file, err := modules.OpenFile(call.Files, name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	ok, err := modules.Confirm(ctx, call, "restore "+name, "Replace configuration, keys and hotspot data of this box and restart?")
	if err != nil || !ok {
		return modules.Unchanged, err
	}
	passphrase, err := call.Terminal.ReadSecret(ctx, "Passphrase of the backup: ")
	if err != nil {
		return nil, err
	}
	in := &progress{reader: file, terminal: call.Terminal}
	if info, err := file.Stat(); err == nil {
		in.total = info.Size()
	}
	if err := m.deps.Backups.Stage(ctx, in, passphrase); err != nil {
		m.deps.Log.Warn("the backup was not restored", "file", name, "error", err)
		return nil, &modules.Error{Message: "Nothing was restored: " + err.Error()}
	}
	m.deps.Log.Info("restore", "file", name, "by", call.Actor.Name, "from", call.Actor.From)
	return m.restart(call.Actor), nil
}

// doneView is the result of a command that only succeeds.
type doneView = modules.Said

func (m *Module) restart(actor modules.Actor) modules.View {
	m.deps.Log.Info("reload", "by", actor.Name, "from", actor.From)
	m.deps.Box.Reload()
	return doneView{Done: "Reloading"}
}

// progress counts what passes and draws it.
type progress struct {
	writer   io.Writer
	reader   io.Reader
	terminal modules.Terminal
	n, total int64
}

func (p *progress) Write(b []byte) (int, error) {
	n, err := p.writer.Write(b)
	p.add(n)
	return n, err
}

func (p *progress) Read(b []byte) (int, error) {
	n, err := p.reader.Read(b)
	p.add(n)
	return n, err
}

func (p *progress) add(n int) {
	p.n += int64(n)
	p.terminal.Progress(p.n, p.total, "bytes")
}
