package hotspotdb

import (
	"encoding/binary"
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// Change is one version of one record, decoded from the bytes of a hotspotpb.Change. Its slices point into those bytes.
type Change struct {
	Key     []byte
	Stamp   Stamp
	Deleted bool
	Body    []byte
	Version Vector
	Base    Stamp // of the version that this one replaced where it was made; zero if none
}

// Limits of one change. A peer that exceeds them is at fault.
const (
	MaxChange   = 96 << 10
	maxBody     = 64 << 10
	maxVersions = 64
	// maxClock keeps "stored clock + 1" from ever wrapping; it lies 146,000 years ahead.
	maxClock = 1 << 62
)

// Field numbers of hotspotpb.Change.
const (
	fieldKey        = 1
	fieldClock      = 2
	fieldOrigin     = 3
	fieldDeleted    = 4
	fieldBody       = 5
	fieldVersion    = 6
	fieldBaseClock  = 7
	fieldBaseOrigin = 8
)

// DecodeChange reads one change and validates it, but for its key's form, which depends on the dataset.
func DecodeChange(raw []byte) (Change, error) {
	var c Change
	if err := c.decode(raw); err != nil {
		return Change{}, err
	}
	vector, err := decodeVector(raw)
	c.Version = vector
	return c, err
}

// decode fills everything but Version, without allocating.
func (c *Change) decode(raw []byte) error {
	if len(raw) > MaxChange {
		return fmt.Errorf("%w change: %d bytes, expected at most %d", ErrInvalid, len(raw), MaxChange)
	}
	var origin, baseOrigin []byte
	versions := 0
	for b := raw; len(b) > 0; {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return fmt.Errorf("%w change: %v", ErrInvalid, protowire.ParseError(n))
		}
		b = b[n:]
		switch {
		case num == fieldKey && typ == protowire.BytesType:
			c.Key, n = protowire.ConsumeBytes(b)
		case num == fieldClock && typ == protowire.Fixed64Type:
			c.Stamp.Clock, n = protowire.ConsumeFixed64(b)
		case num == fieldOrigin && typ == protowire.BytesType:
			origin, n = protowire.ConsumeBytes(b)
		case num == fieldDeleted && typ == protowire.VarintType:
			var v uint64
			v, n = protowire.ConsumeVarint(b)
			c.Deleted = protowire.DecodeBool(v)
		case num == fieldBody && typ == protowire.BytesType:
			c.Body, n = protowire.ConsumeBytes(b)
		case num == fieldVersion && typ == protowire.BytesType:
			var entry []byte
			entry, n = protowire.ConsumeBytes(b)
			if _, err := decodeVersion(entry); n >= 0 && err != nil {
				return err
			}
			versions++
		case num == fieldBaseClock && typ == protowire.Fixed64Type:
			c.Base.Clock, n = protowire.ConsumeFixed64(b)
		case num == fieldBaseOrigin && typ == protowire.BytesType:
			baseOrigin, n = protowire.ConsumeBytes(b)
		default:
			n = protowire.ConsumeFieldValue(num, typ, b)
		}
		if n < 0 {
			return fmt.Errorf("%w change: field %d: %v", ErrInvalid, num, protowire.ParseError(n))
		}
		b = b[n:]
	}
	return c.check(origin, baseOrigin, versions)
}

func (c *Change) check(origin, baseOrigin []byte, versions int) error {
	switch {
	case len(c.Key) == 0 || len(c.Key) > maxKey:
		return fmt.Errorf("%w change: key of %d bytes, expected 1 to %d", ErrInvalid, len(c.Key), maxKey)
	case len(origin) != len(c.Stamp.Origin):
		return fmt.Errorf("%w change: origin of %d bytes, expected %d", ErrInvalid, len(origin), len(c.Stamp.Origin))
	case c.Stamp.Clock == 0 || c.Stamp.Clock > maxClock:
		return fmt.Errorf("%w change: clock %d", ErrInvalid, c.Stamp.Clock)
	case len(c.Body) > maxBody:
		return fmt.Errorf("%w change: body of %d bytes, expected at most %d", ErrInvalid, len(c.Body), maxBody)
	case versions > maxVersions:
		return fmt.Errorf("%w change: %d versions, expected at most %d", ErrInvalid, versions, maxVersions)
	case len(baseOrigin) != 0 && len(baseOrigin) != len(c.Base.Origin):
		return fmt.Errorf("%w change: base origin of %d bytes, expected %d", ErrInvalid, len(baseOrigin), len(c.Base.Origin))
	}
	copy(c.Stamp.Origin[:], origin)
	copy(c.Base.Origin[:], baseOrigin)
	return nil
}

// decodeVector reads the version vector of a change that decode accepted.
func decodeVector(raw []byte) (Vector, error) {
	var vector Vector
	for b := raw; len(b) > 0; {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return nil, fmt.Errorf("%w change: %v", ErrInvalid, protowire.ParseError(n))
		}
		b = b[n:]
		n = protowire.ConsumeFieldValue(num, typ, b)
		if n < 0 {
			return nil, fmt.Errorf("%w change: field %d: %v", ErrInvalid, num, protowire.ParseError(n))
		}
		if num == fieldVersion && typ == protowire.BytesType {
			entry, _ := protowire.ConsumeBytes(b)
			version, err := decodeVersion(entry)
			if err != nil {
				return nil, err
			}
			vector = append(vector, version)
		}
		b = b[n:]
	}
	return vector, nil
}

func decodeVersion(b []byte) (Version, error) {
	var v Version
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return v, fmt.Errorf("%w version: %v", ErrInvalid, protowire.ParseError(n))
		}
		b = b[n:]
		switch {
		case num == 1 && typ == protowire.Fixed64Type:
			v.Actor, n = protowire.ConsumeFixed64(b)
		case num == 2 && typ == protowire.VarintType:
			v.Counter, n = protowire.ConsumeVarint(b)
		default:
			n = protowire.ConsumeFieldValue(num, typ, b)
		}
		if n < 0 {
			return v, fmt.Errorf("%w version: field %d: %v", ErrInvalid, num, protowire.ParseError(n))
		}
		b = b[n:]
	}
	return v, nil
}

// AppendChange encodes c behind dst exactly as the generated code would.
func AppendChange(dst []byte, c *Change) []byte {
	dst = slices.Grow(dst, 96+len(c.Key)+len(c.Body)+22*len(c.Version))
	if len(c.Key) > 0 {
		dst = appendBytes(dst, fieldKey, c.Key)
	}
	if c.Stamp.Clock != 0 {
		dst = appendFixed64(dst, fieldClock, c.Stamp.Clock)
	}
	dst = appendBytes(dst, fieldOrigin, c.Stamp.Origin[:])
	if c.Deleted {
		dst = protowire.AppendTag(dst, fieldDeleted, protowire.VarintType)
		dst = append(dst, 1)
	}
	if len(c.Body) > 0 {
		dst = appendBytes(dst, fieldBody, c.Body)
	}
	for _, v := range c.Version {
		dst = appendVersion(dst, v)
	}
	if c.Base.Clock != 0 {
		dst = appendFixed64(dst, fieldBaseClock, c.Base.Clock)
		dst = appendBytes(dst, fieldBaseOrigin, c.Base.Origin[:])
	}
	return dst
}

func appendBytes(dst []byte, num protowire.Number, b []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(dst, num, protowire.BytesType), b)
}

func appendFixed64(dst []byte, num protowire.Number, v uint64) []byte {
	return protowire.AppendFixed64(protowire.AppendTag(dst, num, protowire.Fixed64Type), v)
}

func appendVersion(dst []byte, v Version) []byte {
	var buf [24]byte
	entry := buf[:0]
	if v.Actor != 0 {
		entry = appendFixed64(entry, 1, v.Actor)
	}
	if v.Counter != 0 {
		entry = protowire.AppendVarint(protowire.AppendTag(entry, 2, protowire.VarintType), v.Counter)
	}
	return appendBytes(dst, fieldVersion, entry)
}

// replaceBody returns a change whose body is another, everything else of it (unknown fields too) as it was.
func replaceBody(raw, body []byte) []byte {
	out := withoutField(raw, fieldBody)
	if len(body) > 0 {
		out = appendBytes(out, fieldBody, body)
	}
	return out
}

// withoutField copies the message raw without one of its fields. What cannot be parsed is left out.
func withoutField(raw []byte, field protowire.Number) []byte {
	out := make([]byte, 0, len(raw))
	for b := raw; len(b) > 0; {
		num, _, n := protowire.ConsumeField(b)
		if n < 0 {
			return out
		}
		if num != field {
			out = append(out, b[:n]...)
		}
		b = b[n:]
	}
	return out
}

// lastBytes finds the value that counts, the last one, of a bytes field of a message; nil if there is none.
func lastBytes(message []byte, field protowire.Number) []byte {
	var found []byte
	for b := message; len(b) > 0; {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return nil
		}
		b = b[n:]
		if n = protowire.ConsumeFieldValue(num, typ, b); n < 0 {
			return nil
		}
		if num == field && typ == protowire.BytesType {
			found, _ = protowire.ConsumeBytes(b)
		}
		b = b[n:]
	}
	return found
}

// lastVarint is lastBytes for a varint field; 0 if there is none.
func lastVarint(message []byte, field protowire.Number) uint64 {
	var found uint64
	for b := message; len(b) > 0; {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return 0
		}
		b = b[n:]
		if n = protowire.ConsumeFieldValue(num, typ, b); n < 0 {
			return 0
		}
		if num == field && typ == protowire.VarintType {
			found, _ = protowire.ConsumeVarint(b)
		}
		b = b[n:]
	}
	return found
}

// An entry's header: kind, time of storing, and unless it was made here the database it came from and the sequence there.
const (
	localHeader   = 1 + 8
	relayedHeader = localHeader + 16 + 8
)

func headerLen(s Source) int {
	if s.Kind == Local {
		return localHeader
	}
	return relayedHeader
}

// putHeader writes the header of an entry into dst, which has room for it, and returns its length.
func putHeader(dst []byte, s Source, stored uint64) int {
	dst[0] = byte(s.Kind)
	binary.BigEndian.PutUint64(dst[1:], stored)
	if s.Kind == Local {
		return localHeader
	}
	copy(dst[9:25], s.Database[:])
	binary.BigEndian.PutUint64(dst[25:], s.Seq)
	return relayedHeader
}

// parseHeader splits the value of a record.
func parseHeader(value []byte) (s Source, stored uint64, change []byte, err error) {
	n := localHeader
	if len(value) > 0 && SourceKind(value[0]) != Local {
		n = relayedHeader
	}
	if len(value) < n || SourceKind(value[0]) > Below {
		return s, 0, nil, fmt.Errorf("%w: entry header of %d bytes", ErrDamaged, len(value))
	}
	s.Kind = SourceKind(value[0])
	stored = binary.BigEndian.Uint64(value[1:])
	if s.Kind != Local {
		copy(s.Database[:], value[9:25])
		s.Seq = binary.BigEndian.Uint64(value[25:])
	}
	return s, stored, value[n:], nil
}
