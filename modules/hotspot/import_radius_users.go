package hotspot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"mbox/hotspotdb"
	"mbox/modules"
	"mbox/modules/hotspot/freeradius"
)

// Bounds of what is held of a users file.
const (
	maxDefaults = 1000 // DEFAULT entries
	maxRepeated = 1000 // entries of users who have several
)

// usersFile is what the first reading of a users file finds: what the second needs to judge each entry by itself.
type usersFile struct {
	defaults []*defaultEntry
	repeated map[uint64][]freeradius.Entry // entries of users who have several, by the hash of the name
}

// defaultEntry is an entry that matches every user.
type defaultEntry struct {
	line    int
	grant   freeradius.Grant
	profile hotspotdb.Profile // its limits; without a name if there are none
}

func (m *Module) importRadiusUsers(ctx context.Context, call modules.Call) (modules.View, error) {
	name := modules.Get[string](call.Values, "FILE")
	file, err := openText(call.Files, name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if err := plainText(file); err != nil {
		return nil, err
	}
	began, i := time.Now(), m.newMigration(call, name, "users")
	return i.finish(ctx, call, began, i.users(ctx, file, call.Terminal))
}

// users reads the file twice: what an entry means depends on those that match every user, before it and behind it.
func (i *migration) users(ctx context.Context, file *os.File, terminal modules.Terminal) error {
	found, err := i.survey(ctx, file)
	if err != nil {
		return err
	}
	if err := i.moveDefaults(ctx, found); err != nil {
		return err
	}
	chunk := make([]moved, 0, chunkRows)
	bar := progress(terminal, file, "lines")
	err = eachEntry(ctx, file, nil, func(e freeradius.Entry) error {
		if e.Name == freeradius.Default {
			return nil
		}
		entries := []freeradius.Entry{e}
		if several, repeated := found.repeated[i.hash(e.Name)]; repeated {
			if several[0].Line != e.Line {
				return nil // they were judged with the first of them
			}
			entries = several
		}
		g := i.judge(entries, found.defaults)
		if g == nil {
			i.result.Accounts.LeftOut++
			return nil
		}
		chunk = append(chunk, i.move(g))
		if len(chunk) < chunkRows {
			return nil
		}
		bar(e.Line)
		err := i.commit(ctx, chunk)
		chunk = chunk[:0]
		return err
	})
	if err != nil {
		return err
	}
	return i.commit(ctx, chunk)
}

// eachEntry reads a users file from its beginning. bad is told of entries that cannot be read; nil: nobody is.
func eachEntry(ctx context.Context, file io.ReadSeeker, bad func(*freeradius.LineError), use func(freeradius.Entry) error) error {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	for reader := freeradius.NewUsers(file); ; {
		e, err := reader.Next()
		line := new(freeradius.LineError)
		switch {
		case err == io.EOF:
			return nil
		case errors.Is(err, freeradius.ErrInclude):
			return &modules.Error{Message: err.Error(), Hint: "Put the text of that file in its place, as the order of entries matters, and import again"}
		case errors.As(err, &line):
			if bad != nil {
				bad(line)
			}
			continue
		case err != nil:
			return err
		}
		if err := errors.Join(ctx.Err(), use(e)); err != nil {
			return err
		}
	}
}

// survey reads the file for the first time. It changes nothing.
func (i *migration) survey(ctx context.Context, file io.ReadSeeker) (*usersFile, error) {
	found := &usersFile{repeated: map[uint64][]freeradius.Entry{}}
	var names []uint64 // hashes: 8 octets a user
	total := 0
	bad := func(e *freeradius.LineError) {
		i.result.Accounts.LeftOut++
		i.left.add(e.Line, "users", "", "", e.Reason)
	}
	err := eachEntry(ctx, file, bad, func(e freeradius.Entry) error {
		total++
		if e.Name != freeradius.Default {
			names = append(names, i.hash(e.Name))
			return nil
		}
		if len(found.defaults) == maxDefaults {
			return modules.Errorf("the file has more than %d entries named DEFAULT", maxDefaults)
		}
		found.defaults = append(found.defaults, &defaultEntry{line: e.Line, grant: freeradius.Translate(e.Items, i.zone)})
		return nil
	})
	i.result.Read = append(i.result.Read, readCount{"users", total, true})
	if err != nil {
		return nil, err
	}
	return found, i.collectRepeated(ctx, file, found, names)
}

// collectRepeated holds the entries of users who have several, if there are such.
func (i *migration) collectRepeated(ctx context.Context, file io.ReadSeeker, found *usersFile, names []uint64) error {
	slices.Sort(names)
	for n := 1; n < len(names); n++ {
		if names[n] == names[n-1] {
			found.repeated[names[n]] = nil
		}
	}
	if len(found.repeated) == 0 {
		return nil
	}
	held := 0
	return eachEntry(ctx, file, nil, func(e freeradius.Entry) error {
		h := i.hash(e.Name)
		if _, several := found.repeated[h]; !several || e.Name == freeradius.Default {
			return nil
		}
		if held++; held > maxRepeated {
			return &modules.Error{Message: fmt.Sprintf("more than %d entries are of users who have several", maxRepeated), Hint: "Join the entries of each user, or split the file"}
		}
		found.repeated[h] = append(found.repeated[h], e)
		return nil
	})
}

// moveDefaults makes profiles of the entries that match every user, as far as they have limits.
func (i *migration) moveDefaults(ctx context.Context, found *usersFile) error {
	var chunk []moved
	for _, d := range found.defaults {
		if len(d.grant.Conditional) > 0 {
			i.leaveDefault(d, "it holds for some logins only")
			continue
		}
		if d.grant.Accept || d.grant.Password != nil {
			i.leaveDefault(d, "it lets in whoever comes: here every guest has an account")
			d.grant.Accept, d.grant.Password = false, nil
		}
		if len(d.grant.Limits) == 0 {
			for _, note := range d.grant.Notes {
				i.noteDefault(note)
			}
			continue
		}
		d.profile = hotspotdb.Profile{Description: fmt.Sprintf("DEFAULT of line %d", d.line), Attributes: freeradius.Attributes(d.grant.Limits)}
		if err := i.nameProfile(&d.profile, freeradius.Default, found); err != nil {
			return err
		}
		chunk = append(chunk, i.moveProfile(d.profile, d.line, "users", false, d.grant.Notes))
	}
	return i.commit(ctx, chunk)
}

// leaveDefault names an entry that matches every user and is left out, and its attributes.
func (i *migration) leaveDefault(d *defaultEntry, reason string) {
	i.result.Profiles.LeftOut++
	i.left.add(d.line, "users", freeradius.Default, "", reason)
}

func (i *migration) noteDefault(note freeradius.Note) {
	i.result.note(note)
	if note.To == "" {
		i.left.add(note.Line, "users", freeradius.Default, note.Name, note.Reason)
	}
}

// nameProfile finds a name that is free, or whose profile has these attributes already.
func (i *migration) nameProfile(p *hotspotdb.Profile, base string, found *usersFile) error {
	for n := 1; ; n++ {
		if p.Name = base; n > 1 {
			p.Name = fmt.Sprintf("%s-%d", base, n)
		}
		if slices.ContainsFunc(found.defaults, func(d *defaultEntry) bool { return &d.profile != p && d.profile.Name == p.Name }) {
			continue
		}
		old, err := i.m.db.Profile(p.Name)
		if errors.Is(err, hotspotdb.ErrNotFound) || err == nil && slices.Equal(old.Attributes, p.Attributes) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("look for profile %s: %w", p.Name, err)
		}
	}
}
