package configstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"os"
)

// The layout of a bbolt file (version 2), in the byte order of the machine. bbolt trusts it: a flipped bit makes it read
// beyond its memory map or descend for ever. So every page that it could follow is checked first, by reading only.
const (
	pageHeader  = 16 // id(8) flags(2) count(2) overflow(4)
	elementSize = 16 // branch: pos(4) ksize(4) page(8); leaf: flags(4) pos(4) ksize(4) vsize(4)
	metaSize    = 64 // magic(4) version(4) page size(4) flags(4) root(8) sequence(8) freelist(8) pages(8) txid(8) checksum(8)

	flagBranch   = 0x01
	flagLeaf     = 0x02
	flagFreelist = 0x10
	flagBucket   = 0x01 // of a leaf element

	boltMagic   = 0xED0CDAED
	boltVersion = 2
	maxDepth    = 32
)

var order = binary.NativeEndian

// probe says ErrDamaged unless bbolt can read every page of the file without harm.
func probe(f *os.File, log *slog.Logger) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	m, both, err := readMeta(f)
	if err != nil {
		return err
	}
	if !both {
		log.Warn("one of the two headers of the config store is unreadable; the other one is used", "file", f.Name())
	}
	if m.pages > uint64(info.Size())/pageSize {
		return damaged("the file is cut short")
	}
	p := &prober{file: f, pages: m.pages, used: make([]bool, m.pages)}
	if err := p.tree(m.root, true, nil, nil, maxDepth); err != nil {
		return err
	}
	return p.freelist(m.freelist)
}

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrDamaged}, args...)...)
}

// meta is what one of the two header pages says.
type meta struct{ root, freelist, pages, txid uint64 }

// readMeta returns the newest valid header, as bbolt chooses it, and whether both are valid.
func readMeta(r io.ReaderAt) (newest meta, both bool, err error) {
	valid := 0
	for page := range int64(2) {
		raw := make([]byte, metaSize)
		if _, err := r.ReadAt(raw, page*pageSize+pageHeader); err != nil {
			if errors.Is(err, io.EOF) {
				return meta{}, false, damaged("the file is cut short")
			}
			return meta{}, false, err
		}
		if m, ok := parseMeta(raw); ok {
			valid++
			if valid == 1 || m.txid > newest.txid {
				newest = m
			}
		}
	}
	if valid == 0 {
		return meta{}, false, damaged("no valid header")
	}
	return newest, valid == 2, nil
}

func parseMeta(raw []byte) (meta, bool) {
	checksum := fnv.New64a()
	checksum.Write(raw[:56])
	ok := order.Uint32(raw) == boltMagic && order.Uint32(raw[4:]) == boltVersion &&
		order.Uint32(raw[8:]) == pageSize && order.Uint64(raw[56:]) == checksum.Sum64()
	return meta{
		root: order.Uint64(raw[16:]), freelist: order.Uint64(raw[32:]),
		pages: order.Uint64(raw[40:]), txid: order.Uint64(raw[48:]),
	}, ok
}

// prober walks the pages of one file; used are those that something refers to.
type prober struct {
	file  io.ReaderAt
	pages uint64
	used  []bool
}

// page reads a page with its overflow pages, which nothing else may refer to.
func (p *prober) page(id uint64) ([]byte, error) {
	if id < 2 || id >= p.pages {
		return nil, damaged("page %d is outside of the file", id)
	}
	head := make([]byte, pageHeader)
	if _, err := p.file.ReadAt(head, int64(id)*pageSize); err != nil {
		return nil, err
	}
	more := uint64(order.Uint32(head[12:]))
	if order.Uint64(head) != id || more >= p.pages-id {
		return nil, damaged("page %d has a wrong header", id)
	}
	for i := id; i <= id+more; i++ {
		if p.used[i] {
			return nil, damaged("page %d is used twice", i)
		}
		p.used[i] = true
	}
	raw := make([]byte, (more+1)*pageSize)
	_, err := p.file.ReadAt(raw, int64(id)*pageSize)
	return raw, err
}

// tree checks the pages below one, whose keys start with first (nil: whatever it is) and lie below high (nil: no limit).
// Buckets lie in the root tree only.
func (p *prober) tree(id uint64, root bool, first, high []byte, depth int) error {
	if depth == 0 {
		return damaged("page %d lies too deep", id)
	}
	raw, err := p.page(id)
	if err != nil {
		return err
	}
	switch order.Uint16(raw[8:]) {
	case flagLeaf:
		return p.leaf(raw, id, root, first, high)
	case flagBranch:
		return p.branch(raw, id, root, first, high, depth)
	}
	return damaged("page %d is of an unexpected kind", id)
}

func (p *prober) branch(raw []byte, id uint64, root bool, first, high []byte, depth int) error {
	elements, err := parseElements(raw, flagBranch)
	if err != nil || len(elements) == 0 {
		return damaged("page %d has wrong elements", id)
	}
	if !ascending(elements, first, high) {
		return damaged("page %d is out of order", id)
	}
	for i, e := range elements {
		end := high
		if i+1 < len(elements) {
			end = elements[i+1].key
		}
		if err := p.tree(e.child, root, e.key, end, depth-1); err != nil {
			return err
		}
	}
	return nil
}

func (p *prober) leaf(raw []byte, id uint64, root bool, first, high []byte) error {
	elements, err := parseElements(raw, flagLeaf)
	if err != nil {
		return damaged("page %d has wrong elements", id)
	}
	if !ascending(elements, first, high) {
		return damaged("page %d is out of order", id)
	}
	for _, e := range elements {
		if e.bucket != root {
			return damaged("page %d mixes buckets and records", id)
		}
		if e.bucket {
			if err := p.bucket(e.value, id); err != nil {
				return err
			}
		}
	}
	return nil
}

// bucket checks the tree of a bucket, or the page that stands in its value if it is small.
func (p *prober) bucket(value []byte, id uint64) error {
	if len(value) < 16 {
		return damaged("page %d has a bucket without a root", id)
	}
	if child := order.Uint64(value); child != 0 {
		return p.tree(child, false, nil, nil, maxDepth)
	}
	inline := value[16:]
	if len(inline) < pageHeader || order.Uint16(inline[8:]) != flagLeaf {
		return damaged("page %d has a wrong bucket", id)
	}
	return p.leaf(inline, id, false, nil, nil)
}

type element struct {
	key, value []byte
	child      uint64
	bucket     bool
}

var errElement = errors.New("wrong element")

// parseElements reads the elements of a leaf or branch page; their positions count from the element itself.
func parseElements(raw []byte, kind uint16) ([]element, error) {
	count := int(order.Uint16(raw[10:]))
	if pageHeader+count*elementSize > len(raw) {
		return nil, errElement
	}
	out := make([]element, count)
	for i := range out {
		at := pageHeader + i*elementSize
		e := raw[at : at+elementSize]
		var flags, vsize uint32
		pos, ksize := order.Uint32(e), order.Uint32(e[4:])
		if kind == flagLeaf {
			flags, pos, ksize, vsize = order.Uint32(e), order.Uint32(e[4:]), order.Uint32(e[8:]), order.Uint32(e[12:])
		} else {
			out[i].child = order.Uint64(e[8:])
		}
		start, data := uint64(at)+uint64(pos), pageHeader+uint64(count)*elementSize
		end := start + uint64(ksize) + uint64(vsize)
		if start < data || end > uint64(len(raw)) || ksize == 0 || flags > flagBucket {
			return nil, errElement
		}
		out[i].key = raw[start : start+uint64(ksize)]
		out[i].value = raw[start+uint64(ksize) : end]
		out[i].bucket = flags == flagBucket
	}
	return out, nil
}

// ascending says whether the keys grow from first to below high. bbolt finds the place of a page in its parent by its first
// key, so the parent must have exactly that one, or the next write would leave the page in two places.
func ascending(elements []element, first, high []byte) bool {
	if first != nil && (len(elements) == 0 || !bytes.Equal(elements[0].key, first)) {
		return false
	}
	for i, e := range elements {
		if i > 0 && bytes.Compare(e.key, elements[i-1].key) <= 0 || high != nil && bytes.Compare(e.key, high) >= 0 {
			return false
		}
	}
	return true
}

// freelist checks that no page is called free that is used: the next write would destroy it.
func (p *prober) freelist(id uint64) error {
	raw, err := p.page(id)
	if err != nil {
		return err
	}
	if order.Uint16(raw[8:]) != flagFreelist {
		return damaged("page %d is of an unexpected kind", id)
	}
	ids := raw[pageHeader:]
	count := uint64(order.Uint16(raw[10:]))
	if count == 0xFFFF { // too many for the header: the first id is the count
		count, ids = order.Uint64(ids), ids[8:]
	}
	if count > uint64(len(ids)/8) {
		return damaged("the list of free pages is cut short")
	}
	for i := range count {
		free := order.Uint64(ids[8*i:])
		if free < 2 || free >= p.pages || p.used[free] {
			return damaged("page %d cannot be free", free)
		}
		p.used[free] = true
	}
	return nil
}
