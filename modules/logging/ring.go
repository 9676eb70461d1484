package logging

// ring keeps the newest messages within two bounds.
type ring struct {
	limit   int // bytes
	entries int // 0: no bound
	list    []*Entry
	first   int // list[first] is the oldest
	bytes   int
	dropped uint64 // gave way to newer ones
}

func (r *ring) len() int { return len(r.list) - r.first }

func (r *ring) add(e *Entry) {
	if len(r.list) == cap(r.list) && r.first > len(r.list)/2 { // what was dropped at the front makes room
		r.compact()
	}
	r.list = append(r.list, e)
	r.bytes += e.size()
	r.trim()
}

func (r *ring) trim() {
	for r.len() > 0 && (r.bytes > r.limit || r.entries > 0 && r.len() > r.entries) {
		r.bytes -= r.list[r.first].size()
		r.list[r.first] = nil
		r.first++
		r.dropped++
	}
}

func (r *ring) compact() {
	n := copy(r.list, r.list[r.first:])
	clear(r.list[n:])
	r.list, r.first = r.list[:n], 0
}

func (r *ring) bound(bytes, entries int) {
	r.limit, r.entries = bytes, entries
	r.trim()
}

func (r *ring) all() []*Entry { return append([]*Entry{}, r.list[r.first:]...) }

func (r *ring) clear() { r.list, r.first, r.bytes = nil, 0, 0 }
