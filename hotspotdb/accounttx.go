package hotspotdb

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"mbox/proto/hotspotpb"
)

// AddAccount makes an account; password may be empty. ErrExists if a live account has the username.
func (tx *Tx) AddAccount(a Account, password string, by string) (Account, error) {
	if err := CheckUsername(a.Username); err != nil {
		return Account{}, err
	}
	if err := tx.nameFree(a.Username, 0); err != nil {
		return Account{}, err
	}
	id, err := tx.newID(Users, AccessKey)
	if err != nil {
		return Account{}, err
	}
	now := tx.now.UnixMicro()
	p := &accountParts{id: id, access: &hotspotpb.Access{
		Username: a.Username, ClaimedUs: now, CreatedUs: now, CreatedBy: by, UpdatedUs: now, UpdatedBy: by,
	}}
	if _, _, err := p.put(&a); err != nil {
		return Account{}, err
	}
	if password != "" {
		if err := tx.setPassword(p, password); err != nil {
			return Account{}, err
		}
	}
	if err := tx.putMessage(Users, AccessKey(id), p.access); err != nil {
		return Account{}, fmt.Errorf("add account %s: %w", a.Username, err)
	}
	if p.self != nil {
		p.self.UpdatedUs, p.self.UpdatedBy = now, by
		if err := tx.putMessage(Users, SelfKey(id), p.self); err != nil {
			return Account{}, fmt.Errorf("add account %s: %w", a.Username, err)
		}
	}
	before := &accountParts{access: &hotspotpb.Access{Username: a.Username}}
	return p.account(), tx.record(by, "user", a.Username, id, "added", func() []AuditField {
		return accountFields(before, p, password != "")
	})
}

// EditAccount changes an account. Only the parts that edit changed are written; fields that this version does not know
// are kept. A new username is a new claim. An error of edit is returned and changes nothing.
func (tx *Tx) EditAccount(username string, by string, edit func(*AccountEdit) error) (Account, error) {
	p, err := tx.parts(username)
	if err != nil {
		return Account{}, err
	}
	before := *p // put leaves the messages as they are
	change := AccountEdit{Account: p.account()}
	name := change.Username
	if err := edit(&change); err != nil {
		return Account{}, err
	}
	now := tx.now.UnixMicro()
	access, self, err := p.put(&change.Account)
	if err != nil {
		return Account{}, err
	}
	if change.Username != name {
		if err := tx.rename(p, change.Username); err != nil {
			return Account{}, err
		}
		access = true
	}
	if change.Password != nil {
		if err := tx.setPassword(p, *change.Password); err != nil {
			return Account{}, err
		}
		self = true
	}
	if !access && !self {
		return p.account(), nil
	}
	if access {
		p.access.UpdatedUs, p.access.UpdatedBy = now, by
		if err := tx.putMessage(Users, AccessKey(p.id), p.access); err != nil {
			return Account{}, fmt.Errorf("change account %s: %w", username, err)
		}
	}
	if self {
		p.self.UpdatedUs, p.self.UpdatedBy = now, by
		if err := tx.putMessage(Users, SelfKey(p.id), p.self); err != nil {
			return Account{}, fmt.Errorf("change account %s: %w", username, err)
		}
	}
	after := p.account()
	return after, tx.recordChange(by, "user", after.Username, p.id, func() []AuditField {
		return accountFields(&before, p, change.Password != nil)
	})
}

func (tx *Tx) rename(p *accountParts, username string) error {
	if err := CheckUsername(username); err != nil {
		return err
	}
	if err := tx.nameFree(username, p.id); err != nil {
		return err
	}
	p.access.Username, p.access.ClaimedUs, p.nameTaken = username, tx.now.UnixMicro(), false
	return nil
}

func (tx *Tx) setPassword(p *accountParts, password string) (err error) {
	if p.self == nil {
		p.self = &hotspotpb.Self{}
	}
	set := tx.now.UnixMicro()
	if set == p.self.PasswordUs {
		set++ // it tells this password from the last, whatever the clock does
	}
	p.self.PasswordUs = set
	if password == "" {
		p.self.Password = nil
		return nil
	}
	p.self.Password, err = tx.db.seal(p.id, password)
	return err
}

// DeleteAccount writes tombstones for an account.
func (tx *Tx) DeleteAccount(username, by string) error {
	p, err := tx.parts(username)
	if err != nil {
		return err
	}
	err = tx.Delete(Users, AccessKey(p.id))
	if p.self != nil && err == nil {
		err = tx.Delete(Users, SelfKey(p.id))
	}
	if err != nil {
		return fmt.Errorf("delete account %s: %w", username, err)
	}
	return tx.record(by, "user", username, p.id, "deleted", noFields)
}

// Account finds an account by the name it is known as.
func (tx *Tx) Account(username string) (Account, error) {
	p, err := tx.parts(username)
	if err != nil {
		return Account{}, err
	}
	return p.account(), nil
}

// nameFree refuses a username that another live account claims or is known as.
func (tx *Tx) nameFree(username string, own uint64) error {
	holders, err := tx.holders([]byte(username))
	if err != nil {
		return err
	}
	taken := slices.ContainsFunc(holders, func(h holder) bool { return h.id != own })
	if name, id, ok := splitKnownAs(username); ok && id != own && !taken {
		_, err := holderOf(tx, id, []byte(name))
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		taken = err == nil
	}
	if taken {
		return fmt.Errorf("account %s: %w", username, ErrExists)
	}
	return nil
}

// parts finds an account by the name it is known as.
func (tx *Tx) parts(username string) (*accountParts, error) {
	id, taken, err := resolve(tx, username)
	if err != nil {
		return nil, err
	}
	return readParts(tx, id, taken)
}

// readParts reads both records of an account.
func readParts(r reader, id uint64, taken bool) (*accountParts, error) {
	p := &accountParts{id: id, access: &hotspotpb.Access{}, nameTaken: taken}
	if err := readMessage(r, Users, AccessKey(id), p.access); err != nil {
		return nil, err
	}
	self := &hotspotpb.Self{}
	switch err := readMessage(r, Users, SelfKey(id), self); {
	case err == nil:
		p.self = self
	case !errors.Is(err, ErrNotFound):
		return nil, err
	}
	return p, nil
}

// readMessage reads a live record; ErrNotFound for a tombstone.
func readMessage(r reader, ds Dataset, key []byte, m proto.Message) error {
	raw, err := r.raw(ds, key)
	if err != nil {
		return err
	}
	var c Change
	if err := c.decode(raw); err != nil {
		return fmt.Errorf("%w: record %x: %v", ErrDamaged, key, err)
	}
	return unmarshal(&c, m)
}

func unmarshal(c *Change, m proto.Message) error {
	if c.Deleted {
		return ErrNotFound
	}
	if err := proto.Unmarshal(c.Body, m); err != nil {
		return fmt.Errorf("%w: body of record %x: %v", ErrDamaged, c.Key, err)
	}
	return nil
}

// putMessage writes a record. Fields that this version does not know are kept while there is room for them: what another box
// put there must not keep this one from its own.
func (tx *Tx) putMessage(ds Dataset, key []byte, m proto.Message) error {
	body, err := proto.Marshal(m)
	if err == nil && len(body) > bodyLimit(key[0]) {
		m.ProtoReflect().SetUnknown(nil)
		body, err = proto.Marshal(m)
	}
	if err != nil {
		return fmt.Errorf("encode record: %w", err)
	}
	return tx.Put(ds, key, body)
}

// newID draws an id of 53 bits, so that it is exact in JSON, that no record has.
func (tx *Tx) newID(ds Dataset, key func(uint64) []byte) (uint64, error) {
	for {
		var b [8]byte
		if _, err := rand.Read(b[:]); err != nil {
			return 0, err
		}
		id := binary.BigEndian.Uint64(b[:]) >> 11
		if _, _, found := tx.find(ds, tx.db.hasher.key(key(id))); id != 0 && !found {
			return id, nil
		}
	}
}
