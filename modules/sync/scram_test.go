package sync_test

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677, RFC 9266) written out: a peer of an older version does not follow what today's
// code does, and an attacker does not keep its rules.

type scramKeys struct{ client, stored, server []byte }

func scramSecret(password string, salt []byte, iterations int) (scramKeys, error) {
	salted, err := pbkdf2.Key(sha256.New, password, salt, iterations, sha256.Size)
	if err != nil {
		return scramKeys{}, err
	}
	client := mac(salted, "Client Key")
	stored := sha256.Sum256(client)
	return scramKeys{client, stored[:], mac(salted, "Server Key")}, nil
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

var b64 = base64.StdEncoding.EncodeToString

func exporter(state tls.ConnectionState) []byte {
	binding, err := state.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, 32)
	if err != nil {
		panic(err) // TLS 1.3 always has it
	}
	return binding
}

func nonce() string {
	raw := make([]byte, 18)
	rand.Read(raw)
	return b64(raw)
}

// scramFields splits r=...,s=...,i=... into its attributes.
func scramFields(message string) map[string]string {
	out := map[string]string{}
	for part := range strings.SplitSeq(message, ",") {
		if name, value, ok := strings.Cut(part, "="); ok {
			out[name] = value
		}
	}
	return out
}

// scramClient is a client's side; header and binding are what it claims of the channel, nonceOf may change the server's nonce.
type scramClient struct {
	user, password  string
	header, binding string
	nonceOf         func(string) string
}

func boundClient(state tls.ConnectionState, user, password string) scramClient {
	return scramClient{user: user, password: password, header: "p=tls-exporter,,", binding: string(exporter(state)), nonceOf: func(r string) string { return r }}
}

// run returns nil once the server has proved that it knows the password too.
func (c scramClient) run(say func(string) error, hear func() (string, error)) error {
	bare := "n=" + c.user + ",r=" + nonce()
	if err := say(c.header + bare); err != nil {
		return err
	}
	challenge, err := hear()
	if err != nil {
		return err
	}
	fields := scramFields(challenge)
	salt, _ := base64.StdEncoding.DecodeString(fields["s"])
	iterations, err := strconv.Atoi(fields["i"])
	if err != nil {
		return fmt.Errorf("the challenge is %q", challenge)
	}
	keys, err := scramSecret(c.password, salt, iterations)
	if err != nil {
		return err
	}
	final := "c=" + b64([]byte(c.header+c.binding)) + ",r=" + c.nonceOf(fields["r"])
	message := bare + "," + challenge + "," + final
	proof := make([]byte, sha256.Size)
	subtle.XORBytes(proof, keys.client, mac(keys.stored, message))
	if err := say(final + ",p=" + b64(proof)); err != nil {
		return err
	}
	verdict, err := hear()
	if err != nil {
		return err
	}
	if verdict != "v="+b64(mac(keys.server, message)) {
		return errors.New("the server did not prove that it knows the password")
	}
	return nil
}

// scramServer is the server's side of an account whose password it knows.
func scramServer(state tls.ConnectionState, password string, say func(string) error, hear func() (string, error)) error {
	opening, err := hear()
	if err != nil {
		return err
	}
	header, bare, ok := strings.Cut(opening, ",,")
	if !ok || header != "p=tls-exporter" {
		return fmt.Errorf("the client began with %q", opening)
	}
	const iterations = 30_000
	salt := []byte("sixteen bytes...")
	challenge := fmt.Sprintf("r=%s%s,s=%s,i=%d", scramFields(bare)["r"], nonce(), b64(salt), iterations)
	if err := say(challenge); err != nil {
		return err
	}
	answer, err := hear()
	if err != nil {
		return err
	}
	final, proof, _ := strings.Cut(answer, ",p=")
	if want := "c=" + b64([]byte("p=tls-exporter,,"+string(exporter(state)))); !strings.HasPrefix(final, want+",r=") {
		return errors.New("the client is bound to another channel")
	}
	keys, err := scramSecret(password, salt, iterations)
	if err != nil {
		return err
	}
	message := bare + "," + challenge + "," + final
	want := make([]byte, sha256.Size)
	subtle.XORBytes(want, keys.client, mac(keys.stored, message))
	if proof != b64(want) {
		return errors.New("the client does not know the password")
	}
	return say("v=" + b64(mac(keys.server, message)))
}
