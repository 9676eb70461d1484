package ssh

import (
	"bytes"
	"crypto/rsa"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	gossh "golang.org/x/crypto/ssh"

	"mbox/modules"
)

const (
	syntaxChain     = "ip ssh pubkey-chain"
	syntaxUser      = "username NAME"
	syntaxKeyString = "key-string TYPE KEY [COMMENT...]"
	syntaxKeyHash   = "key-hash TYPE HASH [COMMENT...]"
)

const (
	// maxKey is the length of a public key in base64 that is looked at; RSA of 8,192 bits has 1,400.
	maxKey = 4096
	// RSA keys below 2,048 bits can be factored (NIST SP 800-131A); above 8,192 they only cost us time.
	minRSABits = 2048
	maxRSABits = 8192
	maxName    = 64
)

// keyTypes are the keys that may log in, and which of them may also start a line of their own, as in a file of OpenSSH.
var keyTypes = []struct {
	name, help string
	bare       bool
}{
	{gossh.KeyAlgoED25519, "Ed25519, what ssh-keygen makes by itself", true},
	{gossh.KeyAlgoECDSA256, "ECDSA on the curve P-256", true},
	{gossh.KeyAlgoECDSA384, "ECDSA on the curve P-384", true},
	{gossh.KeyAlgoECDSA521, "ECDSA on the curve P-521", true},
	{gossh.KeyAlgoRSA, "RSA of 2048 to 8192 bits; it must sign with SHA-2", true},
	{gossh.KeyAlgoSKED25519, "Ed25519 in a security token", false},
	{gossh.KeyAlgoSKECDSA256, "ECDSA in a security token", false},
}

// bareSyntax is a line as ssh-keygen prints it.
func bareSyntax(keyType string) string { return keyType + " KEY [COMMENT...]" }

func chainStatements() []modules.Statement {
	var types []modules.Candidate
	for _, t := range keyTypes {
		types = append(types, modules.Candidate{Text: t.name, Help: t.help})
	}
	key := modules.Word("The key in base64, as in the file that ssh-keygen wrote: id_ed25519.pub", parseKeyText)
	comment := modules.Word("Whose key it is", nil)
	const help = "A public key of this account, on one line"
	list := []modules.Statement{{
		Syntax: syntaxChain, Help: "Public keys that log in", Words: words, Mode: "ssh-pubkey",
	}, {
		In: syntaxChain, Syntax: syntaxUser, Help: "Keys of an account", Mode: "ssh-pubkey-user", Key: []string{"NAME"},
		Args: map[string]modules.Type{"NAME": modules.Word("Name of the account", parseName)},
	}, {
		In: syntaxUser, Syntax: syntaxKeyString, Help: help, Key: []string{"TYPE", "KEY"},
		Args: map[string]modules.Type{"TYPE": modules.Enum("Type of the key", types...), "KEY": key, "COMMENT": comment},
	}, {
		In: syntaxUser, Syntax: syntaxKeyHash, Help: "The fingerprint of a public key of this account", Key: []string{"TYPE", "HASH"},
		Args: map[string]modules.Type{
			"TYPE": modules.Enum("Type of the key", types...), "COMMENT": comment,
			"HASH": modules.Word("Its fingerprint: SHA256:... of ssh-keygen -l, or MD5 in 32 hexadecimal digits", parseHash),
		},
	}}
	for _, t := range keyTypes {
		if t.bare {
			list = append(list, modules.Statement{
				In: syntaxUser, Syntax: bareSyntax(t.name), Help: t.help, Key: []string{"KEY"},
				Args: map[string]modules.Type{"KEY": key, "COMMENT": comment},
			})
		}
	}
	return list
}

// keySet is what logs an account in.
type keySet struct {
	blobs  [][]byte // in the wire format
	hashes []string // as parseHash returns them, behind their type and a space
}

// holds says whether a key is one of them.
func (s keySet) holds(key gossh.PublicKey) bool {
	blob := key.Marshal()
	for _, b := range s.blobs {
		if bytes.Equal(b, blob) {
			return true
		}
	}
	sha, md5 := key.Type()+" "+gossh.FingerprintSHA256(key), key.Type()+" "+legacyHash(key)
	for _, h := range s.hashes {
		if h == sha || h == md5 {
			return true
		}
	}
	return false
}

// keysOf reads the lines of an account, without those that it refuses; the error names each of them.
func keysOf(user *modules.Node) (keySet, error) {
	var set keySet
	var refused []error
	add := func(n *modules.Node, keyType string) {
		key, err := parseKey(modules.Get[string](n.Values, "KEY"))
		if err == nil && key.Type() != keyType {
			err = modules.Errorf("the key is of type %s", key.Type())
		}
		if err != nil {
			refused = append(refused, modules.Refuse(n, err))
			return
		}
		set.blobs = append(set.blobs, key.Marshal())
	}
	for _, n := range user.All(syntaxKeyString) {
		add(n, modules.Get[string](n.Values, "TYPE"))
	}
	for _, t := range keyTypes {
		for _, n := range user.All(bareSyntax(t.name)) {
			add(n, t.name)
		}
	}
	for _, n := range user.All(syntaxKeyHash) {
		set.hashes = append(set.hashes, modules.Get[string](n.Values, "TYPE")+" "+modules.Get[string](n.Values, "HASH"))
	}
	return set, errors.Join(refused...)
}

// parseKeyText accepts the base64 of a public key.
func parseKeyText(s string) (string, error) {
	key, err := parseKey(s)
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(key.Marshal()), nil
}

var errKey = errors.New("expected a public key in base64: the second word of the file that ssh-keygen wrote")

// parseKey reads the base64 of a public key in the wire format of RFC 4253 section 6.6. The error is for the operator.
func parseKey(s string) (gossh.PublicKey, error) {
	if len(s) > maxKey {
		return nil, errKey
	}
	blob, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return nil, errKey
	}
	key, err := gossh.ParsePublicKey(blob)
	if err != nil {
		return nil, errKey
	}
	return key, weakness(key)
}

// weakness says why a key may not log in, if it may not.
func weakness(key gossh.PublicKey) error {
	known := false
	for _, t := range keyTypes {
		known = known || t.name == key.Type()
	}
	if !known {
		return fmt.Errorf("expected a key of type ssh-ed25519, ecdsa-sha2-nistp256, -384, -521 or ssh-rsa, not %s", key.Type())
	}
	if key.Type() == gossh.KeyAlgoRSA {
		if bits := rsaBits(key); bits < minRSABits || bits > maxRSABits {
			return fmt.Errorf("expected an RSA key of %d to %d bits, this one has %d", minRSABits, maxRSABits, bits)
		}
	}
	return nil
}

// rsaBits is the length of the modulus; 0 for a key that does not say.
func rsaBits(key gossh.PublicKey) int {
	if public, ok := key.(gossh.CryptoPublicKey); ok {
		if key, ok := public.CryptoPublicKey().(*rsa.PublicKey); ok {
			return key.N.BitLen()
		}
	}
	return 0
}

// legacyHash is the MD5 of a key as IOS writes it: 32 hexadecimal digits.
func legacyHash(key gossh.PublicKey) string {
	return strings.ReplaceAll(gossh.FingerprintLegacyMD5(key), ":", "")
}

// parseHash accepts a fingerprint as OpenSSH (SHA256:...) or IOS (MD5, 32 hexadecimal digits) prints it.
func parseHash(s string) (string, error) {
	if text, ok := strings.CutPrefix(s, "SHA256:"); ok {
		text = strings.TrimRight(text, "=")
		if sum, err := base64.RawStdEncoding.Strict().DecodeString(text); err == nil && len(sum) == 32 {
			return "SHA256:" + text, nil
		}
	}
	if sum, err := hex.DecodeString(strings.ReplaceAll(strings.TrimPrefix(s, "MD5:"), ":", "")); err == nil && len(sum) == 16 {
		return hex.EncodeToString(sum), nil
	}
	return "", errors.New("expected a fingerprint: SHA256: with 43 characters, or 32 hexadecimal digits")
}

// parseName accepts what may be the name of an account.
func parseName(s string) (string, error) {
	if !plausible(s) {
		return "", fmt.Errorf("expected a name of 1 to %d letters, digits and . _ - @", maxName)
	}
	return s, nil
}

// plausible says whether an account could have that name.
func plausible(name string) bool {
	other := func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-@", r))
	}
	return name != "" && len(name) <= maxName && !strings.ContainsFunc(name, other)
}
