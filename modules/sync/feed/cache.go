package feed

import (
	"container/list"
	"sync"

	"mbox/hotspotdb"
)

// batch is a run of changes of one dataset.
type batch struct {
	packed
	last    uint64                            // it ends here
	seen    uint64                            // what was stored when it was read
	count   int                               // changes in it
	sources map[hotspotdb.DatabaseID]struct{} // databases that some of it came from
}

// Cache shares batches between the feeds of one box, so that a thousand followers at the head cost one read and one
// compression. A cached batch may hold a version that has been replaced since: that is allowed, the newer one follows, as long
// as deletions are kept.
type Cache struct {
	codec *codec
	pulse pulse

	mu      sync.Mutex // guards what follows
	entries map[cacheKey]*list.Element
	order   *list.List // of *cached, most recently used first
	bytes   int
}

type cacheKey struct {
	dataset hotspotdb.Dataset
	after   uint64
}

type cached struct {
	key   cacheKey
	batch *batch
}

// cacheBytes bounds what is kept.
const cacheBytes = 16 << 20

// NewCache makes the cache of one box.
func NewCache() *Cache {
	return &Cache{codec: newCodec(), entries: map[cacheKey]*list.Element{}, order: list.New()}
}

func (c *Cache) get(key cacheKey) *batch {
	c.mu.Lock()
	defer c.mu.Unlock()
	el := c.entries[key]
	if el == nil {
		return nil
	}
	c.order.MoveToFront(el)
	return el.Value.(*cached).batch
}

func (c *Cache) put(key cacheKey, b *batch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if el := c.entries[key]; el != nil {
		c.drop(el)
	}
	c.entries[key] = c.order.PushFront(&cached{key, b})
	c.bytes += len(b.data)
	for c.bytes > cacheBytes {
		c.drop(c.order.Back())
	}
}

func (c *Cache) drop(el *list.Element) {
	old := c.order.Remove(el).(*cached)
	delete(c.entries, old.key)
	c.bytes -= len(old.batch.data)
}
