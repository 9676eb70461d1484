package configstore

import (
	"bufio"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"

	"golang.org/x/crypto/argon2"
)

// A backup is a header and a stream of chunks, each sealed with AES-256-GCM:
//
//	magic(8) time(4) memory(4) threads(1) salt(16) check(16) crc32(4)     integers big endian, memory in KiB
//	chunks of 64 KiB and their tags; only the last may be shorter
//
// The nonce of a chunk is its number and whether it is the last, so that chunks cannot be dropped, repeated, reordered or
// cut off (the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár, 2015). Key and check value are derived from
// the passphrase; the check value tells a wrong passphrase from damage.
const (
	backupMagic = "MBOXBK1\n"
	headerSize  = len(backupMagic) + 4 + 4 + 1 + 16 + 16 + 4
	chunkSize   = 64 << 10
	checkSize   = 16
)

// Errors of reading a backup.
var (
	ErrPassphrase    = errors.New("wrong passphrase")
	ErrBackupDamaged = errors.New("the backup is damaged or cut short")
	ErrBackupFuture  = errors.New("the backup was written by a later firmware")
	ErrNotBackup     = errors.New("the file is not a backup of an mbox")
)

// argon holds the cost of argon2id (RFC 9106).
type argon struct {
	time, memory uint32 // passes, KiB
	threads      uint8
}

// backupCost is the second recommendation of RFC 9106 section 4, with one thread for small boxes.
var backupCost = argon{time: 3, memory: 64 << 10, threads: 1}

// bounded says whether a header may make us compute this.
func (a argon) bounded() bool {
	return a.time >= 1 && a.time <= 16 && a.memory >= 8 && a.memory <= 256<<10 && a.threads >= 1 && a.threads <= 8
}

// derive returns key and check value.
func (a argon) derive(passphrase string, salt []byte) (key [32]byte, check []byte) {
	out := argon2.IDKey([]byte(passphrase), salt, a.time, a.memory, a.threads, 32+checkSize)
	return [32]byte(out), out[32:]
}

// sealWriter encrypts what is written to it; Close writes the last chunk.
type sealWriter struct {
	w      io.Writer
	aead   cipher.AEAD
	header []byte
	buf    []byte
	number uint64
}

func newSealWriter(w io.Writer, passphrase string, cost argon) (*sealWriter, error) {
	salt := random(16)
	key, check := cost.derive(passphrase, salt)
	header := append([]byte{}, backupMagic...)
	header = binary.BigEndian.AppendUint32(header, cost.time)
	header = binary.BigEndian.AppendUint32(header, cost.memory)
	header = append(append(append(header, cost.threads), salt...), check...)
	header = binary.BigEndian.AppendUint32(header, crc32.ChecksumIEEE(header))
	if _, err := w.Write(header); err != nil {
		return nil, err
	}
	return &sealWriter{w: w, aead: newAEAD(key), header: header, buf: make([]byte, 0, chunkSize)}, nil
}

func (s *sealWriter) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 {
		if len(s.buf) == chunkSize { // only now it is known that the chunk is not the last
			if err := s.flush(false); err != nil {
				return written, err
			}
		}
		n := min(len(p), chunkSize-len(s.buf))
		s.buf = append(s.buf, p[:n]...)
		p, written = p[n:], written+n
	}
	return written, nil
}

// Close writes the last chunk.
func (s *sealWriter) Close() error { return s.flush(true) }

func (s *sealWriter) flush(last bool) error {
	sealed := s.aead.Seal(nil, chunkNonce(s.number, last), s.buf, s.header)
	s.number++
	s.buf = s.buf[:0]
	_, err := s.w.Write(sealed)
	return err
}

func chunkNonce(number uint64, last bool) []byte {
	nonce := make([]byte, 12)
	binary.BigEndian.PutUint64(nonce[3:11], number)
	if last {
		nonce[11] = 1
	}
	return nonce
}

// openReader decrypts what a sealWriter wrote. It returns io.EOF only behind the last chunk.
type openReader struct {
	r      *bufio.Reader
	aead   cipher.AEAD
	header []byte
	plain  []byte // not read yet
	number uint64
	last   bool
}

func newOpenReader(r io.Reader, passphrase string) (*openReader, error) {
	buffered := bufio.NewReaderSize(r, chunkSize)
	header := make([]byte, headerSize)
	n, err := io.ReadFull(buffered, header)
	if err != nil && !isEOF(err) {
		return nil, err
	}
	cost, err := parseHeader(header[:n])
	if err != nil {
		return nil, err
	}
	salt, want := header[17:33], header[33:49]
	key, check := cost.derive(passphrase, salt)
	if subtle.ConstantTimeCompare(check, want) != 1 {
		return nil, ErrPassphrase
	}
	return &openReader{r: buffered, aead: newAEAD(key), header: header}, nil
}

func parseHeader(header []byte) (argon, error) {
	const kind = len("MBOXBK")
	if len(header) < len(backupMagic) || string(header[:kind]) != backupMagic[:kind] {
		return argon{}, ErrNotBackup
	}
	if len(header) < headerSize {
		return argon{}, ErrBackupDamaged
	}
	body, crc := header[:headerSize-4], binary.BigEndian.Uint32(header[headerSize-4:])
	if string(header[:len(backupMagic)]) != backupMagic {
		if c := header[kind]; c > '1' && c <= '9' && header[kind+1] == '\n' {
			return argon{}, ErrBackupFuture
		}
		return argon{}, ErrBackupDamaged
	}
	cost := argon{binary.BigEndian.Uint32(header[8:]), binary.BigEndian.Uint32(header[12:]), header[16]}
	if crc32.ChecksumIEEE(body) != crc || !cost.bounded() {
		return argon{}, ErrBackupDamaged
	}
	return cost, nil
}

func (o *openReader) Read(p []byte) (int, error) {
	for len(o.plain) == 0 {
		if o.last {
			return 0, io.EOF
		}
		if err := o.chunk(); err != nil {
			return 0, err
		}
	}
	n := copy(p, o.plain)
	o.plain = o.plain[n:]
	return n, nil
}

func (o *openReader) chunk() error {
	sealed := make([]byte, chunkSize+o.aead.Overhead())
	n, err := io.ReadFull(o.r, sealed)
	if err != nil && !isEOF(err) {
		return err
	}
	if _, err := o.r.Peek(1); err != nil {
		if !isEOF(err) {
			return err
		}
		o.last = true
	}
	o.plain, err = o.aead.Open(sealed[:0], chunkNonce(o.number, o.last), sealed[:n], o.header)
	if err != nil {
		return ErrBackupDamaged
	}
	o.number++
	return nil
}

func isEOF(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }
