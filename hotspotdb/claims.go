package hotspotdb

import (
	"hash/maphash"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// claims finds the accounts that may hold a username, by a hash of the name. An account that was renamed or deleted leaves
// its claim behind, so that nothing needs to be read when a change is stored: whoever uses a claim verifies it.
type claims struct {
	seed  maphash.Seed
	first map[uint64]uint64
	more  map[uint64][]uint64 // second and later accounts of one hash, in no order
}

// maxClaims bounds the accounts that one name is looked up in. Beyond them an account is only known as NAME~id.
const maxClaims = 64

func newClaims() claims {
	return claims{maphash.MakeSeed(), map[uint64]uint64{}, map[uint64][]uint64{}}
}

func (c *claims) hash(username []byte) uint64 { return maphash.Bytes(c.seed, username) }

// candidates are the accounts that may hold the name of this hash.
func (c *claims) candidates(hash uint64) []uint64 {
	first, found := c.first[hash]
	if !found {
		return nil
	}
	return append([]uint64{first}, c.more[hash]...)
}

func (c *claims) add(hash, id uint64) {
	first, found := c.first[hash]
	switch {
	case !found:
		c.first[hash] = id
	case first == id || slices.Contains(c.more[hash], id) || len(c.more[hash])+1 >= maxClaims:
	default:
		c.more[hash] = append(c.more[hash], id)
	}
}

// remove forgets a claim that turned out to be stale.
func (c *claims) remove(hash, id uint64) {
	rest := slices.DeleteFunc(c.candidates(hash), func(other uint64) bool { return other == id })
	delete(c.first, hash)
	delete(c.more, hash)
	for _, other := range rest {
		c.add(hash, other)
	}
}

// traits are what the typed API keeps in memory about some kinds of records.
type traits struct {
	flags recordFlags
	id    uint64 // of the account or segment, or whose usage it is
	claim uint64 // hash of a live account's username; start of a usage record's period, Unix seconds

	session sessionTraits // of a live segment
	trace   trace         // nil: none
}

// Field numbers of hotspotpb.Access and hotspotpb.Segment that traits need.
const (
	fieldUsername = protowire.Number(1)
	fieldStop     = protowire.Number(13)
)

// traitsOf decodes as little of a body as it can. A body that is not what it should be has no traits.
func (x *index) traitsOf(c *Change) traits {
	switch c.Key[0] {
	case KindVoucher, KindUse, KindErasureToo, KindPurchase:
		return x.newerTraits(c)
	}
	if c.Key[0] == KindUsage && len(c.Key) == 33 {
		t := traits{flags: flagUsage, id: keyID(c.Key), claim: usageStart(c.Key)}
		if c.Deleted {
			t.flags |= flagDeleted
		}
		return t
	}
	if c.Deleted {
		if c.Key[0] == KindSegment && len(c.Key) == 9 {
			return traits{flags: flagDeleted, id: keyID(c.Key)}
		}
		return traits{flags: flagDeleted}
	}
	switch {
	case len(c.Key) != 9:
	case c.Key[0] == KindErasure:
		return traits{flags: flagErasure, id: keyID(c.Key)}
	case c.Key[0] == KindAccess:
		return traits{flags: flagAccess, id: keyID(c.Key), claim: x.claims.hash(lastBytes(c.Body, fieldUsername))}
	case c.Key[0] == KindSegment:
		session := x.claims.sessionTraitsOf(c.Body)
		flags := flagSegment
		if session.stop == 0 {
			flags |= flagActive
		}
		return traits{flags: flags, id: keyID(c.Key), session: session}
	}
	return traits{}
}
