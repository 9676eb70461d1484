package credential

import (
	"crypto/md5"
	"crypto/subtle"
	"errors"
	"strings"
)

// md5Prefix begins what Cisco calls type 5: Poul-Henning Kamp's MD5-crypt, "$1$SALT$HASH".
const md5Prefix = "$1$"

const (
	md5Rounds    = 1000
	md5MaxSalt   = 8
	md5HashChars = 22
)

// cryptAlphabet is that of crypt(3).
const cryptAlphabet = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

var errMD5 = errors.New("expected $1$SALT$HASH: up to 8 and 22 characters of ./0-9A-Za-z")

type md5Hash struct{ salt, hash string }

func parseMD5(text string) (Hash, error) {
	salt, hash, ok := strings.Cut(strings.TrimPrefix(text, md5Prefix), "$")
	if !ok || salt == "" || len(salt) > md5MaxSalt || len(hash) != md5HashChars || strings.Trim(salt+hash, cryptAlphabet) != "" {
		return nil, errMD5
	}
	return md5Hash{salt, hash}, nil
}

func (h md5Hash) Matches(password string) bool {
	if len(password) > maxHashed {
		return false
	}
	return subtle.ConstantTimeCompare([]byte(md5crypt(password, h.salt)), []byte(h.hash)) == 1
}

func (h md5Hash) String() string { return md5Prefix + h.salt + "$" + h.hash }

// md5crypt is the hash as FreeBSD's crypt(3) computes it.
func md5crypt(password, salt string) string {
	alternate := md5.Sum([]byte(password + salt + password))
	first := md5.New()
	first.Write([]byte(password + md5Prefix + salt))
	for left := len(password); left > 0; left -= md5.Size {
		first.Write(alternate[:min(left, md5.Size)])
	}
	for bits := len(password); bits > 0; bits >>= 1 {
		if bits&1 != 0 {
			first.Write([]byte{0})
		} else {
			first.Write([]byte(password[:1]))
		}
	}
	sum := first.Sum(nil)
	for round := range md5Rounds {
		sum = md5Round(round, password, salt, sum)
	}
	return encodeMD5(sum)
}

func md5Round(round int, password, salt string, sum []byte) []byte {
	h := md5.New()
	if round%2 == 1 {
		h.Write([]byte(password))
	} else {
		h.Write(sum)
	}
	if round%3 != 0 {
		h.Write([]byte(salt))
	}
	if round%7 != 0 {
		h.Write([]byte(password))
	}
	if round%2 == 1 {
		h.Write(sum)
	} else {
		h.Write([]byte(password))
	}
	return h.Sum(nil)
}

// encodeMD5 writes the bytes in the order that crypt(3) has them, six bits a character, the lowest first.
func encodeMD5(sum []byte) string {
	var out []byte
	put := func(value, chars int) {
		for range chars {
			out = append(out, cryptAlphabet[value&0x3f])
			value >>= 6
		}
	}
	for _, i := range [][3]int{{0, 6, 12}, {1, 7, 13}, {2, 8, 14}, {3, 9, 15}, {4, 10, 5}} {
		put(int(sum[i[0]])<<16|int(sum[i[1]])<<8|int(sum[i[2]]), 4)
	}
	put(int(sum[11]), 2)
	return string(out)
}
