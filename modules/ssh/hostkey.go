package ssh

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	gossh "golang.org/x/crypto/ssh"
)

// hostKeyEntry is where State keeps the host key.
const hostKeyEntry = "host-key"

// hostKey proves to clients which box this is.
type hostKey struct {
	signer gossh.Signer
	made   time.Time
}

// hostKeyRecord is its stored form.
type hostKeyRecord struct {
	Type string    `json:"type"` // ssh-ed25519
	Seed []byte    `json:"seed"`
	Made time.Time `json:"made"`
}

func (r hostKeyRecord) key() (*hostKey, error) {
	if r.Type != gossh.KeyAlgoED25519 || len(r.Seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("a host key of type %q and %d bytes", r.Type, len(r.Seed))
	}
	signer, err := gossh.NewSignerFromKey(ed25519.NewKeyFromSeed(r.Seed))
	if err != nil {
		return nil, err
	}
	return &hostKey{signer, r.Made}, nil
}

// needHostKey takes the key that is kept, or makes the first.
func (m *Module) needHostKey() error {
	if m.host.Load() != nil {
		return nil
	}
	raw, found, err := m.deps.State.Get(hostKeyEntry)
	switch {
	case err != nil:
		return fmt.Errorf("read the SSH host key: %w", err)
	case !found:
		return m.makeHostKey()
	}
	var record hostKeyRecord
	if err := json.Unmarshal(raw, &record); err != nil {
		return fmt.Errorf("read the SSH host key: %w", err)
	}
	key, err := record.key()
	if err != nil {
		return fmt.Errorf("read the SSH host key: %w", err)
	}
	m.host.Store(key)
	return nil
}

// makeHostKey makes a new key and keeps it. Connections that are open keep the old one.
func (m *Module) makeHostKey() error {
	record := hostKeyRecord{Type: gossh.KeyAlgoED25519, Seed: make([]byte, ed25519.SeedSize), Made: time.Now().UTC().Truncate(time.Second)}
	rand.Read(record.Seed)
	key, err := record.key()
	if err != nil {
		return fmt.Errorf("make the SSH host key: %w", err)
	}
	raw, err := json.Marshal(record)
	if err == nil {
		err = m.deps.State.Put(hostKeyEntry, raw)
	}
	if err != nil {
		return fmt.Errorf("keep the SSH host key: %w", err)
	}
	m.host.Store(key)
	m.log.Info("%SSH-5-ENABLED: host key made", "fingerprint", key.fingerprint())
	return nil
}

// fingerprint is the key's SHA-256 as OpenSSH shows it.
func (k *hostKey) fingerprint() string { return gossh.FingerprintSHA256(k.signer.PublicKey()) }

// public is the key's public half on one line, as in known_hosts.
func (k *hostKey) public() string {
	return strings.TrimSpace(string(gossh.MarshalAuthorizedKey(k.signer.PublicKey())))
}
