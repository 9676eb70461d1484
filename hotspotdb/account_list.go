package hotspotdb

import (
	"bytes"
	"cmp"
	"container/heap"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"mbox/proto/hotspotpb"
)

// Account finds an account by the name it is known as.
func (db *DB) Account(username string) (Account, error) {
	p, err := db.parts(username)
	if err != nil {
		return Account{}, err
	}
	return p.account(), nil
}

func (db *DB) parts(username string) (*accountParts, error) {
	id, taken, err := resolve(db, username)
	if err != nil {
		return nil, err
	}
	return readParts(db, id, taken)
}

// AccountByID finds an account by its id.
func (db *DB) AccountByID(id uint64) (Account, error) {
	p, err := readParts(db, id, false)
	if err == nil {
		p.nameTaken, err = nameTaken(db, id, p.access.Username)
	}
	if err != nil {
		return Account{}, fmt.Errorf("account %d: %w", id, err)
	}
	return p.account(), nil
}

// Password opens an account's password: for authentication, and for an export that asks for passwords. ErrNotFound if the
// account has none, ErrHashed if only its hash is kept.
func (db *DB) Password(username string) (string, error) {
	p, err := db.parts(username)
	if err != nil {
		return "", err
	}
	if p.self == nil {
		return "", fmt.Errorf("password of account %s: %w", username, ErrNotFound)
	}
	password, err := db.openPassword(p.id, username, p.self.Password)
	if err != nil {
		return "", err
	}
	plain, readable := password.Clear()
	if !readable {
		return "", fmt.Errorf("password of account %s: %w", username, ErrHashed)
	}
	return plain, nil
}

var errNoSealer = errors.New("the database was opened without the keys of passwords")

// AccountFilter selects accounts. The zero filter selects all.
type AccountFilter struct {
	Match    string // part of the username or of any user info, in any case
	Disabled *bool
	Profile  string
	After    string // only usernames greater than this
	Limit    int    // at most so many; 0: no limit
}

// Accounts lists accounts by username. Which accounts there are is decided at the beginning; each is read when its turn
// comes. A list with a limit needs little memory, one without about 60 bytes for each account.
func (db *DB) Accounts(ctx context.Context, f AccountFilter) iter.Seq2[Account, error] {
	return func(yield func(Account, error) bool) {
		list, err := db.listAccounts(ctx, f)
		if err != nil {
			yield(Account{}, fmt.Errorf("list accounts: %w", err))
			return
		}
		read := func(l listed) (Account, error) {
			p, err := readParts(db, l.id, l.taken)
			if err != nil {
				return Account{}, err
			}
			return p.account(), nil
		}
		eachListed(ctx, list, read, func(l listed, err error) {
			db.opts.Log.Error("leave an account out of a list", "account", l.id, "err", err)
		})(yield)
	}
}

// listed is an account in the making of a list.
type listed struct {
	username string
	claimed  int64
	id       uint64
	taken    bool
}

func compareListed(a, b listed) int {
	return cmp.Or(cmp.Compare(a.username, b.username), cmp.Compare(a.claimed, b.claimed), cmp.Compare(a.id, b.id))
}

func (db *DB) listAccounts(ctx context.Context, f AccountFilter) ([]listed, error) {
	view := db.View()
	defer view.Close()
	matches, err := view.infoMatches(ctx, f.Match)
	if err != nil {
		return nil, err
	}
	match := strings.ToLower(f.Match)
	list := &smallest{limit: f.Limit}
	err = view.scanLive(ctx, Users, KindAccess, func(c *Change) error {
		username := lastBytes(c.Body, fieldUsername)
		id := keyID(c.Key)
		if string(username) <= f.After && f.After != "" {
			return nil
		}
		if f.Match != "" && !matches[id] && !strings.Contains(strings.ToLower(string(username)), match) {
			return nil
		}
		if f.Disabled != nil || f.Profile != "" {
			var access hotspotpb.Access
			if err := proto.Unmarshal(c.Body, &access); err != nil {
				return fmt.Errorf("%w: account %d: %v", ErrDamaged, id, err)
			}
			if f.Disabled != nil && access.Disabled != *f.Disabled || f.Profile != "" && !slices.Contains(access.Profiles, f.Profile) {
				return nil
			}
		}
		list.add(listed{username: string(username), claimed: int64(lastVarint(c.Body, fieldClaimed)), id: id})
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(list.items, compareListed)
	for i := range list.items {
		l := &list.items[i]
		if l.taken, err = nameTaken(db, l.id, l.username); err != nil {
			return nil, err
		}
	}
	return list.items, nil
}

// infoMatches finds the accounts whose user info has a text in it.
func (v *View) infoMatches(ctx context.Context, match string) (map[uint64]bool, error) {
	if match == "" {
		return nil, nil
	}
	found := map[uint64]bool{}
	lower := bytes.ToLower([]byte(match))
	err := v.scanLive(ctx, Users, KindSelf, func(c *Change) error {
		// Most records do not have the text anywhere: decode only those that do. The password is sealed.
		if !bytes.Contains(bytes.ToLower(c.Body), lower) {
			return nil
		}
		var self hotspotpb.Self
		if err := proto.Unmarshal(c.Body, &self); err != nil {
			return fmt.Errorf("%w: user info of account %d: %v", ErrDamaged, keyID(c.Key), err)
		}
		for _, field := range infoRefs(&self) {
			if strings.Contains(strings.ToLower(*field), string(lower)) {
				found[keyID(c.Key)] = true
			}
		}
		return nil
	})
	return found, err
}

// scanLive calls fn with every live record of one kind. A record that fn finds damaged is logged and left out: one must not
// keep the others from being seen.
func (v *View) scanLive(ctx context.Context, ds Dataset, kind byte, fn func(*Change) error) error {
	n := 0
	return v.Scan(ds, 0, v.Seq, func(e Entry) (bool, error) {
		if n++; n%4096 == 0 && ctx.Err() != nil {
			return false, ctx.Err()
		}
		var c Change
		if err := c.decode(e.Change); err != nil {
			return false, err
		}
		if c.Deleted || c.Key[0] != kind {
			return true, nil
		}
		err := fn(&c)
		if errors.Is(err, ErrDamaged) {
			v.db.opts.Log.Error("leave a record out of a list", "dataset", ds, "err", err)
			return true, nil
		}
		return true, err
	})
}

// smallest keeps the first accounts of a list: a heap with the last of them on top.
type smallest struct {
	limit int
	items []listed
}

func (s *smallest) Len() int           { return len(s.items) }
func (s *smallest) Less(i, j int) bool { return compareListed(s.items[i], s.items[j]) > 0 }
func (s *smallest) Swap(i, j int)      { s.items[i], s.items[j] = s.items[j], s.items[i] }
func (s *smallest) Push(x any)         { s.items = append(s.items, x.(listed)) }
func (s *smallest) Pop() any           { panic("nothing is popped") }

func (s *smallest) add(l listed) {
	switch {
	case s.limit <= 0:
		s.items = append(s.items, l)
	case len(s.items) < s.limit:
		heap.Push(s, l)
	case compareListed(l, s.items[0]) < 0:
		s.items[0] = l
		heap.Fix(s, 0)
	}
}
