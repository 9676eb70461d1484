package api

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"net/http"

	"mbox/hotspotdb"
)

// maxSold bounds one purchase, in MB or minutes, as `hotspot quota add` does.
const maxSold = 1_000_000_000

// maxKey bounds an Idempotency-Key, in bytes.
const maxKey = 128

// addQuota is the body of add-quota.
type addQuota struct {
	MB      int64  `json:"mb" doc:"Traffic, in MB of 1,000,000 bytes: 1 to 1000000000. This or minutes"`
	Minutes int64  `json:"minutes" doc:"Time online: 1 to 1000000000. This or mb"`
	Note    string `json:"note" doc:"What the purchase was, for the report"`
}

// order is the purchase that a request asks for. Its id follows from who asks and from the key of the request, so that the same
// request is the same purchase, also at another box that has not yet heard of the first.
func (c *call) order() (hotspotdb.Purchase, error) {
	body := c.body.(*addQuota)
	p := hotspotdb.Purchase{By: c.user.name, Note: body.Note}
	switch {
	case (body.MB == 0) == (body.Minutes == 0):
		return p, refuse("send either mb or minutes, a number from 1 to %d", maxSold)
	case body.MB < 0 || body.MB > maxSold:
		return p, refuse("mb: expected a number from 1 to %d", maxSold)
	case body.Minutes < 0 || body.Minutes > maxSold:
		return p, refuse("minutes: expected a number from 1 to %d", maxSold)
	}
	p.Octets, p.Seconds = uint64(body.MB)*1_000_000, uint64(body.Minutes)*60
	key, err := c.idempotencyKey()
	if err != nil {
		return p, err
	}
	sum := sha256.Sum256([]byte("mbox api purchase\x00" + c.user.name + "\x00" + key))
	p.ID = max(1, binary.BigEndian.Uint64(sum[:8])>>11) // 53 bits, as all ids
	return p, nil
}

// idempotencyKey is what tells a request from one that comes again because its answer got lost. What is paid for must have one.
func (c *call) idempotencyKey() (string, error) {
	keys := c.r.Header.Values(keyHeader)
	if len(keys) == 0 && c.r.Header.Get("X-Request-Id") == c.id {
		return "request " + c.id, nil
	}
	if len(keys) != 1 || keys[0] == "" || len(keys[0]) > maxKey {
		return "", refuse("send the header %s, of 1 to %d characters, with another value for each purchase: "+
			"a request that is sent again with the same one is not charged again", keyHeader, maxKey)
	}
	for i := range len(keys[0]) {
		if keys[0][i] <= ' ' || keys[0][i] > '~' {
			return "", refuse("%s: expected letters, digits and punctuation of ASCII", keyHeader)
		}
	}
	return "key " + keys[0], nil
}

const keyHeader = "Idempotency-Key"

// sell stores an order, once. buyer finds for whom it is, and is not asked if it was stored before.
func (c *call) sell(same func(hotspotdb.Purchase) bool, buyer func(*hotspotdb.Tx, *hotspotdb.Purchase) error) (any, error) {
	p, err := c.order()
	if err != nil {
		return nil, err
	}
	err = c.update(func(tx *hotspotdb.Tx) error {
		old, err := tx.Purchase(p.ID)
		switch {
		case err == nil && old.By == p.By && old.Octets == p.Octets && old.Seconds == p.Seconds && old.Note == p.Note && same(old):
			p, c.message = old, "quota was added by this request before"
			return nil
		case err == nil:
			return errKeyUsed
		case !isNotFound(err):
			return err
		}
		c.message = "quota added"
		if err := buyer(tx, &p); err != nil {
			return err
		}
		if p, err = tx.AddPurchase(p); errors.Is(err, hotspotdb.ErrExists) {
			return errKeyUsed // by an account that was erased
		}
		return err
	})
	return c.showPurchase(p), err
}

var errKeyUsed = &failure{status: http.StatusConflict, message: keyHeader + ": belongs to another purchase; send another value for each"}

func sellToUser(c *call) (any, error) {
	id, err := c.pathID()
	if err != nil {
		return nil, err
	}
	return c.sell(func(old hotspotdb.Purchase) bool { return old.Account == id }, func(tx *hotspotdb.Tx, p *hotspotdb.Purchase) error {
		v, err := tx.AccountVersion(id)
		if err != nil {
			return noUser(err, id)
		}
		p.Account = id
		return c.checkVersion(tagOf(v))
	})
}

// sellToVoucher adds quota to the use that began last and has not ended, as `hotspot quota add` does.
func sellToVoucher(c *call) (any, error) {
	code := hotspotdb.NormalCode(c.r.PathValue("code"))
	return c.sell(func(old hotspotdb.Purchase) bool { return old.Username == code }, func(tx *hotspotdb.Tx, p *hotspotdb.Purchase) error {
		v, _, err := tx.Voucher(code)
		if err != nil {
			return noVoucher(err, code)
		}
		for n := len(v.Uses) - 1; n >= 0; n-- {
			if use := v.Uses[n]; !use.At.IsZero() && !use.Ended(c.Now()) {
				p.Account, p.Username = use.ID, v.Code
				return nil
			}
		}
		return &failure{status: http.StatusConflict, message: "nobody uses the voucher now, and quota is added to a use; send it again when a guest has logged in with the code"}
	})
}

// purchase is quota that was bought.
type purchase struct {
	ID       uint64  `json:"id"`
	UserID   uint64  `json:"userid"`
	Username string  `json:"username" doc:"When it was bought; of a voucher the code"`
	Octets   uint64  `json:"octets" doc:"Bytes that were bought"`
	Seconds  uint64  `json:"seconds" doc:"Seconds online that were bought"`
	Time     *stamp  `json:"time"`
	By       *string `json:"by"`
	Note     *string `json:"note"`
}

func (c *call) showPurchase(p hotspotdb.Purchase) purchase {
	return purchase{p.ID, p.Account, p.Username, p.Octets, p.Seconds, c.at(p.At), known(p.By), known(p.Note)}
}
