package feed

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"

	"mbox/modules/sync/auth"
	"mbox/modules/sync/peer"
	"mbox/proto/syncpb"
)

// asking is a link that asks and answers claims, without the rest; its frames go to sent.
func asking(t testing.TB, grant []string, answer func(context.Context, *syncpb.Claim) *syncpb.Claimed) (l *Link, sent chan *syncpb.Frame, end func()) {
	t.Helper()
	sent = make(chan *syncpb.Frame, 4*maxClaims)
	l = &Link{
		cfg:      Config{Session: &peer.Session{Grant: auth.Grant{Down: grant}}, Primary: true, Claim: answer},
		claiming: newClaiming(frameSink(sent)),
	}
	ctx, stop := context.WithCancel(context.Background())
	l.group, ctx = errgroup.WithContext(ctx)
	l.group.Go(func() error { return l.claiming.out.run(ctx) })
	return l, sent, func() {
		l.claiming.end()
		stop()
		if err := l.group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
}

type frameSink chan *syncpb.Frame

func (s frameSink) Send(f *syncpb.Frame) error { s <- f; return nil }

func granted(context.Context, *syncpb.Claim) *syncpb.Claimed {
	return &syncpb.Claimed{Result: syncpb.ClaimResult_CLAIM_GRANTED}
}

// Nobody waits for ever: an answer, the end of his time, and the end of the link each end a claim.
func TestClaimsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, sent, end := asking(t, nil, nil)
		result := make(chan error, 3)
		ask := func(ctx context.Context) {
			go func() { _, err := l.Claim(ctx, &syncpb.Claim{}); result <- err }()
		}
		ask(t.Context())
		question := (<-sent).GetClaim()
		l.claiming.answered(&syncpb.Claimed{Id: question.Id + 1}) // of another
		l.claiming.answered(&syncpb.Claimed{Id: question.Id})
		l.claiming.answered(&syncpb.Claimed{Id: question.Id}) // once more
		if err := <-result; err != nil {
			t.Errorf("answered: %v", err)
		}
		ctx, stop := context.WithTimeout(t.Context(), ClaimPatience)
		defer stop()
		began := time.Now()
		ask(ctx)
		<-sent
		if err := <-result; !errors.Is(err, ErrNoAnswer) || time.Since(began) != ClaimPatience {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		ask(t.Context())
		<-sent
		synctest.Wait()
		end()
		if err := <-result; !errors.Is(err, ErrNoAnswer) {
			t.Errorf("the link has ended: %v", err)
		}
		if _, err := l.Claim(t.Context(), &syncpb.Claim{}); !errors.Is(err, ErrNoAnswer) {
			t.Errorf("after the end: %v", err)
		}
		if n := len(l.claiming.waiting); n != 0 {
			t.Errorf("%d claims are still known", n)
		}
	})
}

// Neither side has more than maxClaims waiting.
func TestClaimsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		l, sent, end := asking(t, []string{"vouchers"}, func(ctx context.Context, c *syncpb.Claim) *syncpb.Claimed {
			<-free
			return granted(ctx, c)
		})
		for i := range uint64(maxClaims + 10) {
			l.asked(t.Context(), &syncpb.Claim{Id: i + 1, PatienceMs: 60_000})
		}
		for range 10 {
			if a := (<-sent).GetClaimed(); a.GetResult() != syncpb.ClaimResult_CLAIM_BUSY || a.Id <= maxClaims {
				t.Errorf("answered %v", a)
			}
		}
		close(free)
		for range maxClaims {
			if a := (<-sent).GetClaimed(); a.GetResult() != syncpb.ClaimResult_CLAIM_GRANTED {
				t.Errorf("answered %v", a)
			}
		}
		for range maxClaims {
			go l.Claim(t.Context(), &syncpb.Claim{})
		}
		synctest.Wait()
		if _, err := l.Claim(t.Context(), &syncpb.Claim{}); !errors.Is(err, ErrClaimsFull) {
			t.Errorf("one claim more: %v", err)
		}
		end()
	})
}

// However long a peer would wait, its claim does not occupy this box for longer than one of its own.
func TestPatienceOfPeersIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, sent, end := asking(t, []string{"vouchers"}, func(ctx context.Context, c *syncpb.Claim) *syncpb.Claimed {
			<-ctx.Done()
			return &syncpb.Claimed{Result: syncpb.ClaimResult_CLAIM_UNREACHABLE}
		})
		for _, patience := range []uint32{0, 500, 1 << 31} {
			began := time.Now()
			l.asked(t.Context(), &syncpb.Claim{PatienceMs: patience})
			<-sent
			if took, want := time.Since(began), min(ClaimPatience, time.Duration(patience)*time.Millisecond); took != want {
				t.Errorf("%d ms of patience: %v", patience, took)
			}
		}
		end()
	})
}

// Without the dataset a peer is not even told that it may not.
func TestClaimsNeedTheDataset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, sent, end := asking(t, []string{"users"}, granted)
		l.asked(t.Context(), &syncpb.Claim{Id: 1, PatienceMs: 1000})
		synctest.Wait()
		if end(); len(sent) > 0 {
			t.Errorf("answered %v", <-sent)
		}
	})
}

// Whatever a peer says about claims, each is answered once at most, and nothing is left behind.
func FuzzClaims(f *testing.F) {
	for _, frame := range []*syncpb.Frame{
		{Kind: &syncpb.Frame_Claim{Claim: &syncpb.Claim{Id: 1, Owner: make([]byte, 16), Code: "CODE", Mac: "02-00-00-00-00-01", Hops: 6, PatienceMs: 2000}}},
		{Kind: &syncpb.Frame_Claimed{Claimed: &syncpb.Claimed{Id: 1, Result: 1, Use: &syncpb.VoucherUse{Id: 1, Code: "CODE", AtUs: 1, Box: make([]byte, 16)}}}},
	} {
		raw, err := proto.Marshal(frame)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		frame := &syncpb.Frame{}
		if proto.Unmarshal(raw, frame) != nil {
			return
		}
		l, sent, end := asking(t, []string{"vouchers"}, granted)
		waiting := make(chan *syncpb.Claimed, 1)
		go func() { a, _ := l.Claim(t.Context(), &syncpb.Claim{}); waiting <- a }()
		question := (<-sent).GetClaim()
		if k := frame.GetClaim(); k != nil {
			l.asked(t.Context(), k)
			if a := (<-sent).GetClaimed(); a.GetId() != k.Id {
				t.Errorf("question %d is answered as %d", k.Id, a.GetId())
			}
		}
		if k := frame.GetClaimed(); k != nil {
			l.claiming.answered(k)
			l.claiming.answered(k)
		}
		end()
		if a := <-waiting; a != nil && a.Id != question.Id {
			t.Errorf("question %d got answer %d", question.Id, a.Id)
		}
		if len(l.claiming.waiting) != 0 || len(sent) != 0 {
			t.Errorf("%d claims wait, %d frames more", len(l.claiming.waiting), len(sent))
		}
	})
}
