// Package feed carries the changes of a hotspot database to a peer and back over one authenticated connection. First sync,
// catch-up and live tail are one code path: "everything since position N", read from the store, never from a queue.
package feed

import (
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
	"google.golang.org/protobuf/encoding/protowire"

	"mbox/proto/syncpb"
)

const (
	// batchBytes and batchChanges end a batch: small enough that a broken satellite link re-sends little, large enough
	// that compression and the commit at the other end pay.
	batchBytes   = 256 << 10
	batchChanges = 2000
	// maxBatch bounds a batch of a peer after decompression, in bytes.
	maxBatch        = 2 << 20
	maxBatchChanges = 16_384
)

// codec compresses and decompresses batches; it is safe for concurrent use.
type codec struct {
	enc     *zstd.Encoder
	dec     *zstd.Decoder
	packers sync.Pool // of *packer: a feed at the head needs none, and there may be a thousand
}

func newCodec() *codec {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(512<<10))
	if err != nil {
		panic(fmt.Sprintf("zstd refuses its constant options: %v", err))
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(maxBatch), zstd.WithDecoderConcurrency(0))
	if err != nil {
		panic(fmt.Sprintf("zstd refuses its constant options: %v", err))
	}
	return &codec{enc: enc, dec: dec, packers: sync.Pool{New: func() any { return new(packer) }}}
}

// packed is a list of changes ready to be sent.
type packed struct {
	data []byte // zstd of syncpb.Changes
	size uint32 // before compression
}

// packer writes a syncpb.Changes by hand: changes are relayed as they lie in the store, and copied once. It is reused from
// batch to batch.
type packer struct {
	raw, seqs []byte
	count     int
}

func (p *packer) reset() { p.raw, p.seqs, p.count = p.raw[:0], p.seqs[:0], 0 }

// packer returns an empty packer; done takes it back.
func (c *codec) packer() *packer {
	p := c.packers.Get().(*packer)
	p.reset()
	return p
}

func (c *codec) done(p *packer) { c.packers.Put(p) }

func (p *packer) add(change []byte, seq uint64) {
	p.raw = protowire.AppendTag(p.raw, 1, protowire.BytesType)
	p.raw = protowire.AppendBytes(p.raw, change)
	p.seqs = protowire.AppendVarint(p.seqs, seq)
	p.count++
}

// full says whether the batch is large enough to be sent.
func (p *packer) full() bool { return len(p.raw) >= batchBytes || p.count >= batchChanges }

func (c *codec) pack(p *packer) packed {
	if p.count == 0 {
		return packed{}
	}
	p.raw = protowire.AppendTag(p.raw, 2, protowire.BytesType)
	p.raw = protowire.AppendBytes(p.raw, p.seqs)
	return packed{data: c.enc.EncodeAll(p.raw, nil), size: uint32(len(p.raw))}
}

// unpack is the inverse for hostile input: sizes are checked before anything is allocated. The changes slice one buffer.
func (c *codec) unpack(data []byte, size uint32) (changes [][]byte, seqs []uint64, err error) {
	if size > maxBatch {
		return nil, nil, fmt.Errorf("a batch of %d bytes; at most %d are accepted", size, maxBatch)
	}
	if len(data) == 0 && size == 0 {
		return nil, nil, nil
	}
	raw, err := c.dec.DecodeAll(data, make([]byte, 0, size))
	if err != nil {
		return nil, nil, fmt.Errorf("decompress a batch: %w", err)
	}
	if len(raw) != int(size) {
		return nil, nil, fmt.Errorf("a batch of %d bytes that announced %d", len(raw), size)
	}
	return parseChanges(raw)
}

// parseChanges reads a syncpb.Changes; fields it does not know are skipped, as a peer may be a version ahead.
func parseChanges(raw []byte) (changes [][]byte, seqs []uint64, err error) {
	for len(raw) > 0 {
		num, typ, n := protowire.ConsumeTag(raw)
		if n < 0 {
			return nil, nil, fmt.Errorf("a malformed batch: %w", protowire.ParseError(n))
		}
		raw = raw[n:]
		if typ != protowire.BytesType || num > 2 {
			if n = protowire.ConsumeFieldValue(num, typ, raw); n < 0 {
				return nil, nil, fmt.Errorf("a malformed batch: %w", protowire.ParseError(n))
			}
			raw = raw[n:]
			continue
		}
		value, n := protowire.ConsumeBytes(raw)
		if n < 0 {
			return nil, nil, fmt.Errorf("a malformed batch: %w", protowire.ParseError(n))
		}
		raw = raw[n:]
		if num == 1 {
			if len(changes) == maxBatchChanges {
				return nil, nil, fmt.Errorf("a batch of more than %d changes", maxBatchChanges)
			}
			changes = append(changes, value)
			continue
		}
		for len(value) > 0 {
			s, n := protowire.ConsumeVarint(value)
			if n < 0 {
				return nil, nil, fmt.Errorf("a malformed batch: %w", protowire.ParseError(n))
			}
			if len(seqs) == maxBatchChanges {
				return nil, nil, fmt.Errorf("a batch of more than %d sequences", maxBatchChanges)
			}
			seqs, value = append(seqs, s), value[n:]
		}
	}
	if len(seqs) != len(changes) {
		return nil, nil, fmt.Errorf("a batch with %d changes and %d sequences", len(changes), len(seqs))
	}
	return changes, seqs, nil
}

func frameOf(kind any) *syncpb.Frame {
	switch k := kind.(type) {
	case *syncpb.Welcome:
		return &syncpb.Frame{Kind: &syncpb.Frame_Welcome{Welcome: k}}
	case *syncpb.Subscribe:
		return &syncpb.Frame{Kind: &syncpb.Frame_Subscribe{Subscribe: k}}
	case *syncpb.FeedStart:
		return &syncpb.Frame{Kind: &syncpb.Frame_FeedStart{FeedStart: k}}
	case *syncpb.Batch:
		return &syncpb.Frame{Kind: &syncpb.Frame_Batch{Batch: k}}
	case *syncpb.Stored:
		return &syncpb.Frame{Kind: &syncpb.Frame_Stored{Stored: k}}
	case *syncpb.Digest:
		return &syncpb.Frame{Kind: &syncpb.Frame_Digest{Digest: k}}
	case *syncpb.BucketsQuery:
		return &syncpb.Frame{Kind: &syncpb.Frame_BucketsQuery{BucketsQuery: k}}
	case *syncpb.Buckets:
		return &syncpb.Frame{Kind: &syncpb.Frame_Buckets{Buckets: k}}
	case *syncpb.Compare:
		return &syncpb.Frame{Kind: &syncpb.Frame_Compare{Compare: k}}
	case *syncpb.Compared:
		return &syncpb.Frame{Kind: &syncpb.Frame_Compared{Compared: k}}
	case *syncpb.Heartbeat:
		return &syncpb.Frame{Kind: &syncpb.Frame_Heartbeat{Heartbeat: k}}
	case *syncpb.Token:
		return &syncpb.Frame{Kind: &syncpb.Frame_Token{Token: k}}
	case *syncpb.Verified:
		return &syncpb.Frame{Kind: &syncpb.Frame_Verified{Verified: k}}
	}
	panic(fmt.Sprintf("no frame for %T", kind))
}
