package hotspotdb

import "crypto/sha256"

// Digest is what a live entry adds to the sum of its bucket; zero for a tombstone.
func (v *View) Digest(e Entry) (Sum, error) {
	var c Change
	if err := c.decode(e.Change); err != nil {
		return Sum{}, err
	}
	h := newHasher(v.digestKey())
	return h.contribution(&c).sum(), nil
}

// DigestKeyID names the digest key that the sums and buckets of this view were computed under. Only sums under one key can
// be compared, and a box may change its key at any moment.
func (v *View) DigestKeyID() []byte {
	const size = 8
	key := v.digestKey()
	id := sha256.Sum256(append([]byte("mbox digest key\x00"), key[:]...))
	return id[:size]
}

// BucketOf returns the function that finds the bucket of a key as in this view; it stays good after the view is closed.
func (v *View) BucketOf() func(key []byte) int {
	h := newHasher(v.digestKey())
	return func(key []byte) int { return h.key(key).bucket() }
}
