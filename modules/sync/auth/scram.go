package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/xdg-go/scram"

	"mbox/credential"
)

// maxIterations bounds what a server can make us compute before it has proved anything.
const maxIterations = 1_000_000

// Exchange carries SCRAM messages to the other side and back.
type Exchange interface {
	Send(message string) error
	Receive() (string, error)
}

// Login proves the password to the server and, by the server's signature, the server's knowledge of it to us. A server that
// only knows the account's name, or a man in the middle between two TLS connections, fails.
func Login(ex Exchange, state tls.ConnectionState, user, password string) error {
	binding, err := scram.NewTLSExporterBinding(&state)
	if err != nil {
		return fmt.Errorf("bind SCRAM to the TLS channel: %w", err)
	}
	client, err := scram.SHA256.NewClient(user, password, "")
	if err != nil {
		return fmt.Errorf("the account's name or password has characters that SCRAM cannot carry: %w", err)
	}
	conv := client.NewConversationWithChannelBinding(binding)
	challenge := ""
	for !conv.Done() {
		if err := boundIterations(challenge); err != nil {
			return err
		}
		response, err := conv.Step(challenge)
		if err != nil {
			return Refuse(CodeCredentials, "the primary did not prove that it knows the password of account %q; "+
				"check the password on both boxes", user)
		}
		if conv.Done() {
			break
		}
		if err := ex.Send(response); err != nil {
			return err
		}
		if challenge, err = ex.Receive(); err != nil {
			return err
		}
	}
	if !conv.Valid() {
		return Refuse(CodeCredentials, "the primary did not prove that it knows the password of account %q", user)
	}
	return nil
}

func boundIterations(serverFirst string) error {
	for field := range strings.SplitSeq(serverFirst, ",") {
		if n, ok := strings.CutPrefix(field, "i="); ok {
			if count, err := strconv.Atoi(n); err != nil || count > maxIterations {
				return Refuse(CodeProtocol, "the primary asks for %.20s SCRAM iterations; at most %d are accepted", n, maxIterations)
			}
		}
	}
	return nil
}

// Credentials finds the verifier of an account that may sync.
type Credentials func(user string) (credential.Verifier, bool)

// Decoy makes unknown accounts indistinguishable from known ones until the password proof fails: their salts are stable.
type Decoy struct{ key [32]byte }

// NewDecoy draws the key that the salts of unknown accounts derive from.
func NewDecoy() *Decoy {
	d := &Decoy{}
	rand.Read(d.key[:])
	return d
}

func (d *Decoy) verifier(user string) credential.Verifier {
	mac := hmac.New(sha256.New, d.key[:])
	mac.Write([]byte(user))
	sum := mac.Sum(nil)
	nobody := make([]byte, 32)
	rand.Read(nobody)
	return credential.Verifier{StoredCredentials: scram.StoredCredentials{
		KeyFactors: scram.KeyFactors{Salt: string(sum[:16]), Iters: credential.Iterations},
		StoredKey:  nobody, ServerKey: nobody,
	}}
}

// Accept is the server's side of Login. It returns the account that proved its password.
func Accept(ex Exchange, state tls.ConnectionState, find Credentials, decoy *Decoy) (string, error) {
	binding, err := scram.NewTLSExporterBinding(&state)
	if err != nil {
		return "", fmt.Errorf("bind SCRAM to the TLS channel: %w", err)
	}
	server, err := scram.SHA256.NewServer(func(user string) (scram.StoredCredentials, error) {
		if v, ok := find(user); ok {
			return v.StoredCredentials, nil
		}
		return decoy.verifier(user).StoredCredentials, nil
	})
	if err != nil {
		return "", err
	}
	conv := server.NewConversationWithChannelBindingRequired(binding)
	for !conv.Done() {
		message, err := ex.Receive()
		if err != nil {
			return "", err
		}
		response, err := conv.Step(message)
		if err != nil {
			return "", errWrongPassword(conv.Username())
		}
		if err := ex.Send(response); err != nil {
			return "", err
		}
	}
	if !conv.Valid() {
		return "", errWrongPassword(conv.Username())
	}
	return conv.Username(), nil
}

func errWrongPassword(user string) error {
	return fmt.Errorf("account %.64q: %w", user, ErrPassword)
}

// ErrPassword is a failed proof: an unknown account, a wrong password, or a channel that is not the one bound.
var ErrPassword = errors.New("unknown account or wrong password")
