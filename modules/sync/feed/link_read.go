package feed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"mbox/hotspotdb"
	"mbox/modules/sync/auth"
	"mbox/modules/sync/peer"
	"mbox/proto/syncpb"
)

// What comes over a link goes to whom it concerns; what ends it is told to the peer.

// read hands each frame to whom it concerns.
func (l *Link) read(ctx context.Context) error {
	for {
		frame, err := l.cfg.Session.Receive()
		if err != nil {
			return err
		}
		l.heard.Store(int64(max(time.Since(l.since), 1)))
		l.debugFrame(ctx, frame)
		if err := l.dispatch(ctx, frame); err != nil {
			return err
		}
	}
}

// debugFrame shows the kind and size of what comes, never its content.
func (l *Link) debugFrame(ctx context.Context, frame *syncpb.Frame) {
	if l.cfg.Log.Enabled(ctx, slog.LevelDebug) {
		l.cfg.Log.DebugContext(ctx, "sync: frame", "peer", l.cfg.Name, "kind", strings.TrimPrefix(fmt.Sprintf("%T", frame.Kind), "*syncpb.Frame_"),
			"bytes", proto.Size(frame))
	}
}

func (l *Link) dispatch(ctx context.Context, frame *syncpb.Frame) error {
	switch k := frame.Kind.(type) {
	case *syncpb.Frame_Subscribe:
		return l.out.request(k.Subscribe)
	case *syncpb.Frame_BucketsQuery:
		return l.out.request(k.BucketsQuery)
	case *syncpb.Frame_Compare:
		return l.out.request(k.Compare)
	case *syncpb.Frame_FeedStart:
		return l.in.take(ctx, k.FeedStart)
	case *syncpb.Frame_Batch:
		return l.in.take(ctx, k.Batch)
	case *syncpb.Frame_Digest:
		return l.in.take(ctx, k.Digest)
	case *syncpb.Frame_Buckets:
		return l.in.take(ctx, k.Buckets)
	case *syncpb.Frame_Compared:
		return l.in.take(ctx, k.Compared)
	case *syncpb.Frame_Heartbeat:
		l.in.heard(k.Heartbeat)
	case *syncpb.Frame_Stored:
		l.stored(k.Stored)
	case *syncpb.Frame_Verified:
		if ds, err := hotspotdb.ParseDataset(k.Verified.Dataset); err == nil && l.out.grant[ds] {
			l.out.verified(ds, k.Verified)
		}
	case *syncpb.Frame_Token:
		if !l.cfg.Primary {
			l.cfg.Token(k.Token.Token)
		}
	case *syncpb.Frame_Welcome:
		return l.learn(k.Welcome)
	case *syncpb.Frame_Claim:
		l.asked(ctx, k.Claim)
	case *syncpb.Frame_Claimed:
		l.claiming.answered(k.Claimed)
	case *syncpb.Frame_Goodbye:
		return l.parted(frame)
	}
	return nil // a kind that a newer version knows
}

func (l *Link) stored(s *syncpb.Stored) {
	l.aside.Store(s.SetAside)
	for _, p := range s.Positions {
		if ds, err := hotspotdb.ParseDataset(p.Dataset); err == nil && l.out.grant[ds] {
			l.out.stored(ds, p.Seq)
			l.vouch(ds, p, s.ClockUs)
		}
	}
}

// farewell is what the peer is told of why we end: nothing if it is the connection that failed.
func farewell(err error) *auth.Refusal {
	var refusal *auth.Refusal
	var network net.Error
	switch {
	case errors.As(err, &refusal):
		return refusal
	case errors.Is(err, hotspotdb.ErrInvalid): // may wrap the end of a body
	case err == nil, errors.Is(err, peer.ErrSilent), errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed),
		errors.Is(err, context.Canceled):
		return nil
	case errors.Is(err, hotspotdb.ErrNoSpace):
		return auth.Refuse(auth.CodeSpace, "the disk of the other box is full")
	}
	return auth.Refuse(auth.CodeProtocol, "%s", peer.Printable(err.Error()))
}

func (l *Link) parted(frame *syncpb.Frame) error {
	l.left.Store(frame.GetGoodbye() != nil || frame.GetRefused() != nil)
	if g := frame.GetGoodbye(); g != nil {
		return &auth.Refusal{Code: peer.Printable(g.Code), Reason: peer.Printable(g.Reason)}
	}
	if r := frame.GetRefused(); r != nil {
		return &auth.Refusal{Code: peer.Printable(r.Code), Reason: peer.Printable(r.Reason)}
	}
	return nil
}

func (l *Link) beat(ctx context.Context) error {
	return every(ctx, peer.HeartbeatEvery, func() error {
		_ = l.out.request(beat{}) // a full queue means that the peer hears enough from us
		return nil
	})
}

// every calls do again and again until ctx ends or do fails.
func every(ctx context.Context, pause time.Duration, do func() error) error {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			if err := do(); err != nil {
				return err
			}
		}
	}
}
