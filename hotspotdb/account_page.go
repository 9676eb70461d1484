package hotspotdb

import (
	"cmp"
	"container/heap"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"mbox/proto/hotspotpb"
)

// AccountSelect selects accounts for a page. The zero value selects all, without reading those of other pages.
type AccountSelect struct {
	Name     string // part of the username, in any case
	Profile  string
	Disabled *bool
	UserType *UserType
}

// maxKept bounds how many accounts of earlier pages are held while a filtered page is searched: 16 bytes each.
const maxKept = 1 << 20

// AccountPage lists up to n accounts in an order that no edit changes and that is no alphabetical one: behind the account
// with the id after, which need not exist any more (0: from the beginning), and behind skip others. more says that
// there are further ones. A filtered page reads all accounts, one without a filter only its own.
func (db *DB) AccountPage(ctx context.Context, s AccountSelect, after uint64, skip, n int) (page []Account, more bool, err error) {
	from := db.accountHash(after)
	var hashes []keyHash
	if s == (AccountSelect{}) {
		hashes, err = db.accountHashes(ctx, from, skip, n+1)
	} else {
		hashes, err = db.selectedHashes(ctx, s, from, skip, n+1, maxKept)
	}
	if err != nil {
		return nil, false, fmt.Errorf("list accounts: %w", err)
	}
	more = len(hashes) > n
	for _, h := range hashes[:min(n, len(hashes))] {
		a, err := db.accountAt(h)
		switch {
		case errors.Is(err, ErrNotFound): // deleted since
		case errors.Is(err, ErrDamaged):
			db.opts.Log.Error("leave an account out of a list", "err", err)
		case err != nil:
			return nil, false, fmt.Errorf("list accounts: %w", err)
		default:
			page = append(page, a)
		}
	}
	return page, more, nil
}

// accountHash is where an account stands in the order of pages; nil for id 0, the beginning.
func (db *DB) accountHash(id uint64) *keyHash {
	if id == 0 {
		return nil
	}
	db.mu.RLock()
	defer db.mu.RUnlock()
	h := newHasher(db.index.digestKey)
	hash := h.key(AccessKey(id))
	return &hash
}

func compareHashes(a, b keyHash) int { return cmp.Or(cmp.Compare(a.a, b.a), cmp.Compare(a.b, b.b)) }

// behind says whether a hash comes after a place in the order.
func behind(h keyHash, from *keyHash) bool { return from == nil || compareHashes(h, *from) > 0 }

// accountHashes finds accounts in memory. Writers may come between two buckets.
func (db *DB) accountHashes(ctx context.Context, from *keyHash, skip, n int) ([]keyHash, error) {
	if err := db.gate.enter(); err != nil {
		return nil, err
	}
	defer db.gate.leave()
	var out []keyHash
	first := 0
	if from != nil {
		first = from.bucket()
	}
	for bucket := first; bucket < Buckets && len(out) < n; bucket++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		hashes, skipped := db.bucketAccounts(bucket, from, skip)
		if skip -= skipped; len(hashes) > 0 {
			slices.SortFunc(hashes, compareHashes)
			out = append(out, hashes[skip:]...)
			skip = 0
		}
	}
	return out[:min(n, len(out))], nil
}

// bucketAccounts collects the accounts of a bucket, in no order, or counts them if all of them are skipped.
func (db *DB) bucketAccounts(bucket int, from *keyHash, skip int) (hashes []keyHash, skipped int) {
	db.mu.RLock()
	defer db.mu.RUnlock()
	slots := db.index.datasets[Users].tables[bucket].slots
	wanted := func(r *record) bool { return r.seq != 0 && r.flags&flagAccess != 0 && behind(r.hash, from) }
	count := 0
	for i := range slots {
		if wanted(&slots[i]) {
			count++
		}
	}
	if count <= skip {
		return nil, count
	}
	hashes = make([]keyHash, 0, count)
	for i := range slots {
		if wanted(&slots[i]) {
			hashes = append(hashes, slots[i].hash)
		}
	}
	return hashes, 0
}

// selectedHashes finds accounts by reading all of them, again for every kept ones that are skipped. A page has fewer than kept.
func (db *DB) selectedHashes(ctx context.Context, s AccountSelect, from *keyHash, skip, n, kept int) ([]keyHash, error) {
	s.Name = strings.ToLower(s.Name)
	view := db.View()
	defer view.Close()
	for {
		first := firstHashes{limit: skip + n}
		far := first.limit > kept
		if far {
			first.limit = min(skip, kept)
		}
		h := newHasher(view.digestKey())
		err := view.scanLive(ctx, Users, KindAccess, func(c *Change) error {
			hash := h.key(c.Key)
			if !behind(hash, from) || !first.wants(hash) {
				return nil
			}
			selected, err := s.selects(c)
			if selected {
				first.add(hash)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		slices.SortFunc(first.hashes, compareHashes)
		if !far || len(first.hashes) < first.limit {
			return first.hashes[min(skip, len(first.hashes)):], nil
		}
		from = &first.hashes[first.limit-1]
		skip -= first.limit
	}
}

func (s *AccountSelect) selects(c *Change) (bool, error) {
	if s.Name != "" && !strings.Contains(strings.ToLower(string(lastBytes(c.Body, fieldUsername))), s.Name) {
		return false, nil
	}
	if s.Profile == "" && s.Disabled == nil && s.UserType == nil {
		return true, nil
	}
	var access hotspotpb.Access
	if err := proto.Unmarshal(c.Body, &access); err != nil {
		return false, fmt.Errorf("%w: account %d: %v", ErrDamaged, keyID(c.Key), err)
	}
	return (s.Profile == "" || slices.Contains(access.Profiles, s.Profile)) &&
		(s.Disabled == nil || access.Disabled == *s.Disabled) &&
		(s.UserType == nil || UserType(access.Usertype) == *s.UserType), nil
}

// accountAt reads the account of a hash. ErrNotFound if it was deleted since.
func (db *DB) accountAt(h keyHash) (Account, error) {
	raw, err := db.rawBy(Users, func([16]byte) keyHash { return h })
	if err != nil {
		return Account{}, err
	}
	var c Change
	if err := c.decode(raw); err != nil {
		return Account{}, fmt.Errorf("%w: %v", ErrDamaged, err)
	}
	if c.Deleted {
		return Account{}, ErrNotFound
	}
	return db.AccountByID(keyID(c.Key))
}

// firstHashes keeps the first hashes of many: a heap with the last of them on top.
type firstHashes struct {
	limit  int
	hashes []keyHash
}

func (f *firstHashes) Len() int           { return len(f.hashes) }
func (f *firstHashes) Less(i, j int) bool { return compareHashes(f.hashes[i], f.hashes[j]) > 0 }
func (f *firstHashes) Swap(i, j int)      { f.hashes[i], f.hashes[j] = f.hashes[j], f.hashes[i] }
func (f *firstHashes) Push(x any)         { f.hashes = append(f.hashes, x.(keyHash)) }
func (f *firstHashes) Pop() any           { panic("nothing is popped") }

// wants says whether a hash would be kept.
func (f *firstHashes) wants(h keyHash) bool {
	return len(f.hashes) < f.limit || compareHashes(h, f.hashes[0]) < 0
}

func (f *firstHashes) add(h keyHash) {
	if len(f.hashes) < f.limit {
		heap.Push(f, h)
		return
	}
	f.hashes[0] = h
	heap.Fix(f, 0)
}
