package aaa

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"log/slog"
	"sync"
	"testing"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"

	"mbox/hotspotdb"
	"mbox/modules/aaa/acct"
	"mbox/modules/aaa/policy"
)

var flights = []int{1, 8, 64}

// BenchmarkPackets is PAP over loopback with policy left out: what the packets cost, that of the clients included.
func BenchmarkPackets(b *testing.B) {
	for _, flight := range flights {
		b.Run(fmt.Sprint("inflight=", flight), func(b *testing.B) {
			r := start(b, clientOf("127.0.0.1", secret, "name nas"))
			r.m.deps.Policy = quick{}
			r.authenticate(b, flight, func(int) string { return "alice" })
		})
	}
}

// quick accepts everybody.
type quick struct{ *world }

func (quick) Login(context.Context, policy.Login) (policy.Decision, error) {
	return policy.Decision{Accept: true, Subject: policy.Subject{ID: 7}}, nil
}

const benchAccounts = 10_000

func account(i int) string { return fmt.Sprint("user", i%benchAccounts) }

// BenchmarkAuthentication is PAP over loopback of accounts in a database on disk, clients included.
func BenchmarkAuthentication(b *testing.B) {
	for _, flight := range flights {
		b.Run(fmt.Sprint("inflight=", flight), func(b *testing.B) {
			r := start(b, clientOf("127.0.0.1", secret, "name nas"))
			r.m.deps.Policy = policy.New(policy.Options{DB: filled(b)})
			r.authenticate(b, flight, account)
		})
	}
}

// BenchmarkAccounting is interim updates of sessions over loopback, each of them durable before its answer.
func BenchmarkAccounting(b *testing.B) {
	for _, flight := range flights {
		b.Run(fmt.Sprint("inflight=", flight), func(b *testing.B) {
			r := start(b, clientOf("127.0.0.1", secret, "name nas"))
			db := filled(b)
			keeps := acct.New(acct.Options{DB: db, Policy: policy.New(policy.Options{DB: db})})
			ctx, cancel := context.WithCancel(context.Background())
			var running sync.WaitGroup
			running.Go(func() { _ = keeps.Run(ctx) })
			b.Cleanup(func() { cancel(); running.Wait() })
			r.m.deps.Accounting = keeps
			r.drive(b, flight, r.acct, func(n *nas, i, k int) []byte {
				p := newSigned(radius.CodeAccountingRequest, byte(k))
				_ = rfc2866.AcctStatusType_Add(p, rfc2866.AcctStatusType_Value_InterimUpdate)
				_ = rfc2866.AcctSessionID_AddString(p, fmt.Sprint("s", i, "-", k%16))
				_ = rfc2865.UserName_AddString(p, account(i*16+k%16))
				_ = rfc2866.AcctSessionTime_Add(p, rfc2866.AcctSessionTime(k))
				_ = rfc2866.AcctInputOctets_Add(p, rfc2866.AcctInputOctets(k))
				_ = rfc2866.AcctOutputOctets_Add(p, rfc2866.AcctOutputOctets(k))
				return n.encode(p)
			})
		})
	}
}

// authenticate asks b.N times, so many at a time.
func (r *rig) authenticate(b *testing.B, flight int, username func(int) string) {
	requests := make([][256][]byte, flight)
	prepared := make([]bool, flight)
	r.drive(b, flight, r.auth, func(n *nas, i, k int) []byte {
		if !prepared[i] {
			prepared[i] = true
			for id := range 256 {
				requests[i][id] = n.access(byte(id), username(i*256+id), "wonderland", nil)
			}
		}
		raw := requests[i][k%256]
		if k >= 256 { // another one of the same login: RFC 2865 section 5.2 hides the password by the authenticator, which stays
			raw[1]++
			sum := n.mac(raw, headerSize+2, raw[authenticatorAt:headerSize])
			copy(raw[headerSize+2:], sum[:])
		}
		return raw
	})
}

// drive keeps so many requests in flight, each from a port of its own, and waits for b.N answers.
func (r *rig) drive(b *testing.B, flight int, port uint16, next func(n *nas, i, k int) []byte) {
	clients := make([]*nas, flight)
	for i := range clients {
		clients[i] = r.nas("127.0.0.1", "127.0.0.1", port, secret)
		next(clients[i], i, 0)
	}
	b.ReportAllocs()
	b.ResetTimer()
	var all sync.WaitGroup
	for i, n := range clients {
		all.Go(func() {
			buf := make([]byte, radius.MaxPacketLength)
			for k := range (b.N + flight - 1) / flight {
				n.send(next(n, i, k))
				if _, err := n.conn.Read(buf); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
}

// filled is a database on disk with accounts.
func filled(b *testing.B) *hotspotdb.DB {
	b.Helper()
	block, err := aes.NewCipher(make([]byte, 16))
	if err != nil {
		b.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		b.Fatal(err)
	}
	db, err := hotspotdb.Open(hotspotdb.Options{Dir: b.TempDir(), Sealer: boxKey{gcm}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := db.Close(); err != nil {
			b.Error(err)
		}
	})
	err = db.Update(context.Background(), func(tx *hotspotdb.Tx) error {
		for i := range benchAccounts {
			if _, err := tx.AddAccount(hotspotdb.Account{Username: account(i)}, "wonderland", "bench"); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return db
}

// boxKey seals passwords as a box does.
type boxKey struct{ cipher.AEAD }

func (k boxKey) Seal(plain, aad []byte) ([]byte, error) {
	nonce := make([]byte, k.NonceSize())
	binary.BigEndian.PutUint64(nonce, binary.BigEndian.Uint64(aad))
	return k.AEAD.Seal(nonce, nonce, plain, aad), nil
}

func (k boxKey) Open(sealed, aad []byte) ([]byte, error) {
	return k.AEAD.Open(nil, sealed[:k.NonceSize()], sealed[k.NonceSize():], aad)
}
